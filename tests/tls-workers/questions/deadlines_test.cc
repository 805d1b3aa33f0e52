#include "tls-workers/questions/deadlines.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <vector>

namespace tests {
namespace {

using base::milliseconds;
using questions::Deadlines;

const base::Time kStart{base::seconds(1000)};

std::vector<uint32_t> due(Deadlines& deadlines, base::Time now) {
  std::vector<uint32_t> slots;
  while (const auto slot = deadlines.next_due(now)) slots.push_back(*slot);
  std::ranges::sort(slots);
  return slots;
}

TEST(Deadlines, ComeDueOnceAfterTheirTime) {
  Deadlines deadlines(10, kStart);
  deadlines.set(3, kStart + milliseconds(100));
  EXPECT_TRUE(due(deadlines, kStart + milliseconds(99)).empty());
  EXPECT_EQ(due(deadlines, kStart + milliseconds(100) + Deadlines::kTick),
            (std::vector<uint32_t>{3}));
  EXPECT_TRUE(due(deadlines, kStart + base::seconds(100)).empty());
}

TEST(Deadlines, SettingAgainMoves) {
  Deadlines deadlines(10, kStart);
  deadlines.set(3, kStart + milliseconds(100));
  deadlines.set(3, kStart + milliseconds(200));
  EXPECT_TRUE(due(deadlines, kStart + milliseconds(150)).empty());
  deadlines.set(3, kStart + milliseconds(160));
  EXPECT_EQ(due(deadlines, kStart + milliseconds(170)), (std::vector<uint32_t>{3}));
}

TEST(Deadlines, RemovedOnesNeverComeDue) {
  Deadlines deadlines(10, kStart);
  for (uint32_t slot = 0; slot < 5; ++slot) deadlines.set(slot, kStart + milliseconds(100));
  deadlines.remove(0);
  deadlines.remove(2);
  deadlines.remove(4);
  deadlines.remove(9);
  EXPECT_EQ(due(deadlines, kStart + base::seconds(1)), (std::vector<uint32_t>{1, 3}));
  EXPECT_EQ(deadlines.earliest(), base::Time::max());
}

TEST(Deadlines, PastOnesAreDueAtOnce) {
  Deadlines deadlines(10, kStart);
  EXPECT_TRUE(due(deadlines, kStart + base::seconds(3)).empty());
  deadlines.set(1, kStart);
  EXPECT_EQ(due(deadlines, kStart + base::seconds(3)), (std::vector<uint32_t>{1}));
}

TEST(Deadlines, BeyondTheHorizonComesEarlyRatherThanNever) {
  Deadlines deadlines(10, kStart);
  deadlines.set(1, kStart + base::seconds(3600));
  EXPECT_TRUE(due(deadlines, kStart + base::seconds(3)).empty());
  EXPECT_EQ(due(deadlines, kStart + base::seconds(5)), (std::vector<uint32_t>{1}));
}

TEST(Deadlines, EarliestIsWhenSomethingIsDue) {
  Deadlines deadlines(10, kStart);
  EXPECT_EQ(deadlines.earliest(), base::Time::max());
  deadlines.set(1, kStart + milliseconds(500));
  deadlines.set(2, kStart + milliseconds(50));
  const base::Time first = deadlines.earliest();
  EXPECT_TRUE(due(deadlines, first - base::Duration(1)).empty());
  EXPECT_EQ(due(deadlines, first), (std::vector<uint32_t>{2}));
}

TEST(Deadlines, BehaveLikeAMap) {
  const bool good = rc::check("as a map does, within a tick", [] {
    constexpr uint32_t kSlots = 8;
    Deadlines deadlines(kSlots, kStart);
    std::map<uint32_t, base::Time> model;
    base::Time now = kStart;
    const auto steps = *rc::gen::container<std::vector<std::pair<unsigned, unsigned>>>(
        rc::gen::pair(rc::gen::inRange(0u, 3u * kSlots), rc::gen::inRange(0u, 3000u)));
    for (const auto& [action, amount] : steps) {
      const uint32_t slot = action % kSlots;
      if (action < kSlots) {
        deadlines.set(slot, now + milliseconds(amount));
        model[slot] = now + milliseconds(amount);
      } else if (action < 2 * kSlots) {
        deadlines.remove(slot);
        model.erase(slot);
      } else {
        now += milliseconds(amount);
        for (const uint32_t out : due(deadlines, now)) {
          RC_ASSERT(model.contains(out));
          RC_ASSERT(model[out] <= now);
          model.erase(out);
        }
        for (const auto& [left, deadline] : model) RC_ASSERT(deadline + Deadlines::kTick > now);
      }
    }
  });
  EXPECT_TRUE(good);
}

}  // namespace
}  // namespace tests
