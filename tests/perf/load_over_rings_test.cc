// The whole load generator against a whole poll core in one process: their ports are the two ends
// of a pair of rings, each has a thread, and nothing of an operating system lies between them.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "perf/load/draw.h"
#include "perf/load/generator.h"
#include "perf/load/port.h"
#include "tests/dataplane/poll/loop_rig.h"

namespace load {
namespace {

using tests::LoopRig;

constexpr uint32_t kNames = 500;
constexpr uint32_t kAddresses = 16;

/// A poll core on a thread of its own, and a worker's part: whatever it misses has an address.
class ServingCore {
 public:
  ServingCore() : thread_([this] { serve(); }) {}
  ~ServingCore() {
    stop_ = true;
    thread_.join();
  }

  LoopRig rig{{.pending = {.questions = 4096, .askers = 8192},
               .misses = 4096,
               .cache_entries = 4 * kNames}};

 private:
  void serve() {
    while (!stop_) {
      rig.turn();
      for (const exchange::Miss& miss : rig.misses()) rig.answer(miss, tests::Keep::Yes);
    }
  }

  std::atomic<bool> stop_{false};
  std::thread thread_;  // Last: it uses what is above.
};

struct Family {
  const char* name;
  const char* from;
  const char* to;
};
class LoadOverRings : public testing::TestWithParam<Family> {};

TEST_P(LoadOverRings, EveryReplyIsRight) {
  ServingCore core;
  const auto port = Port::open(core.rig.other_end());
  ASSERT_TRUE(port) << port.error();
  const Questions questions = *Questions::make("h#.example", kNames);
  const Route route{.from_mac = tests::mac(2),
                    .to_mac = tests::mac(1),
                    .from = tests::address(GetParam().from),
                    .to = tests::address(GetParam().to)};
  const QueryFrames frames(questions, route, Edns::Yes);
  const ReplyCheck check(questions, route, kAddresses, {});
  Flights flights(Flights::kLeastBits, kAddresses, 1);
  const std::atomic<bool> stop{false};
  Generator generator({port->id(), port->pool(), 30}, frames, check, flights, stop);

  const Result result = generator.run({20'000, 10'000}, draw(kNames, 16'384, 1.0, 1));
  EXPECT_GT(result.sent, 0);
  EXPECT_EQ(result.answered(), result.sent);
  for (size_t finding = 1; finding < kFindings; ++finding) EXPECT_EQ(result.found[finding], 0);
  EXPECT_GT(core.rig.core->counters.replies[rules::Outcome::Hit].read(), 0);
  EXPECT_GT(core.rig.core->counters.replies[rules::Outcome::Fill].read(), 0);
}

INSTANTIATE_TEST_SUITE_P(Load, LoadOverRings,
                         testing::Values(Family{"ip4", "192.0.2.16", "192.0.2.1"},
                                         Family{"ip6", "2001:db8::16", "2001:db8::1"}),
                         [](const auto& family) { return family.param.name; });

}  // namespace
}  // namespace load
