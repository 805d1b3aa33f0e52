// The commands that speak to a running dotline, against a socket that a thread serves.
#include "control/commands/remote_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "control/command_line.h"
#include "control/commands/commands.h"
#include "control/commands/control_socket.h"
#include "tests/control/status/status_rig.h"
#include "tests/temporary_folder.h"

namespace control {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

struct Outcome {
  int exit = 0;
  std::string out;
  std::string err;
};

/// The last of what one thread was told, for another.
template <typename What>
class Last {
 public:
  void set(const What& what) {
    const std::lock_guard lock(mutex_);
    what_ = what;
  }
  [[nodiscard]] What get() const {
    const std::lock_guard lock(mutex_);
    return what_;
  }

 private:
  mutable std::mutex mutex_;
  What what_;
};

/// What a program would do; its status is a second older with each look.
class Program : public Commanded {
 public:
  Status status() override {
    Status status = sample_status();
    status.healthy = healthy;
    status.why = healthy ? "" : "no backend is up";
    status.uptime += ++looks;
    status.queries += 1000 * static_cast<uint64_t>(looks);
    return status;
  }
  base::Result<Reloaded, Lines> reload() override {
    if (!healthy) return base::fail(Lines{"a.yaml:1:1: wrong", "a.yaml:2:1: wrong, too"});
    if (bind_is_off) return Reloaded{{"backend one: new"}, {"DoT at 192.0.2.1:853 is off"}};
    return Reloaded{{"backend one: new"}, {}};
  }
  base::Result<uint64_t, std::string> flush(const FlushCache& what) override {
    flushed_.set(what);
    if (what.cache == "none") return base::fail(std::string("there is no cache `none`"));
    return 1234;
  }
  base::Result<void, std::string> set_backend(const SetBackend& what) override {
    set_.set(what);
    if (what.name == "none") return base::fail(std::string("there is no backend `none`"));
    return {};
  }

  [[nodiscard]] FlushCache flushed() const { return flushed_.get(); }
  [[nodiscard]] SetBackend set() const { return set_.get(); }

  std::atomic<bool> healthy{true};
  std::atomic<bool> bind_is_off{false};
  std::atomic<int> looks{0};

 private:
  Last<FlushCache> flushed_;
  Last<SetBackend> set_;
};

class RemoteCommandsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = tests::make_temporary_folder("dotline-remote");
    path_ = (folder_ / "dotline.sock").string();
    serve([this](std::string_view line) { return answer_command(line, program_); });
  }
  void TearDown() override {
    end();
    std::filesystem::remove_all(folder_);
  }

  void serve(ControlSocket::Answer answer) {
    auto socket = ControlSocket::open(path_, std::move(answer));
    ASSERT_TRUE(socket) << socket.error();
    ended_ = false;
    thread_ = std::thread([this, socket = std::move(*socket)] {
      while (!ended_) {
        socket->serve(base::Clock::now());
        std::this_thread::sleep_for(base::milliseconds(1));
      }
    });
  }
  void end() {
    ended_ = true;
    if (thread_.joinable()) thread_.join();
  }

  Outcome dotline(std::vector<std::string> words) const {
    words.insert(words.begin(), "dotline");
    words.push_back("--socket=" + path_);
    return run(words);
  }
  static Outcome run(const std::vector<std::string>& words) {
    std::vector<const char*> arguments;
    for (const std::string& word : words) arguments.push_back(word.c_str());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Outcome outcome;
    outcome.exit = command_line(static_cast<int>(arguments.size()), arguments.data(),
                                [](const Config&) { return 99; });
    outcome.out = testing::internal::GetCapturedStdout();
    outcome.err = testing::internal::GetCapturedStderr();
    return outcome;
  }

  std::filesystem::path folder_;
  std::string path_;
  Program program_;
  std::thread thread_;
  std::atomic<bool> ended_{false};
};

TEST_F(RemoteCommandsTest, StatusIsShown) {
  const Outcome outcome = dotline({"status"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.out,
              AllOf(StartsWith("dotline 1.2.3 is healthy"), HasSubstr("\nquad9    up 1h ")));
  EXPECT_EQ(outcome.out.find('\033'), std::string::npos) << "no colours into a file";
}

TEST_F(RemoteCommandsTest, StatusIsTheExitCodeToo) {
  program_.healthy = false;
  const Outcome outcome = dotline({"status"});
  EXPECT_EQ(outcome.exit, 3);
  EXPECT_THAT(outcome.out, StartsWith("dotline 1.2.3 is NOT healthy: no backend is up"));
  EXPECT_EQ(dotline({"status", "--json"}).exit, 3);
}

TEST_F(RemoteCommandsTest, StatusIsOneLineOfJson) {
  const Outcome outcome = dotline({"status", "--json"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_EQ(outcome.out.find('\n'), outcome.out.size() - 1);
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["backends"][0]["name"], "quad9");
  EXPECT_THAT(outcome.out, StartsWith("{\"version\":{\"dotline\":\"1.2.3\"")) << "in this order";
}

TEST_F(RemoteCommandsTest, TopShowsAsManyBlocksAsAreWanted) {
  const Outcome outcome = dotline({"top", "--count", "2"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_EQ(program_.looks, 3);
  EXPECT_THAT(outcome.out,
              testing::ContainsRegex("^dotline 1.2.3 is healthy(.|\n)*1,000/s(.|\n)*\n\ndotline "
                                     "1.2.3 is healthy(.|\n)*1,000/s"));
}

TEST_F(RemoteCommandsTest, ReloadTellsWhatChangedOrWhatIsWrong) {
  EXPECT_EQ(dotline({"reload"}).out, "backend one: new\nreloaded\n");
  program_.healthy = false;
  const Outcome outcome = dotline({"reload"});
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "dotline: a.yaml:1:1: wrong\ndotline: a.yaml:2:1: wrong, too\n");
}

TEST_F(RemoteCommandsTest, ReloadTellsByItsExitThatSomethingIsOff) {
  program_.bind_is_off = true;
  const Outcome outcome = dotline({"reload"});
  EXPECT_EQ(outcome.exit, 3);
  EXPECT_EQ(outcome.out, "backend one: new\nreloaded\n");
  EXPECT_EQ(outcome.err, "dotline: DoT at 192.0.2.1:853 is off\n");
}

TEST_F(RemoteCommandsTest, ACountIsOneAtLeast) {
  for (const char* count : {"0", "-1", "many"}) {
    const Outcome outcome = dotline({"top", "--count", count});
    EXPECT_EQ(outcome.exit, 2) << count;
    EXPECT_LT(outcome.err.size(), 200u) << outcome.err;
  }
}

TEST_F(RemoteCommandsTest, WhoeverMayNotSpeakToItIsToldSo) {
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  if (geteuid() == 0) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  const Outcome outcome = dotline({"status"});
  if (getuid() == 0) {
    ASSERT_EQ(seteuid(0), 0);
  }
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.err, HasSubstr("no permission to speak to the dotline at " + path_));
}

TEST_F(RemoteCommandsTest, FlushTellsHowMany) {
  const Outcome outcome = dotline({"cache", "flush"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_EQ(outcome.out, "1,234 answers flushed\n");
  EXPECT_FALSE(program_.flushed().selection.name);
  EXPECT_FALSE(program_.flushed().cache);
}

TEST_F(RemoteCommandsTest, FlushSelects) {
  EXPECT_EQ(
      dotline({"cache", "flush", "example.com", "--suffix", "--type", "AAAA", "--cache", "main"})
          .exit,
      0);
  EXPECT_TRUE(program_.flushed().selection.name);
  EXPECT_TRUE(program_.flushed().selection.below);
  EXPECT_EQ(program_.flushed().selection.type, dns::Type::Aaaa);
  EXPECT_EQ(program_.flushed().cache, "main");
}

TEST_F(RemoteCommandsTest, FlushTakesNoEmptyNameForAll) {
  const Outcome outcome = dotline({"cache", "flush", ""});
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_EQ(outcome.err, "dotline: `cache flush`: `` is no name of a domain\n");
}

TEST_F(RemoteCommandsTest, FlushSaysWhatIsNotThere) {
  const Outcome outcome = dotline({"cache", "flush", "--cache", "none"});
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_EQ(outcome.err, "dotline: there is no cache `none`\n");
}

TEST_F(RemoteCommandsTest, BackendIsSet) {
  EXPECT_EQ(dotline({"backend", "down", "one"}).out, "backend one is held down\n");
  EXPECT_EQ(program_.set().name, "one");
  EXPECT_EQ(program_.set().word, backends::Rotation::Override::Down);
  EXPECT_EQ(dotline({"backend", "up", "one"}).out, "backend one is held up\n");
  EXPECT_EQ(program_.set().word, backends::Rotation::Override::Up);
  EXPECT_EQ(dotline({"backend", "auto", "one"}).out, "backend one is left to its health checks\n");
  EXPECT_EQ(program_.set().word, backends::Rotation::Override::Auto);
  const Outcome outcome = dotline({"backend", "up", "none"});
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_EQ(outcome.err, "dotline: there is no backend `none`\n");
}

TEST_F(RemoteCommandsTest, SocketComesFromTheEnvironment) {
  setenv("DOTLINE_SOCKET", path_.c_str(), 1);
  const Outcome outcome = run({"dotline", "status"});
  unsetenv("DOTLINE_SOCKET");
  EXPECT_EQ(outcome.exit, 0);
}

TEST_F(RemoteCommandsTest, NobodyAnswers) {
  end();
  for (const std::vector<std::string>& words : {std::vector<std::string>{"status"},
                                                {"status", "--json"},
                                                {"top"},
                                                {"reload"},
                                                {"cache", "flush"},
                                                {"backend", "up", "one"}}) {
    const Outcome outcome = dotline(words);
    EXPECT_EQ(outcome.exit, 1) << words[0];
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err,
              "dotline: no dotline answers at " + path_ + ": No such file or directory\n");
  }
}

TEST_F(RemoteCommandsTest, SomethingElseAnswers) {
  for (const char* said : {"", "220 mail.example ESMTP", "{}", "[]", R"({"ok":"yes"})"}) {
    end();
    serve([said](std::string_view) { return std::string(said); });
    EXPECT_THAT(dotline({"status"}).err, HasSubstr("speaks another language")) << said;
    EXPECT_EQ(dotline({"cache", "flush"}).exit, 1);
  }
  end();
  serve([](std::string_view) { return std::string(R"({"ok":true,"status":{"backends":7}})"); });
  EXPECT_THAT(dotline({"status"}).err, HasSubstr("its status cannot be read"));
  EXPECT_EQ(dotline({"top"}).exit, 1);
}

TEST_F(RemoteCommandsTest, PathIsTooLong) {
  const Outcome outcome = run({"dotline", "status", "--socket", "/" + std::string(107, 'a')});
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.err, HasSubstr("File name too long"));
}

TEST_F(RemoteCommandsTest, WordsThatMakeNoSenseAreRefused) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"cache"},
                                                {"cache", "burn"},
                                                {"cache", "flush", "--suffix"},
                                                {"backend"},
                                                {"backend", "up"},
                                                {"backend", "sideways", "one"},
                                                {"backend", "up", "a", "b"},
                                                {"status", "--xml"},
                                                {"top", "--count", "0"},
                                                {"top", "--count", "x"},
                                                {"reload", "now"}})
    EXPECT_EQ(dotline(words).exit, 2) << testing::PrintToString(words);
}

}  // namespace
}  // namespace control
