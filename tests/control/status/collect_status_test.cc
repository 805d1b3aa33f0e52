// From counters to a Status: sums over threads, words for states, dates for times.
#include "control/status/collect_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "control/status/reach.h"

namespace control {
namespace {

using base::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

using Override = backends::Rotation::Override;

constexpr base::Time kStart{seconds(5000)};
constexpr int64_t kDate = 1'790'000'000;

/// So many seconds before now.
constexpr backends::Date date(int64_t ago) { return backends::Date(seconds(kDate - ago)); }

/// Two cores, two workers, a port, a cache, two backends; a hundred seconds after the start.
class CollectStatus : public testing::Test {
 protected:
  CollectStatus() {
    counters_->cores = {{2, &cores_[0]}, {3, &cores_[1]}};
    counters_->ports = {{.name = "af_xdp:eth0",
                         .losses = [] { return MetricsSources::PortLosses{}; },
                         .mempool_in_use = [] { return uint64_t{0}; },
                         .condition = [] { return PortCondition{}; }}};
    counters_->caches = {{1, std::make_shared<cache::Cache>("main", 64)}};
    for (const char* name : {"one", "two"}) {
      backends::BackendSettings settings;
      settings.name = name;
      settings.address = *base::Endpoint::parse("192.0.2.1:853", 853);
      settings.subject_name = "dns.example";
      counters_->backends.push_back(
          {settings, std::make_shared<backends::SharedBackend>(settings, 2, kStart)});
    }
    counters_->workers = {&workers_[0], &workers_[1]};
    counters_->reloads = &reloads_;
    counters_->version = {"1.2.3", "22.11.4", "3.0.5"};
    sources_.counters = counters_;
    sources_.loads = {&loads_[0], &loads_[1]};
    sources_.pools = {{.name = "", .policy = "p2c", .backends = {"one", "two"}},
                      {.name = "spare", .policy = "p2c", .backends = {"two"}}};
    sources_.file = "/etc/dotline/dotline.yaml";
    sources_.started = kStart;
  }

  [[nodiscard]] Status collect(base::Duration later = seconds(100)) const {
    return collect_status(sources_, {}, {kStart + later, date(0)});
  }
  [[nodiscard]] backends::SharedBackend& backend(size_t index) {
    return *counters_->backends[index].shared;
  }

  std::array<poll::CoreCounters, 2> cores_;
  std::array<questions::WorkerCounters, 2> workers_;
  std::array<CoreLoad, 2> loads_{CoreLoad(cores_[0]), CoreLoad(cores_[1])};
  ReloadRecord reloads_{date(50)};
  std::shared_ptr<MetricsSources> counters_ = std::make_shared<MetricsSources>();
  StatusSources sources_;
};

TEST_F(CollectStatus, TellsTimesAsDates) {
  const Status status = collect();
  EXPECT_EQ(status.now, kDate);
  EXPECT_EQ(status.started, kDate - 100);
  EXPECT_EQ(status.uptime, 100);
  EXPECT_EQ(status.configuration.loaded, kDate - 50);
  EXPECT_EQ(status.backends[0].since, kDate - 100);
  EXPECT_GT(status.pid, 0);
}

TEST_F(CollectStatus, PassesOnWhatIsWrong) {
  const Status status = collect_status(
      sources_, {.reasons = {"core 2 does not move", "no backend is up"}, .notes = {"a note"}},
      {kStart, backends::Date(seconds(1))});
  EXPECT_FALSE(status.healthy);
  EXPECT_EQ(status.why, "core 2 does not move; no backend is up");
  EXPECT_EQ(status.notes, std::vector<std::string>{"a note"});
}

TEST_F(CollectStatus, SumsOverCores) {
  cores_[0].queries[rules::Transport::Udp].add(3);
  cores_[1].queries[rules::Transport::Udp].add(4);
  cores_[1].parked.set(2);
  cores_[0].dropped[rules::Drop::Runt].add(5);
  cores_[1].dropped[rules::Drop::AclDenied].add(6);
  cores_[0].replies[rules::Outcome::Hit].add(7);
  cores_[1].replies[rules::Outcome::Hit].add(8);
  cores_[0].reply_duration[0].record(base::milliseconds(1));
  cores_[1].reply_duration[3].record(base::milliseconds(1));
  cores_[1].ports[0].received.add(9);
  cores_[0].caches[1].hits.add(10);
  cores_[1].caches[1].misses.add(11);
  ports::ExceptionPath::PortCounters exceptions;
  exceptions.refused.add(100);
  counters_->ports[0].exceptions = &exceptions;
  const Status status = collect();
  EXPECT_EQ(status.queries, 7u);
  EXPECT_EQ(status.parked, 2u);
  EXPECT_EQ(status.dropped, 111u);
  EXPECT_THAT(status.replies.front(), Pair("hit", 15));
  EXPECT_EQ(status.replies.size(), rules::kOutcomeNames.size());
  EXPECT_EQ(status.reply_durations.count(), 2u);
  EXPECT_EQ(status.ports[0].received, 9u);
  EXPECT_EQ(status.caches[0].hits, 10u);
  EXPECT_EQ(status.caches[0].misses, 11u);
  EXPECT_EQ(status.caches[0].capacity, 64u);
}

TEST_F(CollectStatus, SumsABackendOverWorkers) {
  for (backends::BackendLedger& ledger : backend(1).ledgers) {
    ledger.counters.sessions.set(2);
    ledger.counters.queries.add(10);
    ledger.counters.responses[0].add(4);
    ledger.counters.responses[3].add(5);
    ledger.counters.failures[backends::Failure::Eof].add(1);
    ledger.counters.response_duration.record(base::milliseconds(3));
  }
  workers_[1].questions.set(6);
  const Status status = collect();
  const Status::Backend& two = status.backends[1];
  EXPECT_EQ(two.sessions, 4u);
  EXPECT_EQ(two.queries, 20u);
  EXPECT_EQ(two.responses, 18u);
  EXPECT_EQ(two.failures[static_cast<size_t>(backends::Failure::Eof)],
            (std::pair<std::string, uint64_t>{"eof", 2}));
  EXPECT_EQ(two.durations.count(), 2u);
  EXPECT_EQ(status.backends[0].queries, 0u);
  EXPECT_EQ(status.workers[1].questions, 6u);
}

TEST_F(CollectStatus, TellsWhatABackendIs) {
  backends::BackendSettings& settings = counters_->backends[1].settings;
  settings.protocol = backends::Protocol::DoH;
  settings.order = 7;
  settings.socks5 =
      backends::Socks5Settings{*base::Endpoint::parse("127.0.0.1:9050", 1), "u", "secret"};
  const Status::Backend two = collect().backends[1];
  EXPECT_EQ(two.address, "192.0.2.1:853");
  EXPECT_EQ(two.protocol, "DoH");
  EXPECT_EQ(two.proxy, "127.0.0.1:9050");
  EXPECT_EQ(two.identity, "dns.example");
  EXPECT_EQ(two.order, 7u);
  EXPECT_THAT(two.pools, ElementsAre("", "spare"));
  EXPECT_THAT(collect().backends[0].pools, ElementsAre(""));
}

TEST_F(CollectStatus, TellsWhatABackendHasMet) {
  EXPECT_FALSE(collect().backends[0].last_failure);
  EXPECT_FALSE(collect().backends[0].last_check);
  EXPECT_FALSE(collect().backends[0].certificate_expiry);
  const backends::Date then = date(3);
  backend(0).ledgers[1].record.failed({backends::Failure::Certificate, "not for us"}, then);
  backend(0).ledgers[0].record.saw_certificate(backends::Date(seconds(2'000'000'000)), then);
  const Status::Backend one = collect().backends[0];
  EXPECT_EQ(one.last_failure->kind, "certificate");
  EXPECT_EQ(one.last_failure->text, "not for us");
  EXPECT_EQ(one.last_failure->at, kDate - 3);
  EXPECT_EQ(one.certificate_expiry, 2'000'000'000);
}

TEST_F(CollectStatus, TellsHowABackendStands) {
  const Status::Backend first = collect().backends[0];
  EXPECT_EQ(first.state, "healthy");
  EXPECT_EQ(first.mode, "lazy");
  EXPECT_EQ(first.said, "auto");
  EXPECT_TRUE(first.in_rotation);
  EXPECT_FALSE(first.up) << "no worker has a session or could have one yet";
  backend(0).ledgers[1].counters.up.set(1);
  EXPECT_TRUE(collect().backends[0].up);

  (void)backend(0).rotation.unreachable(backends::Failure::Connect, kStart + seconds(40));
  EXPECT_EQ(collect().backends[0].state, "doubted");
  EXPECT_EQ(collect().backends[0].since, kDate - 60);
  for (int i = 40; backend(0).rotation.up() && i < 90; ++i) {
    if (backend(0).rotation.check_due(kStart + seconds(i)))
      (void)backend(0).rotation.checked(backends::Failure::Deadline, kStart + seconds(i));
  }
  const Status::Backend failed = collect().backends[0];
  EXPECT_EQ(failed.state, "failed");
  EXPECT_FALSE(failed.in_rotation);
  EXPECT_FALSE(failed.up);
  EXPECT_EQ(failed.last_check->result, "deadline");
  EXPECT_LT(failed.last_check->at, kDate);
}

TEST_F(CollectStatus, TellsTheOperatorsWord) {
  (void)backend(0).rotation.set_override(Override::Down, kStart + seconds(30));
  (void)backend(1).rotation.set_override(Override::Up, kStart + seconds(30));
  const Status status = collect();
  EXPECT_EQ(status.backends[0].said, "down");
  EXPECT_EQ(status.backends[0].state, "down");
  EXPECT_EQ(status.backends[0].since, kDate - 70);
  EXPECT_EQ(status.backends[1].said, "up");
  EXPECT_EQ(status.backends[1].state, "up");
}

TEST_F(CollectStatus, TellsReloads) {
  reloads_.failed("dotline.yaml:1:1: wrong");
  EXPECT_EQ(collect().configuration.generation, 1u);
  EXPECT_EQ(collect().configuration.failed_reloads, 1u);
  EXPECT_EQ(collect().configuration.last_error, "dotline.yaml:1:1: wrong");
  reloads_.succeeded(date(1));
  EXPECT_EQ(collect().configuration.generation, 2u);
  EXPECT_EQ(collect().configuration.reloads, 1u);
  EXPECT_EQ(collect().configuration.loaded, kDate - 1);
  EXPECT_EQ(collect().configuration.last_error, "");
}

TEST_F(CollectStatus, TellsHowBusyCoresAre) {
  EXPECT_FALSE(collect().cores[0].busy);
  const auto turn = [this](uint64_t cycles, uint64_t busy) {
    cores_[0].cycles.add(cycles);
    cores_[0].busy_cycles.add(busy);
    loads_[0].look();
  };
  turn(1000, 1000);
  EXPECT_FALSE(collect().cores[0].busy) << "one look says nothing about now";
  turn(1000, 250);
  EXPECT_DOUBLE_EQ(*collect().cores[0].busy, 0.25);
  turn(0, 0);
  EXPECT_FALSE(collect().cores[0].busy) << "it does not turn";
  turn(100, 101);
  EXPECT_DOUBLE_EQ(*collect().cores[0].busy, 1);
  EXPECT_EQ(collect().cores[0].cycles, 2100u);
  EXPECT_EQ(collect().cores[1].cpu, 3u);
}

TEST(PoolsIn, AConfigurationHaveNames) {
  Config config;
  config.packet_caches = {{.name = "main"}};
  config.pools = {{.name = "", .packet_cache = 0},
                  {.name = "office",
                   .packet_cache = std::nullopt,
                   .policy = {.policy = backends::Policy::P2c},
                   .domains = {"corp.example"}}};
  config.backends.resize(2);
  config.backends[0].name = "one";
  config.backends[0].pools = {dns::PoolId{0}};
  config.backends[1].name = "two";
  config.backends[1].pools = {dns::PoolId{0}, dns::PoolId{1}};
  const std::vector<Status::Pool> pools = pools_in(config);
  ASSERT_EQ(pools.size(), 2u);
  EXPECT_EQ(pools[0].cache, "main");
  EXPECT_EQ(pools[0].policy, "leastOutstanding");
  EXPECT_THAT(pools[0].backends, ElementsAre("one", "two"));
  EXPECT_THAT(pools[0].domains, IsEmpty());
  EXPECT_FALSE(pools[1].cache);
  EXPECT_EQ(pools[1].policy, "p2c");
  EXPECT_THAT(pools[1].backends, ElementsAre("two"));
  EXPECT_THAT(pools[1].domains, ElementsAre("corp.example"));
}

/// As /healthz has it.
TEST_F(CollectStatus, OutOfReachUntilABackendWasReached) {
  sources_.bound_pools = {""};
  EXPECT_EQ(out_of_reach(sources_, kStart), "no backend is up");
  backend(0).ledgers[0].counters.handshakes_full.add();
  EXPECT_EQ(out_of_reach(sources_, kStart), "");
}

TEST_F(CollectStatus, OutOfReachIfAPoolThatIsBoundHasNobody) {
  backend(0).ledgers[0].counters.handshakes_full.add();
  sources_.bound_pools = {""};
  EXPECT_EQ(out_of_reach(sources_, kStart), "") << "only domains lead to the other pool";
  sources_.bound_pools = {"", "spare"};
  EXPECT_EQ(out_of_reach(sources_, kStart), "no backend of pool spare is up");
  (void)backend(1).rotation.set_override(Override::Down, kStart);
  EXPECT_EQ(out_of_reach(sources_, kStart), "no backend of pool spare is up");
}

TEST_F(CollectStatus, OutOfRotationIsNotOutOfReach) {
  sources_.bound_pools = {"spare"};
  backends::BackendSettings settings = counters_->backends[1].settings;
  settings.health.mode = backends::HealthSettings::Mode::Auto;
  auto shared = std::make_shared<backends::SharedBackend>(settings, 2, kStart);
  counters_->backends[1].shared = shared;
  shared->ledgers[1].counters.handshakes_resumed.add();
  base::Time now = kStart;
  for (; shared->rotation.up(); now += seconds(1)) {
    if (shared->rotation.check_due(now))
      (void)shared->rotation.checked(backends::Failure::Deadline, now);
  }
  EXPECT_EQ(out_of_reach(sources_, now), "no backend of pool spare is up");
  backends::Met met;
  met.note({backends::Sample::Answered, {1, 1}, now});
  (void)shared->rotation.sample(met, now);
  EXPECT_FALSE(shared->rotation.up()) << "checks alone decide";
  EXPECT_EQ(out_of_reach(sources_, now + seconds(1)), "");
  EXPECT_EQ(out_of_reach(sources_, now + seconds(61)), "no backend of pool spare is up");
}

}  // namespace
}  // namespace control
