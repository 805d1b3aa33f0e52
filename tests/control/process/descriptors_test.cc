// How many files a configuration may need, and what is said when there are fewer.
#include "control/process/descriptors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace control {
namespace {

Config two_backends() {
  Config config;
  config.tls_workers.threads = 3;
  config.tls_workers.sessions_per_backend = 4;
  config.backends.resize(2);
  config.stream_limits.max_concurrent_connections = 500;
  return config;
}

TEST(Descriptors, AreNeededForSessionsConnectionsAndAllElse) {
  EXPECT_EQ(descriptors_needed(two_backends()), 3u * 2 * (2 * 4 + 10) + 500 + 100);
}

TEST(Descriptors, AreNotSpokenOfWhenThereAreEnough) {
  EXPECT_EQ(fault_of_descriptors(708, two_backends()), std::nullopt);
}

TEST(Descriptors, ThatAreTooFewAreSaidWithWhatToDo) {
  EXPECT_EQ(fault_of_descriptors(64, two_backends()),
            "open files: 64 allowed, up to 708 needed for sessions to backends and 500 connections "
            "of clients (tuning.tcp.max_concurrent_connections); raise it with `ulimit -Hn 708`, "
            "or LimitNOFILE=708 in the unit");
}

}  // namespace
}  // namespace control
