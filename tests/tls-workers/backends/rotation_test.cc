// A backend's place in the rotation when the operator has a say in it.
#include "tls-workers/backends/rotation.h"

#include <gtest/gtest.h>

namespace tests {
namespace {

using backends::Failure;
using backends::Health;
using backends::HealthSettings;
using backends::Met;
using backends::Rotation;
using backends::Sample;
using base::seconds;

using Change = Rotation::Change;
using Mode = HealthSettings::Mode;
using Override = Rotation::Override;

constexpr base::Time kStart{seconds(1000)};

HealthSettings of_mode(Mode mode) {
  HealthSettings settings;
  settings.mode = mode;
  return settings;
}

Met lost(uint32_t count, base::Time asked) {
  Met met;
  for (uint16_t i = 0; i < count; ++i) met.note({Sample::Lost, {i, i}, asked});
  return met;
}
Met answered(base::Time asked) {
  Met met;
  met.note({Sample::Answered, {1, 1}, asked});
  return met;
}

/// Fails checks until it is out.
void take_out(Rotation& rotation, base::Time& now) {
  (void)rotation.sample(lost(20, now), now);
  for (int i = 0; i < 60 && rotation.up(); ++i, now += seconds(1)) {
    if (rotation.check_due(now)) (void)rotation.checked(Failure::Deadline, now);
  }
  ASSERT_FALSE(rotation.up());
}

struct Saying {
  const char* name;
  Mode mode;   // As configured.
  bool fails;  // Before anything is said.
  Override word;
  Change change;
  bool up;
  bool barred;
  Health::State state;
};

class RotationObeys : public testing::TestWithParam<Saying> {};

TEST_P(RotationObeys, TheWord) {
  const Saying& saying = GetParam();
  Rotation rotation(of_mode(saying.mode), kStart);
  base::Time now = kStart;
  if (saying.fails) take_out(rotation, now);
  EXPECT_EQ(rotation.set_override(saying.word, now), saying.change);
  EXPECT_EQ(rotation.current_override(), saying.word);
  EXPECT_EQ(rotation.up(), saying.up);
  EXPECT_EQ(rotation.barred(), saying.barred);
  EXPECT_EQ(rotation.report().state, saying.state);
  EXPECT_EQ(rotation.report().since, now);
}

using State = Health::State;
INSTANTIATE_TEST_SUITE_P(
    Words, RotationObeys,
    testing::Values(Saying{"up_when_healthy", Mode::Lazy, false, Override::Up, Change::None, true,
                           false, State::Healthy},
                    Saying{"up_when_out", Mode::Lazy, true, Override::Up, Change::WentUp, true,
                           false, State::Healthy},
                    Saying{"up_against_the_settings", Mode::Down, false, Override::Up,
                           Change::WentUp, true, false, State::Healthy},
                    Saying{"down_when_healthy", Mode::Lazy, false, Override::Down, Change::WentDown,
                           false, true, State::Failed},
                    Saying{"down_when_out", Mode::Lazy, true, Override::Down, Change::None, false,
                           true, State::Failed},
                    Saying{"down_against_the_settings", Mode::Up, false, Override::Down,
                           Change::WentDown, false, true, State::Failed},
                    Saying{"down_with_checks_all_the_time", Mode::Auto, false, Override::Down,
                           Change::WentDown, false, true, State::Failed},
                    Saying{"auto_when_out_judges_anew", Mode::Lazy, true, Override::Auto,
                           Change::WentUp, true, false, State::Healthy},
                    Saying{"auto_is_what_the_settings_say", Mode::Down, false, Override::Auto,
                           Change::None, false, true, State::Failed}),
    [](const auto& saying) { return saying.param.name; });

TEST(Rotation, HeldUpIsNotJudged) {
  Rotation rotation(of_mode(Mode::Lazy), kStart);
  (void)rotation.set_override(Override::Up, kStart);
  base::Time now = kStart;
  for (int i = 0; i < 100; ++i, now += seconds(1)) {
    EXPECT_EQ(rotation.sample(lost(50, now), now), Change::None);
    EXPECT_EQ(rotation.unreachable(Failure::Connect, now), Change::None);
    EXPECT_FALSE(rotation.check_due(now));
  }
  EXPECT_TRUE(rotation.up());
}

TEST(Rotation, HeldDownIsNotCheckedAndStaysThere) {
  Rotation rotation(of_mode(Mode::Auto), kStart);
  (void)rotation.set_override(Override::Down, kStart);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(rotation.check_due(kStart + seconds(i)));
  EXPECT_FALSE(rotation.up());
}

TEST(Rotation, ResultOfACheckSentBeforeTheWordChangesNothing) {
  Rotation rotation(of_mode(Mode::Auto), kStart);
  ASSERT_TRUE(rotation.check_due(kStart));
  EXPECT_EQ(rotation.set_override(Override::Down, kStart), Change::WentDown);
  EXPECT_EQ(rotation.checked(std::nullopt, kStart + seconds(1)), Change::None);
  EXPECT_FALSE(rotation.up());
  (void)rotation.set_override(Override::Up, kStart + seconds(2));
  EXPECT_EQ(rotation.checked(Failure::Deadline, kStart + seconds(3)), Change::None);
  EXPECT_TRUE(rotation.up());
}

TEST(Rotation, TheSameWordAgainChangesNothing) {
  Rotation rotation(of_mode(Mode::Lazy), kStart);
  (void)rotation.set_override(Override::Down, kStart);
  EXPECT_EQ(rotation.set_override(Override::Down, kStart + seconds(9)), Change::None);
  EXPECT_EQ(rotation.report().since, kStart);
}

TEST(Rotation, WhoAnswersWhileOutIsBackAtOnce) {
  Rotation rotation(of_mode(Mode::Lazy), kStart);
  base::Time now = kStart;
  take_out(rotation, now);
  EXPECT_EQ(rotation.sample(answered(kStart), now), Change::None) << "asked before it went out";
  EXPECT_EQ(rotation.sample(answered(now), now + seconds(1)), Change::WentUp);
}

TEST(Rotation, AsDnsdistJudgesAnswersWhileOutChangeNothing) {
  HealthSettings settings = of_mode(Mode::Lazy);
  settings.lazy.strict = false;
  Rotation rotation(settings, kStart);
  base::Time now = kStart;
  take_out(rotation, now);
  EXPECT_EQ(rotation.sample(answered(now), now + seconds(1)), Change::None);
  EXPECT_FALSE(rotation.up());
  EXPECT_TRUE(rotation.answered_within(seconds(60), now + seconds(1)));
}

TEST(Rotation, AnswersFromBeforeItWentOutAreNoAnswersNow) {
  Rotation rotation(of_mode(Mode::Lazy), kStart);
  base::Time now = kStart;
  EXPECT_FALSE(rotation.answered_within(seconds(60), now));
  (void)rotation.sample(answered(now), now);
  EXPECT_TRUE(rotation.answered_within(seconds(60), now + seconds(60)));
  EXPECT_FALSE(rotation.answered_within(seconds(60), now + seconds(61)));
  now += seconds(1);
  take_out(rotation, now);
  EXPECT_FALSE(rotation.answered_within(seconds(60), now));
}

TEST(Rotation, AutoJudgesAsIfItHadJustStarted) {
  Rotation rotation(of_mode(Mode::Lazy), kStart);
  base::Time now = kStart;
  take_out(rotation, now);
  EXPECT_EQ(rotation.set_override(Override::Down, now), Change::None);
  EXPECT_EQ(rotation.set_override(Override::Auto, now), Change::WentUp);
  take_out(rotation, now);  // It can be taken out again.
}

}  // namespace
}  // namespace tests
