// Health checks on the wire: when they are sent and when not, and what follows for questions.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <set>

#include "tests/tls-workers/worker/worker_rig.h"

namespace tests {
namespace {

using testing::Contains;
using testing::HasSubstr;

constexpr const char* kCheckName = "a.root-servers.net.";

size_t checks_seen(const DotServer& server) {
  const std::vector<DotServer::Seen> seen = server.seen();
  return static_cast<size_t>(std::ranges::count_if(
      seen, [](const auto& one) { return name_in(one.query) == wire_name(kCheckName); }));
}
size_t questions_seen(const DotServer& server) {
  return server.seen().size() - checks_seen(server);
}

/// Answers while `answering`, and reads in silence while not.
Script answer_if(const std::atomic<bool>& answering) {
  return [&answering](Connection& connection) {
    while (const auto query = connection.read_query()) {
      if (answering) connection.send(answer_to(*query));
    }
  };
}

backends::BackendSettings impatient(const DotServer& server, const std::string& name = "backend") {
  backends::BackendSettings settings = backend_at(server.endpoint(), name);
  settings.query_timeout = base::milliseconds(200);
  settings.health.mode = backends::HealthSettings::Mode::Lazy;
  settings.health.timeout = base::milliseconds(300);
  settings.health.lazy.interval = base::seconds(1);
  return settings;
}

TEST(WorkerChecks, HealthyLazyBackendIsNotChecked) {
  DotServer server(good_identity());
  WorkerRig rig({impatient(server)});
  for (int i = 0; i < 500; ++i) (void)rig.resolve("n" + std::to_string(i) + ".example.");
  EXPECT_EQ(checks_seen(server), 0u);
  EXPECT_TRUE(rig.rotation().up());
  EXPECT_EQ(rig.rotation().checks_good(), 0u);
}

TEST(WorkerChecks, SilentBackendGoesOutAndComesBack) {
  std::atomic<bool> answering{false};
  DotServer first(good_identity(), {.script = answer_if(answering)});
  DotServer second(good_identity());
  std::vector<backends::BackendSettings> backends = {impatient(first, "first"),
                                                     impatient(second, "second")};
  backends[1].order = 2;
  WorkerRig rig(backends);
  int asked = 0;
  // Every client gets its answer meanwhile.
  ASSERT_TRUE(eventually([&] {
    for (int i = 0; i < 20; ++i) rig.ask("a" + std::to_string(asked++) + ".example.");
    for (int i = 0; i < 20; ++i) EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
    return !rig.rotation(0).up();
  }));
  EXPECT_TRUE(eventually(
      [&] { return testing::Matches(Contains(HasSubstr("out of rotation")))(rig.notices()); }));

  const size_t before = questions_seen(first);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(address_in(rig.resolve("b" + std::to_string(i) + ".example.")), "192.0.2.1");
  EXPECT_EQ(questions_seen(first), before);

  answering = true;
  // Without any client: checks alone bring it back.
  ASSERT_TRUE(eventually([&] { return rig.rotation(0).up(); }));
  EXPECT_GE(rig.rotation(0).checks_good(), 2u);
  ASSERT_TRUE(eventually([&] {
    (void)rig.resolve("c" + std::to_string(asked++) + ".example.");
    return questions_seen(first) > before;
  }));
}

TEST(WorkerChecks, IfAllAreOutTheyAreAllTried) {
  std::atomic<bool> answering{false};
  DotServer server(good_identity(), {.script = answer_if(answering)});
  backends::BackendSettings settings = impatient(server);
  settings.health.lazy.interval = base::seconds(3600);
  WorkerRig rig({settings});
  int asked = 0;
  ASSERT_TRUE(eventually([&] {
    rig.ask("a" + std::to_string(asked++) + ".example.");
    EXPECT_EQ(rig.next_fill().entry, nullptr);
    return !rig.rotation().up();
  }));
  answering = true;
  // An answer that can be had is better than the old one, and its backend is back at once.
  ASSERT_TRUE(eventually([&] {
    const std::string name = "b" + std::to_string(asked++) + ".example.";
    rig.leave(name, base::seconds(10));
    return address_in(rig.resolve(name)) == "192.0.2.1";
  }));
  EXPECT_TRUE(eventually([&] { return rig.rotation().up(); }));
}

/// Names below a dead domain, three for every good one, as from a client that does not give up.
TEST(WorkerChecks, DeadDomainTakesNobodyOutAndNothingFromOthers) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     while (const auto query = connection.read_query()) {
                       const std::string_view name(reinterpret_cast<const char*>(query->data()),
                                                   query->size());
                       if (name.find("dead") == std::string_view::npos)
                         connection.send(answer_to(*query));
                     }
                   }});
  WorkerRig rig({impatient(server)});
  int dead = 0;
  for (int round = 0; round < 15; ++round) {
    for (int i = 0; i < 4; ++i) rig.ask("n" + std::to_string(dead++) + ".dead.");
    for (int i = 0; i < 4; ++i) EXPECT_EQ(rig.next_fill().entry, nullptr);
    const std::string good = "www.good" + std::to_string(round) + ".example.";
    rig.leave(good, base::seconds(10));
    EXPECT_EQ(address_in(rig.resolve(good)), "192.0.2.1");
    EXPECT_TRUE(rig.rotation().up());
  }
}

TEST(WorkerChecks, BarredBackendIsNeverAsked) {
  DotServer server(good_identity());
  backends::BackendSettings settings = impatient(server);
  settings.health.mode = backends::HealthSettings::Mode::Down;
  WorkerRig rig({settings});
  const exchange::Fill fill = rig.resolve("www.example.");
  EXPECT_EQ(fill.entry, nullptr);
  EXPECT_EQ(fill.ede, dns::Ede::NoReachableAuthority);
  EXPECT_EQ(server.seen().size(), 0u);
}

TEST(WorkerChecks, BackendIsAskedAsTheOperatorSays) {
  DotServer first(good_identity());
  DotServer second(good_identity());
  WorkerRig rig({impatient(first, "first"), impatient(second, "second")});
  (void)rig.rotation(0).set_override(backends::Rotation::Override::Down, base::Clock::now());
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(address_in(rig.resolve("a" + std::to_string(i) + ".example.")), "192.0.2.1");
  EXPECT_EQ(first.seen().size(), 0u);

  (void)rig.rotation(1).set_override(backends::Rotation::Override::Down, base::Clock::now());
  EXPECT_EQ(rig.resolve("b.example.").ede, dns::Ede::NoReachableAuthority);
  EXPECT_EQ(first.seen().size() + second.seen().size(), 10u);

  (void)rig.rotation(0).set_override(backends::Rotation::Override::Auto, base::Clock::now());
  EXPECT_EQ(address_in(rig.resolve("c.example.")), "192.0.2.1");
  EXPECT_EQ(questions_seen(first), 1u);
}

TEST(WorkerChecks, BackendThatCannotBeReachedGoesOut) {
  DotServer server(good_identity(), {.raw = [](int) {}});
  DotServer good(good_identity());
  WorkerRig rig({impatient(server, "bad"), impatient(good, "good")});
  EXPECT_TRUE(eventually([&] { return !rig.rotation(0).up(); }));
  EXPECT_GE(rig.rotation(0).checks_failed(backends::Failure::Tls), 1u);
  EXPECT_TRUE(rig.rotation(1).up());
}

TEST(WorkerChecks, AutoIsCheckedOverItsSessionAndPadded) {
  DotServer server(good_identity());
  backends::BackendSettings settings = impatient(server);
  settings.health.mode = backends::HealthSettings::Mode::Auto;
  WorkerRig rig({settings});
  ASSERT_TRUE(eventually([&] { return rig.rotation().checks_good() >= 3; }));
  EXPECT_EQ(server.connections(), 1u);
  for (const DotServer::Seen& seen : server.seen()) {
    EXPECT_EQ(name_in(seen.query), wire_name(kCheckName));
    EXPECT_EQ(seen.query.size() % 128, 0u);
  }
  EXPECT_TRUE(rig.no_fill_waits());
}

TEST(WorkerChecks, RandomLabelsAreNeverTheSame) {
  DotServer server(good_identity());
  backends::BackendSettings settings = impatient(server);
  settings.health.mode = backends::HealthSettings::Mode::Auto;
  settings.health.random_label = true;
  WorkerRig rig({settings});
  ASSERT_TRUE(eventually([&] { return rig.rotation().checks_good() >= 3; }));
  const auto in_order = [](const Bytes& a, const Bytes& b) {
    return std::ranges::lexicographical_compare(a, b);
  };
  std::set<Bytes, decltype(in_order)> names(in_order);
  for (const DotServer::Seen& seen : server.seen()) names.insert(name_in(seen.query));
  EXPECT_EQ(names.size(), server.seen().size());
}

TEST(WorkerChecks, ServfailToACheckIsAFailure) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     while (const auto query = connection.read_query())
                       connection.send(rcode_to(*query, dns::Rcode::ServFail));
                   }});
  backends::BackendSettings settings = impatient(server);
  settings.health.mode = backends::HealthSettings::Mode::Auto;
  WorkerRig rig({settings});
  EXPECT_TRUE(eventually([&] { return !rig.rotation().up(); }));
  EXPECT_EQ(rig.rotation().checks_good(), 0u);
  EXPECT_GE(rig.rotation().checks_failed(backends::Failure::ServFail), 1u);
}

TEST(WorkerChecks, AnyOtherAnswerIsGood) {
  DotServer server(good_identity(), {.script = [](Connection& connection) {
                     while (const auto query = connection.read_query())
                       connection.send(rcode_to(*query, dns::Rcode::NxDomain));
                   }});
  backends::BackendSettings settings = impatient(server);
  settings.health.mode = backends::HealthSettings::Mode::Auto;
  WorkerRig rig({settings});
  EXPECT_TRUE(eventually([&] { return rig.rotation().checks_good() >= 2; }));
  EXPECT_TRUE(rig.rotation().up());
}

}  // namespace
}  // namespace tests
