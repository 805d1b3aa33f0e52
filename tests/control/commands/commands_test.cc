// Lines that come over the control socket: what they make happen, and what is said to bad ones.
#include "control/commands/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/control/status/status_rig.h"

namespace control {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Override = backends::Rotation::Override;

/// Writes down what it is told to do.
class Recorder : public Commanded {
 public:
  Status status() override { return sample_status(); }
  base::Result<Reloaded, Lines> reload() override { return reloaded; }
  base::Result<uint64_t, std::string> flush(const FlushCache& what) override {
    flushed.push_back(what);
    if (what.cache == "none") return base::fail(std::string("there is no cache `none`"));
    return 7;
  }
  base::Result<void, std::string> set_backend(const SetBackend& what) override {
    if (what.name == "none") return base::fail(std::string("there is no backend `none`"));
    set.push_back(what);
    return {};
  }

  base::Result<Reloaded, Lines> reloaded = Reloaded{{"backend one: new"}, {}};
  std::vector<FlushCache> flushed;
  std::vector<SetBackend> set;
};

class Commands : public testing::Test {
 protected:
  Json tell(const std::string& line) {
    const std::string answer = answer_command(line, recorder_);
    EXPECT_EQ(answer.find('\n'), std::string::npos);
    return Json::parse(answer);
  }

  Recorder recorder_;
};

TEST_F(Commands, StatusIsTold) {
  const Json answer = tell(R"({"command": "status"})");
  EXPECT_EQ(answer["ok"], true);
  EXPECT_EQ(answer["status"]["queries"], 2'000'000);
}

TEST_F(Commands, ReloadTellsWhatChanged) {
  EXPECT_EQ(tell(R"({"command":"reload"})"),
            Json::parse(R"({"ok":true,"lines":["backend one: new"],"off":[]})"));
}

TEST_F(Commands, ReloadTellsEveryError) {
  recorder_.reloaded = base::fail(Lines{"a.yaml:1:1: wrong", "a.yaml:2:1: also"});
  EXPECT_EQ(tell(R"({"command":"reload"})"), Json::parse(R"({"ok":false,"error":"a.yaml:1:1: wrong",
                            "errors":["a.yaml:1:1: wrong","a.yaml:2:1: also"]})"));
}

TEST_F(Commands, FlushTakesAll) {
  EXPECT_EQ(tell(R"({"command":"cache flush"})"), Json::parse(R"({"ok":true,"flushed":7})"));
  ASSERT_EQ(recorder_.flushed.size(), 1u);
  EXPECT_FALSE(recorder_.flushed[0].cache);
  EXPECT_FALSE(recorder_.flushed[0].selection.name);
  EXPECT_FALSE(recorder_.flushed[0].selection.type);
  EXPECT_FALSE(recorder_.flushed[0].selection.below);
}

TEST_F(Commands, FlushTakesWhatIsSelected) {
  EXPECT_EQ(tell(R"({"command":"cache flush","cache":"main","name":"Example.COM","suffix":true,
                     "type":"AAAA"})")["ok"],
            true);
  ASSERT_EQ(recorder_.flushed.size(), 1u);
  const FlushCache& flush = recorder_.flushed[0];
  EXPECT_EQ(flush.cache, "main");
  const base::ByteView wire = flush.selection.name->wire();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(wire.data()), wire.size()),
            std::string("\7example\3com\0", 13));
  EXPECT_TRUE(flush.selection.below);
  EXPECT_EQ(flush.selection.type, dns::Type::Aaaa);
}

TEST_F(Commands, FlushTakesNullAsAbsent) {
  EXPECT_EQ(
      tell(R"({"command":"cache flush","cache":null,"name":null,"suffix":null,"type":null})")["ok"],
      true);
  EXPECT_FALSE(recorder_.flushed.at(0).selection.name);
}

TEST_F(Commands, BackendIsSet) {
  EXPECT_EQ(tell(R"({"command":"backend","name":"one","state":"down"})"),
            Json::parse(R"({"ok":true,"name":"one","state":"down"})"));
  tell(R"({"command":"backend","name":"one","state":"up"})");
  tell(R"({"command":"backend","name":"one","state":"auto"})");
  ASSERT_EQ(recorder_.set.size(), 3u);
  EXPECT_EQ(recorder_.set[0].name, "one");
  EXPECT_EQ(recorder_.set[0].word, Override::Down);
  EXPECT_EQ(recorder_.set[1].word, Override::Up);
  EXPECT_EQ(recorder_.set[2].word, Override::Auto);
}

TEST_F(Commands, WhatIsNotThereIsSaid) {
  EXPECT_EQ(tell(R"({"command":"cache flush","cache":"none"})"),
            Json::parse(R"({"ok":false,"error":"there is no cache `none`"})"));
  EXPECT_EQ(tell(R"({"command":"backend","name":"none","state":"up"})"),
            Json::parse(R"({"ok":false,"error":"there is no backend `none`"})"));
}

TEST_F(Commands, FaultsAreAnAnswerToo) {
  class Faulty : public Recorder {
    Status status() override { throw std::runtime_error("out of memory"); }
  } faulty;
  EXPECT_EQ(Json::parse(answer_command(R"({"command":"status"})", faulty)),
            Json::parse(R"({"ok":false,"error":"it failed: out of memory"})"));
}

struct BadLine {
  const char* name;
  std::string line;
  const char* said;
};

class BadCommands : public testing::TestWithParam<BadLine> {};

TEST_P(BadCommands, AreRefusedWithAReason) {
  Recorder recorder;
  const Json answer = Json::parse(answer_command(GetParam().line, recorder));
  EXPECT_EQ(answer["ok"], false);
  EXPECT_THAT(answer["error"].get<std::string>(), HasSubstr(GetParam().said));
  EXPECT_THAT(recorder.flushed, IsEmpty());
  EXPECT_THAT(recorder.set, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Lines, BadCommands,
    testing::Values(
        BadLine{"empty", "", "one JSON object"}, BadLine{"no_json", "status", "one JSON object"},
        BadLine{"half", R"({"command":"stat)", "one JSON object"},
        BadLine{"two", R"({"command":"status"}{"command":"status"})", "one JSON object"},
        BadLine{"list", R"(["status"])", "one JSON object"},
        BadLine{"text", R"("status")", "one JSON object"},
        BadLine{"no_utf8", "{\"command\":\"\xff\"}", "one JSON object"},
        BadLine{"zero_octet", std::string("{\"command\":\0}", 13), "one JSON object"},
        BadLine{"deep", std::string(30'000, '['), "one JSON object"},
        BadLine{"deep_and_closed",
                R"({"command":"status","a":)" + std::string(30'000, '[') +
                    std::string(30'000, ']') + "}",
                "one JSON object"},
        BadLine{"no_command", "{}", "no text `command`"},
        BadLine{"command_of_another_type", R"({"command":["status"]})", "no text `command`"},
        BadLine{"unknown", R"({"command":"fly"})",
                "`fly` is unknown, expected one of `status`, `reload`, `cache flush`, `backend`"},
        BadLine{"unknown_and_hostile", "{\"command\":\"\\u001b[31m\"}", "`\\027[31m` is unknown"},
        BadLine{"unknown_member", R"({"command":"status","colour":1})",
                "`status`: it has no `colour`"},
        BadLine{"name_of_another_type", R"({"command":"backend","name":7,"state":"up"})",
                "`name` is no text"},
        BadLine{"backend_without_name", R"({"command":"backend","state":"up"})",
                "`backend`: `name` is missing"},
        BadLine{"backend_without_state", R"({"command":"backend","name":"one"})",
                "`state` is none of `up`, `down`, `auto`"},
        BadLine{"state_unknown", R"({"command":"backend","name":"one","state":"sideways"})",
                "`state` is none of"},
        BadLine{"no_domain", R"({"command":"cache flush","name":"a..b"})",
                "`a..b` is no name of a domain"},
        BadLine{"empty_domain", R"({"command":"cache flush","name":""})",
                "`` is no name of a domain"},
        BadLine{"suffix_alone", R"({"command":"cache flush","suffix":true})",
                "`suffix` is true without a `name`"},
        BadLine{"suffix_of_another_type", R"({"command":"cache flush","name":"a","suffix":"yes"})",
                "`suffix` is neither true nor false"},
        BadLine{"no_type", R"({"command":"cache flush","name":"a","type":"AAAAA"})",
                "`AAAAA` is no type"},
        BadLine{"cache_of_another_type", R"({"command":"cache flush","cache":{}})",
                "`cache` is no text"}),
    [](const auto& line) { return line.param.name; });

}  // namespace
}  // namespace control
