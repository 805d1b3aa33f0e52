// Backends and pools that come, go and change while questions are under way.
#include "tests/tls-workers/worker/worker_rig.h"

namespace tests {
namespace {

TEST(WorkerChanges, ANewBackendIsAsked) {
  DotServer first(good_identity());
  DotServer second(good_identity());
  WorkerRig rig({backend_at(first.endpoint(), "first")});
  EXPECT_EQ(address_in(rig.resolve("a.example.")), "192.0.2.1");

  questions::Configuration next = rig.configuration();
  next.backends[0] = {};
  next.backends.push_back(WorkerRig::backend_of(backend_at(second.endpoint(), "second")));
  rig.adopt(next);
  EXPECT_EQ(address_in(rig.resolve("b.example.")), "192.0.2.1");
  EXPECT_EQ(second.seen().size(), 1u);
  EXPECT_EQ(first.seen().size(), 1u);
  EXPECT_NE(rig.cached("a.example."), nullptr) << "the pool and its cache have stayed";
}

TEST(WorkerChanges, AQuestionGoesOnElsewhereWhenItsBackendGoes) {
  DotServer silent(good_identity(), {.script = answer_none});
  DotServer good(good_identity());
  backends::BackendSettings patient = backend_at(silent.endpoint(), "silent");
  patient.query_timeout = kPatience;
  WorkerRig rig({patient});
  const exchange::Ticket ticket = rig.ask("www.example.");
  ASSERT_TRUE(eventually([&] { return rig.backend().in_flight.read() == 1; }));

  questions::Configuration next = rig.configuration();
  next.backends[0] = {};
  next.backends.push_back(WorkerRig::backend_of(backend_at(good.endpoint(), "good")));
  rig.adopt(next);
  const exchange::Fill fill = rig.next_fill();
  EXPECT_EQ(fill.ticket, ticket);
  EXPECT_EQ(address_in(fill), "192.0.2.1");
}

TEST(WorkerChanges, WhoStaysKeepsHisSessions) {
  DotServer first(good_identity());
  DotServer second(good_identity());
  WorkerRig rig({backend_at(first.endpoint(), "first")});
  (void)rig.resolve("a.example.");
  for (uint32_t order = 2; order < 12; ++order) {
    questions::Configuration next = rig.configuration();
    next.backends[0].settings.order = order;
    next.backends[0].settings.weight = order;
    next.backends.resize(1);
    if (order % 2 == 0)
      next.backends.push_back(WorkerRig::backend_of(backend_at(second.endpoint(), "second")));
    rig.adopt(next);
  }
  EXPECT_EQ(first.connections(), 1u);
  EXPECT_EQ(address_in(rig.resolve("b.example.")), "192.0.2.1");
}

TEST(WorkerChanges, ANumberIsUsedAgain) {
  DotServer first(good_identity());
  DotServer second(good_identity());
  WorkerRig rig({backend_at(first.endpoint(), "first")});
  for (int round = 0; round < 20; ++round) {
    questions::Configuration next = rig.configuration();
    next.backends[0] =
        WorkerRig::backend_of(round % 2 == 0 ? backend_at(second.endpoint(), "second")
                                             : backend_at(first.endpoint(), "first"));
    rig.adopt(next);
    EXPECT_EQ(address_in(rig.resolve("n" + std::to_string(round) + ".example.")), "192.0.2.1");
  }
  EXPECT_EQ(first.seen().size(), 10u);
  EXPECT_EQ(second.seen().size(), 10u);
}

TEST(WorkerChanges, APoolWithoutBackendsFailsAtOnce) {
  DotServer server(good_identity());
  WorkerRig rig({backend_at(server.endpoint())});
  questions::Configuration next = rig.configuration();
  next.backends[0] = {};
  rig.adopt(next);
  EXPECT_EQ(rig.resolve("www.example.").entry, nullptr);
}

TEST(WorkerChanges, AFaultyBackendLeavesAllAsItIs) {
  DotServer server(good_identity());
  WorkerRig rig({backend_at(server.endpoint())});
  auto next = std::make_shared<questions::Configuration>(rig.configuration());
  backends::BackendSettings faulty = backend_at(server.endpoint(), "faulty");
  faulty.tls.ciphers = "no-such-cipher";
  next->backends.push_back(WorkerRig::backend_of(faulty));
  EXPECT_THROW((void)rig.worker().prepare(next), std::runtime_error);
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
}

}  // namespace
}  // namespace tests
