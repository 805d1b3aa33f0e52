// The sections about clients: `binds`, the addresses they ask, `acl`, which of them may ask, and
// `local_names`, what they are told without asking a backend.
#include <algorithm>
#include <limits>

#include "control/config/reader.h"
#include "control/yaml/values.h"

namespace control {
namespace {

constexpr Choice<Protocol> kProtocols[] = {
    {"Do53", Protocol::Do53}, {"DoT", Protocol::DoT}, {"DoH", Protocol::DoH}};
constexpr size_t kMaxPaths = 16;
constexpr const char* kUsualPath = "/dns-query";

uint16_t usual_port(Protocol protocol) {
  switch (protocol) {
    case Protocol::Do53:
      return 53;
    case Protocol::DoT:
      return 853;
    case Protocol::DoH:
      break;
  }
  return 443;
}

constexpr std::string_view kUsualAcl[] = {
    "127.0.0.0/8",    "::1/128",                          // Loopback.
    "10.0.0.0/8",     "172.16.0.0/12", "192.168.0.0/16",  // Private, RFC 1918 ...
    "fc00::/7",                                           // ... and RFC 4193.
    "169.254.0.0/16", "fe80::/10",                        // Link-local.
    "100.64.0.0/10",                                      // Carrier-grade NAT, RFC 6598.
};

base::Endpoint read_address(Section& section, Protocol protocol) {
  const uint16_t port = usual_port(protocol);
  const std::string expected =
      "ADDRESS or ADDRESS:PORT, such as 192.0.2.53:" + std::to_string(port);
  section.require("address", expected);
  const auto text = section.text("address", expected);
  if (!text) return {};
  const auto address = base::Endpoint::parse(*text, port);
  if (const auto fault = fault_of_scope(*text, address.value_or(base::Endpoint{}).address)) {
    section.refuse("address", *fault);
  } else if (!address) {
    section.refuse("address", "is not an address, expected " + expected);
  } else if (is_wildcard(address->address)) {
    section.refuse("address",
                   "is a wildcard, a concrete address is needed: dotline takes packets before the "
                   "kernel does");
  } else if (is_for_many(address->address)) {
    section.refuse("address",
                   "is a multicast or broadcast address, expected one of this machine's own");
  } else if (is_loopback(address->address) && protocol == Protocol::Do53) {
    section.warn("address",
                 "is a loopback address: no packet for it comes over a network, so that it is "
                 "answered over TCP only");
  }
  return address.value_or(base::Endpoint{});
}

/// The pool that the bind names.
dns::PoolId read_named_pool(Section& section, Reading& reading) {
  const std::vector<Pool>& pools = reading.config.pools;
  const auto name = section.text("pool", "the name of a pool");
  if (section.has("cache"))
    section.refuse("cache", "is given beside `pool`, expected one of the two");
  if (!name) return {};
  const auto index = index_of(pools, *name);
  if (!index) section.refuse("pool", "is not a pool, expected " + one_of(pools));
  return dns::PoolId{static_cast<uint8_t>(index.value_or(0))};
}

/// The pool whose answers are kept in the cache that the bind names.
dns::PoolId read_pool(Section& section, Reading& reading) {
  const std::vector<Pool>& pools = reading.config.pools;
  const auto cache = section.text("cache", "the name of a packet cache");
  if (section.has("pool")) return read_named_pool(section, reading);
  if (!cache) {
    const auto usual = index_of(pools, "");
    if (!usual && !section.has("cache")) {
      section.lacks(
          "`cache` is missing and there is no pool \"\", expected the packet "
          "cache of " +
          one_of(pools));
    }
    return dns::PoolId{static_cast<uint8_t>(usual.value_or(0))};
  }
  const auto index = index_of(reading.config.packet_caches, *cache);
  if (!index) {
    section.refuse("cache",
                   "is not a packet cache, expected " + one_of(reading.config.packet_caches));
    return {};
  }
  // One that others with domains of their own share their cache with is meant itself.
  const auto uses_it = [&](const Pool& pool) { return pool.packet_cache == index; };
  const auto is_meant = [&](const Pool& pool) { return uses_it(pool) && pool.domains.empty(); };
  const auto users = std::ranges::count_if(pools, uses_it);
  if (users != 1 && std::ranges::count_if(pools, is_meant) != 1) {
    section.refuse("cache", "is used by " + std::to_string(users) +
                                " pools, expected exactly one, which then answers here");
    return {};
  }
  const auto pool =
      users == 1 ? std::ranges::find_if(pools, uses_it) : std::ranges::find_if(pools, is_meant);
  return dns::PoolId{static_cast<uint8_t>(pool - pools.begin())};
}

/// A path to compare with those of requests, which go no further than a `?`.
std::optional<std::string> fault_of_doh_path(const std::string& path,
                                             const std::vector<std::string>& before) {
  if (auto fault = fault_of_path(path)) return fault;
  if (path.find('?') != std::string::npos) return "has a `?` in it";
  if (std::ranges::find(before, path) != before.end()) return "is given twice";
  return std::nullopt;
}

/// `doh` of a bind that speaks it.
std::vector<std::string> read_doh_paths(Section& outer, ConfigErrors& errors) {
  const std::string expected = "a path such as /dns-query";
  Section section = outer.inner("doh");
  std::vector<std::string> paths;
  const auto nodes = section.list("paths", kMaxPaths);
  section.refuse_unknown();
  if (!nodes) return {kUsualPath};
  if (nodes->empty())
    errors.add(section.place_of("paths"), "`paths` is empty, expected at least " + expected);
  for (const YamlNode& node : *nodes) {
    const auto path = read_text(node, "paths", expected, errors);
    if (!path) continue;
    if (const auto fault = fault_of_doh_path(*path, paths)) {
      errors.add(node.place, quote("paths", *path) + ' ' + *fault + ", expected " + expected);
    } else {
      paths.push_back(*path);
    }
  }
  return paths;
}

/// What only some protocols have.
void read_protocol(Section& section, Bind& bind, Reading& reading) {
  if (bind.protocol != Protocol::Do53) read_server_tls(section, reading, bind);
  if (bind.protocol == Protocol::DoH) {
    bind.paths = read_doh_paths(section, reading.errors);
  } else if (section.has("doh")) {
    reading.errors.add(section.place_of("doh"),
                       "`doh` is given, expected `protocol: DoH` beside it");
    (void)section.inner("doh");
  }
}

Bind read_bind(const YamlNode& node, Reading& reading) {
  Section section(&node, "binds", reading.errors);
  Bind bind;
  section.choice("protocol", bind.protocol, kProtocols);
  bind.address = read_address(section, bind.protocol);
  bind.pool = read_pool(section, reading);
  read_protocol(section, bind, reading);
  section.refuse_unknown();
  return bind;
}

void read_acl_block(const YamlNode& node, Reading& reading) {
  const auto block = read_block(node, "acl", reading.errors);
  if (!block) return;
  if (block->length == 0) {
    reading.errors.warn(node.place,
                        quote("acl", block->text()) + " lets everybody ask: an open resolver");
  }
  reading.config.acl.push_back(*block);
}

}  // namespace

std::optional<base::Prefix> read_block(const YamlNode& node, std::string_view name,
                                       ConfigErrors& errors) {
  const std::string expected = "an address block such as 192.0.2.0/24";
  const auto text = read_text(node, name, expected, errors);
  if (!text) return std::nullopt;
  const auto block = base::Prefix::parse(*text);
  if (!block) {
    errors.add(node.place, quote(name, *text) + " is not an address block, expected " + expected +
                               ", with no bits set behind its length");
  }
  return block;
}

void read_binds(Section& top, Reading& reading) {
  for (const YamlNode& node : top.filled_list("binds", ports::kMaxBinds, "address to answer on")) {
    const Bind& bind = reading.config.binds.emplace_back(read_bind(node, reading));
    if (bind.protocol == Protocol::Do53) reading.config.eal.binds.push_back(bind.address);
  }
}

void read_local_names(Section section, Reading& reading) {
  // A client that asks for ipv4only.arpa wants to know whether there is a NAT64, and only the
  // resolver behind does. RFC 8880 §7.1.
  reading.config.local_names.reset(static_cast<size_t>(rules::LocalName::Ipv4OnlyArpa));
  for (size_t i = 0; i < rules::kLocalNameSettings.size(); ++i) {
    bool local = reading.config.local_names[i];
    section.flag(rules::kLocalNameSettings[i], local);
    reading.config.local_names[i] = local;
  }
  section.refuse_unknown();
}

void read_acl(Section& top, Reading& reading) {
  // The limit is the file's size.
  const auto nodes = top.list("acl", std::numeric_limits<size_t>::max());
  if (!nodes) {
    for (const std::string_view block : kUsualAcl) {
      reading.config.acl.push_back(*base::Prefix::parse(block));
    }
    return;
  }
  if (nodes->empty()) {
    reading.errors.warn(top.place_of("acl"), "`acl` is empty: every query will be refused");
  }
  for (const YamlNode& node : *nodes) read_acl_block(node, reading);
}

}  // namespace control
