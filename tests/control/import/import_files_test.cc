// Whole files in the shapes that people publish: every line that configures something is carried
// over or named, and with the gaps filled in the result is without errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/control/config/config_rig.h"
#include "tests/control/import/import_rig.h"
#include "tests/temporary_folder.h"
#include "tests/tls-workers/certificates.h"

namespace control {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::filesystem::path folder_of_files() {
  const char* root = std::getenv("SOURCE_ROOT");
  EXPECT_NE(root, nullptr) << "set by `meson test`";
  return std::filesystem::path(root == nullptr ? "." : root) / "tests/control/import/files";
}

std::string text_of(const std::string& name) {
  std::ifstream file(folder_of_files() / name);
  EXPECT_TRUE(file) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class ImportFiles : public testing::Test {
 protected:
  ImportFiles() {
    const tests::Authority authority;
    const tests::Identity own = authority.issue({});
    std::ofstream(files_.certificate) << tests::pem_of(own.certificate.get());
    std::ofstream(files_.key) << tests::pem_of(own.key.get());
  }
  ~ImportFiles() override { std::filesystem::remove_all(folder_); }

  Config filled(const DnsdistImport& result) const {
    return config_of(filled_in(result.yaml, files_));
  }

  const std::filesystem::path folder_ = tests::make_temporary_folder("dotline-import-files");
  const PemFiles files_{folder_ / "chain", folder_ / "key"};
};

const Bind* bind_at(const Config& config, const std::string& address) {
  for (const Bind& bind : config.binds) {
    if (bind.address.text() == address) return &bind;
  }
  ADD_FAILURE() << "nothing answers at " << address;
  return nullptr;
}

const std::string& pool_at(const Config& config, const std::string& address) {
  static const std::string none = "none";
  const Bind* bind = bind_at(config, address);
  return bind == nullptr ? none : config.pools.at(static_cast<size_t>(bind->pool)).name;
}

const Pool* pool_called(const Config& config, const std::string& name) {
  for (const Pool& pool : config.pools) {
    if (pool.name == name) return &pool;
  }
  ADD_FAILURE() << "there is no pool " << name;
  return nullptr;
}

TEST_F(ImportFiles, AreAllWithoutErrorsOnceFilledIn) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_of_files())) {
    SCOPED_TRACE(entry.path().filename().string());
    const DnsdistImport result = import(text_of(entry.path().filename()));
    ASSERT_FALSE(result.fault) << result.fault->line << ": " << result.fault->text;
    const std::string yaml = filled_in(result.yaml, files_);
    EXPECT_THAT(all_messages(errors_of(yaml)), IsEmpty()) << yaml;
    EXPECT_EQ(result.yaml, import(text_of(entry.path().filename())).yaml);
    ++count;
  }
  EXPECT_GE(count, 18U);
}

TEST_F(ImportFiles, OffersTheAddressesOfTheMachineForWildcards) {
  const DnsdistImport result = import(text_of("home.conf"));
  EXPECT_THAT(result.yaml, AllOf(HasSubstr("  # - address: 192.168.1.71:53\n"),
                                 HasSubstr("  # - address: \"[2001:db8::71]:53\"\n")));
  EXPECT_THAT(told(result, Remark::Kind::ToDo),
              AllOf(HasSubstr("2 setLocal 0.0.0.0:53: "), HasSubstr("3 addLocal [::]:53: ")));
  const Config config = filled(result);
  EXPECT_EQ(config.binds.size(), 2U);
  EXPECT_EQ(config.metrics_address.text(), "127.0.0.1:8083") << "as closed as it was";
}

TEST_F(ImportFiles, KeepsCertificatesOfWildcards) {
  const DnsdistImport result = import(text_of("public.conf"));
  const std::string chain = "certificate: /etc/letsencrypt/live/dns.example/fullchain.pem";
  EXPECT_THAT(result.yaml,
              HasSubstr("  # - address: 192.168.1.71:853\n  #   protocol: DoT\n  #   tls:\n  #     "
                        "certificates:\n  #       - " +
                        chain));
  const Config config = filled(result);
  ASSERT_EQ(config.binds.size(), 3U);
  const Bind* dot = bind_at(config, "192.168.1.71:853");
  const Bind* doh = bind_at(config, "192.168.1.71:443");
  ASSERT_TRUE(dot != nullptr && doh != nullptr);
  EXPECT_NE(bind_at(config, "[2001:db8::71]:853"), nullptr) << "additionalAddresses";
  EXPECT_EQ(dot->tls->offer.ciphers_tls_13, "TLS_AES_256_GCM_SHA384");
  EXPECT_NE(dot->tls->offer.min_version, doh->tls->offer.min_version);
  EXPECT_THAT(doh->paths, testing::ElementsAre("/dns-query", "/"));
  EXPECT_EQ(config.stream_limits.max_in_flight_queries, 100U);
  EXPECT_EQ(config.stream_limits.max_concurrent_connections, 5000U);
  EXPECT_EQ(config.stream_limits.idle_timeout, base::seconds{20});
  EXPECT_EQ(config.packet_caches.at(0).staleness.max_stale, 3600U);
  EXPECT_THAT(told(result, Remark::Kind::ToDo),
              AllOf(HasSubstr("addDOHLocal.customResponseHeaders: "), HasSubstr("getDOHFrontend"),
                    HasSubstr("newDOHResponseMapEntry: "), HasSubstr("addDOQLocal: "),
                    HasSubstr("newPacketCache.dontAge: "), Not(HasSubstr("addACL"))));
}

TEST_F(ImportFiles, CarriesLimitsOverAndNamesTheRest) {
  const DnsdistImport result = import(text_of("provider.conf"));
  const Config config = filled(result);
  EXPECT_EQ(config.stream_limits.max_connections_per_client, 20U);
  EXPECT_EQ(config.stream_limits.max_queries_per_connection, 100U);
  EXPECT_EQ(config.stream_limits.max_connection_duration, base::seconds{300});
  EXPECT_EQ(config.stream_limits.receive_timeout, base::seconds{3});
  EXPECT_EQ(config.stream_limits.send_timeout, base::seconds{3});
  EXPECT_EQ(config.stream_limits.listen_queue_size, 512U);
  EXPECT_EQ(pool_at(config, "192.0.2.53:53"), "recursors");
  EXPECT_EQ(config.acl.size(), 3U);
  EXPECT_THAT(told(result, Remark::Kind::ToDo),
              AllOf(HasSubstr("addAction(MaxQPSIPRule(), DelayAction())"),
                    HasSubstr("addResponseAction: "), HasSubstr("addCacheHitResponseAction: "),
                    HasSubstr("dynBlockRulesGroup: "), HasSubstr("maintenance: "),
                    HasSubstr("carbonServer: "), HasSubstr("newServer.useClientSubnet: ")));
}

TEST_F(ImportFiles, SplitsTheHorizon) {
  const DnsdistImport result = import(text_of("split_horizon.conf"));
  const Config config = filled(result);
  using testing::ElementsAre;
  EXPECT_THAT(pool_called(config, "corp")->domains, ElementsAre("corp.example", "corp.internal"));
  EXPECT_THAT(pool_called(config, "reverse")->domains,
              ElementsAre("10.in-addr.arpa", "168.192.in-addr.arpa"));
  EXPECT_THAT(pool_called(config, "lab")->domains, ElementsAre("lab.example", "test.example"));
  EXPECT_THAT(told(result, Remark::Kind::Note),
              HasSubstr("13 addAction dev.corp.example: it is never reached: line 8 comes first"));
  EXPECT_THAT(told(result, Remark::Kind::ToDo),
              AllOf(HasSubstr("15 addAction(QNameRule(), PoolAction()): "),
                    HasSubstr("16 addAction(names and clients 192.168.20.0/24, PoolAction()): "),
                    HasSubstr("17 addAction(clients 192.168.30.0/24, PoolAction()): "),
                    HasSubstr("18 addAction(names, DropAction()): "),
                    HasSubstr("pool lab: queries come to it, and no server is in it"),
                    HasSubstr("6 newServer dns.example.net:853: it is not an address")));
}

TEST_F(ImportFiles, SendsEverythingToTheNamedPool) {
  const DnsdistImport result = import(text_of("all_to_a_pool.conf"));
  const Config config = filled(result);
  EXPECT_EQ(pool_at(config, "192.0.2.53:53"), "upstream");
  EXPECT_THAT(pool_called(config, "corp")->domains, testing::ElementsAre("corp.example"));
  EXPECT_THAT(told(result, Remark::Kind::Note),
              HasSubstr("9 addAction: it is never reached: all queries are sent elsewhere in "
                        "line 8"));
}

TEST_F(ImportFiles, ChoosesPoolsByTheAddressThatIsAsked) {
  const DnsdistImport result = import(text_of("by_address.conf"));
  const Config config = filled(result);
  EXPECT_EQ(pool_at(config, "192.0.2.53:53"), "");
  EXPECT_EQ(pool_at(config, "192.0.2.54:53"), "unfiltered");
  EXPECT_EQ(pool_at(config, "192.0.2.56:5353"), "unfiltered") << "the wildcard answers there";
  EXPECT_EQ(pool_at(config, "192.0.2.55:5300"), "ecs");
  EXPECT_THAT(told(result, Remark::Kind::ToDo),
              AllOf(HasSubstr("16 addAction: no address that is answered at fits it"),
                    HasSubstr("17 addAction: dotline looks at names first, also at the addresses "
                              "of line 15")));
}

TEST_F(ImportFiles, RunsOnWithoutTheEnvironment) {
  const DnsdistImport result = import(text_of("environment.conf"));
  const std::string to_do = told(result, Remark::Kind::ToDo);
  for (const char* line : {"2 os", "3 os", "4 io", "5 os", "6 os", "9 addLocal", "11 newServer",
                           "13 newPacketCache", "15 io", "16 addACL", "18 io", "22 addAction"}) {
    EXPECT_THAT("\n" + to_do, HasSubstr(std::string("\n") + line));
  }
  EXPECT_EQ(filled(result).acl.size(), 1U) << "the last line counts";
}

TEST_F(ImportFiles, SaysWhatIsDoneWithAddressesThatAreLookedUp) {
  const DnsdistImport result = import(text_of("lookup.conf"));
  EXPECT_THAT(told(result, Remark::Kind::ToDo),
              AllOf(HasSubstr("3 getAddressInfo dns.google: names are not looked up here"),
                    HasSubstr("5 newServer the address of dns.google")));
  EXPECT_THAT(result.yaml, HasSubstr("  #     subject_name: dns.google\n"));
  EXPECT_EQ(filled(result).backends.size(), 2U);
}

TEST_F(ImportFiles, LeavesOutOnlyTheStatementsThatAreWrong) {
  const DnsdistImport result = import(text_of("typographic.conf"));
  EXPECT_THAT(
      told(result, Remark::Kind::ToDo),
      AllOf(HasSubstr("3 this line: left out: "), HasSubstr("it has typographic quotes"),
            HasSubstr("4 lines 4 to 6: left out: "), HasSubstr(", in line 5"),
            HasSubstr("8 this line: left out: '}' expected"),
            HasSubstr("10 lines 10 to 12: left out: "),
            HasSubstr("14 this line: left out: attempt to index a nil value (local 'limits')")));
  const Config config = filled(result);
  ASSERT_EQ(config.backends.size(), 2U);
  EXPECT_EQ(config.backends[0].where(), "9.9.9.9:853");
  EXPECT_EQ(config.backends[1].where(), "8.8.4.4:853");
  EXPECT_EQ(config.packet_caches.at(0).size, 1000U);
}

TEST_F(ImportFiles, ReadsThroughMarkdown) {
  const DnsdistImport result = import(text_of("markdown.conf"));
  EXPECT_THAT(told(result, Remark::Kind::Note),
              AllOf(HasSubstr("1 this line: it is a fence"), HasSubstr("4 this line: it is")));
  EXPECT_EQ(told(result, Remark::Kind::ToDo), "");
}

TEST_F(ImportFiles, ReadsOldFilesToo) {
  const DnsdistImport result = import(text_of("old.conf"));
  EXPECT_THAT(told(result, Remark::Kind::ToDo),
              AllOf(HasSubstr("7 addDomainBlock: "), HasSubstr("8 addAnyTCRule: "),
                    HasSubstr("9 addDomainSpoof: "), HasSubstr("10 addLuaAction: "),
                    HasSubstr("11 addQPSPoolRule: "), HasSubstr("12 addNoRecurseRule: "),
                    HasSubstr("13 mvRule: "), HasSubstr("14 topRule: ")));
  const Config config = filled(result);
  EXPECT_EQ(config.backends.at(0).queries_per_second, 10U);
  EXPECT_THAT(pool_called(config, "abuse")->domains,
              testing::ElementsAre("bad.example", "worse.example"));
}

TEST_F(ImportFiles, LeavesOutWhatTheCheckWouldRefuse) {
  EXPECT_THAT(told(import(text_of("authoritative.conf")), Remark::Kind::ToDo),
              AllOf(HasSubstr("2 addLocal.interface: "), HasSubstr("5 newServer.checkType: "),
                    HasSubstr("5 newServer.checkName: "), HasSubstr("5 newServer.ciphers: "),
                    HasSubstr("6 newPacketCache.minTTL: it is more than maxTTL"),
                    HasSubstr("6 newPacketCache.shuffle: "),
                    HasSubstr("8 addAction(OpcodeRule(), PoolAction()): "),
                    HasSubstr("4 newServer.useProxyProtocol: ")));
}

TEST_F(ImportFiles, ReadsDnsdistsYaml) {
  const DnsdistImport result = import(text_of("forwarder.yml"));
  EXPECT_EQ(told(result, Remark::Kind::ToDo), "");
  const Config config = config_of(result.yaml);
  ASSERT_EQ(config.backends.size(), 2U);
  const backends::HealthSettings& health = config.backends[0].health;
  EXPECT_EQ(config.binds.at(0).address.text(), "192.168.1.71:53");
  EXPECT_EQ(config.acl.size(), 2U);
  EXPECT_EQ(config.backends[0].name, "quad9");
  EXPECT_EQ(config.backends[0].subject_name, "dns.quad9.net");
  EXPECT_EQ(health.mode, backends::HealthSettings::Mode::Lazy);
  EXPECT_EQ(health.max_failures, 3U);
  EXPECT_EQ(health.lazy.threshold, 30U);
  EXPECT_EQ(health.lazy.max_back_off, base::seconds{60});
  EXPECT_EQ(config.backends[1].where(), "1.1.1.1:443");
  EXPECT_EQ(config.backends[1].protocol, backends::Protocol::DoH);
  EXPECT_EQ(config.backends[1].queries_per_second, 500U);
  EXPECT_EQ(config.backends[1].max_in_flight, 100U);
  EXPECT_EQ(config.packet_caches.at(0).name, "big");
  EXPECT_EQ(config.pools.at(0).packet_cache, 0U);
  EXPECT_EQ(config.pools.at(0).policy.policy, backends::Policy::FirstAvailable);
  EXPECT_EQ(config.metrics_address.text(), "127.0.0.1:8083");
  EXPECT_EQ(config.log_level, LogLevel::Debug);
  EXPECT_EQ(config.stream_limits.max_connections_per_client, 10U);
  EXPECT_EQ(config.stream_limits.receive_timeout, base::seconds{3});
}

TEST_F(ImportFiles, ReadsYamlOfAPublicResolver) {
  const DnsdistImport result = import(text_of("public.yml"));
  EXPECT_THAT(
      told(result, Remark::Kind::ToDo),
      AllOf(HasSubstr("3 binds 0.0.0.0:53: dotline answers at addresses"),
            HasSubstr("32 binds 0.0.0.0:853 DoQ: "), HasSubstr("28 binds.doh.responses_map: "),
            HasSubstr("36 binds.tls.certificates: it needs files"),
            HasSubstr("39 backends.use_client_subnet: "),
            HasSubstr("39 backends 10.0.0.1:5300: it is asked in the clear"),
            HasSubstr("40 webserver 0.0.0.0:8083: dnsdist lets in"),
            HasSubstr("40 webserver [::]:8083: "),
            HasSubstr("40 webserver: the metrics have no password")));
  const Config config = filled(result);
  EXPECT_EQ(config.binds.size(), 6U);
  EXPECT_EQ(config.stream_limits.idle_timeout, base::seconds{15});
  EXPECT_EQ(config.stream_limits.max_concurrent_connections, 1000U);
  EXPECT_EQ(config.metrics_address.text(), "127.0.0.1:8083");
}

TEST_F(ImportFiles, ReadsRulesOfYaml) {
  const DnsdistImport result = import(text_of("rules.yml"));
  const Config config = filled(result);
  using testing::ElementsAre;
  EXPECT_THAT(pool_called(config, "corp")->domains, ElementsAre("corp.example", "10.in-addr.arpa"));
  EXPECT_THAT(pool_called(config, "lab")->domains, ElementsAre("lab.example", "test.example"));
  EXPECT_EQ(pool_at(config, "192.0.2.53:53"), "main");
  EXPECT_EQ(pool_at(config, "192.0.2.54:53"), "second");
  EXPECT_EQ(pool_at(config, "192.0.2.53:5300"), "second");
  EXPECT_THAT(told(result, Remark::Kind::ToDo),
              AllOf(HasSubstr("query_rules(clients 10.0.0.0/8, PoolAction())"),
                    HasSubstr("query_rules blocked(QNameSuffix, RCode): "),
                    HasSubstr("response_rules (RCode, Delay): "),
                    HasSubstr("pools.packet_cache: there is no cache called missing"),
                    HasSubstr("packet_caches.dont_age: "),
                    HasSubstr("backends.tls.validate_certificate: ")));
  EXPECT_THAT(told(result, Remark::Kind::Note), HasSubstr("it is never reached"));
}

TEST_F(ImportFiles, NamesWhatIsTunedInYaml) {
  const DnsdistImport result = import(text_of("tuned.yml"));
  const Config config = filled(result);
  EXPECT_EQ(config.stream_limits.listen_queue_size, 512U);
  EXPECT_EQ(config.stream_limits.max_connection_duration, base::seconds{300});
  EXPECT_EQ(config.stream_limits.connections_overload_threshold, 80U);
  for (const char* name : {"backends.auto_upgrade.enabled", "backends.source", "backends.dscp",
                           "tuning.tcp.max_connec"
                           "tion_rate_per_client",
                           "dynamic_rules floods(", "remote_logging.dnstap_loggers",
                           "metrics.carbon", "snmp.enabled", "key_value_stores.cdb"}) {
    EXPECT_THAT(told(result, Remark::Kind::ToDo), HasSubstr(name));
  }
  for (const char* name :
       {"tuning.udp.messages_per_round", "tuning.tcp.worker_threads", "ring_buffers.size",
        "general.server_id", "xsk", "edns_client_subnet.override_existing", "backends.tcp.retries",
        "load_balancing_policies.hash_perturbation"}) {
    EXPECT_THAT(told(result, Remark::Kind::Note), HasSubstr(name));
  }
}

TEST_F(ImportFiles, NamesWhatIsOddInYaml) {
  EXPECT_THAT(
      told(import(text_of("odd.yml")), Remark::Kind::ToDo),
      AllOf(HasSubstr("3 YAML: an anchor"), HasSubstr("5 YAML: an alias"),
            HasSubstr("6 binds here: it is not an address"), HasSubstr("8 acl: it is given twice"),
            HasSubstr("12 backends.qps: dotline knows"),
            HasSubstr("13 backends.weight: a whole number expected, got heavy"),
            HasSubstr("17 backends.protocol: resolvers are asked with DoT or DoH"),
            HasSubstr("18 frobnicate.colour: dotline knows nothing"),
            HasSubstr("20 pools: settings expected"), HasSubstr("24 query_rules.frequency: ")));
}

TEST(ImportDnsdistYaml, NamesTheLineOfAMistake) {
  const DnsdistImport result = import("binds:\n  - listen_address: 192.0.2.53\n\tprotocol: Do53\n");
  ASSERT_TRUE(result.fault);
  EXPECT_EQ(result.fault->line, 3U);
  EXPECT_EQ(result.yaml, "");
}

TEST(ImportDnsdistYaml, IsNotTakenForLua) {
  EXPECT_EQ(to_do("--[[\nbackends: those of the office\n]]\naddLocal('192.0.2.53')\nnewServer{"
                  "address='192.0.2.1', tls='openssl', subjectName='a.example'}\n"),
            "");
}

}  // namespace
}  // namespace control
