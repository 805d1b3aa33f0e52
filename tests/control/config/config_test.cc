// Good configurations: every value and every default; and several errors at once.
#include "control/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "dataplane/poll/counters.h"
#include "tests/control/config/config_rig.h"
#include "tests/temporary_folder.h"

namespace control {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

dns::PoolId pool(uint8_t index) { return dns::PoolId{index}; }

TEST(MinimalConfig, NeedsNoMoreThanThreeSettings) {
  EXPECT_THAT(warnings_of(config_of(minimal())), IsEmpty());
}

TEST(MinimalConfig, HasTheDocumentedDataplane) {
  const Config config = config_of(minimal());
  EXPECT_THAT(config.eal.cores, ElementsAre(2));
  EXPECT_EQ(config.idle, poll::Idle::Sleep);
  EXPECT_EQ(config.eal.memory_megabytes, 512u);
  EXPECT_EQ(config.eal.hugepages, ports::Hugepages::Auto);
  ASSERT_THAT(config.eal.ports, SizeIs(1));
  const ports::PortSettings& port = config.eal.ports[0];
  EXPECT_EQ(port.kind, ports::DeviceKind::AfXdp);
  EXPECT_EQ(port.target, "eth0");
  EXPECT_EQ(port.device, "af_xdp:eth0");
  EXPECT_EQ(port.queues, 1);
  EXPECT_EQ(port.vlan, 0);
  EXPECT_TRUE(port.verify_checksum);
  EXPECT_EQ(port.exception, ports::Exception::Kernel);
}

TEST(MinimalConfig, AnswersOnPort53FromTheDefaultPool) {
  const Config config = config_of(minimal());
  ASSERT_THAT(config.binds, SizeIs(1));
  EXPECT_EQ(config.binds[0].address.text(), "192.0.2.53:53");
  EXPECT_EQ(config.binds[0].pool, pool(0));
  EXPECT_THAT(config.eal.binds, ElementsAre(config.binds[0].address));
}

TEST(MinimalConfig, LetsClientsTakeWhatTheManualSays) {
  EXPECT_EQ(config_of(minimal()).stream_limits, frontend::Limits{});
}

TEST(Config, ReadsWhatClientsMayTakeOverStreams) {
  const frontend::Limits limits =
      config_of(minimal("tuning: {tcp: {max_concurrent_connections: 1, max_connections_per_client: "
                        "2, max_queries_per_connection: 3, max_in_flight_queries: 4, "
                        "listen_queue_size: 5, connections_overload_threshold: 6, "
                        "max_connection_duration: 7, receive_timeout: 8, send_timeout: 9, "
                        "idle_timeout: 10}}\n"))
          .stream_limits;
  const frontend::Limits expected{.max_concurrent_connections = 1,
                                  .max_connections_per_client = 2,
                                  .max_queries_per_connection = 3,
                                  .max_in_flight_queries = 4,
                                  .listen_queue_size = 5,
                                  .connections_overload_threshold = 6,
                                  .max_connection_duration = base::seconds{7},
                                  .receive_timeout = base::seconds{8},
                                  .send_timeout = base::seconds{9},
                                  .idle_timeout = base::seconds{10}};
  EXPECT_EQ(limits, expected);
}

TEST(MinimalConfig, LetsLocalNetworksAsk) {
  std::vector<std::string> blocks;
  for (const base::Prefix& block : config_of(minimal()).acl) blocks.push_back(block.text());
  EXPECT_THAT(blocks, testing::UnorderedElementsAre(
                          "127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                          "fc00::/7", "169.254.0.0/16", "fe80::/10", "100.64.0.0/10"));
}

TEST(MinimalConfig, HasOneCacheAndOnePool) {
  const Config config = config_of(minimal());
  ASSERT_THAT(config.packet_caches, SizeIs(1));
  const PacketCache& cache = config.packet_caches[0];
  EXPECT_EQ(cache.name, "main");
  EXPECT_EQ(cache.size, 1'000'000u);
  EXPECT_EQ(cache.limits.max_ttl, 86400u);
  EXPECT_EQ(cache.limits.min_ttl, 0u);
  EXPECT_EQ(cache.limits.max_negative_ttl, 3600u);
  EXPECT_EQ(cache.limits.temporary_failure_ttl, 5u);
  EXPECT_EQ(cache.staleness.max_stale, 86400u);
  EXPECT_EQ(cache.staleness.stale_ttl, 30u);
  EXPECT_TRUE(cache.prefetch);
  EXPECT_FALSE(cache.nxdomain_cut);
  ASSERT_THAT(config.pools, SizeIs(1));
  EXPECT_EQ(config.pools[0].name, "");
  EXPECT_EQ(config.pools[0].packet_cache, 0u);
  EXPECT_EQ(config.pools[0].policy.policy, backends::Policy::LeastOutstanding);
  EXPECT_EQ(config.pools[0].policy.balancing_factor, 0);
}

TEST(MinimalConfig, HasTheDocumentedBackend) {
  const Config config = config_of(minimal());
  ASSERT_THAT(config.backends, SizeIs(1));
  const backends::BackendSettings& backend = config.backends[0];
  EXPECT_EQ(backend.name, "192.0.2.1:853");
  EXPECT_EQ(backend.address.text(), "192.0.2.1:853");
  EXPECT_EQ(backend.subject_name, "a.example");
  EXPECT_EQ(backend.subject_address, "");
  EXPECT_EQ(backend.ca_store, "");
  EXPECT_EQ(backend.order, 1u);
  EXPECT_EQ(backend.weight, 1u);
  EXPECT_EQ(backend.queries_per_second, 0u);
  EXPECT_THAT(backend.pools, ElementsAre(pool(0)));
  EXPECT_EQ(backend.max_in_flight, 200u);
  EXPECT_EQ(backend.query_timeout, base::milliseconds(1500));
  EXPECT_EQ(backend.idle_timeout, base::milliseconds(8000));
}

TEST(MinimalConfig, HasTheDocumentedHealthChecks) {
  const backends::HealthSettings health = config_of(minimal()).backends.at(0).health;
  EXPECT_EQ(health.mode, backends::HealthSettings::Mode::Lazy);
  EXPECT_EQ(health.qname, backends::usual_check_name());
  EXPECT_EQ(health.qname.size(), 20u);
  EXPECT_EQ(health.qtype, dns::Type::A);
  EXPECT_FALSE(health.random_label);
  EXPECT_EQ(health.interval, base::seconds(1));
  EXPECT_EQ(health.timeout, base::milliseconds(1000));
  EXPECT_EQ(health.max_failures, 3u);
  EXPECT_EQ(health.rise, 2u);
  EXPECT_EQ(health.lazy.interval, base::seconds(30));
  EXPECT_EQ(health.lazy.threshold, 30u);
  EXPECT_EQ(health.lazy.sample_size, 100u);
  EXPECT_EQ(health.lazy.min_sample_count, 10u);
  EXPECT_EQ(health.lazy.failing, backends::HealthSettings::Failing::TimeoutOnly);
  EXPECT_FALSE(health.lazy.exponential_back_off);
  EXPECT_EQ(health.lazy.max_back_off, base::seconds(3600));
  EXPECT_TRUE(health.lazy.strict);
}

TEST(MinimalConfig, HasTheDocumentedRest) {
  const Config config = config_of(minimal());
  EXPECT_EQ(config.tls_workers.threads, 1u);
  EXPECT_THAT(config.tls_workers.cpus, ElementsAre(0, 1));
  EXPECT_EQ(config.tls_workers.sessions_per_backend, 2u);
  EXPECT_FALSE(config.tls_workers.hedging);
  EXPECT_EQ(config.metrics_address.text(), "127.0.0.1:9153");
  EXPECT_EQ(config.control_socket, "/run/dotline/dotline.sock");
  EXPECT_EQ(config.log_level, LogLevel::Info);
  EXPECT_TRUE(config.cookies.enabled);
  EXPECT_FALSE(config.cookies.require_server_cookie);
  EXPECT_THAT(config.cookies.secrets, IsEmpty()) << "one is drawn";
  EXPECT_FALSE(config.rate_limit.on());
  EXPECT_EQ(config.rate_limit.slip, 2u);
  EXPECT_EQ(config.max_misses_per_client, 1000u);
}

TEST(MinimalConfig, SharesTheOnlyCpuThereIs) {
  const Config config = config_of(minimal(), {{0, 1}, {1}});
  EXPECT_THAT(config.eal.cores, ElementsAre(1));
  EXPECT_THAT(config.tls_workers.cpus, IsEmpty());
}

constexpr const char* kEverything = R"(
dataplane:
  cores: [1, 2]
  idle: busy
  max_misses_per_client: 50
  memory: 2G
  hugepages: require
  ports:
    - device: pci:0000:03:00.0
      queues: 2
      exception: none
      vlan: 4094
      verify_checksum: false
    - {device: "vdev:net_pcap0,rx_pcap=a b.pcap,infinite_rx=1", exception: tap:dns0}
    - {device: af_packet:veth-1}
binds:
  - {address: 192.0.2.53:5353, protocol: Do53, cache: small}
  - {address: "[2001:db8::53]:53"}
acl: [192.0.2.0/24, "2001:db8::/32", 198.51.100.7]
cookies: {enabled: true, require_server_cookie: true}
rate_limit:
  responses_per_second: 20
  nxdomains_per_second: 10
  slip: 3
  ipv4_prefix_length: 28
  ipv6_prefix_length: 48
  exempt: [192.0.2.0/28]
  log_only: true
packet_caches:
  - {name: main, size: 5000, nxdomain_cut: true}
  - name: small
    size: 8
    max_ttl: 600
    min_ttl: 2
    max_negative_ttl: 60
    temporary_failure_ttl: 300
    max_stale: 0
    stale_ttl: 60
    prefetch: false
tls_workers: {threads: 3, cpus: [0, 2], sessions_per_backend: 4, hedging: true}
backends:
  - name: one
    address: 192.0.2.1:8853
    protocol: DoT
    tls: {subject_name: dns.example}
    order: 2
    weight: 7
    queries_per_second: 250
    pools: ["", second]
    max_in_flight: 65535
    query_timeout: 900
    idle_timeout: 30000
    health_checks:
      mode: auto
      qname: Check_1.example
      qtype: AAAA
      random_label: true
      interval: 5
      timeout: 700
      max_failures: 2
      rise: 4
      lazy: {interval: 20, threshold: 50, sample_size: 200, min_sample_count: 3, mode: TimeoutOrServFail,
             use_exponential_back_off: true, max_back_off: 600, strict: false}
  - address: 2001:db8::1
    tls: {subject_address: "2001:DB8:0::1"}
pools:
  - {name: "", packet_cache: main, policy: leastOutstanding}
  - {name: second, packet_cache: small}
load_balancing_policies: {default_policy: leastOutstanding}
metrics: {address: "127.0.0.2:9999"}
control: {socket: /run/other.sock}
logging: {level: debug}
local_names: {home_arpa: false, local: true}
)";

TEST(FullConfig, ReadsTheDataplane) {
  const Config config = config_of(kEverything);
  EXPECT_THAT(config.eal.cores, ElementsAre(1, 2));
  EXPECT_EQ(config.idle, poll::Idle::Busy);
  EXPECT_EQ(config.eal.memory_megabytes, 2048u);
  EXPECT_EQ(config.eal.hugepages, ports::Hugepages::Require);
  ASSERT_THAT(config.eal.ports, SizeIs(3));
  EXPECT_EQ(config.eal.ports[0].kind, ports::DeviceKind::Pci);
  EXPECT_EQ(config.eal.ports[0].target, "0000:03:00.0");
  EXPECT_EQ(config.eal.ports[0].queues, 2);
  EXPECT_EQ(config.eal.ports[0].exception, ports::Exception::None);
  EXPECT_EQ(config.eal.ports[0].vlan, 4094);
  EXPECT_FALSE(config.eal.ports[0].verify_checksum);
  EXPECT_EQ(config.eal.ports[1].kind, ports::DeviceKind::Vdev);
  EXPECT_EQ(config.eal.ports[1].target, "net_pcap0,rx_pcap=a b.pcap,infinite_rx=1");
  EXPECT_EQ(config.eal.ports[1].exception, ports::Exception::Tap);
  EXPECT_EQ(config.eal.ports[1].tap, "dns0");
  EXPECT_EQ(config.eal.ports[1].queues, 2) << "as many as cores";
  EXPECT_EQ(config.eal.ports[2].kind, ports::DeviceKind::AfPacket);
  EXPECT_EQ(config.eal.ports[2].exception, ports::Exception::Kernel);
}

TEST(FullConfig, ReadsHealthChecks) {
  const backends::HealthSettings health = config_of(kEverything).backends.at(0).health;
  EXPECT_EQ(health.mode, backends::HealthSettings::Mode::Auto);
  std::string name;
  for (const std::byte octet : health.qname) name += static_cast<char>(octet);
  EXPECT_EQ(name, std::string("\7Check_1\7example\0", 17));
  EXPECT_EQ(health.qtype, dns::Type::Aaaa);
  EXPECT_TRUE(health.random_label);
  EXPECT_EQ(health.interval, base::seconds(5));
  EXPECT_EQ(health.timeout, base::milliseconds(700));
  EXPECT_EQ(health.max_failures, 2u);
  EXPECT_EQ(health.rise, 4u);
  EXPECT_EQ(health.lazy.interval, base::seconds(20));
  EXPECT_EQ(health.lazy.threshold, 50u);
  EXPECT_EQ(health.lazy.sample_size, 200u);
  EXPECT_EQ(health.lazy.min_sample_count, 3u);
  EXPECT_EQ(health.lazy.failing, backends::HealthSettings::Failing::TimeoutOrServFail);
  EXPECT_TRUE(health.lazy.exponential_back_off);
  EXPECT_EQ(health.lazy.max_back_off, base::seconds(600));
  EXPECT_FALSE(health.lazy.strict);
}

TEST(HealthChecks, MayAskForTheRoot) {
  const Config config = config_of(minimal_with_checks("{qname: .}"));
  EXPECT_EQ(config.backends.at(0).health.qname, std::vector<std::byte>{std::byte{0}});
}

TEST(FullConfig, ReadsClients) {
  const Config config = config_of(kEverything);
  ASSERT_THAT(config.binds, SizeIs(2));
  EXPECT_EQ(config.binds[0].address.text(), "192.0.2.53:5353");
  EXPECT_EQ(config.binds[0].pool, pool(1)) << "the pool whose cache is `small`";
  EXPECT_EQ(config.binds[1].address.text(), "[2001:db8::53]:53");
  EXPECT_EQ(config.binds[1].pool, pool(0));
  ASSERT_THAT(config.acl, SizeIs(3));
  EXPECT_EQ(config.acl[2].text(), "198.51.100.7/32");
  EXPECT_FALSE(config.local_names[static_cast<size_t>(rules::LocalName::HomeArpa)]);
  EXPECT_FALSE(config.local_names[static_cast<size_t>(rules::LocalName::Ipv4OnlyArpa)]);
  EXPECT_EQ(config.local_names.count(), config.local_names.size() - 2) << "the others by default";
}

TEST(Binds, MayNameTheirPoolsWhateverCachesThoseUse) {
  const Config config = config_of(
      std::string(kPorts) +
      "binds: [{address: 192.0.2.53}, {address: 192.0.2.54, pool: b}, {address: 192.0.2.55, pool: "
      "c}, "
      "{address: 192.0.2.56, pool: ''}]\n"
      "backends: [{address: 192.0.2.1, pools: ['', b, c], tls: {subject_name: a.example}}]\n"
      "packet_caches: [{name: main}]\n"
      "pools: [{name: '', packet_cache: main}, {name: b, packet_cache: main}, {name: c}]\n");
  ASSERT_THAT(config.binds, SizeIs(4));
  EXPECT_EQ(config.binds[0].pool, pool(0));
  EXPECT_EQ(config.binds[1].pool, pool(1));
  EXPECT_EQ(config.binds[2].pool, pool(2));
  EXPECT_EQ(config.binds[3].pool, pool(0));
}

TEST(FullConfig, ReadsWhatIsAgainstAttacks) {
  const Config config = config_of(kEverything);
  EXPECT_EQ(config.max_misses_per_client, 50u);
  EXPECT_TRUE(config.cookies.enabled);
  EXPECT_TRUE(config.cookies.require_server_cookie);
  const rules::RateLimit& limit = config.rate_limit;
  EXPECT_TRUE(limit.on());
  EXPECT_EQ(limit.limit_of(rules::ReplyKind::Answer), 20u);
  EXPECT_EQ(limit.limit_of(rules::ReplyKind::NxDomain), 10u);
  EXPECT_EQ(limit.limit_of(rules::ReplyKind::Error), 20u) << "as responses_per_second";
  EXPECT_EQ(limit.slip, 3u);
  EXPECT_EQ(limit.ipv4_prefix_length, 28u);
  EXPECT_EQ(limit.ipv6_prefix_length, 48u);
  EXPECT_TRUE(limit.log_only);
  EXPECT_TRUE(limit.exempt.contains(*base::IpAddress::parse("192.0.2.15")));
  EXPECT_FALSE(limit.exempt.contains(*base::IpAddress::parse("192.0.2.16")));
}

TEST(Cookies, HaveTheirSecretsInAFile) {
  const std::filesystem::path folder = tests::make_temporary_folder("cookies");
  const std::string file = folder / "secrets";
  struct Case {
    const char* name;
    std::string text;
    size_t secrets;
    const char* fault;
  };
  const std::string one = "e5e973e5a6b2a43f48e7dc849e37bfcf", other(32, 'A');
  for (const Case& c : {
           Case{"one", one + "\n", 1, nullptr},
           Case{"without_a_line_end", one, 1, nullptr},
           Case{"two_and_what_does_not_count", "# new\n\n  " + other + "\t\r\n" + one + "\n", 2,
                nullptr},
           Case{"none", "# nothing\n", 0, "has no secret in it"},
           Case{"empty", "", 0, "has no secret in it"},
           Case{"short", one + "\n" + one.substr(1) + "\n", 0, "line 2 of it is no secret"},
           Case{"long", one + "0\n", 0, "line 1 of it is no secret"},
           Case{"no_digits", std::string(32, 'g'), 0, "expected 32 hexadecimal digits"},
           Case{"nine",
                [&] {
                  std::string text;
                  for (int i = 0; i < 9; ++i) text += one + "\n";
                  return text;
                }(),
                0, "has more than 8 secrets"},
       }) {
    SCOPED_TRACE(c.name);
    std::ofstream(file) << c.text;
    const std::string yaml = minimal("cookies: {secret_file: " + file + "}\n");
    if (c.fault == nullptr) {
      const Config config = config_of(yaml);
      ASSERT_THAT(config.cookies.secrets, SizeIs(c.secrets));
      EXPECT_EQ(config.cookies.secrets.back().front(), std::byte{0xE5});
    } else {
      const Config config = config_of(yaml);
      ASSERT_THAT(config.off, SizeIs(1));
      EXPECT_THAT(config.off[0], testing::HasSubstr(c.fault));
      EXPECT_THAT(config.off[0], testing::Not(testing::HasSubstr("e5e973"))) << "a secret";
      EXPECT_THAT(config.off[0], testing::StartsWith("test.yaml:4:"));
      EXPECT_THAT(config.cookies.secrets, SizeIs(0)) << "one is drawn";
    }
  }
  std::filesystem::remove_all(folder);
}

TEST(FullConfig, ReadsCachesAndPools) {
  const Config config = config_of(kEverything);
  ASSERT_THAT(config.packet_caches, SizeIs(2));
  EXPECT_EQ(config.packet_caches[0].size, 5000u);
  EXPECT_EQ(config.packet_caches[1].size, 8u);
  EXPECT_EQ(config.packet_caches[1].limits.max_ttl, 600u);
  EXPECT_EQ(config.packet_caches[1].limits.min_ttl, 2u);
  EXPECT_EQ(config.packet_caches[1].limits.max_negative_ttl, 60u);
  EXPECT_EQ(config.packet_caches[1].limits.temporary_failure_ttl, 300u);
  EXPECT_EQ(config.packet_caches[1].staleness.max_stale, 0u);
  EXPECT_EQ(config.packet_caches[1].staleness.stale_ttl, 60u);
  EXPECT_FALSE(config.packet_caches[1].prefetch);
  EXPECT_TRUE(config.packet_caches[0].nxdomain_cut);
  ASSERT_THAT(config.pools, SizeIs(2));
  EXPECT_EQ(config.pools[1].name, "second");
  EXPECT_EQ(config.pools[1].packet_cache, 1u);
}

TEST(Policies, AreThePoolsOwnOrTheDefault) {
  const Config config = config_of(minimal(
      "load_balancing_policies: {default_policy: p2c}\n"
      "pools: [{name: ''}, {name: a, policy: firstAvailable}, {name: b, policy: roundrobin}]\n"));
  EXPECT_EQ(config.pools[0].policy.policy, backends::Policy::P2c);
  EXPECT_EQ(config.pools[1].policy.policy, backends::Policy::FirstAvailable);
  EXPECT_EQ(config.pools[2].policy.policy, backends::Policy::RoundRobin);
}

TEST(Policies, HaveTheFactorOfTheirKind) {
  const Config config = config_of(
      minimal("load_balancing_policies:\n"
              "  {weighted_balancing_factor: 1.5, consistent_hashing_balancing_factor: 1.25}\n"
              "pools: [{name: ''}, {name: a, policy: wrandom}, {name: b, policy: whashed},\n"
              "        {name: c, policy: chashed}]\n"));
  EXPECT_EQ(config.pools[0].policy.balancing_factor, 0);
  EXPECT_EQ(config.pools[1].policy.balancing_factor, 1.5);
  EXPECT_EQ(config.pools[2].policy.balancing_factor, 1.5);
  EXPECT_EQ(config.pools[3].policy.balancing_factor, 1.25);
}

/// Two pools; what `second` adds to the second one begins in column 44 of line 4.
std::string split(const std::string& second) {
  return std::string(kPorts) +
         "binds: [{address: 192.0.2.53}]\n"
         "backends: [{address: 192.0.2.1, tls: {subject_name: a.example}, pools: ['', corp]}]\n"
         "pools: [{name: '', packet_cache: main}, {name: corp, packet_cache: main, " +
         second + "}]\n";
}

TEST(Domains, AreLowerCaseWithoutAFinalDot) {
  const Config config = config_of(split("domains: [Corp.EXAMPLE., 10.in-addr.arpa, _x.local]"));
  EXPECT_TRUE(config.pools[0].domains.empty());
  EXPECT_THAT(config.pools[1].domains, ElementsAre("corp.example", "10.in-addr.arpa", "_x.local"));
  EXPECT_THAT(warnings_of(config), ElementsAre());
}

TEST(Domains, MakeTheirPoolOneThatIsAsked) {
  EXPECT_THAT(warnings_of(config_of(split("domains: []"))),
              ElementsAre(HasSubstr("`pools`: `corp` is asked for nothing")));
}

TEST(Domains, LeaveABindThatNamesASharedCacheToThePoolWithoutAny) {
  const std::string pools =
      "pools: [{name: a, packet_cache: main, domains: [corp.example]}, "
      "{name: b, packet_cache: main}]\n";
  const Config config = config_of(
      std::string(kPorts) + "binds: [{address: 192.0.2.53, cache: main}]\n" +
      "backends: [{address: 192.0.2.1, tls: {subject_name: a.example}, pools: [a, b]}]\n" + pools);
  EXPECT_EQ(config.binds[0].pool, dns::PoolId{1});
}

TEST(FullConfig, ReadsBackendsAndWorkers) {
  const Config config = config_of(kEverything);
  ASSERT_THAT(config.backends, SizeIs(2));
  const backends::BackendSettings& backend = config.backends[0];
  EXPECT_EQ(backend.name, "one");
  EXPECT_EQ(backend.address.text(), "192.0.2.1:8853");
  EXPECT_EQ(backend.order, 2u);
  EXPECT_EQ(backend.weight, 7u);
  EXPECT_EQ(backend.queries_per_second, 250u);
  EXPECT_THAT(backend.pools, ElementsAre(pool(0), pool(1)));
  EXPECT_EQ(backend.max_in_flight, 65535u);
  EXPECT_EQ(backend.query_timeout, base::milliseconds(900));
  EXPECT_EQ(backend.idle_timeout, base::milliseconds(30000));
  EXPECT_EQ(config.backends[1].name, "[2001:db8::1]:853");
  EXPECT_EQ(config.backends[1].subject_address, "2001:db8::1") << "in its one usual form";
  EXPECT_EQ(config.tls_workers.threads, 3u);
  EXPECT_THAT(config.tls_workers.cpus, ElementsAre(0, 2));
  EXPECT_EQ(config.tls_workers.sessions_per_backend, 4u);
  EXPECT_TRUE(config.tls_workers.hedging);
}

TEST(MetricsAddress, IsOfEitherFamily) {
  const Config config = config_of(minimal("metrics: {address: '[::1]'}\n"));
  EXPECT_EQ(config.metrics_address.text(), "[::1]:9153");
  EXPECT_THAT(warnings_of(config), IsEmpty());
  EXPECT_EQ(config_of(minimal("metrics: {address: '[::1]:1'}\n")).metrics_address.text(),
            "[::1]:1");
}

TEST(FullConfig, ReadsTheRest) {
  const Config config = config_of(kEverything);
  EXPECT_EQ(config.metrics_address.text(), "127.0.0.2:9999");
  EXPECT_EQ(config.control_socket, "/run/other.sock");
  EXPECT_EQ(config.log_level, LogLevel::Debug);
}

TEST(TlsConfig, ReadsWhatIsOfferedAndPinned) {
  const Config config = config_of(std::string(kPorts) + kBinds +
                                  "backends:\n"
                                  "- address: 192.0.2.1\n"
                                  "  tls:\n"
                                  "    pins:\n"
                                  "    - sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
                                  "    - sha256/BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
                                  "    ciphers: ECDHE+AESGCM\n"
                                  "    ciphers_tls_13: TLS_AES_128_GCM_SHA256\n"
                                  "    ecdhe_curves: X25519:P-256\n"
                                  "    min_version: tls1.3\n"
                                  "- {address: 192.0.2.2, tls: {subject_name: a.example}}\n");
  const backends::BackendSettings& backend = config.backends[0];
  ASSERT_EQ(backend.pins.size(), 2u);
  EXPECT_EQ(backend.pins[0], backends::Pin{});
  EXPECT_EQ(backend.pins[1], backends::Pin{4});
  EXPECT_EQ(backend.subject_name, "");
  EXPECT_EQ(backend.tls.ciphers, "ECDHE+AESGCM");
  EXPECT_EQ(backend.tls.ciphers_tls_13, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(backend.tls.ecdhe_curves, "X25519:P-256");
  EXPECT_EQ(backend.tls.min_version, backends::TlsVersion::Tls13);
  EXPECT_EQ(config.backends[1].tls.min_version, backends::TlsVersion::Tls12);
  EXPECT_EQ(config.backends[1].tls.key_log_file, "");
}

TEST(FullConfig, WarnsOfWhatIsOdd) {
  EXPECT_THAT(warnings_of(config_of(kEverything)),
              ElementsAre("test.yaml:40:37: `cpus`: CPU 2 polls, so it has little time for TLS"));
}

TEST(ConfigText, MayHaveAByteOrderMarkAndWindowsLineEnds) {
  std::string yaml = "\xEF\xBB\xBF" + minimal("logging:\n  level: error\n");
  for (size_t at = yaml.find('\n'); at != std::string::npos; at = yaml.find('\n', at + 2))
    yaml.insert(at, "\r");
  EXPECT_EQ(config_of(yaml).log_level, LogLevel::Error);
}

TEST(ConfigText, MayHaveSectionsWithoutSettings) {
  const Config config = config_of(minimal("logging:\n# level: debug\nmetrics:\ntls_workers:\n"));
  EXPECT_EQ(config.log_level, LogLevel::Info);
}

struct Odd {
  std::string name;
  std::string yaml;
  std::string warning;
};

class OddConfig : public testing::TestWithParam<Odd> {};

TEST_P(OddConfig, IsWarnedOf) {
  EXPECT_THAT(warnings_of(config_of(GetParam().yaml)), ElementsAre(HasSubstr(GetParam().warning)));
}

INSTANTIATE_TEST_SUITE_P(
    Warnings, OddConfig,
    testing::Values(
        Odd{"empty_acl", minimal("acl: []\n"),
            "test.yaml:4:6: `acl` is empty: every query will be refused"},
        Odd{"open_resolver", minimal("acl: [0.0.0.0/0]\n"),
            "test.yaml:4:7: `acl`: `0.0.0.0/0` lets everybody ask"},
        Odd{"metrics_everywhere", minimal("metrics: {address: '0.0.0.0:9153'}\n"),
            "test.yaml:4:20: `address`: `0.0.0.0:9153` shows the metrics on every interface"},
        Odd{"metrics_everywhere_by_ipv6", minimal("metrics: {address: '[::]:9153'}\n"),
            "test.yaml:4:20: `address`: `[::]:9153` shows the metrics on every interface"},
        Odd{"metrics_for_the_network_by_ipv6", minimal("metrics: {address: '2001:db8::53'}\n"),
            "test.yaml:4:20: `address`: `2001:db8::53` shows the metrics to everybody who can "
            "reach it"},
        Odd{"metrics_for_the_network", minimal("metrics: {address: '192.0.2.53:9153'}\n"),
            "test.yaml:4:20: `address`: `192.0.2.53:9153` shows the metrics to everybody who can "
            "reach it"},
        Odd{"loopback_bind", std::string(kPorts) + "binds: [{address: 127.0.0.1}]\n" + kBackends,
            "test.yaml:2:19: `address`: `127.0.0.1` is a loopback address"},
        Odd{"only_one_pin",
            std::string(kPorts) + kBinds +
                "backends: [{address: 192.0.2.1, tls: {pins: "
                "[sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]}}]\n",
            "test.yaml:3:45: `pins` has one pin only"},
        Odd{"keys_are_logged",
            std::string(kPorts) + kBinds +
                "backends: [{address: 192.0.2.1, tls: {subject_name: a.example, key_log_file: "
                "/tmp/dotline-keys-that-nobody-writes}}]\n",
            "test.yaml:3:78: `key_log_file`: `/tmp/dotline-keys-that-nobody-writes` gets the keys "
            "of all sessions"},
        Odd{"pool_without_a_cache",
            std::string(kPorts) +
                "binds: [{address: 192.0.2.53}, {address: 192.0.2.54, cache: main}]\n"
                "backends: [{address: 192.0.2.1, tls: {subject_name: a.example}, pools: ['', b]}]\n"
                "pools: [{name: ''}, {name: b, packet_cache: main}]\n",
            "test.yaml:4:16: `pools`: `` keeps no answers: it has no `packet_cache`"},
        Odd{"unused_cache", minimal("packet_caches: [{name: main}, {name: spare}]\n"),
            "test.yaml:4:38: `packet_caches`: `spare` is used by no pool"},
        Odd{"pool_that_answers_nowhere",
            minimal("packet_caches: [{name: a}]\npools: [{name: '', packet_cache: a}, {name: b, "
                    "packet_cache: a}]\n"),
            "`pools`: `b` is asked for nothing: no bind uses it, and it has no `domains`"}),
    [](const auto& odd) { return odd.param.name; });

TEST(ConfigErrors, AreAllFoundInOneGoAndSortedByPlace) {
  const std::vector<ConfigError> errors = errors_of(
      "logging: {level: loud}\n"
      "backends:\n"
      "  - {address: dns.google, tls: {subject_name: 8.8.8.8}, weight: 0}\n"
      "  - {}\n"
      "binds: [{address: 0.0.0.0}, {address: nowhere}]\n"
      "acl: [10/8]\n"
      "cache: yes\n");
  std::vector<std::string> places;
  for (const ConfigError& error : errors) {
    places.push_back(std::to_string(error.line) + ":" + std::to_string(error.column));
  }
  EXPECT_THAT(places, ElementsAre("1:1", "1:18", "3:15", "3:47", "3:65", "4:5", "4:5", "5:19",
                                  "5:39", "6:7", "7:1"))
      << all_messages(errors);
}

TEST(ConfigErrors, NameFileLineAndColumn) {
  const std::vector<ConfigError> errors = errors_of(minimal("logging: {level: loud}\n"));
  EXPECT_EQ(all_messages(errors),
            "test.yaml:4:18: `level`: `loud` is unknown, expected one of `debug` `info` `warning` "
            "`error`\n");
}

TEST(ConfigErrors, ComplainOfAnAliasWhereItStands) {
  const std::vector<ConfigError> errors =
      errors_of(minimal("logging: {level: &l info}\nmetrics: {address: *l}\n"));
  EXPECT_EQ(all_messages(errors),
            "test.yaml:4:18: an anchor (`&name`); a plain value was expected\n"
            "test.yaml:5:20: an alias (`*name`); the value itself was expected\n");
}

TEST(ConfigErrors, AreFewWhenALongListIsWrong) {
  std::string yaml = minimal("binds2: [");
  for (int i = 0; i < 1000; ++i) yaml += "{address: 192.0.2.1}, ";
  EXPECT_THAT(errors_of(yaml + "]\n"), SizeIs(1));
}

TEST(ConfigErrors, RefuseMorePortsThanThereMayBe) {
  std::string yaml = "dataplane:\n  ports:\n";
  for (unsigned i = 0; i <= poll::kMaxPorts; ++i)
    yaml += "  - device: af_xdp:eth" + std::to_string(i) + "\n";
  EXPECT_EQ(all_messages(errors_of(yaml + kBinds + kBackends)),
            "test.yaml:19:5: `ports` has 17 items, expected at most 16\n");
}

TEST(ConfigErrors, SurviveAnExpansionBomb) {
  std::string yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    yaml += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) yaml += ", " + before;
    yaml += "]\n";
  }
  EXPECT_THAT(all_messages(errors_of(yaml)), HasSubstr("an alias (`*name`)"));
}

class ConfigFile : public testing::Test {
 protected:
  void SetUp() override { folder_ = tests::make_temporary_folder("dotline-config"); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_ / name).string();
  }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }
  static std::string fault(const std::string& path) {
    const auto config = read_config(path, rig_machine());
    return config ? "" : all_messages(config.error());
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigFile, IsReadThroughASymbolicLink) {
  write("real.yaml", minimal());
  std::filesystem::create_symlink("real.yaml", path("link.yaml"));
  EXPECT_EQ(fault(path("link.yaml")), "");
}

TEST_F(ConfigFile, IsMissing) {
  EXPECT_EQ(fault(path("none.yaml")),
            path("none.yaml") + ": cannot be opened: No such file or directory\n");
}

TEST_F(ConfigFile, IsAFolder) {
  EXPECT_EQ(fault(folder_.string()), folder_.string() + ": is a directory, expected a file\n");
}

TEST_F(ConfigFile, IsAFifoThatNobodyWritesTo) {
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(fault(path("fifo")), path("fifo") + ": is not a regular file, expected one\n");
}

TEST_F(ConfigFile, IsAsLargeAsItMayBe) {
  std::string text = minimal();
  text += "#" + std::string(kMaxConfigBytes - text.size() - 1, ' ');
  EXPECT_EQ(fault(write("large.yaml", text)), "");
}

TEST(CheckOfTheMachine, WarnsOfWhatItLacks) {
  Machine machine = rig_machine();
  const auto warnings = [&](const std::string& yaml) {
    const auto config = parse_config(yaml, "test.yaml", machine);
    EXPECT_TRUE(config) << "it is no error: the machine may be another one";
    return config ? warnings_of(*config) : std::vector<std::string>{};
  };
  EXPECT_THAT(warnings(minimal()), SizeIs(0)) << "nobody has looked";
  machine.interfaces = {"lo", "eth0"};
  machine.addresses = {*base::IpAddress::parse("192.0.2.53")};
  EXPECT_THAT(warnings(minimal()), SizeIs(0));
  machine.interfaces = {"lo", "eth1"};
  machine.addresses = {*base::IpAddress::parse("192.0.2.54")};
  EXPECT_THAT(warnings(minimal()),
              ElementsAre("test.yaml:1:30: `device`: this machine has no interface `eth0`",
                          "test.yaml:2:19: `address`: `192.0.2.53` is no address of this machine: "
                          "nobody can ask there until it is"));
  EXPECT_THAT(warnings("dataplane: {ports: [{device: 'pci:0000:03:00.0', exception: tap:dns0}]}\n" +
                       std::string(kBinds) + kBackends),
              SizeIs(0))
      << "a TAP's addresses come with it";
}

TEST_F(ConfigFile, IsTooLarge) {
  const std::string name = write("large.yaml", "#");
  std::filesystem::resize_file(name, uint64_t{1} << 30);
  EXPECT_EQ(fault(name), name + ": is too large, expected at most 1048576 octets\n");
}

TEST_F(ConfigFile, IsEmpty) {
  EXPECT_THAT(fault(write("empty.yaml", "")), HasSubstr(":1:1: no settings were found"));
  EXPECT_THAT(fault(write("comments.yaml", "# nothing\n")),
              HasSubstr(":1:1: no settings were found"));
}

TEST_F(ConfigFile, IsNotText) {
  std::string noise;
  for (unsigned i = 0; i < 4096; ++i) noise += static_cast<char>(i * 167 % 256);
  EXPECT_NE(fault(write("noise", noise)), "");
}

}  // namespace
}  // namespace control
