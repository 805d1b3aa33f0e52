// Backends that may be sent so many queries a second, asked by a real worker.
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/tls-workers/worker/worker_rig.h"
#include "tls-workers/backends/query_budget.h"

namespace tests {
namespace {

constexpr uint64_t kBurst = backends::QueryBudget::kBurstAtLeast;

/// Of the smallest budget there is, `queries` or fewer may have been sent since `begin`.
uint64_t most_since(base::Time begin) {
  return kBurst + 1 + base::whole_seconds(begin, base::Clock::now());
}

TEST(Budget, SendsWhatIsTooMuchToTheNextBackend) {
  DotServer first(good_identity()), second(good_identity());
  backends::BackendSettings limited = backend_at(first.endpoint(), "limited");
  limited.queries_per_second = 1;
  backends::BackendSettings other = backend_at(second.endpoint(), "other");
  other.order = 2;
  const base::Time begin = base::Clock::now();
  WorkerRig rig({limited, other});
  ASSERT_TRUE(eventually(
      [&] { return rig.backend(0).sessions.read() == 1 && rig.backend(1).sessions.read() == 1; }));
  for (int i = 0; i < 20; ++i) {
    const exchange::Fill fill = rig.resolve("n" + std::to_string(i) + ".example");
    EXPECT_NE(fill.entry, nullptr);
  }
  EXPECT_GE(rig.backend(0).queries.read(), kBurst);
  EXPECT_LE(rig.backend(0).queries.read(), most_since(begin));
  EXPECT_EQ(rig.backend(0).queries.read() + rig.backend(1).queries.read(), 20u);
  EXPECT_EQ(rig.backend(0).over_budget.read(), rig.backend(1).queries.read());
  EXPECT_EQ(rig.backend(1).over_budget.read(), 0u);
}

TEST(Budget, LetsQuestionsWaitWhereThereIsNobodyElse) {
  DotServer server(good_identity());
  backends::BackendSettings limited = backend_at(server.endpoint());
  limited.queries_per_second = 10;
  WorkerRig rig({limited});
  ASSERT_TRUE(eventually([&] { return rig.backend().sessions.read() == 1; }));
  constexpr uint32_t kQuestions = 15;
  std::set<uint32_t> waiting;
  for (uint32_t i = 0; i < kQuestions; ++i)
    waiting.insert(rig.ask("n" + std::to_string(i) + ".example").slot);
  for (uint32_t i = 0; i < kQuestions; ++i) {
    const exchange::Fill fill = rig.next_fill();
    EXPECT_NE(fill.entry, nullptr);
    EXPECT_EQ(waiting.erase(fill.ticket.slot), 1u);
  }
  EXPECT_EQ(rig.backend().queries.read(), kQuestions);
  EXPECT_GT(rig.backend().over_budget.read(), 0u);
  EXPECT_LE(rig.backend().over_budget.read(), kQuestions - kBurst) << "each counts once";
}

TEST(Budget, FailsWhatHasWaitedTooLong) {
  DotServer server(good_identity());
  backends::BackendSettings limited = backend_at(server.endpoint());
  limited.queries_per_second = 1;
  const base::Time begin = base::Clock::now();
  WorkerRig rig({limited});
  ASSERT_TRUE(eventually([&] { return rig.backend().sessions.read() == 1; }));
  uint64_t answered = 0;
  for (uint32_t i = 0; i < 20; ++i)
    rig.ask(question_for("n" + std::to_string(i) + ".example"), 0, base::milliseconds{500});
  for (uint32_t i = 0; i < 20; ++i) {
    const exchange::Fill fill = rig.next_fill();
    if (fill.entry == nullptr) {
      EXPECT_EQ(fill.ede, dns::Ede::NetworkError);
    } else {
      ++answered;
    }
  }
  EXPECT_GE(answered, kBurst);
  EXPECT_LE(answered, most_since(begin));
}

/// Nothing is left of the budget for an hour.
void use_up(backends::QueryBudget& budget) {
  while (budget.take(base::Clock::now() + base::seconds{3600})) continue;
}

TEST(Budget, IsNotOverdrawnByHedges) {
  std::atomic<bool> open{true};
  DotServer first(good_identity(), {.script = answer_while(open)});
  DotServer second(good_identity());
  std::vector<backends::BackendSettings> backends = {backend_at(first.endpoint(), "first"),
                                                     backend_at(second.endpoint(), "second")};
  backends[0].query_timeout = kPatience;
  backends[1].order = 2;
  backends[1].queries_per_second = 1;
  WorkerRig rig({.sessions_per_backend = 1}, backends, true);
  ASSERT_TRUE(
      eventually([&] { return rig.backend(0).up.read() == 1 && rig.backend(1).up.read() == 1; }));
  use_up(rig.configuration().backends[1].shared->budget);
  for (int i = 0; i < 40; ++i) (void)rig.resolve("n" + std::to_string(i) + ".example");
  open = false;
  rig.ask("slow.example");
  std::this_thread::sleep_for(base::milliseconds(300));  // A hedge would have been sent by now.
  open = true;
  EXPECT_NE(rig.next_fill().entry, nullptr);
  EXPECT_EQ(rig.worker().counters().hedged.read(), 0u);
  EXPECT_EQ(rig.backend(1).queries.read(), 0u);
}

TEST(Budget, CanBeLiftedAtRunTime) {
  DotServer server(good_identity());
  backends::BackendSettings limited = backend_at(server.endpoint());
  limited.queries_per_second = 1;
  WorkerRig rig({limited});
  ASSERT_TRUE(eventually([&] { return rig.backend().sessions.read() == 1; }));
  use_up(rig.configuration().backends[0].shared->budget);
  rig.ask("www.example");
  EXPECT_TRUE(eventually([&] { return rig.backend().over_budget.read() == 1; }));
  EXPECT_TRUE(rig.no_fill_waits());
  questions::Configuration lifted = rig.configuration();
  lifted.backends[0].settings.queries_per_second = 0;
  rig.adopt(lifted);
  EXPECT_NE(rig.next_fill().entry, nullptr);
}

}  // namespace
}  // namespace tests
