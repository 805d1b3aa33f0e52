#include "tls-workers/worker/notices.h"

#include <gtest/gtest.h>

#include <vector>

namespace tests {
namespace {

const base::Time kStart{base::seconds(1000)};
using worker::Severity;

TEST(Notices, FirstAtOnceThenAPause) {
  std::vector<std::string> said;
  worker::Notices notices(
      [&](Severity, const std::string&, const std::string& text) { said.push_back(text); });
  notices.say(Severity::Warning, "a", "1", kStart);
  notices.say(Severity::Warning, "a", "2",
              kStart + worker::Notices::kPause - base::milliseconds(1));
  notices.say(Severity::Warning, "b", "3", kStart);
  notices.say(Severity::Info, "a", "4", kStart);
  notices.say(Severity::Warning, "a", "5", kStart + worker::Notices::kPause);
  notices.say(Severity::Warning, "a", "6", kStart + worker::Notices::kPause);
  EXPECT_EQ(said, (std::vector<std::string>{"1", "3", "4", "5"}));
}

TEST(Notices, NobodyNeedListen) {
  worker::Notices notices({});
  notices.say(Severity::Error, "a", "1", kStart);
}

}  // namespace
}  // namespace tests
