// What makes /healthz say 503, and what only stands beside it.
#include "control/http/health_verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/process/pulse.h"

namespace control {
namespace {

using base::milliseconds;
using base::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(HealthVerdict, IsGoodWhenNobodyHasFoundAnything) {
  const HealthReport report = verdict_on({});
  EXPECT_TRUE(report.is_healthy());
  EXPECT_EQ(report.why(), "");
  EXPECT_THAT(report.notes, IsEmpty());
}

TEST(HealthVerdict, NamesEveryReasonTheGravestFirst) {
  const HealthReport report =
      verdict_on({{Trouble::NoAnswers, "no backend is up"},
                  {Trouble::PortDoesNotServe, "port d1: the interface is gone"},
                  {Trouble::PortDoesNotServe, "port d0: the link is down"},
                  {Trouble::ThreadStands, "core 2 does not move"}});
  EXPECT_FALSE(report.is_healthy());
  EXPECT_THAT(report.reasons, ElementsAre("core 2 does not move", "port d1: the interface is gone",
                                          "port d0: the link is down", "no backend is up"));
  EXPECT_EQ(report.why(),
            "core 2 does not move; port d1: the interface is gone; port d0: the link is down; "
            "no backend is up");
}

TEST(HealthVerdict, TellsWhatDoesNotKeepItFromServingApart) {
  const HealthReport report = verdict_on(
      {{Trouble::LogIsStuck, "nobody reads the log"}, {Trouble::PartIsOff, "bind x is off"}});
  EXPECT_TRUE(report.is_healthy());
  EXPECT_THAT(report.notes, ElementsAre("bind x is off", "nobody reads the log"));
}

TEST(HealthVerdict, CallsGraveWhatClientsCameFor) {
  EXPECT_TRUE(is_grave(Trouble::ThreadStands));
  EXPECT_TRUE(is_grave(Trouble::PortDoesNotServe));
  EXPECT_TRUE(is_grave(Trouble::NoAnswers));
  EXPECT_FALSE(is_grave(Trouble::PartIsOff));
  EXPECT_FALSE(is_grave(Trouble::LogIsStuck));
}

TEST(Pulse, IsFeltForAsLongAsOneMayWaitForTheNextBeat) {
  const base::Time start{seconds{1000}};
  Pulse pulse(start);
  EXPECT_TRUE(pulse.is_felt(start + Pulse::kPatience - milliseconds(1)));
  EXPECT_FALSE(pulse.is_felt(start + Pulse::kPatience));
  pulse.beat(start + seconds(60));
  EXPECT_TRUE(pulse.is_felt(start + seconds(61)));
}

}  // namespace
}  // namespace control
