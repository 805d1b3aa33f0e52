// Every way to get a configuration wrong: where the error points to, and what it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/control/config/config_rig.h"

namespace control {
namespace {

struct Bad {
  std::string name;
  std::string yaml;
  unsigned line;
  unsigned column;
  std::string text;  // A part of the message, the whole of it where it is short.
};

void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }

class BadConfig : public testing::TestWithParam<Bad> {};

TEST_P(BadConfig, HasOneErrorAtItsPlace) {
  const Bad& bad = GetParam();
  const std::vector<ConfigError> errors = errors_of(bad.yaml);
  ASSERT_EQ(errors.size(), 1u) << all_messages(errors);
  EXPECT_EQ(errors[0].line, bad.line) << errors[0].text;
  EXPECT_EQ(errors[0].column, bad.column) << errors[0].text;
  EXPECT_THAT(errors[0].text, testing::HasSubstr(bad.text));
}

std::string name_of(const testing::TestParamInfo<Bad>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Yaml, BadConfig,
    testing::Values(Bad{"syntax", minimal("acl: [10.0.0.0/8\n"), 5, 1, "not readable as YAML: "},
                    Bad{"tab_as_indent", "dataplane:\n\tidle: busy\n", 2, 1,
                        "a tab in the indentation, expected spaces"},
                    Bad{"alias", minimal("metrics: *here\n"), 4, 10, "not readable as YAML: "},
                    Bad{"anchor", minimal("metrics: &here {}\n"), 4, 10,
                        "an anchor (`&name`); a plain value was expected"},
                    Bad{"tag", minimal("logging: {level: !!str info}\n"), 4, 18,
                        "a tag (`!name`); a plain value was expected"},
                    Bad{"second_document", minimal("---\nacl: []\n"), 4, 1,
                        "a second document starts here, one was expected"},
                    Bad{"list_as_key", minimal("? [a]\n: b\n"), 4, 3,
                        "a setting's name was expected before the colon"},
                    Bad{"nested_deeply", std::string(200, '[') + std::string(200, ']'), 1, 17,
                        "nested deeper than any setting is"},
                    Bad{"nested_bomb", std::string(500'000, '['), 1, 1, "not readable as YAML: "},
                    Bad{"not_a_mapping", "- a\n- b\n", 1, 1,
                        "no settings were found, expected lines of the form `name: value`"},
                    Bad{"plain_text", "hello", 1, 1,
                        "no settings were found, expected lines of the form `name: value`"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Keys, BadConfig,
    testing::Values(
        Bad{"unknown", minimal("console: {}\n"), 4, 1,
            "`console`: unknown setting at the top level, expected one of dataplane, "},
        Bad{"misspelt", minimal("loging: {level: info}\n"), 4, 1, "did you mean `logging`?"},
        Bad{"camel_case",
            std::string(kPorts) + kBinds +
                "backends: [{address: 192.0.2.1, tls: {subjectName: a.example, subject_name: "
                "a.example}}]\n",
            3, 39,
            "`subjectName`: unknown setting in `backends.tls`, did you mean `subject_name`?"},
        Bad{"swapped_letters", minimal("tls_workers: {thraeds: 2}\n"), 4, 15,
            "did you mean `threads`?"},
        Bad{"unprintable", minimal("\"a\\x1B[31m\": 1\n"), 4, 1, "`a\\027[31m`: unknown setting"},
        Bad{"duplicate_at_top", minimal("logging: {level: info}\nlogging: {level: debug}\n"), 5, 1,
            "`logging` is given twice, expected once; first in line 4"},
        Bad{"duplicate_inside", minimal("logging: {level: info, level: debug}\n"), 4, 24,
            "`level` is given twice, expected once; first in line 4"},
        Bad{"section_is_a_list", minimal("metrics: [a]\n"), 4, 10,
            "`metrics`: a list was found, expected settings"}),
    name_of);

std::string dataplane(const std::string& settings) {
  return "dataplane:\n  ports: [{device: af_xdp:eth0}]\n  " + settings + "\n" + kBinds + kBackends;
}

std::string port(const std::string& settings) {
  return "dataplane: {ports: [{" + settings + "}]}\n" + kBinds + kBackends;
}

INSTANTIATE_TEST_SUITE_P(
    Dataplane, BadConfig,
    testing::Values(
        Bad{"absent", std::string(kBinds) + kBackends, 1, 1,
            "no port is given, expected at least one in `dataplane.ports`"},
        Bad{"no_ports", "dataplane: {ports: []}\n" + std::string(kBinds) + kBackends, 1, 20,
            "no port is given"},
        Bad{"ports_is_a_mapping",
            "dataplane: {ports: {device: a}}\n" + std::string(kBinds) + kBackends, 1, 20,
            "`ports`: a mapping was found, expected a list"},
        Bad{"cores_is_a_number", dataplane("cores: 1"), 3, 10,
            "`cores`: a single value was found, expected a list"},
        Bad{"cores_is_empty", dataplane("cores: []"), 3, 10,
            "`cores` is empty, expected at least one CPU"},
        Bad{"core_is_a_word", dataplane("cores: [one]"), 3, 11,
            "`cores`: `one` is not a number, expected a whole number from 0 to 65535"},
        Bad{"core_is_quoted", dataplane("cores: ['1']"), 3, 11, "`cores`: `1` is a quoted text"},
        Bad{"core_is_negative", dataplane("cores: [-1]"), 3, 11, "`cores`: `-1` is not a number"},
        Bad{"core_is_huge", dataplane("cores: [99999999999999999999999]"), 3, 11,
            "is out of range"},
        Bad{"core_does_not_exist", dataplane("cores: [4]"), 3, 11,
            "`cores`: `4` is not a CPU of this machine, expected one of 0-3"},
        Bad{"core_is_not_allowed", dataplane("cores: [3]"), 3, 11,
            "`cores`: `3` is outside this process's CPU affinity, expected one of 0-2"},
        Bad{"core_twice", dataplane("cores: [1, 1]"), 3, 14, "`cores`: `1` is used twice"},
        Bad{"idle", dataplane("idle: nap"), 3, 9,
            "`idle`: `nap` is unknown, expected one of `busy` `pause` `sleep`"},
        Bad{"memory_unit", dataplane("memory: 512"), 3, 11,
            "`memory`: `512` is not a size, expected a size from 64M to 1024G, such as 512M or 2G"},
        Bad{"memory_too_small", dataplane("memory: 8M"), 3, 11, "`memory`: `8M` is out of range"},
        Bad{"memory_too_large", dataplane("memory: 4000G"), 3, 11,
            "`memory`: `4000G` is out of range"},
        Bad{"hugepages", dataplane("hugepages: yes"), 3, 14,
            "`hugepages`: `yes` is unknown, expected one of `auto` `require` `off`"},
        Bad{"no_device", port("queues: 1"), 1, 21,
            "`device` is missing, expected af_xdp:INTERFACE"},
        Bad{"device_kind", port("device: eth0"), 1, 30,
            "`device`: `eth0` is unknown, expected af_xdp:INTERFACE"},
        Bad{"device_is_empty", port("device:"), 1, 22,
            "`device`: nothing was found, expected af_xdp:INTERFACE"},
        Bad{"interface_too_long", port("device: af_xdp:abcdefghijklmnop"), 1, 30,
            "names no interface"},
        Bad{"interface_with_slash", port("device: af_packet:../eth0"), 1, 30, "names no interface"},
        Bad{"pci_form", port("device: 'pci:03:00.0'"), 1, 30,
            "is not a PCI address, expected the form pci:0000:03:00.0"},
        Bad{"vdev_is_empty", port("device: 'vdev:'"), 1, 30,
            "is empty, expected DPDK's device arguments"},
        Bad{"queues_zero", port("device: af_xdp:eth0, queues: 0"), 1, 51,
            "`queues`: `0` is out of range, expected a whole number from 1 to 64"},
        Bad{"more_queues_than_cores", port("device: af_xdp:eth0, queues: 2"), 1, 51,
            "`queues` is 2, expected 1: one for each of `dataplane.cores`"},
        Bad{"fewer_queues_than_cores",
            "dataplane: {cores: [1, 2], ports: [{device: af_xdp:eth0, queues: 1}]}\n" +
                std::string(kBinds) + kBackends,
            1, 66, "`queues` is 1, expected 2: one for each of `dataplane.cores`"},
        Bad{"vlan", port("device: af_xdp:eth0, vlan: 4095"), 1, 49,
            "`vlan`: `4095` is out of range, expected a whole number from 0 to 4094"},
        Bad{"verify_checksum", port("device: af_xdp:eth0, verify_checksum: 1"), 1, 60,
            "`verify_checksum`: `1` is not a switch, expected true or false"},
        Bad{"kernel_on_pci", port("device: 'pci:0000:03:00.0', exception: kernel"), 1, 61,
            "needs a device that the kernel drives, af_xdp or af_packet; expected `tap:NAME` or "
            "`none`"},
        Bad{"kernel_on_vdev", port("device: vdev:net_null0, exception: kernel"), 1, 57,
            "needs a device that the kernel drives"},
        Bad{"none_on_af_xdp", port("device: af_xdp:eth0, exception: none"), 1, 54,
            "expected `kernel`"},
        Bad{"tap_on_af_xdp", port("device: af_xdp:eth0, exception: tap:dns0"), 1, 54,
            "`exception`: `tap:dns0` cannot be had on af_xdp and af_packet, where the kernel keeps "
            "what is not ours; expected `kernel`"},
        Bad{"tap_on_af_packet", port("device: af_packet:eth0, exception: tap:dns0"), 1, 57,
            "cannot be had on af_xdp and af_packet"},
        Bad{"tap_without_a_name", port("device: vdev:net_null0, exception: 'tap:'"), 1, 57,
            "`exception`: `tap:` names no interface, expected 1 to 15 characters"},
        Bad{"tap_with_a_long_name", port("device: vdev:net_null0, exception: tap:abcdefghijklmnop"),
            1, 57, "names no interface"},
        Bad{"tap_with_a_pattern", port("device: vdev:net_null0, exception: 'tap:dns%d'"), 1, 57,
            "names no interface"},
        Bad{"exception_is_unknown", port("device: vdev:net_null0, exception: tun:dns0"), 1, 57,
            "`exception`: `tun:dns0` is unknown, expected one of `kernel` `tap:NAME` `none`"},
        Bad{"tap_twice",
            "dataplane:\n  ports:\n    - {device: vdev:net_null0, exception: tap:dns0}\n    - "
            "{device: vdev:net_null1, exception: tap:dns0}\n" +
                std::string(kBinds) + kBackends,
            4, 43,
            "`exception`: `tap:dns0` names an interface that a port uses already, expected one of "
            "its own; see line 3"},
        Bad{"tap_is_another_ports_interface",
            "dataplane:\n  ports:\n    - {device: vdev:net_null0, exception: tap:eth0}\n    - "
            "{device: af_xdp:eth0}\n" +
                std::string(kBinds) + kBackends,
            3, 43, "names an interface that a port uses already"},
        Bad{"device_twice",
            "dataplane: {ports: [{device: af_xdp:eth0}, {device: af_packet:eth0}]}\n" +
                std::string(kBinds) + kBackends,
            1, 53, "`device`: `interface eth0` is used twice"}),
    name_of);

std::string bind(const std::string& settings) {
  return kPorts + ("binds: [{" + settings + "}]\n") + kBackends;
}

INSTANTIATE_TEST_SUITE_P(
    Tuning, BadConfig,
    testing::Values(
        Bad{"unknown", minimal("tuning: {udp: {}}\n"), 4, 10, "`udp`: unknown setting in `tuning`"},
        Bad{"unknown_inside", minimal("tuning: {tcp: {recieve_timeout: 2}}\n"), 4, 16,
            "did you mean `receive_timeout`?"},
        Bad{"no_connections", minimal("tuning: {tcp: {max_concurrent_connections: 0}}\n"), 4, 44,
            "expected a whole number from 1 to 1000000"},
        Bad{"no_patience", minimal("tuning: {tcp: {receive_timeout: 0}}\n"), 4, 33,
            "expected a whole number from 1 to 3600"},
        Bad{"more_than_all", minimal("tuning: {tcp: {connections_overload_threshold: 101}}\n"), 4,
            48, "expected a whole number from 1 to 100"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Binds, BadConfig,
    testing::Values(
        Bad{"absent", std::string(kPorts) + kBackends, 1, 1,
            "no address to answer on is given, expected at least one in `binds`"},
        Bad{"empty", std::string(kPorts) + "binds: []\n" + kBackends, 2, 8,
            "no address to answer on is given"},
        Bad{"no_address", bind("protocol: Do53"), 2, 9,
            "`address` is missing, expected ADDRESS or ADDRESS:PORT"},
        Bad{"bad_address", bind("address: 192.0.2.256"), 2, 19,
            "`address`: `192.0.2.256` is not an address, expected ADDRESS or ADDRESS:PORT"},
        Bad{"bad_port", bind("address: '192.0.2.53:70000'"), 2, 19, "is not an address"},
        Bad{"wildcard_v4", bind("address: 0.0.0.0"), 2, 19,
            "a concrete address is needed: dotline takes packets before the kernel does"},
        Bad{"wildcard_v6", bind("address: '::'"), 2, 19, "a concrete address is needed"},
        Bad{"wildcard_v6_with_port", bind("address: '[::]:53'"), 2, 19,
            "a concrete address is needed"},
        Bad{"link_local", bind("address: 'fe80::1'"), 2, 19, "is a link-local address"},
        Bad{"link_local_end", bind("address: '[febf::1]:53'"), 2, 19, "is a link-local address"},
        Bad{"link_local_with_interface", bind("address: 'fe80::1%eth0'"), 2, 19,
            "is a link-local address"},
        Bad{"multicast", bind("address: 224.0.0.251"), 2, 19,
            "is a multicast or broadcast address"},
        Bad{"multicast_v6", bind("address: 'ff02::fb'"), 2, 19,
            "is a multicast or broadcast address"},
        Bad{"broadcast", bind("address: 255.255.255.255"), 2, 19,
            "is a multicast or broadcast address"},
        Bad{"protocol", bind("address: 192.0.2.53, protocol: DoQ"), 2, 41,
            "`protocol`: `DoQ` is unknown, expected one of `Do53` `DoT`"},
        Bad{"dot_without_certificates", bind("address: 192.0.2.53, protocol: DoT"), 2, 9,
            "clients are to be spoken to over TLS, expected `tls` with `certificates`"},
        Bad{"no_certificate", bind("address: 192.0.2.53, protocol: DoT, tls: {}"), 2, 51,
            "no certificate to show to clients is given, expected at least one"},
        Bad{"tls_in_the_clear", bind("address: 192.0.2.53, tls: {certificates: []}"), 2, 31,
            "`tls`: unknown setting in `binds`"},
        Bad{"pool_of_a_bind", bind("address: 192.0.2.53, pool: other"), 2, 37,
            "`pool`: `other` is not a pool, expected"},
        Bad{"pool_beside_a_cache", bind("address: 192.0.2.53, cache: main, pool: ''"), 2, 38,
            "`cache`: `main` is given beside `pool`, expected one of the two"},
        Bad{"cache", bind("address: 192.0.2.53, cache: other"), 2, 38,
            "`cache`: `other` is not a packet cache, expected one of `main`"},
        Bad{"twice",
            std::string(kPorts) + "binds: [{address: 192.0.2.53}, {address: '192.0.2.53:53'}]\n" +
                kBackends,
            2, 42,
            "`address`: `192.0.2.53:53` is used twice, expected a different one; first in line 2"},
        Bad{"cache_of_two_pools",
            bind("address: 192.0.2.53, cache: main") +
                "pools: [{name: '', packet_cache: main}, {name: b, packet_cache: main}]\n",
            2, 38, "`cache`: `main` is used by 2 pools, expected exactly one"},
        Bad{"cache_of_no_pool",
            bind("address: 192.0.2.53, cache: spare") +
                "packet_caches: [{name: main}, {name: spare}]\n",
            2, 38, "`cache`: `spare` is used by 0 pools, expected exactly one"}),
    name_of);

std::string backend(const std::string& settings) {
  return std::string(kPorts) + kBinds + "backends: [{" + settings + "}]\n";
}
const std::string kPin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

std::string tls(const std::string& settings) {
  return backend("address: 192.0.2.1, tls: {" + settings + "}");
}

INSTANTIATE_TEST_SUITE_P(
    Backends, BadConfig,
    testing::Values(
        Bad{"absent", std::string(kPorts) + kBinds, 1, 1,
            "no backend is given, expected at least one in `backends`"},
        Bad{"empty", std::string(kPorts) + kBinds + "backends: []\n", 3, 11, "no backend is given"},
        Bad{"nothing", std::string(kPorts) + kBinds + "backends:\n", 3, 1,
            "`backends`: nothing was found, expected a list"},
        Bad{"item_is_text", std::string(kPorts) + kBinds + "backends: [8.8.8.8]\n", 3, 12,
            "`backends`: a single value was found, expected settings"},
        Bad{"no_address", backend("tls: {subject_name: a.example}"), 3, 12, "`address` is missing"},
        Bad{"host_name", backend("address: dns.google, tls: {subject_name: dns.google}"), 3, 22,
            "`address`: `dns.google` is a name, expected an address: looking the name up would "
            "leak it"},
        Bad{"host_name_with_port",
            backend("address: 'dns.google:853', tls: {subject_name: dns.google}"), 3, 22,
            "looking the name up would leak it"},
        Bad{"clear_text_port", backend("address: '192.0.2.1:53', tls: {subject_name: a.example}"),
            3, 22,
            "`address`: `192.0.2.1:53` would speak TLS to a clear-text port, expected port 853, "
            "which is DNS over TLS"},
        Bad{"link_local", backend("address: 'fe80::53', tls: {subject_name: a.example}"), 3, 22,
            "is a link-local address"},
        Bad{"multicast", backend("address: 239.1.1.1, tls: {subject_name: a.example}"), 3, 22,
            "expected that of one resolver"},
        Bad{"no_tls", backend("address: 192.0.2.1"), 3, 12,
            "the backend could not be authenticated, expected `tls` with `subject_name`, "
            "`subject_address` or `pins`"},
        Bad{"tls_without_a_name", tls("ca_store: ''"), 3, 38,
            "the backend could not be authenticated"},
        Bad{"name_and_address", tls("subject_name: a.example, subject_address: 192.0.2.1"), 3, 81,
            "is given beside `subject_name`, expected one of the two"},
        Bad{"subject_name_is_an_address", tls("subject_name: 192.0.2.1"), 3, 53,
            "is an address, expected a host name; an address goes into `subject_address`"},
        Bad{"subject_name_is_v6", tls("subject_name: '2001:db8::1'"), 3, 53, "is an address"},
        Bad{"subject_name_empty", tls("subject_name: ''"), 3, 53,
            "`subject_name`: `` is not a host name"},
        Bad{"subject_name_null", tls("subject_name:"), 3, 39, "`subject_name`: nothing was found"},
        Bad{"subject_name_wildcard", tls("subject_name: '*.example'"), 3, 53, "is not a host name"},
        Bad{"subject_name_final_dot", tls("subject_name: a.example."), 3, 53, "is not a host name"},
        Bad{"subject_name_not_ascii", tls("subject_name: m\xC3\xBCnchen.example"), 3, 53,
            "`m\\195\\188nchen.example` has characters that are not visible ASCII"},
        Bad{"subject_address", tls("subject_address: dns.google"), 3, 56,
            "`subject_address`: `dns.google` is not an address"},
        Bad{"pins_empty", tls("subject_name: a.example, pins: []"), 3, 70,
            "`pins` is empty, expected at least one pin"},
        Bad{"pins_is_text", tls("pins: " + kPin), 3, 45, "expected a list"},
        Bad{"pin_of_another_digest", tls("pins: ['sha512/AAAA']"), 3, 46,
            "`pins`: `sha512/AAAA` is not a pin, expected `sha256/` and the BASE64"},
        Bad{"pin_cut", tls("pins: [" + kPin.substr(0, 40) + "]"), 3, 46, "is not a pin"},
        Bad{"pin_twice", tls("pins: [" + kPin + ", " + kPin + "]"), 3, 99,
            "is listed twice, expected once"},
        Bad{"ca_store_beside_pins_alone", tls("pins: [" + kPin + "], ca_store: /nonexistent"), 3,
            110, "is not looked at where only `pins` are given"},
        Bad{"ciphers", tls("subject_name: a.example, ciphers: 'ECDHE+AESGCM:NONSENSE'"), 3, 73,
            "has `NONSENSE`, which OpenSSL does not know"},
        Bad{"ciphers_too_weak", tls("subject_name: a.example, ciphers: 'ALL:@SECLEVEL=0'"), 3, 73,
            "the security level stays where it is"},
        Bad{"ciphers_tls_13", tls("subject_name: a.example, ciphers_tls_13: TLS_NONE"), 3, 80,
            "has `TLS_NONE`, which OpenSSL does not know"},
        Bad{"ecdhe_curves", tls("subject_name: a.example, ecdhe_curves: 'X25519:P-25'"), 3, 78,
            "has `P-25`, which OpenSSL does not know"},
        Bad{"min_version", tls("subject_name: a.example, min_version: tls1.1"), 3, 77,
            "`min_version`: `tls1.1` is unknown, expected one of `tls1.2` `tls1.3`"},
        Bad{"no_setting_turns_verification_off",
            tls("subject_name: a.example, validate_certificate: false"), 3, 64,
            "`validate_certificate`: unknown setting in `backends.tls`"},
        Bad{"ca_store_missing", tls("subject_name: a.example, ca_store: /nonexistent/ca.pem"), 3,
            74, "`ca_store`: `/nonexistent/ca.pem` cannot be opened: No such file or directory"},
        Bad{"ca_store_is_a_folder", tls("subject_name: a.example, ca_store: /tmp"), 3, 74,
            "is a directory, expected a file"},
        Bad{"ca_store_is_a_device", tls("subject_name: a.example, ca_store: /dev/zero"), 3, 74,
            "is not a regular file"},
        Bad{"ca_store_without_certificate",
            tls("subject_name: a.example, ca_store: /proc/self/status"), 3, 74,
            "has no certificate in it, expected PEM certificates"},
        Bad{"order", backend("address: 192.0.2.1, tls: {subject_name: a.example}, order: first"), 3,
            72, "`order`: `first` is not a number"},
        Bad{"budget_of_less_than_nothing",
            backend("address: 192.0.2.1, tls: {subject_name: a.example}, queries_per_second: -1"),
            3, 85,
            "`queries_per_second`: `-1` is not a number, expected a whole number from 0 to "
            "100000000"},
        Bad{"weight_zero", backend("address: 192.0.2.1, tls: {subject_name: a.example}, weight: 0"),
            3, 73, "`weight`: `0` is out of range, expected a whole number from 1 to 2147483647"},
        Bad{"pool", backend("address: 192.0.2.1, tls: {subject_name: a.example}, pools: [blue]"), 3,
            73, "`pools`: `blue` is not a pool, expected one of ``"},
        Bad{"pool_twice",
            backend("address: 192.0.2.1, tls: {subject_name: a.example}, pools: ['', '']"), 3, 77,
            "is listed twice, expected once"},
        Bad{"no_pool", backend("address: 192.0.2.1, tls: {subject_name: a.example}, pools: []"), 3,
            72, "`pools` is empty, expected at least one pool"},
        Bad{"max_in_flight",
            backend("address: 192.0.2.1, tls: {subject_name: a.example}, max_in_flight: 65536"), 3,
            80, "expected a whole number from 1 to 65535"},
        Bad{"query_timeout",
            backend("address: 192.0.2.1, tls: {subject_name: a.example}, query_timeout: 1.5"), 3,
            80, "`query_timeout`: `1.5` is not a number, expected a whole number from 10 to 60000"},
        Bad{"idle_timeout",
            backend("address: 192.0.2.1, tls: {subject_name: a.example}, idle_timeout: 0"), 3, 79,
            "expected a whole number from 100 to 86400000"},
        Bad{"name_with_space",
            backend("name: a b, address: 192.0.2.1, tls: {subject_name: a.example}"), 3, 19,
            "`name`: `a b` is not a name"},
        Bad{"name_twice",
            std::string(kPorts) + kBinds +
                "backends:\n- {name: a, address: 192.0.2.1, tls: {subject_name: a.example}}\n- "
                "{name: a, address: 192.0.2.2, tls: {subject_name: a.example}}\n",
            5, 10, "`name`: `a` is used twice, expected a different one; first in line 4"},
        Bad{"address_twice_without_names",
            std::string(kPorts) + kBinds +
                "backends:\n- {address: 192.0.2.1, tls: {subject_name: a.example}}\n- {address: "
                "'192.0.2.1:853', tls: {subject_name: a.example}}\n",
            5, 13, "`name`: `192.0.2.1:853` is used twice"},
        Bad{"loop",
            "dataplane: {ports: [{device: af_xdp:eth0}]}\nbinds: [{address: "
            "'192.0.2.53:853'}]\nbackends: [{address: 192.0.2.53, tls: {subject_name: "
            "a.example}}]\n",
            3, 22,
            "`address`: `192.0.2.53:853` is one of `binds`, expected another server: this one "
            "would ask itself"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    HealthChecks, BadConfig,
    testing::Values(Bad{"mode", minimal_with_checks("{mode: eager}"), 3, 87,
                        "`mode`: `eager` is unknown, expected one of `auto` `lazy` `up` `down`"},
                    Bad{"qname_is_no_name", minimal_with_checks("{qname: 'a b.example'}"), 3, 88,
                        "`qname`: `a b.example` is not a name to ask for"},
                    Bad{"qname_is_empty", minimal_with_checks("{qname: ''}"), 3, 88,
                        "is not a name to ask for"},
                    Bad{"qname_has_an_empty_label", minimal_with_checks("{qname: a..example}"), 3,
                        88, "is not a name to ask for"},
                    Bad{"qname_has_a_long_label",
                        minimal_with_checks("{qname: " + std::string(64, 'a') + ".example}"), 3, 88,
                        "is not a name to ask for"},
                    Bad{"qname_is_too_long_for_a_random_label",
                        minimal_with_checks("{qname: " + std::string(60, 'a') + "." +
                                            std::string(60, 'a') + "." + std::string(60, 'a') +
                                            "." + std::string(60, 'a') + "}"),
                        3, 88, "is not a name to ask for"},
                    Bad{"qtype", minimal_with_checks("{qtype: AXFR}"), 3, 88,
                        "`qtype`: `AXFR` is unknown, expected one of `A` `AAAA`"},
                    Bad{"threshold", minimal_with_checks("{lazy: {threshold: 101}}"), 3, 99,
                        "expected a whole number from 1 to 100"},
                    Bad{"more_wanted_than_kept",
                        minimal_with_checks("{lazy: {sample_size: 10, min_sample_count: 11}}"), 3,
                        123, "is larger than `sample_size`"},
                    Bad{"unknown", minimal_with_checks("{checkName: a.example}"), 3, 81,
                        "`checkName`: unknown setting in `backends.health_checks`"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Others, BadConfig,
    testing::Values(
        Bad{"acl_is_text", minimal("acl: 10.0.0.0/8\n"), 4, 6,
            "`acl`: a single value was found, expected a list"},
        Bad{"local_name_unknown", minimal("local_names: {onions: true}\n"), 4, 15,
            "`onions`: unknown setting in `local_names`"},
        Bad{"local_name_word", minimal("local_names: {onion: maybe}\n"), 4, 22,
            "`onion`: `maybe` is not"},
        Bad{"acl_length", minimal("acl: [10.0.0.0/33]\n"), 4, 7,
            "`acl`: `10.0.0.0/33` is not an address block"},
        Bad{"acl_host_bits", minimal("acl: [10.0.0.0/8, 10.0.0.1/8]\n"), 4, 19,
            "with no bits set behind its length"},
        Bad{"cookies_unknown", minimal("cookies: {secret: abc}\n"), 4, 11,
            "`secret`: unknown setting in `cookies`"},
        Bad{"rate_too_high", minimal("rate_limit: {responses_per_second: 100001}\n"), 4, 36,
            "expected a whole number from 0 to 100000"},
        Bad{"rate_negative", minimal("rate_limit: {errors_per_second: -1}\n"), 4, 33,
            "expected a whole number from 0 to 100000"},
        Bad{"slip_11", minimal("rate_limit: {slip: 11}\n"), 4, 20,
            "expected a whole number from 0 to 10"},
        Bad{"ipv4_prefix_0", minimal("rate_limit: {ipv4_prefix_length: 0}\n"), 4, 34,
            "expected a whole number from 1 to 32"},
        Bad{"ipv6_prefix_65", minimal("rate_limit: {ipv6_prefix_length: 65}\n"), 4, 34,
            "expected a whole number from 1 to 64"},
        Bad{"exempt_host_bits", minimal("rate_limit: {exempt: [10.0.0.1/8]}\n"), 4, 23,
            "`exempt`: `10.0.0.1/8` is not an address block"},
        Bad{"misses_per_client_0",
            "dataplane: {max_misses_per_client: 0, ports: [{device: af_xdp:eth0}]}\n" +
                std::string(kBinds) + kBackends,
            1, 36, "expected a whole number from 1 to 65535"},
        Bad{"cache_without_a_name", minimal("packet_caches: [{size: 5}]\n"), 4, 17,
            "`name` is missing"},
        Bad{"cache_name_empty", minimal("packet_caches: [{name: ''}]\n"), 4, 24, "is not a name"},
        Bad{"cache_size", minimal("packet_caches: [{name: main, size: 0}]\n"), 4, 36,
            "`size`: `0` is out of range, expected a whole number from 1 to 1000000000"},
        Bad{"cache_name_twice", minimal("packet_caches: [{name: main}, {name: main}]\n"), 4, 38,
            "`name`: `main` is used twice"},
        Bad{"failure_ttl_zero",
            minimal("packet_caches: [{name: main, temporary_failure_ttl: 0}]\n"), 4, 53,
            "expected a whole number from 1 to 300"},
        Bad{"failure_ttl_301",
            minimal("packet_caches: [{name: main, temporary_failure_ttl: 301}]\n"), 4, 53,
            "expected a whole number from 1 to 300"},
        Bad{"stale_ttl_0", minimal("packet_caches: [{name: main, stale_ttl: 0}]\n"), 4, 41,
            "expected a whole number from 1 to 3600"},
        Bad{"stale_ttl_3601", minimal("packet_caches: [{name: main, stale_ttl: 3601}]\n"), 4, 41,
            "expected a whole number from 1 to 3600"},
        Bad{"max_stale_negative", minimal("packet_caches: [{name: main, max_stale: -1}]\n"), 4, 41,
            "expected a whole number from 0 to 2147483647"},
        Bad{"prefetch_is_a_number", minimal("packet_caches: [{name: main, prefetch: 1}]\n"), 4, 40,
            "`prefetch`: "},
        Bad{"min_over_max_ttl",
            minimal("packet_caches: [{name: main, min_ttl: 60, max_ttl: 30}]\n"), 4, 39,
            "`min_ttl` is 60, expected at most `max_ttl`, which is 30"},
        Bad{"pool_cache", minimal("pools: [{name: '', packet_cache: big}]\n"), 4, 34,
            "`packet_cache`: `big` is not a packet cache, expected one of `main`"},
        Bad{"pool_name_twice", minimal("pools: [{name: ''}, {name: ''}]\n"), 4, 28,
            "`name`: `` is used twice"},
        Bad{"pool_policy", minimal("pools: [{name: '', policy: random}]\n"), 4, 28,
            "`policy`: `random` is unknown, expected one of `leastOutstanding` `firstAvailable` "
            "`roundrobin` `wrandom` `whashed` `chashed` `p2c`"},
        Bad{"default_policy", minimal("load_balancing_policies: {default_policy: lua}\n"), 4, 43,
            "`default_policy`: `lua` is unknown, expected one of `leastOutstanding`"},
        Bad{"factor_below_one",
            minimal("load_balancing_policies: {consistent_hashing_balancing_factor: 0.9}\n"), 4, 64,
            "`consistent_hashing_balancing_factor`: `0.9` is not a factor, expected 0 for no "
            "limit, or a number from 1 to 1000, such as 1.25"},
        Bad{"factor_is_a_word",
            minimal("load_balancing_policies: {weighted_balancing_factor: off}\n"), 4, 54,
            "`weighted_balancing_factor`: `off` is not a factor"},
        Bad{"factor_not_a_number",
            minimal("load_balancing_policies: {weighted_balancing_factor: nan}\n"), 4, 54,
            "`weighted_balancing_factor`: `nan` is not a factor"},
        Bad{"domains_is_a_word", minimal("pools: [{name: '', domains: corp.example}]\n"), 4, 29,
            "`domains`: a single value was found, expected a list"},
        Bad{"domain_with_a_space", minimal("pools: [{name: '', domains: ['a b']}]\n"), 4, 30,
            "`domains`: `a b` is not a domain below the root, expected a domain such as "
            "corp.example or 10.in-addr.arpa"},
        Bad{"domain_with_an_empty_label", minimal("pools: [{name: '', domains: [a..b]}]\n"), 4, 30,
            "`domains`: `a..b` is not a domain"},
        Bad{"domain_that_is_the_root", minimal("pools: [{name: '', domains: ['.']}]\n"), 4, 30,
            "`domains`: `.` is not a domain below the root"},
        Bad{"domain_that_is_empty", minimal("pools: [{name: '', domains: ['']}]\n"), 4, 30,
            "`domains`: `` is not a domain below the root"},
        Bad{"domain_with_a_wildcard", minimal("pools: [{name: '', domains: ['*.a']}]\n"), 4, 30,
            "`domains`: `*.a` is not a domain"},
        Bad{"domain_with_a_long_label",
            minimal("pools: [{name: '', domains: [" + std::string(64, 'a') + "]}]\n"), 4, 30,
            "is not a domain"},
        Bad{"domain_twice", minimal("pools: [{name: '', domains: [a.example, A.example.]}]\n"), 4,
            41, "`domains`: `a.example` is used twice, expected a different one"},
        Bad{"domain_of_two_pools",
            std::string(kPorts) + kBinds +
                "backends: [{address: 192.0.2.1, tls: {subject_name: a.example}, pools: ['', b]}]\n"
                "pools:\n- {name: '', domains: [a.example]}\n- {name: b, domains: [a.example]}\n",
            6, 23,
            "`domains`: `a.example` is used twice, expected a different one; first in line 5"},
        Bad{"domain_without_a_backend",
            minimal("pools: [{name: ''}, {name: b, domains: [a.example]}]\n"), 4, 28,
            "`pools`: `b` has no backend, expected one that lists it in its `pools`"},
        Bad{"threads", minimal("tls_workers: {threads: 0}\n"), 4, 24,
            "expected a whole number from 1 to 64"},
        Bad{"worker_cpu", minimal("tls_workers: {cpus: [9]}\n"), 4, 22,
            "`cpus`: `9` is not a CPU of this machine"},
        Bad{"sessions", minimal("tls_workers: {sessions_per_backend: 65}\n"), 4, 37,
            "expected a whole number from 1 to 64"},
        Bad{"metrics_address", minimal("metrics: {address: localhost}\n"), 4, 20,
            "is not an address to listen on, expected ADDRESS:PORT"},
        Bad{"metrics_address_for_many", minimal("metrics: {address: '[ff02::1]:9153'}\n"), 4, 20,
            "is not an address to listen on, expected ADDRESS:PORT"},
        Bad{"metrics_address_link_local", minimal("metrics: {address: '[fe80::1]:9153'}\n"), 4, 20,
            "is a link-local address"},
        Bad{"metrics_address_of_an_interface", minimal("metrics: {address: 'fe80::1%eth0'}\n"), 4,
            20, "is a link-local address"},
        Bad{"control_socket", minimal("control: {socket: dotline.sock}\n"), 4, 19,
            "`socket`: `dotline.sock` is not the absolute path of a file, such as /run/dotline/"},
        Bad{"control_socket_is_a_folder", minimal("control: {socket: /run/dotline/}\n"), 4, 19,
            "is not the absolute path of a file"},
        Bad{"control_socket_is_too_long",
            minimal("control: {socket: /" + std::string(107, 'a') + "}\n"), 4, 19,
            "is too long, expected at most 107 octets"},
        Bad{"level", minimal("logging: {level: warn}\n"), 4, 18,
            "`level`: `warn` is unknown, expected one of `debug` `info` `warning` `error`"}),
    name_of);

}  // namespace
}  // namespace control
