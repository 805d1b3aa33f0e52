// A domain that nobody answers for, asked for names without end, and what is left for the others.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/message_builder.h"
#include "tests/tls-workers/worker/worker_rig.h"
#include "tls-workers/questions/domain_quota.h"

namespace tests {
namespace {

/// Answers everything but what is below "victim.example".
void answer_all_but_the_victim(Connection& connection) {
  const Bytes victim = wire_name("victim.example");
  while (const auto query = connection.read_query()) {
    const Bytes name = name_in(*query);
    if (name.size() > victim.size() && std::equal(victim.rbegin(), victim.rend(), name.rbegin()))
      continue;
    connection.send(answer_to(*query));
  }
}

/// Nothing fails by time while a test runs.
backends::BackendSettings patient_backend(const DotServer& server, unsigned max_in_flight) {
  backends::BackendSettings settings = backend_at(server.endpoint());
  settings.query_timeout = kPatience;
  settings.max_in_flight = max_in_flight;
  return settings;
}

void ask_for_victims(WorkerRig& rig, unsigned count) {
  for (unsigned i = 0; i < count; ++i) rig.ask("n" + std::to_string(i) + ".victim.example.");
}

TEST(DomainQuota, LeavesRoomInSessionsToTheOthers) {
  constexpr unsigned kInFlight = 400;
  DotServer server(good_identity(), {.script = answer_all_but_the_victim});
  WorkerRig rig({.sessions_per_backend = 1}, {patient_backend(server, kInFlight)});
  ask_for_victims(rig, 2 * kInFlight);
  ASSERT_TRUE(
      eventually([&] { return rig.worker().counters().questions.read() == 2 * kInFlight; }));
  ASSERT_TRUE(eventually([&] { return rig.backend().in_flight.read() == kInFlight * 3 / 4; }));
  for (unsigned i = 0; i < 100; ++i) {
    const exchange::Fill fill = rig.resolve("n" + std::to_string(i) + ".other.example.");
    EXPECT_EQ(address_in(fill), "192.0.2.1") << i;
  }
  EXPECT_EQ(rig.backend().in_flight.read(), kInFlight * 3 / 4);
  EXPECT_EQ(rig.worker().counters().questions_over_quota.read(), 0u);
}

TEST(DomainQuota, LeavesRoomInTheTableToTheOthers) {
  constexpr unsigned kQuestions = 256;
  DotServer server(good_identity(), {.script = answer_all_but_the_victim});
  WorkerRig rig({.max_questions = kQuestions}, {patient_backend(server, 400)});
  ask_for_victims(rig, 200);
  for (unsigned i = 0; i < 200 - kQuestions / 2; ++i) {
    const exchange::Fill fill = rig.next_fill();
    EXPECT_EQ(fill.entry, nullptr);
    EXPECT_EQ(fill.ede, dns::Ede::NetworkError);
  }
  for (unsigned i = 0; i < 100; ++i) {
    const exchange::Fill fill = rig.resolve("n" + std::to_string(i) + ".other.example.");
    EXPECT_EQ(address_in(fill), "192.0.2.1") << i;
  }
  EXPECT_EQ(rig.worker().counters().questions_over_quota.read(), 200 - kQuestions / 2);
  EXPECT_EQ(rig.worker().counters().questions_full.read(), 0u);
}

TEST(DomainQuota, OfADomainThatIsAnsweredIsServedAsAWhole) {
  DotServer server(good_identity());
  WorkerRig rig({.sessions_per_backend = 1}, {patient_backend(server, 8)});
  constexpr unsigned kQuestions = 2000;
  for (unsigned i = 0; i < kQuestions; ++i) rig.ask("n" + std::to_string(i) + ".busy.example.");
  for (unsigned i = 0; i < kQuestions; ++i) EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
}

}  // namespace
}  // namespace tests
