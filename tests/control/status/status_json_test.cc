// Status as JSON: the names scripts rely on, and the way back.
#include "control/status/status_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/control/status/status_rig.h"

namespace control {
namespace {

using Json = nlohmann::json;
using testing::UnorderedElementsAre;

std::vector<std::string> names_in(const Json& object) {
  std::vector<std::string> names;
  for (const auto& item : object.items()) names.push_back(item.key());
  return names;
}

TEST(StatusJson, HasTheNamesScriptsRelyOn) {
  const Json json = Json::parse(status_json(sample_status()));
  EXPECT_THAT(names_in(json),
              UnorderedElementsAre("version", "pid", "now", "started", "uptime", "healthy", "why",
                                   "notes", "config", "queries", "dropped", "parked", "replies",
                                   "reply_duration", "off", "binds", "cores", "ports", "workers",
                                   "caches", "pools", "backends"));
  EXPECT_THAT(names_in(json["binds"][0]), UnorderedElementsAre("address", "protocol", "up"));
  EXPECT_THAT(names_in(json["version"]), UnorderedElementsAre("dotline", "dpdk", "openssl"));
  EXPECT_THAT(names_in(json["config"]),
              UnorderedElementsAre("file", "loaded", "generation", "reloads", "failed_reloads",
                                   "last_error"));
  EXPECT_THAT(names_in(json["reply_duration"]), UnorderedElementsAre("p50", "p99", "counts"));
  EXPECT_THAT(names_in(json["cores"][0]),
              UnorderedElementsAre("cpu", "cycles", "busy_cycles", "busy"));
  EXPECT_THAT(names_in(json["ports"][0]),
              UnorderedElementsAre("name", "link", "serves", "why", "reopened",
                                   "program_attached_again", "received", "sent"));
  EXPECT_THAT(names_in(json["workers"][0]), UnorderedElementsAre("index", "questions"));
  EXPECT_THAT(names_in(json["caches"][0]),
              UnorderedElementsAre("name", "entries", "capacity", "bytes", "hits", "misses",
                                   "inserts", "evictions"));
  EXPECT_THAT(names_in(json["pools"][0]),
              UnorderedElementsAre("name", "policy", "cache", "domains", "backends"));
  EXPECT_THAT(names_in(json["backends"][0]),
              UnorderedElementsAre("name", "address", "protocol", "proxy", "identity", "pools",
                                   "order", "weight", "in_rotation", "up", "state", "since", "mode",
                                   "operator", "sessions", "in_flight", "queries", "responses",
                                   "failures", "p50", "p99", "duration_counts", "last_failure",
                                   "last_check", "certificate_expiry"));
}

TEST(StatusJson, HasTheValues) {
  Status status = sample_status();
  status.backends[0].last_failure = {"certificate", "it is for another name", kNow - 3};
  status.backends[0].last_check = {kNow - 1, "deadline"};
  const Json json = Json::parse(status_json(status));
  EXPECT_EQ(json["queries"], 2'000'000);
  EXPECT_EQ(json["replies"]["hit"], 1'958'000);
  EXPECT_EQ(json["cores"][0]["busy"], 0.12);
  EXPECT_EQ(json["pools"][0]["cache"], "main");
  const Json& backend = json["backends"][0];
  EXPECT_EQ(backend["last_failure"]["class"], "certificate");
  EXPECT_EQ(backend["last_failure"]["text"], "it is for another name");
  EXPECT_EQ(backend["last_failure"]["at"], kNow - 3);
  EXPECT_EQ(backend["last_check"]["result"], "deadline");
  EXPECT_EQ(backend["certificate_expiry"], kNow + 61.5 * 86'400);
  EXPECT_GT(backend["p50"], 0.008);
  EXPECT_LT(backend["p50"], 0.0164);
}

TEST(StatusJson, SaysNullOfWhatIsNotKnown) {
  Status status = sample_status();
  status.cores[0].busy.reset();
  status.pools[0].cache.reset();
  status.reply_durations = {};
  status.backends[0].certificate_expiry.reset();
  const Json json = Json::parse(status_json(status));
  EXPECT_TRUE(json["cores"][0]["busy"].is_null());
  EXPECT_TRUE(json["pools"][0]["cache"].is_null());
  EXPECT_TRUE(json["reply_duration"]["p50"].is_null());
  EXPECT_TRUE(json["backends"][0]["certificate_expiry"].is_null());
  EXPECT_TRUE(json["backends"][0]["last_failure"].is_null());
  EXPECT_TRUE(json["backends"][0]["last_check"].is_null());
}

TEST(StatusJson, IsOneLineOfUtf8WhateverResolversSay) {
  Status status = sample_status();
  status.backends[0].last_failure = {"tls", "a\nb\xff\x1b[31m\"", kNow};
  const std::string text = status_json(status);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(Json::parse(text)["backends"][0]["last_failure"]["text"], "a\nb\xef\xbf\xbd\x1b[31m\"");
}

TEST(StatusJson, ComesBackAsItWas) {
  Status status = sample_status();
  status.healthy = false;
  status.why = "no backend is up";
  status.configuration.failed_reloads = 2;
  status.configuration.last_error = "dotline.yaml:3:1: wrong";
  status.backends[1].last_failure = {"eof", "the end", kNow - 10};
  status.backends[1].last_check = {kNow - 2, "ok"};
  status.backends[1].certificate_expiry.reset();
  status.pools[0].cache.reset();
  status.pools[0].domains = {"corp.example"};
  const std::string text = status_json(status);
  const auto back = parse_status(text);
  ASSERT_TRUE(back) << back.error();
  EXPECT_EQ(status_json(*back), text);
}

TEST(StatusJson, OfAnotherVersionIsReadAsFarAsItGoes) {
  const auto status =
      parse_status(R"({"pid": 7, "colour": "red", "backends": [{"name": "a", "new": [1]}]})");
  ASSERT_TRUE(status) << status.error();
  EXPECT_EQ(status->pid, 7);
  ASSERT_EQ(status->backends.size(), 1u);
  EXPECT_EQ(status->backends[0].name, "a");
  EXPECT_EQ(status->uptime, 0);
}

TEST(StatusJson, RefusesWhatIsNone) {
  for (const char* text : {"", "nonsense", "[]", "7", R"({"pid": "x"})", R"({"backends": [7]})",
                           R"({"backends": {"a": {"name": 7}}})", R"({"replies": 7})"})
    EXPECT_FALSE(parse_status(text)) << text;
}

}  // namespace
}  // namespace control
