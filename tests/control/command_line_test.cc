// The commands: what they print where, and the exit codes; and every example configuration that is
// shipped.
#include "control/command_line.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/control/config/config_rig.h"
#include "tests/temporary_folder.h"
#include "tests/tls-workers/certificates.h"

namespace control {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

struct Outcome {
  int exit = 0;
  std::string out;
  std::string err;
};

int never_run(const Config& /*config*/) {
  ADD_FAILURE() << "nothing was to be run";
  return 1;
}

Outcome dotline(std::vector<const char*> words,
                const std::function<int(const Config&)>& run = never_run) {
  words.insert(words.begin(), "dotline");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.exit = command_line(static_cast<int>(words.size()), words.data(), run);
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

class CommandLine : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = tests::make_temporary_folder("dotline-cli");
    good_ = write("good.yaml", minimal());
    bad_ = write("bad.yaml", minimal("acl: [0.0.0.0/0]\nlogging: {level: loud}\ncolour: red\n"));
    odd_ = write("odd.yaml", minimal("acl: [0.0.0.0/0]\n"));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

  std::filesystem::path folder_;
  std::string good_, bad_, odd_;
};

TEST_F(CommandLine, ChecksAGoodFile) {
  const Outcome outcome = dotline({"check", "--config", good_.c_str()});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_EQ(outcome.out, good_ + ": ok\n");
}

TEST_F(CommandLine, ChecksABadFile) {
  const Outcome outcome = dotline({"check", "--config", bad_.c_str()});
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, AllOf(testing::StartsWith(bad_ + ":5:18: `level`: `loud` is unknown"),
                                 HasSubstr("\n" + bad_ + ":6:1: `colour`: unknown setting")));
}

TEST_F(CommandLine, ChecksAnOddFile) {
  const Outcome outcome = dotline({"check", "--config", odd_.c_str()});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_EQ(outcome.out, odd_ + ": ok\n");
  EXPECT_THAT(
      outcome.err,
      HasSubstr(odd_ +
                ":4:7: `acl`: `0.0.0.0/0` lets everybody ask: an open resolver (warning)\n"));
}

TEST_F(CommandLine, ChecksAFileThatIsNotThere) {
  const Outcome outcome = dotline({"check", "--config", "/nonexistent.yaml"});
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_EQ(outcome.err, "/nonexistent.yaml: cannot be opened: No such file or directory\n");
}

TEST_F(CommandLine, RunsAGoodFile) {
  std::string ran;
  const auto run = [&](const Config& config) {
    ran = config.binds.at(0).address.text();
    return 0;
  };
  EXPECT_EQ(dotline({"run", "--config", good_.c_str()}, run).exit, 0);
  EXPECT_EQ(ran, "192.0.2.53:53");
}

TEST_F(CommandLine, RunsNoBadFile) {
  EXPECT_EQ(dotline({"run", "--config", bad_.c_str()}).exit, 2);
}

TEST_F(CommandLine, PassesOnTheExitCodeOfARun) {
  EXPECT_EQ(dotline({"run", "--config", good_.c_str()}, [](const Config&) { return 1; }).exit, 1);
}

TEST_F(CommandLine, PrintsVersions) {
  const Outcome outcome = dotline({"version"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.out,
              MatchesRegex("dotline [0-9.]+\nDPDK [0-9]+\\.[0-9.]+\nOpenSSL [0-9.]+\n"));
}

TEST_F(CommandLine, PrintsVersionsByAFlagToo) {
  EXPECT_EQ(dotline({"--version"}).exit, 0);
  EXPECT_EQ(dotline({"--version"}).out, dotline({"version"}).out);
}

TEST_F(CommandLine, NamesWhatThereIsInsteadOfAWrongWord) {
  const auto said = [](std::initializer_list<const char*> words) {
    const Outcome outcome = dotline(words);
    EXPECT_EQ(outcome.exit, 2);
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  EXPECT_EQ(said({"cache", "purge"}),
            "dotline: `cache purge` is no command, expected `flush` after `cache`\n");
  EXPECT_EQ(said({"cache"}), "dotline: `cache` alone is no command, expected `flush` after it\n");
  EXPECT_EQ(said({"backend", "sideways", "one"}),
            "dotline: `backend sideways` is no command, expected one of `up`, `down`, `auto` after "
            "`backend`\n");
  EXPECT_THAT(said({"fly"}), AllOf(HasSubstr("`fly` is no command, expected one of `run`"),
                                   HasSubstr("`status`"), HasSubstr("`cache`")));
}

/// A bind whose certificate is not there.
std::string with_a_part_off(const std::string& more) {
  return "dataplane: {ports: [{device: af_xdp:eth0}]}\n"
         "binds:\n- {address: 127.0.0.1}\n"
         "- {address: 127.0.0.1, protocol: DoT, tls: {certificates: [{certificate: /absent.pem, "
         "key: /absent.key}]}}\n"
         "backends: [{address: 192.0.2.1, tls: {pins: "
         "[sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]}}]\n" +
         more;
}

TEST_F(CommandLine, WhatWouldBeOffIsAnErrorUnlessOneIsLenient) {
  const std::string file = write("off.yaml", with_a_part_off(""));
  const Outcome strict = dotline({"check", "--config", file.c_str()});
  EXPECT_EQ(strict.exit, 2);
  EXPECT_EQ(strict.out, "");
  EXPECT_THAT(strict.err, HasSubstr(file + ":4:74: `certificate`: `/absent.pem` cannot be opened: "
                                           "No such file or directory; the bind is off\n"));
  const Outcome lenient = dotline({"check", "--lenient", "--config", file.c_str()});
  EXPECT_EQ(lenient.exit, 0);
  EXPECT_EQ(lenient.out, file + ": ok\n");
  EXPECT_EQ(lenient.err, strict.err);
}

TEST_F(CommandLine, RunsWithWhatCanBeServed) {
  const std::string file = write("off.yaml", with_a_part_off(""));
  bool ran = false;
  const auto run = [&](const Config& config) {
    ran = true;
    EXPECT_TRUE(config.binds.at(0).is_on());
    EXPECT_FALSE(config.binds.at(1).is_on());
    return 0;
  };
  EXPECT_EQ(dotline({"run", "--config", file.c_str()}, run).exit, 0);
  EXPECT_TRUE(ran);
}

TEST_F(CommandLine, AStrictStartIsAllOrNothing) {
  const std::string file = write("strict.yaml", with_a_part_off("strict_start: true\n"));
  const auto run = [](const Config&) {
    ADD_FAILURE() << "it ran";
    return 0;
  };
  const Outcome outcome = dotline({"run", "--config", file.c_str()}, run);
  EXPECT_EQ(outcome.exit, 1) << "it may pass, so that it is tried again";
  EXPECT_THAT(outcome.err, HasSubstr("the bind is off"));
  EXPECT_EQ(dotline({"check", "--lenient", "--config", file.c_str()}).exit, 2);
}

TEST_F(CommandLine, WhatCannotBeWrittenIsAFault) {
  const int before = dup(STDOUT_FILENO);
  const int full = open("/dev/full", O_WRONLY);
  ASSERT_GE(full, 0);
  ASSERT_EQ(dup2(full, STDOUT_FILENO), STDOUT_FILENO);
  const std::array words = {"dotline", "version"};
  testing::internal::CaptureStderr();
  const int exit = command_line(2, words.data(), [](const Config&) { return 0; });
  const std::string said = testing::internal::GetCapturedStderr();
  dup2(before, STDOUT_FILENO);
  close(before);
  close(full);
  std::cout.clear();
  std::clearerr(stdout);
  EXPECT_EQ(exit, 1);
  EXPECT_THAT(said, HasSubstr("could not be written"));
}

TEST_F(CommandLine, PrintsHelp) {
  EXPECT_EQ(dotline({"help"}).out, dotline({"--help"}).out);
  EXPECT_EQ(dotline({"--help"}).exit, 0);
  EXPECT_THAT(dotline({"--help"}).out, AllOf(HasSubstr("run"), HasSubstr("check"),
                                             HasSubstr("status"), HasSubstr("version")));
}

TEST_F(CommandLine, NeedsACommand) {
  const Outcome outcome = dotline({});
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_THAT(outcome.err, HasSubstr("check"));
}

TEST_F(CommandLine, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(dotline({"fly"}).exit, 2);
  EXPECT_EQ(dotline({"run"}).exit, 2) << "without --config";
  EXPECT_EQ(dotline({"check", "--config", good_.c_str(), "--verbose"}).exit, 2);
  EXPECT_EQ(dotline({"check", "--config"}).exit, 2);
}

/// Where examples say that certificates lie.
constexpr std::string_view kTlsFolder = "/etc/dotline/tls/";

class Example : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const tests::Identity own = tests::Authority().issue({});
    std::ofstream(folder_ / "fullchain.pem") << tests::pem_of(own.certificate.get());
    std::ofstream(folder_ / "privkey.pem") << tests::pem_of(own.key.get());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// The example in the tree at `root`, with certificates that are there.
  [[nodiscard]] std::string text(const std::string& root) const {
    std::ifstream file(root + "/docs/examples/" + GetParam() + ".yaml");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    for (size_t at = text.find(kTlsFolder); at != std::string::npos; at = text.find(kTlsFolder))
      text.replace(at, kTlsFolder.size(), folder_.string() + "/");
    return text;
  }

  const std::filesystem::path folder_ = tests::make_temporary_folder("dotline-example");
};

TEST_P(Example, IsWithoutErrors) {
  const char* root = std::getenv("SOURCE_ROOT");
  ASSERT_NE(root, nullptr) << "set by `meson test`";
  // The smallest machine that the examples are for.
  const auto config = parse_config(text(root), GetParam(), {{0, 1}, {0, 1}});
  EXPECT_TRUE(config) << all_messages(config.error());
}

INSTANTIATE_TEST_SUITE_P(Examples, Example,
                         testing::Values("minimal", "google", "cloudflare", "quad9", "doh", "tor",
                                         "iij", "several-vendors", "split-horizon", "all-protocols",
                                         "full"),
                         [](const auto& example) {
                           std::string name = example.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(Examples, AreAllTested) {
  const char* root = std::getenv("SOURCE_ROOT");
  ASSERT_NE(root, nullptr) << "set by `meson test`";
  size_t files = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(std::string(root) + "/docs/examples")) {
    if (file.path().extension() == ".yaml") ++files;
  }
  EXPECT_EQ(files, 11u);
}

TEST(FullExample, HasEverySettingAtItsDefaultOrAnother) {
  const char* root = std::getenv("SOURCE_ROOT");
  ASSERT_NE(root, nullptr) << "set by `meson test`";
  std::ifstream file(std::string(root) + "/docs/examples/full.yaml");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  for (const char* setting : {"dataplane:",
                              "cores:",
                              "idle:",
                              "memory:",
                              "hugepages:",
                              "ports:",
                              "device:",
                              "queues:",
                              "exception:",
                              "vlan:",
                              "verify_checksum:",
                              "binds:",
                              "protocol:",
                              "cache:",
                              "certificates:",
                              "minimum_version:",
                              "paths:",
                              "max_concurrent_connections:",
                              "listen_queue_size:",
                              "acl:",
                              "packet_caches:",
                              "size:",
                              "max_ttl:",
                              "min_ttl:",
                              "max_negative_ttl:",
                              "temporary_failure_ttl:",
                              "max_stale:",
                              "stale_ttl:",
                              "prefetch:",
                              "tls_workers:",
                              "threads:",
                              "cpus:",
                              "sessions_per_backend:",
                              "backends:",
                              "doh:",
                              "path:",
                              "socks5:",
                              "subject_name:",
                              "subject_address:",
                              "ca_store:",
                              "pins:",
                              "ciphers:",
                              "ciphers_tls_13:",
                              "ecdhe_curves:",
                              "min_version:",
                              "key_log_file:",
                              "order:",
                              "weight:",
                              "queries_per_second:",
                              "pools:",
                              "max_in_flight:",
                              "query_timeout:",
                              "idle_timeout:",
                              "packet_cache:",
                              "policy:",
                              "domains:",
                              "load_balancing_policies:",
                              "default_policy:",
                              "weighted_balancing_factor:",
                              "consistent_hashing_balancing_factor:",
                              "metrics:",
                              "control:",
                              "socket:",
                              "logging:",
                              "level:"}) {
    EXPECT_THAT(text, HasSubstr(setting));
  }
}

}  // namespace
}  // namespace control
