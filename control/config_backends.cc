// The section `backends`: who is asked. How it is made sure that it is really they, is in
// config_tls.cc.
#include <algorithm>

#include "control/config_reader.h"
#include "control/config_values.h"

namespace control {
namespace {

enum class Protocol : uint8_t { DoT };

constexpr Choice<Protocol> kProtocols[] = {{"DoT", Protocol::DoT}};
constexpr uint16_t kDotPort = 853;  // RFC 7858 §3.1
constexpr uint16_t kDo53Port = 53;

void read_address(Section& section, tls::BackendSettings& backend) {
  const std::string expected = "ADDRESS or ADDRESS:PORT, such as 192.0.2.1:853";
  section.require("address", expected);
  const auto text = section.text("address", expected);
  if (!text) return;
  const auto address = base::Endpoint::parse(*text, kDotPort);
  if (!address && is_hostname(text->substr(0, text->find(':')))) {
    section.refuse("address", "is a name, expected an address: looking the name up would leak it");
  } else if (!address) {
    section.refuse("address", "is not an address, expected " + expected);
  } else if (is_wildcard(address->address) || is_for_many(address->address)) {
    section.refuse("address",
                   "is a wildcard, multicast or broadcast address, expected that of one resolver");
  } else if (address->port == kDo53Port) {
    section.refuse(
        "address",
        "would speak TLS to a clear-text port, expected port 853, which is DNS over TLS");
  }
  if (address) backend.address = *address;
}

void read_pool_name(const YamlNode& node, Reading& reading, std::vector<dns::PoolId>& pools) {
  const auto name = read_text(node, "pools", "the name of a pool", reading.errors);
  if (!name) return;
  const auto index = index_of(reading.config.pools, *name);
  if (!index) {
    reading.errors.add(node.place, quote("pools", *name) + " is not a pool, expected " +
                                       one_of(reading.config.pools));
    return;
  }
  const dns::PoolId pool{static_cast<uint8_t>(*index)};
  if (std::find(pools.begin(), pools.end(), pool) != pools.end()) {
    reading.errors.add(node.place, quote("pools", *name) + " is listed twice, expected once");
    return;
  }
  pools.push_back(pool);
}

void read_backend_pools(Section& section, Reading& reading, tls::BackendSettings& backend) {
  const auto names = section.list("pools", kMaxPools);
  if (names) {
    for (const YamlNode& node : *names) read_pool_name(node, reading, backend.pools);
    if (names->empty()) {
      reading.errors.add(section.place_of("pools"), "`pools` is empty, expected at least one pool");
    }
    return;
  }
  const auto usual = index_of(reading.config.pools, "");
  if (usual) {
    backend.pools = {dns::PoolId{static_cast<uint8_t>(*usual)}};
  } else if (!section.has("pools")) {
    section.lacks("`pools` is missing and there is no pool \"\", expected " +
                  one_of(reading.config.pools));
  }
}

tls::BackendSettings read_backend(const YamlNode& node, Reading& reading) {
  Section section(&node, "backends", reading.errors);
  tls::BackendSettings backend;
  read_address(section, backend);
  backend.name = backend.address.text();
  section.label("name", backend.name);
  Protocol protocol{};
  section.choice("protocol", protocol, kProtocols);
  read_tls(section, reading, backend);
  section.number("order", backend.order, {0, INT32_MAX});
  section.number("weight", backend.weight, {1, INT32_MAX});
  read_backend_pools(section, reading, backend);
  // A session tells its queries apart by a 16-bit id.
  section.number("max_in_flight", backend.max_in_flight, {1, UINT16_MAX});
  section.milliseconds("query_timeout", backend.query_timeout, {10, 60'000});
  section.milliseconds("idle_timeout", backend.idle_timeout, {100, 86'400'000});
  section.refuse_unknown();
  return backend;
}

}  // namespace

void read_backends(Section& top, Reading& reading) {
  for (const YamlNode& node : top.filled_list("backends", kMaxBackends, "backend")) {
    reading.config.backends.push_back(read_backend(node, reading));
  }
}

}  // namespace control
