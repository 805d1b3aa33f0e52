// The commands: what they print where, and the exit codes; and every example configuration that is
// shipped.
#include "control/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST_F(CommandLine, PrintsHelp) {
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
