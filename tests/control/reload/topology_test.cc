// Who has which number, who stays, and when those go who have left.
#include "control/reload/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include <filesystem>
#include <fstream>

#include "control/config/fixed_settings.h"
#include "control/reload/changes.h"
#include "dataplane/base/keyed_hash.h"
#include "tests/temporary_folder.h"
#include "tests/tls-workers/certificates.h"

namespace control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

backends::BackendSettings backend(const std::string& name, std::vector<dns::PoolId> pools = {{}}) {
  static const tests::Authority authority;
  backends::BackendSettings settings;
  settings.name = name;
  settings.address = *base::Endpoint::parse("127.0.0.1:853", 853);
  settings.subject_name = "dns.example";
  settings.ca_store = authority.file();
  settings.pools = std::move(pools);
  return settings;
}

Config usual() {
  Config config;
  config.binds = {{.address = *base::Endpoint::parse("192.0.2.1:53", 53), .pool = {}}};
  config.packet_caches = {{.name = "main", .size = 100}};
  config.pools = {{.name = "", .packet_cache = 0}};
  config.backends = {backend("one"), backend("two")};
  return config;
}

/// What clients are shown of `identity`.
server_tls::ServerTls shown(const tests::Identity& identity) {
  const auto written = [](auto write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    EXPECT_EQ(write(bio.get()), 1);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return std::string(text, static_cast<size_t>(size));
  };
  const std::string chain =
      written([&](BIO* bio) { return PEM_write_bio_X509(bio, identity.certificate.get()); });
  const std::string key = written([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, identity.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return {.certificates = {
              *server_tls::Certificate::parse(chain, key, std::chrono::system_clock::now())}};
}

/// No cores and no workers: what they would look at is looked at here.
class TopologyTest : public testing::Test {
 protected:
  TopologyTest() { base::draw_hash_secret(); }

  [[nodiscard]] base::Result<void, std::string> reload(const Config& config) {
    return topology_.reload(config, workers_);
  }
  /// After whoever has left is gone.
  void farewell() {
    topology_.tick(workers_, base::Clock::now() + Topology::kFarewell + base::seconds(1));
  }
  /// The names of backends by number, "" for a free one.
  [[nodiscard]] std::vector<std::string> numbers() const {
    std::vector<std::string> names;
    const auto configuration = topology_.configuration();
    for (const auto& known : configuration->backends)
      names.push_back(known.shared == nullptr ? "" : known.settings.name);
    return names;
  }
  [[nodiscard]] dns::PoolId pool_of_first_bind() const {
    return topology_.rules().load()->policy.binds.at(0).to.pool;
  }

  cache::Readers readers_{1};
  Topology::Workers workers_;
  Config config_ = usual();
  Topology topology_{{.workers = 1, .ports = {{}}, .readers = readers_}, config_};
};

TEST_F(TopologyTest, ABackendThatGoesLeavesLater) {
  config_.backends.erase(config_.backends.begin());
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_THAT(numbers(), ElementsAre("one", "two")) << "its queries may be under way";
  EXPECT_THAT(topology_.configuration()->backends[0].settings.pools, IsEmpty());
  ASSERT_EQ(topology_.backends().size(), 1u);
  EXPECT_EQ(topology_.backends()[0].settings.name, "two");
  farewell();
  EXPECT_THAT(numbers(), ElementsAre("", "two"));
  config_.backends.push_back(backend("three"));
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_THAT(numbers(), ElementsAre("three", "two"));
}

TEST_F(TopologyTest, WhatMattersToSessionsMakesAnotherBackend) {
  const auto shared = topology_.backends()[0].shared;
  config_.backends[0].weight = 9;
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_EQ(topology_.backends()[0].shared, shared);
  EXPECT_EQ(topology_.backends()[0].settings.weight, 9u);
  config_.backends[0].max_in_flight = 7;
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_NE(topology_.backends()[0].shared, shared);
  config_.backends[0].max_in_flight = usual().backends[0].max_in_flight;
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_EQ(topology_.backends()[0].shared, shared) << "back before it was gone";
}

TEST_F(TopologyTest, TheOperatorsWordOutlivesTheBackendThatHeardIt) {
  using Override = backends::Rotation::Override;
  const auto rotation = [&]() -> backends::Rotation& {
    return topology_.backends()[0].shared->rotation;
  };
  (void)rotation().set_override(Override::Down, base::Clock::now());
  config_.backends[0].max_in_flight = 7;
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_EQ(rotation().current_override(), Override::Down);
  EXPECT_TRUE(rotation().barred());
  EXPECT_EQ(topology_.backends()[1].shared->rotation.current_override(), Override::Auto);
  (void)rotation().set_override(Override::Auto, base::Clock::now());
  config_.backends[0].max_in_flight = usual().backends[0].max_in_flight;
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_EQ(rotation().current_override(), Override::Auto)
      << "the one that is back was held down before";
}

TEST_F(TopologyTest, AnotherTrustStoreMakesAnotherBackend) {
  const std::filesystem::path folder = tests::make_temporary_folder("topology");
  const std::string store = folder / "ca.pem";
  const auto copy = [&](const tests::Authority& authority) {
    std::ifstream from(authority.file());
    std::ofstream(store) << from.rdbuf();
  };
  copy(tests::Authority());
  for (backends::BackendSettings& settings : config_.backends) settings.ca_store = store;
  ASSERT_TRUE(reload(config_).has_value());
  const auto shared = topology_.backends()[0].shared;
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_EQ(topology_.backends()[0].shared, shared);
  copy(tests::Authority());
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_NE(topology_.backends()[0].shared, shared) << "the same file with other authorities";
  std::filesystem::remove_all(folder);
}

TEST_F(TopologyTest, StreamsAreServedAtEveryBindAndUdpAtSome) {
  const tests::Identity identity = tests::issue(nullptr, {});
  EXPECT_EQ(topology_.front_rules().load()->places.size(), 1u);
  config_.binds.push_back({.address = *base::Endpoint::parse("192.0.2.1:853", 853),
                           .protocol = Protocol::DoT,
                           .tls = shown(identity)});
  config_.stream_limits.max_in_flight_queries = 7;
  config_.acl = {*base::Prefix::parse("192.0.2.0/24")};
  ASSERT_TRUE(reload(config_).has_value());
  const frontend::Rules& fronts = *topology_.front_rules().load();
  ASSERT_EQ(fronts.places.size(), 2u);
  EXPECT_EQ(fronts.places[0].transport, rules::Transport::Tcp);
  EXPECT_EQ(fronts.places[0].tls, nullptr);
  EXPECT_EQ(fronts.places[1].transport, rules::Transport::Dot);
  EXPECT_NE(fronts.places[1].tls, nullptr);
  EXPECT_EQ(fronts.policy.binds[1].address, config_.binds[1].address);
  EXPECT_TRUE(fronts.policy.acl.contains(*base::IpAddress::parse("192.0.2.9")));
  EXPECT_EQ(fronts.limits.max_in_flight_queries, 7u);
  EXPECT_EQ(topology_.rules().load()->policy.binds.size(), 1u);
}

TEST_F(TopologyTest, APoolKeepsItsNumberAndNoOtherGetsIt) {
  const dns::PoolId first = pool_of_first_bind();
  config_.pools = {{.name = "other", .packet_cache = 0}, {.name = "", .packet_cache = 0}};
  config_.binds[0].pool = dns::PoolId{1};
  config_.backends = {backend("one", {dns::PoolId{1}}), backend("two", {dns::PoolId{0}})};
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_EQ(pool_of_first_bind(), first) << "its name is the same, wherever it is listed";
  const std::vector<dns::PoolId> of_two = topology_.backends()[1].settings.pools;
  EXPECT_THAT(of_two, testing::Contains(testing::Ne(first)));

  config_.pools = {{.name = "third", .packet_cache = 0}};
  config_.binds[0].pool = dns::PoolId{0};
  config_.backends = {backend("one")};
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_NE(pool_of_first_bind(), first);
  EXPECT_EQ(std::ranges::find(of_two, pool_of_first_bind()), of_two.end());
}

TEST_F(TopologyTest, APoolThatLeavesIsServedUntilItIsGone) {
  const dns::PoolId left = pool_of_first_bind();
  config_.pools = {{.name = "other", .packet_cache = 0}};
  config_.backends = {backend("one")};
  ASSERT_TRUE(reload(config_).has_value());
  const auto serves = [&](const std::string& name) {
    const auto configuration = topology_.configuration();
    for (const auto& known : configuration->backends) {
      if (known.settings.name == name) {
        const auto& pools = known.settings.pools;
        return std::ranges::find(pools, left) != pools.end();
      }
    }
    return false;
  };
  EXPECT_TRUE(serves("one"));
  EXPECT_TRUE(serves("two"));
  EXPECT_NE(topology_.configuration()->pools[static_cast<size_t>(left)].cache, nullptr);
  farewell();
  EXPECT_FALSE(serves("one"));
  EXPECT_EQ(topology_.configuration()->pools[static_cast<size_t>(left)].cache, nullptr);
}

TEST_F(TopologyTest, ACacheGoesOnUnlessItsSizeChanges) {
  const auto before = topology_.caches().at(0);
  config_.packet_caches[0].limits.max_ttl = 5;
  config_.packet_caches[0].staleness.max_stale = 6;
  config_.packet_caches[0].prefetch = false;
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_EQ(topology_.caches().at(0).cache, before.cache);
  EXPECT_EQ(topology_.configuration()->pools.at(0).limits.max_ttl, 5u);
  EXPECT_EQ(topology_.configuration()->pools.at(0).staleness.max_stale, 6u);
  EXPECT_FALSE(topology_.configuration()->pools.at(0).prefetch);
  config_.packet_caches[0].size = 200;
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_NE(topology_.caches().at(0).cache, before.cache);
  EXPECT_EQ(topology_.caches().at(0).index, before.index) << "its hits go on being counted";
  farewell();
  farewell();
  EXPECT_EQ(before.cache.use_count(), 1) << "nobody but this test has the old one";
}

TEST_F(TopologyTest, AnErrorChangesNothing) {
  const auto* rules = topology_.rules().load();
  config_.acl = {*base::Prefix::parse("192.0.2.0/24")};
  config_.binds[0].protocol = Protocol::DoT;
  config_.binds[0].tls = shown(tests::Authority().issue({}));
  config_.binds[0].tls->offer.ciphers = "what no OpenSSL has heard of";
  const auto done = reload(config_);
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error(), HasSubstr("TLS for clients"));
  EXPECT_EQ(topology_.rules().load(), rules);
  EXPECT_THAT(numbers(), ElementsAre("one", "two"));
}

TEST_F(TopologyTest, AStoreThatCannotBeReadKeepsNobodyElseOut) {
  config_.acl = {*base::Prefix::parse("192.0.2.0/24")};
  const std::string store = config_.backends[1].ca_store;
  config_.backends[1].ca_store = "/nonexistent/ca.pem";
  const auto before = topology_.backends();
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_EQ(topology_.backends().at(0).shared, before.at(0).shared);
  EXPECT_NE(topology_.backends().at(1).shared, before.at(1).shared);
}

TEST_F(TopologyTest, ABindWithoutACertificateTurnsItsClientsAway) {
  config_.binds[0].protocol = Protocol::DoT;
  config_.binds[0].tls.emplace();
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_TRUE(topology_.front_rules().load()->places.at(0).is_off);
  config_.binds[0].tls = shown(tests::Authority().issue({}));
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_FALSE(topology_.front_rules().load()->places.at(0).is_off);
  EXPECT_NE(topology_.front_rules().load()->places.at(0).tls, nullptr);
}

TEST_F(TopologyTest, NamesRunOutAndThatIsSaid) {
  for (int i = 0; i < 300; ++i) {
    config_.pools[0].name = "pool" + std::to_string(i);
    const auto done = reload(config_);
    if (done) continue;
    EXPECT_GE(i, 255);
    EXPECT_THAT(done.error(), HasSubstr("restart"));
    config_.pools[0].name = "";
    EXPECT_TRUE(reload(config_).has_value()) << "an old name is still good";
    return;
  }
  FAIL() << "no end";
}

TEST_F(TopologyTest, ReloadsInARowAreBounded) {
  bool refused = false;
  for (uint32_t i = 0; i < 2000 && !refused; ++i) {
    for (backends::BackendSettings& settings : config_.backends) settings.max_in_flight = i + 1;
    const auto done = reload(config_);
    refused = !done.has_value();
    if (refused) {
      EXPECT_THAT(done.error(), HasSubstr("still leaving"));
    }
  }
  EXPECT_TRUE(refused);
  farewell();
  EXPECT_TRUE(reload(config_).has_value());
}

// ---------------------------------------------------------------- cookies

constexpr uint32_t kWallNow = 1'700'000'000;
const base::IpAddress kAsker = *base::IpAddress::parse("192.0.2.7");

rules::Cookies::Judged judged_by(const Topology& topology, base::ByteView cookie) {
  return topology.rules().load()->policy.cookies.judge(cookie, kAsker, kWallNow);
}

TEST_F(TopologyTest, CookiesOutliveAReload) {
  const std::array<std::byte, rules::kClientCookie> client{};
  const rules::Cookies::Judged first = judged_by(topology_, client);
  ASSERT_EQ(first.reply.bytes().size(), rules::kCookieSize);
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_EQ(judged_by(topology_, first.reply.bytes()).sender, rules::Sender::Proven);

  config_.cookies.secrets = {rules::CookieSecret{}};
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_EQ(judged_by(topology_, first.reply.bytes()).sender, rules::Sender::HasCookies)
      << "another secret";

  config_.cookies.enabled = false;
  config_.rate_limit.per_second = {5, 5, 5};
  ASSERT_TRUE(reload(config_).has_value());
  EXPECT_FALSE(topology_.rules().load()->policy.cookies.on());
  EXPECT_TRUE(topology_.rules().load()->policy.rate_limit.on());
}

// ---------------------------------------------------------------- what needs a restart

TEST(KeepFixedSettings, PutsBackAndTells) {
  const Config running = usual();
  Config next = usual();
  next.eal.memory_megabytes = 99;
  next.max_misses_per_client = 9;
  next.tls_workers.threads = 7;
  next.tls_workers.hedging = true;
  next.control_socket = "/elsewhere";
  next.acl = {*base::Prefix::parse("192.0.2.0/24")};
  const auto kept = keep_fixed_settings(running, next);
  ASSERT_TRUE(kept.has_value());
  EXPECT_THAT(*kept, ElementsAre(HasSubstr("dataplane.memory"),
                                 HasSubstr("dataplane.max_misses_per_client"),
                                 HasSubstr("tls_workers.threads"), HasSubstr("control.socket")));
  EXPECT_EQ(next.eal.memory_megabytes, running.eal.memory_megabytes);
  EXPECT_EQ(next.tls_workers.threads, running.tls_workers.threads);
  EXPECT_TRUE(next.tls_workers.hedging);
  EXPECT_EQ(next.acl.size(), 1u);
}

TEST(KeepFixedSettings, AnAddressStaysAndSoDoesItsPool) {
  const Config running = usual();
  Config next = usual();
  next.pools = {{.name = "new"}, {.name = ""}};
  next.binds = {{.address = *base::Endpoint::parse("192.0.2.2:53", 53), .pool = dns::PoolId{0}}};
  const auto kept = keep_fixed_settings(running, next);
  ASSERT_TRUE(kept.has_value());
  EXPECT_THAT(*kept, ElementsAre(HasSubstr("192.0.2.1:53 needs a restart to go away"),
                                 HasSubstr("192.0.2.2:53 needs a restart to answer")));
  ASSERT_EQ(next.binds.size(), 1u);
  EXPECT_EQ(next.binds[0].address, running.binds[0].address);
  EXPECT_EQ(next.binds[0].pool, dns::PoolId{1}) << "the pool of the same name";
}

TEST(KeepFixedSettings, AnAddressWhosePoolIsGoneIsAnError) {
  Config next = usual();
  next.pools = {{.name = "new"}};
  next.binds = {};
  EXPECT_FALSE(keep_fixed_settings(usual(), next).has_value());
}

TEST(KeepFixedSettings, AProtocolStaysAndLimitsOfStreamsDoNot) {
  Config running = usual();
  running.binds.push_back({.address = *base::Endpoint::parse("192.0.2.1:853", 853),
                           .protocol = Protocol::DoT,
                           .tls = server_tls::ServerTls{}});
  Config next = running;
  next.binds[1].protocol = Protocol::DoH;
  next.stream_limits.listen_queue_size = 7;
  next.stream_limits.idle_timeout = base::seconds{7};
  const auto kept = keep_fixed_settings(running, next);
  ASSERT_TRUE(kept.has_value());
  EXPECT_THAT(*kept, ElementsAre(HasSubstr("listen_queue_size"),
                                 HasSubstr("192.0.2.1:853 needs a restart to go away"),
                                 HasSubstr("192.0.2.1:853 needs a restart to answer")));
  ASSERT_EQ(next.binds.size(), 2u);
  EXPECT_EQ(next.binds[1].protocol, Protocol::DoT);
  EXPECT_EQ(next.stream_limits.listen_queue_size, running.stream_limits.listen_queue_size);
  EXPECT_EQ(next.stream_limits.idle_timeout, base::seconds{7});
}

// ---------------------------------------------------------------- what has changed

TEST(ChangesBetween, NamesEachThingOnce) {
  const Config before = usual();
  EXPECT_THAT(changes_between(before, before), IsEmpty());
  Config after = usual();
  after.backends[0].weight = 2;
  after.backends[1].name = "renamed";
  after.packet_caches[0].size = 7;
  after.acl = {*base::Prefix::parse("192.0.2.0/24")};
  after.pools[0].domains = {"corp.example"};
  EXPECT_THAT(
      changes_between(before, after),
      ElementsAre(
          HasSubstr("backend one: 127.0.0.1:853 over TLS, as dns.example (changed: weight)"),
          HasSubstr("backend renamed"), "backend two is gone", "pool \"\" (changed: domains)",
          "packet cache main: 7 entries (changed: size)", "acl: changed"));
}

TEST(ChangesBetween, ComparesPoolsByName) {
  const Config before = usual();
  Config after = usual();
  after.pools = {{.name = "first", .packet_cache = 0}, {.name = "", .packet_cache = 0}};
  after.binds[0].pool = dns::PoolId{1};
  for (backends::BackendSettings& settings : after.backends) settings.pools = {dns::PoolId{1}};
  EXPECT_THAT(changes_between(before, after), ElementsAre("pool \"first\" (new)"));
}

}  // namespace
}  // namespace control
