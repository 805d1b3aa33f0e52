// dnsdist's functions one by one: what becomes YAML, what is told, and at which line.
#include "control/import/import_dnsdist.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/control/config/config_rig.h"
#include "tests/control/import/import_rig.h"
#include "tests/temporary_folder.h"
#include "tls-workers/backends/query_budget.h"

namespace control {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// A backend that nothing is missing of, and the place for more of its parameters.
std::string server_with(const std::string& parameters) {
  return "newServer{address='192.0.2.1', tls='openssl', subjectName='a.example', " + parameters +
         "}\n";
}
const std::string kServer = server_with("");

const std::string kWhole = "addLocal('192.0.2.53')\n" + kServer;  // Two lines with nothing to do.

const std::string kNoServerInCorp =
    "0 pool corp: queries come to it, and no server is in it; fill in `backends`\n";

TEST(ImportDnsdist, GivesAConfigurationWithoutErrors) {
  const DnsdistImport result = import(kWhole);
  EXPECT_EQ(to_do(kWhole), "");
  const Config config = config_of(result.yaml);
  EXPECT_EQ(config.binds.at(0).address.text(), "192.0.2.53:53");
  EXPECT_EQ(config.backends.at(0).where(), "192.0.2.1:853");
  EXPECT_EQ(config.backends.at(0).subject_name, "a.example");
}

TEST(ImportDnsdist, GivesTheSameTextEachTime) {
  const std::string text =
      kWhole + "setACL({'10.0.0.0/8'})\nnewServer{address='192.0.2.2', a=1, b=2, c=3, d=4}\n";
  EXPECT_EQ(yaml_from(text), yaml_from(text));
  EXPECT_EQ(to_do(text), to_do(text));
}

struct Carried {
  const char* name;
  std::string file;
  std::string yaml;        // What has to stand in the configuration ...
  std::string to_do = "";  // ... and what there is to do then.
};

class Carries : public testing::TestWithParam<Carried> {};

TEST_P(Carries, IntoYaml) {
  EXPECT_THAT(yaml_from(GetParam().file), HasSubstr(GetParam().yaml));
  EXPECT_EQ(to_do(GetParam().file), GetParam().to_do);
}

INSTANTIATE_TEST_SUITE_P(
    Functions, Carries,
    testing::Values(
        Carried{"address_with_a_port", "addLocal('192.0.2.53:5353')\n" + kServer,
                "binds:\n  - address: 192.0.2.53:5353\n"},
        Carried{"address_of_version_6", "addLocal('2001:db8::53')\n" + kServer,
                "  - address: \"[2001:db8::53]:53\"\n"},
        Carried{"set_local_forgets_the_others",
                "addLocal('192.0.2.1')\nsetLocal('192.0.2.53', {reusePort=true})\n" + kServer,
                "binds:\n  - address: 192.0.2.53:53\npools"},
        Carried{"tls_for_clients", kWhole + "addTLSLocal('192.0.2.53', '/a.pem', '/a key')",
                "  - address: 192.0.2.53:853\n    protocol: DoT\n    tls:\n      certificates:\n"
                "        - certificate: /a.pem\n          key: \"/a key\"\n"},
        Carried{"https_for_clients",
                kWhole + "addDOHLocal('192.0.2.53:8443', {'/a', '/b'}, {'/c', '/d'}, "
                         "{'/dns-query', '/x'}, {reusePort=true})",
                "  - address: 192.0.2.53:8443\n    protocol: DoH\n    tls:\n      certificates:\n"
                "        - certificate: /a\n          key: /c\n"
                "        - certificate: /b\n          key: /d\n"
                "    doh:\n      paths: [/dns-query, /x]\n"},
        Carried{"set_local_leaves_tls_alone",
                kServer + "addTLSLocal('192.0.2.1', 'a', 'b')\nsetLocal('192.0.2.53')\n",
                "protocol: DoT"},
        Carried{"access_list", kWhole + "setACL({'10.1.2.3/8', '2001:db8::/32'})",
                "acl:\n  - \"10.0.0.0/8\"\n  - \"2001:db8::/32\"\n"},
        Carried{"access_list_that_is_added_to", kWhole + "addACL('192.0.2.0/24')",
                "  - \"fe80::/10\"\n  - \"192.0.2.0/24\"\n"},
        Carried{"empty_access_list", kWhole + "setACL({})", "acl: []\n"},
        Carried{"cache", kWhole + "getPool(''):setCache(newPacketCache(10000))",
                "packet_caches:\n  - name: main\n    size: 10000\npools:\n  - name: \"\"\n    "
                "packet_cache: main\n"},
        Carried{"cache_with_parameters",
                kWhole +
                    "getPool(''):setCache(newPacketCache(100, {maxTTL=60, minTTL=5, "
                    "maxNegativeTTL=30, temporaryFailureTTL=10, staleTTL=60, numberOfShards=4}))",
                "    size: 100\n    max_ttl: 60\n    min_ttl: 5\n    max_negative_ttl: 30\n    "
                "temporary_failure_ttl: 10\n    stale_ttl: 60\n"},
        Carried{"cache_with_numbers_in_order",
                kWhole + "getPool(''):setCache(newPacketCache(100, 60, 5, 20))",
                "    max_ttl: 60\n    min_ttl: 5\n    temporary_failure_ttl: 20\n"},
        Carried{"cache_of_two_pools",
                kWhole + "local c = newPacketCache(10)\ngetPool('x'):setCache(c)\n"
                         "getPool('y'):setCache(getPool('x'):getCache())",
                "  - name: y\n    packet_cache: x\n"},
        Carried{"cache_out_of_range",
                kWhole + "getPool(''):setCache(newPacketCache(10, {temporaryFailureTTL=600}))",
                "temporary_failure_ttl: 300\n",
                "3 newPacketCache.temporaryFailureTTL: 600 is not possible; 300 is the nearest\n"},
        Carried{"policy", kWhole + "setServerPolicy(leastOutstanding)",
                "load_balancing_policies:\n  default_policy: leastOutstanding\n"},
        Carried{"policy_with_a_factor",
                kWhole + "setServerPolicy(chashed)\nsetConsistentHashingBalancingFactor(1.25)\n"
                         "setWeightedBalancingFactor(2)",
                "load_balancing_policies:\n  default_policy: chashed\n  "
                "consistent_hashing_balancing_factor: 1.25\n  weighted_balancing_factor: 2\n"},
        Carried{"factor_out_of_range", kWhole + "setWeightedBalancingFactor(0.5)", "backends:",
                "3 setWeightedBalancingFactor: it is 0, or 1 to 1000 in dotline; it is left out\n"},
        Carried{"policy_of_a_pool", kWhole + "setPoolServerPolicy(roundrobin, '')",
                "    policy: roundrobin\n"},
        Carried{"metrics", kWhole + "webserver('127.0.0.1:8083')",
                "metrics:\n  address: 127.0.0.1:8083\n"},
        Carried{"verbosity", kWhole + "setVerbose(true)", "logging:\n  level: debug\n"},
        Carried{"domains_of_a_pool",
                kWhole + "addAction({'corp.example.', '10.in-addr.arpa'}, PoolAction('corp'))",
                "  - name: corp\n    # packet_cache: main     # As in dnsdist, no answer of this "
                "pool is "
                "kept.\n    domains:\n      - corp.example\n      - \"10.in-addr.arpa\"\n",
                kNoServerInCorp},
        Carried{"domains_of_rules",
                kWhole + "local names = newSuffixMatchNode()\nnames:add(newDNSName('a.example.'))\n"
                         "addAction(SuffixMatchNodeRule(names), PoolAction('corp'))\n"
                         "addAction(QNameSuffixRule{'b.example'}, PoolAction('corp'))\n"
                         "addAction(makeRule('c.example'), PoolAction('corp'))",
                "      - a.example\n      - b.example\n      - c.example\n", kNoServerInCorp},
        Carried{"computed_values", "for i = 5, 6 do addLocal('192.0.2.' .. i) end\n" + kServer,
                "  - address: 192.0.2.5:53\n  - address: 192.0.2.6:53\n"}),
    [](const auto& tried) { return tried.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Servers, Carries,
    testing::Values(
        Carried{"https",
                kWhole + "newServer{address='192.0.2.2', tls='openssl', "
                         "dohPath='/dns-query', subjectName='b.example'}",
                "  - address: 192.0.2.2:443                # Line 3 there.\n    protocol: DoH\n    "
                "doh:\n      path: /dns-query\n    tls:\n      subject_name: b.example\n"},
        Carried{
            "subject_by_address",
            kWhole + "newServer{address='[2001:db8::1]:8853', tls='gnutls', "
                     "subjectAddr='2001:db8::1'}",
            "  - address: \"[2001:db8::1]:8853\"                # Line 3 there.\n    tls:\n      "
            "subject_address: \"2001:db8::1\"\n"},
        Carried{"numbers",
                "addLocal('192.0.2.53')\n" +
                    server_with("order=2, weight=30, qps='100', maxInFlight=1000"),
                "    order: 2\n    weight: 30\n    queries_per_second: 100\n    max_in_flight: "
                "1000\n"},
        Carried{"budget_that_is_too_large", "addLocal('192.0.2.53')\n" + server_with("qps=1e10"),
                "    queries_per_second: 1",
                "2 newServer.qps: 10000000000 is not possible; " +
                    std::to_string(backends::QueryBudget::kMost) + " is the nearest\n"},
        Carried{"one_query_at_a_time", "addLocal('192.0.2.53')\n" + server_with("maxInFlight=1"),
                "      subject_name: a.example\n"},
        Carried{"number_out_of_range", "addLocal('192.0.2.53')\n" + server_with("checkTimeout=1"),
                "      timeout: 10\n",
                "2 newServer.checkTimeout: 1 is not possible; 10 is the nearest\n"},
        Carried{"health_checks",
                "addLocal('192.0.2.53')\n" +
                    server_with("healthCheckMode='lazy', checkName='example.', checkType='AAAA', "
                                "checkInterval=2, checkTimeout=500, maxCheckFailures=3, rise=2"),
                "    health_checks:\n      mode: lazy\n      qname: example.\n      qtype: "
                "AAAA\n"},
        Carried{"type_by_its_constant",
                "addLocal('192.0.2.53')\n" + server_with("checkType=DNSQType.SOA"),
                "      qtype: SOA\n"},
        Carried{
            "lazy_health_checks",
            "addLocal('192.0.2.53')\n" +
                server_with("lazyHealthCheckFailedInterval=30, lazyHealthCheckThreshold=30, "
                            "lazyHealthCheckSampleSize=100, lazyHealthCheckMinSampleCount=10, "
                            "lazyHealthCheckMode='TimeoutOnly', "
                            "lazyHealthCheckUseExponentialBackOff=true, "
                            "lazyHealthCheckMaxBackOff=60"),
            "      lazy:\n        mode: TimeoutOnly\n        use_exponential_back_off: true\n   "
            "     interval: 30\n        threshold: 30\n        sample_size: 100\n        "
            "min_sample_count: 10\n        max_back_off: 60\n"},
        Carried{"ciphers",
                "addLocal('192.0.2.53')\n" +
                    server_with("caStore='/etc/ca.pem', ciphersTLS13='TLS_AES_128_GCM_"
                                "SHA256', ecdheCurves='X25519'"),
                "      ca_store: /etc/ca.pem\n      ciphers_tls_13: TLS_AES_128_GCM_SHA256\n      "
                "ecdhe_curves: X25519\n"},
        Carried{
            "pools", kWhole + server_with("pool={'corp', ''}, name='b c'"),
            "    name: b-c\n    tls:\n      subject_name: a.example\n    pools: [corp, \"\"]\n"},
        Carried{"twins_get_names", kWhole + kServer, "    name: \"192.0.2.1:853/2\"\n"},
        Carried{"methods",
                kWhole + "local s = getServer(0)\ns:setOrder(7) s:setUp() s:addPool('corp')",
                "    order: 7\n    pools: [\"\", corp]\n    health_checks:\n      mode: up\n"},
        Carried{"text_that_yaml_would_read_otherwise",
                "addLocal('192.0.2.53')\n" + server_with("name='yes'"), "    name: \"yes\"\n"},
        Carried{"text_that_would_be_more_yaml",
                "addLocal('192.0.2.53')\n" + server_with("caStore='a\"\\n  x: \\\\y'"),
                "      ca_store: \"a\\\"\\x0a  x: \\\\y\"\n"}),
    [](const auto& tried) { return tried.param.name; });

struct Told {
  const char* name;
  const char* line;  // The third of the file.
  std::string says;
  Remark::Kind kind = Remark::Kind::ToDo;
};

class Tells : public testing::TestWithParam<Told> {};

TEST_P(Tells, LineAndReason) {
  EXPECT_THAT(told(kWhole + GetParam().line, GetParam().kind), HasSubstr(GetParam().says));
}

constexpr auto kNote = Remark::Kind::Note;

INSTANTIATE_TEST_SUITE_P(
    Lines, Tells,
    testing::Values(
        Told{"unknown_function", "frobnicate(1)",
             "3 frobnicate: dotline knows nothing of that name"},
        Told{"unknown_value", "local x = frobnicated", "3 frobnicated: "},
        Told{"rule", "addAction(AllRule(), DropAction())",
             "3 addAction(AllRule(), DropAction()): "},
        Told{"rule_that_limits", "addAction(MaxQPSIPRule(5), TCAction())", "3 addAction(MaxQPSIP"},
        Told{"networks_in_a_rule", "addAction('10.0.0.0/8', PoolAction('x'))",
             "3 addAction(clients 10.0.0.0/8, PoolAction()): dotline chooses a pool by the name"},
        Told{"function_that_is_called_by_dnsdist", "function maintenance() x() end",
             "3 maintenance: dotline runs no code"},
        Told{"object_and_its_methods", "local d = dynBlockRulesGroup() d:setQueryRate(1)",
             "3 dynBlockRulesGroup: "},
        Told{"quic_for_clients", "addDOQLocal('192.0.2.53', 'a', 'b')",
             "3 addDOQLocal: clients are"},
        Told{"http_in_the_clear", "addDOHLocal('192.0.2.53')", "3 addDOHLocal: it needs files"},
        Told{"certificate_as_an_object",
             "addTLSLocal('192.0.2.53', newTLSCertificate('a.p12'), 'b')",
             "3 addTLSLocal: it needs files"},
        Told{"headers_that_are_believed",
             "addDOHLocal('192.0.2.53', 'a', 'b', '/', {trustForwardedForHeader=true})",
             "3 addDOHLocal.trustForwardedForHeader: clients are told apart by the address"},
        Told{"other_file", "includeDirectory('/etc/dnsdist/conf.d')", "3 includeDirectory: "},
        Told{"file_that_is_read", "for line in io.lines('/etc/passwd') do addACL(line) end",
             "3 io: nothing outside of the file is read"},
        Told{"wildcard", "addLocal('0.0.0.0')", "3 addLocal 0.0.0.0: dotline answers at addresses"},
        Told{"loopback", "addLocal('127.0.0.1:5300')",
             "3 addLocal 127.0.0.1:5300: no packet for it"},
        Told{"address_that_is_none", "addLocal('here')", "3 addLocal here: it is not an address"},
        Told{"block_that_is_none", "setACL('10.0.0.0/33')", "3 setACL 10.0.0.0/33: it is not"},
        Told{"password", "webserver('127.0.0.1:8083', 'secret')",
             "3 webserver: the metrics have no"},
        Told{"webserver_elsewhere", "webserver('[::]:8083')", "3 webserver [::]:8083: "},
        Told{"stale_answers", "setStaleCacheEntriesTTL(60)",
             "0 setStaleCacheEntriesTTL: there is no cache"},
        Told{"unknown_parameter_of_a_cache", "newPacketCache(1, {colour=1})",
             "3 newPacketCache.colour: "},
        Told{"cache_without_a_pool", "newPacketCache(1)", "3 newPacketCache: no pool uses it",
             kNote},
        Told{"policy_of_ones_own", "setServerPolicy(newServerPolicy('x', function() end))",
             "3 policy newServerPolicy(): dotline has no such policy"},
        Told{"client_subnet", "getPool(''):setECS(true)",
             "3 setECS: dotline sends no client subnet"},
        Told{"method_that_is_not_there", "getPool(''):frobnicate(1)", "3 pool:frobnicate: "},
        Told{"console", "controlSocket('127.0.0.1:5199')", "3 controlSocket: ", kNote},
        Told{"tuning", "setMaxTCPClientThreads(10)", "3 setMaxTCPClientThreads: ", kNote}),
    [](const auto& tried) { return tried.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Servers, Tells,
    testing::Values(
        Told{"clear_by_text", "newServer('8.8.8.8')",
             "3 newServer 8.8.8.8:53: it is asked in the clear, which dotline never does"},
        Told{"clear_by_table", "newServer{address='8.8.8.8', qps=1}",
             "3 newServer 8.8.8.8:53: it is"},
        Told{"no_subject", "newServer{address='8.8.8.8:853', tls='openssl'}",
             "3 newServer 8.8.8.8:853: there is no subjectName"},
        Told{"port_53", "newServer{address='8.8.8.8:53', tls='openssl', subjectName='dns.google'}",
             "3 newServer 8.8.8.8:53: port 53 is not for TLS"},
        Told{"address_that_is_none", "newServer{address='dns.google', tls='openssl'}",
             "3 newServer dns.google: it is not an address"},
        Told{"no_address", "newServer{name='x'}",
             "3 newServer an address that is not given: it is not an address"},
        Told{"certificates_unchecked",
             "newServer{address='192.0.2.9', tls='openssl', validateCertificates=false}",
             "3 newServer.validateCertificates: dotline always checks certificates"},
        Told{"client_subnet", "newServer{address='192.0.2.9', useClientSubnet=true}",
             "3 newServer.useClientSubnet: "},
        Told{"source", "newServer{address='192.0.2.9', source='eth0'}", "3 newServer.source: "},
        Told{"unknown_parameter", "newServer{address='192.0.2.9', colour='red'}",
             "3 newServer.colour: dotline knows nothing of that name"},
        Told{"serial", "newServer{address='192.0.2.9', maxInFlight=1}",
             "3 newServer.maxInFlight: ", kNote},
        Told{"tcp", "newServer{address='192.0.2.9', sockets=4}", "3 newServer.sockets: ", kNote}),
    [](const auto& tried) { return tried.param.name; });

TEST(ImportDnsdist, SaysNothingOfWhatIsOff) {
  EXPECT_EQ(to_do("addLocal('192.0.2.53')\n" +
                  server_with("useClientSubnet=false, useProxyProtocol=false, mustResolve=false, "
                              "validateCertificates=true, source=''")),
            "");
}

TEST(ImportDnsdist, TellsEachLineOnce) {
  EXPECT_EQ(
      to_do(kWhole + "for i = 1, 3 do frobnicate(frobnicate(i)) end\nfrobnicate()"),
      "3 frobnicate: dotline knows nothing of that name; whatever it does is not carried over\n"
      "4 frobnicate: dotline knows nothing of that name; whatever it does is not carried "
      "over\n");
}

TEST(ImportDnsdist, RunsOnAfterWhatItDoesNotKnow) {
  EXPECT_THAT(yaml_from("local d = dynBlockRulesGroup()\nd.x.y:z(1)[2] = 3\n"
                        "if d > 5 or d.limit == nil then d = d + 1 .. 'a' end\n"
                        "for k, v in pairs(d) do v.x = k end\nfor i, v in ipairs(d) do v:y(i) end\n"
                        "local n = #d .. tostring(-d)\n" +
                        kWhole),
              HasSubstr("  - address: 192.0.2.53:53\n"));
}

TEST(ImportDnsdist, GoesOnBehindAMistake) {
  const std::string text =
      "addLocal('192.0.2.53')\nfrobnicate()\nnewServer(nil)\nlocal x = nil\nx.y = 1\n"
      "error('this', 0)\nf((\n" +
      kServer;
  EXPECT_FALSE(import(text).fault);
  EXPECT_EQ(config_of(yaml_from(text)).backends.size(), 1U);
  EXPECT_THAT(to_do(text),
              AllOf(HasSubstr("2 frobnicate: "),
                    HasSubstr("3 newServer: an address expected, got nil; the call is left out"),
                    HasSubstr("5 this line: left out: attempt to index a nil value (local 'x')"),
                    HasSubstr("6 this line: left out: this; correct it"),
                    HasSubstr("7 this line: left out: ")));
}

TEST(ImportDnsdist, NamesTheLineOfALoopWithoutAnEnd) {
  const DnsdistImport result = import("addLocal('192.0.2.53')\nfrobnicate()\nwhile true do end\n");
  ASSERT_TRUE(result.fault);
  EXPECT_EQ(result.fault->line, 3U);
  EXPECT_THAT(result.fault->text, HasSubstr("it takes too long"));
  EXPECT_EQ(result.yaml, "");
  EXPECT_EQ(result.remarks.size(), 1U) << "what was told before helps to find out why";
}

TEST(ImportDnsdist, ComesToTheEndOfLoopsThatRead) {
  EXPECT_EQ(
      config_of(yaml_from("local f = io.open('x')\nwhile true do\n  local line = f:read()\n"
                          "  if not line then break end\n  addACL(line)\nend\n"
                          "local i = 1\nlocal s = getServers()\nwhile s[i] do i = i + 1 end\n" +
                          kWhole))
          .backends.size(),
      1U);
}

TEST(ImportDnsdist, ComputesWithWhatItDoesNotKnow) {
  const std::string text =
      "local n = tonumber(os.getenv('N')) * 2\nlocal s = string.format('%d of %s', n, x:size())\n"
      "local t = table.concat({'a', s}, ',')\nlocal u = ('%s'):format(t):upper() .. tostring(n)\n"
      "local v = math.floor(n) + math.random(3)\nlocal a, b = unpack(getServers())\n"
      "for i, one in ipairs(getServers()) do one:setWeight(i) end\nlocal first = "
      "getServers()[1].name\n"
      "setMaxTCPConnectionsPerClient(v)\n" +
      kWhole;
  EXPECT_EQ(config_of(yaml_from(text)).backends.size(), 1U);
  EXPECT_THAT(to_do(text), AllOf(HasSubstr("1 os: "), HasSubstr("2 x: "),
                                 HasSubstr("5 math.random: "), HasSubstr("8 getServers: "),
                                 HasSubstr("9 setMaxTCPConnectionsPerClient: a whole number "
                                           "expected, got os.getenv()")));
}

TEST(ImportDnsdist, HasAnEndOfServersAndRemarks) {
  EXPECT_THAT(to_do("for i = 1, 300 do " + kServer + " end"),
              HasSubstr("there are more than 256 servers; this one is left out"));
  EXPECT_THAT(to_do("for i = 1, 12000 do addACL('x' .. i) end"),
              HasSubstr("0 the rest: there are more than 10000 things to tell"));
  EXPECT_THAT(to_do("addLocal(('x'):rep(1e6))"), HasSubstr("1 addLocal: a text of more than 4096"));
  EXPECT_THAT(to_do("for i = 1, 300 do getPool('p' .. i) end"),
              HasSubstr("there are more than 256 pools"));
  EXPECT_THAT(import("while true do newServer('192.0.2.1') end").fault.value_or(LuaFault{}).text,
              HasSubstr("it takes too long"));
}

TEST(ImportDnsdist, KeepsTheQueriesPerSecondOfTheShortForm) {
  EXPECT_THAT(yaml_from(kWhole + "newServer('1.1.1.1', 10)"),
              HasSubstr("  #   queries_per_second: 10\n"));
}

TEST(ImportDnsdist, TakesBracketsAroundBlocks) {
  EXPECT_THAT(yaml_from(kWhole + "addACL('[::]/0')"), HasSubstr("  - \"::/0\"\n"));
  EXPECT_EQ(to_do(kWhole + "addACL('[::]/0')"), "");
}

TEST(ImportDnsdist, KeepsAnOpenWebserverClosed) {
  for (const char* address :
       {"0.0.0.0:8083", "[::]:8083", "192.0.2.53:8083", "[2001:db8::1]:8083"}) {
    const std::string text = kWhole + "webserver('" + address + "')";
    EXPECT_THAT(to_do(text), HasSubstr("3 webserver " + std::string(address) +
                                       ": dnsdist lets in 127.0.0.1 and ::1 only"));
    EXPECT_EQ(config_of(yaml_from(text)).metrics_address.text(), "127.0.0.1:8083");
  }
}

TEST(ImportDnsdist, KeepsAWebserverOnLoopbackWhereItIs) {
  for (const char* address : {"127.0.0.1:8083", "127.0.0.2:8083", "[::1]:8083"}) {
    const std::string text = kWhole + "webserver('" + address + "')";
    EXPECT_EQ(to_do(text), "");
    EXPECT_EQ(config_of(yaml_from(text)).metrics_address.text(), address);
  }
}

TEST(ImportDnsdist, SuggestsNamesOfKnownResolversAndTakesNone) {
  const std::string text =
      "addLocal('192.0.2.53')\nnewServer{address='[2620:fe::fe]:853', tls='openssl'}\n"
      "newServer{address='192.0.2.7', tls='openssl'}\n";
  EXPECT_THAT(yaml_from(text), AllOf(HasSubstr("      # subject_name: dns.quad9.net\n"),
                                     HasSubstr("      # subject_name: NAME\n")));
  const auto errors = errors_of(yaml_from(text));
  ASSERT_EQ(errors.size(), 2U) << all_messages(errors);
  for (const ConfigError& error : errors) EXPECT_THAT(error.text, HasSubstr("`subject_name`"));
}

TEST(ImportDnsdist, LeavesServersThatAreAskedInTheClearAsComments) {
  const std::string yaml = yaml_from(kWhole + "newServer{address='9.9.9.9', order=4}");
  EXPECT_THAT(yaml, AllOf(HasSubstr("  # - address: 9.9.9.9:853"), HasSubstr("  #   order: 4\n"),
                          HasSubstr("  #     # subject_name: dns.quad9.net\n")));
  EXPECT_EQ(config_of(yaml).backends.size(), 1U);
}

TEST(ImportDnsdist, EverythingAtOnceIsAConfigurationWithoutErrors) {
  const std::string text =
      "addLocal('192.0.2.53')\naddLocal('[2001:db8::53]:53')\nsetACL({'10.0.0.0/8', '::1'})\n" +
      server_with(
          "name='one', order=2, weight=30, qps=100, maxInFlight=50, pool={'', 'corp'}, "
          "healthCheckMode='lazy', checkName='example.', checkType='SOA', checkInterval=2, "
          "checkTimeout=500, maxCheckFailures=2, rise=3, lazyHealthCheckFailedInterval=10, "
          "lazyHealthCheckThreshold=40, lazyHealthCheckSampleSize=50, "
          "lazyHealthCheckMinSampleCount=5, lazyHealthCheckMode='TimeoutOrServFail', "
          "lazyHealthCheckUseExponentialBackOff=true, lazyHealthCheckMaxBackOff=60, "
          "ciphersTLS13='TLS_AES_256_GCM_SHA384', ecdheCurves='X25519'") +
      "newServer{address='192.0.2.2', tls='openssl', dohPath='/q', subjectAddr='192.0.2.2'}\n"
      "addAction({'corp.example', '10.in-addr.arpa'}, PoolAction('corp'))\n"
      "setPoolServerPolicy(firstAvailable, 'corp')\nsetServerPolicy(chashed)\n"
      "setConsistentHashingBalancingFactor(1.25)\nwebserver('127.0.0.1:8083')\nsetVerbose(true)\n"
      "local c = newPacketCache(5000, {maxTTL=600, minTTL=1, maxNegativeTTL=60, "
      "temporaryFailureTTL=10})\ngetPool(''):setCache(c)\ngetPool('corp'):setCache(c)\n";
  EXPECT_EQ(to_do(text), "");
  const Config config = config_of(yaml_from(text));
  ASSERT_EQ(config.backends.size(), 2U);
  EXPECT_EQ(config.backends[0].pools.size(), 2U);
  EXPECT_EQ(config.backends[0].queries_per_second, 100U);
  EXPECT_EQ(config.backends[0].max_in_flight, 50U);
  EXPECT_EQ(config.backends[0].health.lazy.max_back_off, base::seconds{60});
  EXPECT_EQ(config.backends[1].protocol, backends::Protocol::DoH);
  EXPECT_EQ(config.backends[1].path, "/q");
  EXPECT_EQ(config.pools.at(1).packet_cache, config.pools.at(0).packet_cache);
  EXPECT_EQ(config.packet_caches.at(0).size, 5000U);
  EXPECT_EQ(config.metrics_address.text(), "127.0.0.1:8083");
  EXPECT_EQ(config.acl.size(), 2U);
}

TEST(ImportDnsdist, SaysWhatIsMissingInAnEmptyFile) {
  EXPECT_THAT(to_do(""), AllOf(HasSubstr("0 addLocal: "), HasSubstr("0 newServer: ")));
  EXPECT_THAT(errors_of(yaml_from("")), Not(IsEmpty()));
}

class ImportDnsdistFile : public testing::Test {
 protected:
  void SetUp() override { folder_ = tests::make_temporary_folder("dotline-import"); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& text) const {
    std::ofstream(folder_ / "dnsdist.conf") << text;
    return (folder_ / "dnsdist.conf").string();
  }
  int run(const std::string& path, const std::string& output = "") {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int exit_code = import_dnsdist_file(path, output);
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return exit_code;
  }

  std::filesystem::path folder_;
  std::string out_, err_;
};

TEST_F(ImportDnsdistFile, GoesToStandardOutput) {
  EXPECT_EQ(run(write(kWhole)), 0);
  EXPECT_THAT(out_, HasSubstr("192.0.2.53:53"));
  EXPECT_THAT(err_, HasSubstr("(note)\n"));
}

TEST_F(ImportDnsdistFile, GoesToANewFileOnly) {
  const std::string output = (folder_ / "dotline.yaml").string();
  EXPECT_EQ(run(write(kWhole), output), 0);
  EXPECT_EQ(out_, "");
  EXPECT_TRUE(read_config(output, rig_machine()));
  EXPECT_EQ(run(write(kWhole), output), 1);
  EXPECT_THAT(err_, HasSubstr(output + ": File exists\n"));
}

TEST_F(ImportDnsdistFile, SaysThatThereIsMoreToDo) {
  const std::string path = write(kWhole + "addAction(AllRule(), DropAction())");
  EXPECT_EQ(run(path), 3);
  EXPECT_THAT(err_, HasSubstr("\n" + path + ":3: addAction(AllRule(), DropAction()): dotline has"));
}

TEST_F(ImportDnsdistFile, NamesMistakes) {
  const std::string path = write("\n\naddLocal(");
  EXPECT_EQ(run(path), 3);
  EXPECT_THAT(err_, HasSubstr("\n" + path + ":3: this line: left out: unexpected symbol"));
  EXPECT_EQ(run("/nonexistent.conf"), 2);
  EXPECT_EQ(err_, "/nonexistent.conf: cannot be opened: No such file or directory\n");
}

TEST_F(ImportDnsdistFile, CarriesAUsualForwarderOver) {
  const char* root = std::getenv("SOURCE_ROOT");
  ASSERT_NE(root, nullptr) << "set by `meson test`";
  EXPECT_EQ(run(std::string(root) + "/tests/control/import/forwarder.conf"), 3);
  EXPECT_THAT(err_, AllOf(HasSubstr(".conf:4: newServer 103.2.57.5:853: there is no subjectName"),
                          HasSubstr(".conf:6: newServer 103.2.57.6:853: there is no subjectName")));
  std::string yaml = out_;
  const std::string gap = "# subject_name";
  for (size_t at = yaml.find(gap); at != std::string::npos; at = yaml.find(gap))
    yaml.replace(at, gap.size(), "subject_name");
  const Config config = config_of(yaml);
  ASSERT_EQ(config.backends.size(), 2U);
  const backends::HealthSettings& health = config.backends[1].health;
  EXPECT_EQ(config.backends[1].subject_name, "public.dns.iij.jp");
  EXPECT_EQ(health.mode, backends::HealthSettings::Mode::Lazy);
  EXPECT_EQ(health.rise, 2U);
  EXPECT_EQ(health.max_failures, 3U);
  EXPECT_EQ(health.lazy.threshold, 30U);
  EXPECT_EQ(config.packet_caches.at(0).size, 10000U);
}

}  // namespace
}  // namespace control
