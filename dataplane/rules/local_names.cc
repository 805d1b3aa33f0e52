#include "dataplane/rules/local_names.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>

namespace rules {
namespace {

using Octets = std::vector<std::byte>;

constexpr uint32_t kTtl = 10'800;                // RFC 6303 §3.
constexpr uint16_t kPointerToQuestion = 0xC00C;  // RFC 1035 §4.1.4: to octet 12.

void append(Octets& octets, dns::ByteView more) {
  octets.insert(octets.end(), more.begin(), more.end());
}
void append16(Octets& octets, uint16_t value) {
  octets.push_back(static_cast<std::byte>(value >> 8));
  octets.push_back(static_cast<std::byte>(value & 0xFF));
}
void append32(Octets& octets, uint32_t value) {
  append16(octets, static_cast<uint16_t>(value >> 16));
  append16(octets, static_cast<uint16_t>(value & 0xFFFF));
}

/// "home.arpa" in wire form.
Octets wire_of(std::string_view text) {
  Octets wire;
  while (!text.empty()) {
    const std::string_view label = text.substr(0, text.find('.'));
    wire.push_back(static_cast<std::byte>(label.size()));
    append(wire, std::as_bytes(std::span(label)));
    text.remove_prefix(std::min(text.size(), label.size() + 1));
  }
  wire.push_back(std::byte{0});
  return wire;
}

Octets record(dns::ByteView owner, dns::Type type, dns::ByteView data) {
  Octets octets(owner.begin(), owner.end());
  append16(octets, static_cast<uint16_t>(type));
  append16(octets, static_cast<uint16_t>(dns::Class::In));
  append32(octets, kTtl);
  append16(octets, static_cast<uint16_t>(data.size()));
  append(octets, data);
  return octets;
}

Octets at_question(dns::Type type, dns::ByteView data) {
  Octets owner;
  append16(owner, kPointerToQuestion);
  return record(owner, type, data);
}

/// RFC 6303 §3: the values that such zones have had since AS112.
Octets soa_data() {
  Octets data = wire_of("localhost");
  append(data, wire_of("nobody.invalid"));
  for (const uint32_t value : {1U, 3600U, 1200U, 604'800U, kTtl}) append32(data, value);
  return data;
}

Octets ipv4(std::initializer_list<uint8_t> numbers) {
  Octets octets;
  for (const uint8_t number : numbers) octets.push_back(std::byte{number});
  return octets;
}

const std::string kIp6Nibbles31 = [] {
  std::string text;
  for (int i = 0; i < 31; ++i) text += "0.";
  return text + "ip6.arpa";
}();

/// Names on the way down to a pointer record are zones too: they exist, and have no data.
std::vector<std::string> private_reverse() {
  std::vector<std::string> zones = {"0.in-addr.arpa",
                                    "10.in-addr.arpa",
                                    "127.in-addr.arpa",
                                    "254.169.in-addr.arpa",
                                    "168.192.in-addr.arpa",
                                    "2.0.192.in-addr.arpa",
                                    "100.51.198.in-addr.arpa",
                                    "113.0.203.in-addr.arpa",
                                    "255.255.255.255.in-addr.arpa",
                                    "0.127.in-addr.arpa",
                                    "0.0.127.in-addr.arpa",
                                    "1.0.0.127.in-addr.arpa",
                                    "d.f.ip6.arpa",
                                    "8.e.f.ip6.arpa",
                                    "9.e.f.ip6.arpa",
                                    "a.e.f.ip6.arpa",
                                    "b.e.f.ip6.arpa",
                                    "8.b.d.0.1.0.0.2.ip6.arpa",
                                    "0." + kIp6Nibbles31,
                                    "1." + kIp6Nibbles31};
  for (int network = 16; network < 32; ++network)
    zones.push_back(std::to_string(network) + ".172.in-addr.arpa");
  for (int network = 64; network < 128; ++network)  // RFC 7793: shared address space.
    zones.push_back(std::to_string(network) + ".100.in-addr.arpa");
  return zones;
}

std::vector<std::string> zone_texts(LocalName kind) {
  switch (kind) {
    case LocalName::Onion:
      return {"onion"};
    case LocalName::Localhost:
      return {"localhost"};
    case LocalName::Invalid:
      return {"invalid"};
    case LocalName::Local:
      return {"local"};
    case LocalName::HomeArpa:
      return {"home.arpa"};
    case LocalName::PrivateReverse:
      return private_reverse();
    case LocalName::ResolverArpa:
      return {"resolver.arpa"};
    case LocalName::UseApplicationDns:
      return {"use-application-dns.net"};
    case LocalName::Ipv4OnlyArpa:
      return {"ipv4only.arpa", "170.0.0.192.in-addr.arpa", "171.0.0.192.in-addr.arpa"};
    case LocalName::Count_:
      break;
  }
  return {};
}

/// Not even the top exists: RFC 6761 §6.4, RFC 6762 appendix G and RFC 7686 §2 have it so, and the
/// canary says no by it.
bool is_missing(LocalName kind) {
  return kind == LocalName::Onion || kind == LocalName::Invalid || kind == LocalName::Local ||
         kind == LocalName::UseApplicationDns;
}

/// Whether the public tree delegates the zone, without a DS: those below arpa, to AS112 and the
/// like (RFC 6303, RFC 7534). It knows nothing of the others.
bool is_delegated(dns::ByteView top) {
  constexpr std::array kArpa = {std::byte{4},   std::byte{'a'}, std::byte{'r'},
                                std::byte{'p'}, std::byte{'a'}, std::byte{0}};
  return top.size() > kArpa.size() && std::ranges::equal(top.last(kArpa.size()), kArpa);
}

dns::ByteView above(dns::ByteView name) {
  return name.subspan(1 + std::to_integer<size_t>(name.front()));
}

/// RFC 6761 §6.3: names below are this machine too. RFC 9462 §4: a resolver with no encrypted
/// servers to name says NODATA of _dns.resolver.arpa, not that the name is missing.
bool has_all_below(LocalName kind) {
  return kind == LocalName::Localhost || kind == LocalName::ResolverArpa;
}

bool begins_with(dns::ByteView name, std::string_view text) {
  const Octets wire = wire_of(text);
  return name.size() >= wire.size() - 1 && std::equal(wire.begin(), wire.end() - 1, name.begin());
}

}  // namespace

std::vector<dns::Name> zones_of(LocalName kind) {
  std::vector<dns::Name> zones;
  for (const std::string& text : zone_texts(kind)) zones.emplace_back(wire_of(text));
  return zones;
}

LocalNames::Zone LocalNames::make_zone(LocalName kind, const dns::Name& top) {
  Zone zone{.records = {},
            .soa = record(top.wire(), dns::Type::Soa, soa_data()),
            .missing = is_missing(kind),
            .same_below = has_all_below(kind)};
  if (zone.missing) return zone;
  const auto add = [&](dns::Type type, std::initializer_list<Octets> all) {
    Records records{.type = type, .count = static_cast<uint16_t>(all.size()), .octets = {}};
    for (const Octets& data : all) append(records.octets, at_question(type, data));
    zone.records.push_back(std::move(records));
  };
  add(dns::Type::Soa, {soa_data()});
  add(dns::Type::Ns, {wire_of("localhost")});
  if (kind == LocalName::Localhost) {
    add(dns::Type::A, {ipv4({127, 0, 0, 1})});
    Octets one(16);
    one.back() = std::byte{1};
    add(dns::Type::Aaaa, {one});
  } else if (kind == LocalName::Ipv4OnlyArpa) {
    if (begins_with(top.wire(), "ipv4only"))
      add(dns::Type::A, {ipv4({192, 0, 0, 170}), ipv4({192, 0, 0, 171})});
    else
      add(dns::Type::Ptr, {wire_of("ipv4only.arpa")});
  } else if (begins_with(top.wire(), "1.0.0.127") || begins_with(top.wire(), "1.0.0.0.0.0.0")) {
    add(dns::Type::Ptr, {wire_of("localhost")});
  }
  return zone;
}

LocalNames::LocalNames(const LocalNameSet& kinds) {
  std::vector<dns::Name> tops;
  for (size_t i = 0; i < kinds.size(); ++i) {
    if (!kinds[i]) continue;
    const auto kind = static_cast<LocalName>(i);
    for (const dns::Name& top : zones_of(kind)) {
      tops.push_back(top);
      zones_.push_back(make_zone(kind, top));
    }
  }
  tops_ = DomainTable(std::move(tops));
}

size_t LocalNames::depth(dns::ByteView name) const {
  const auto place = tops_.find(name);
  return place ? tops_.domain(*place).size() : 0;
}

std::optional<dns::Content> LocalNames::answer(dns::ByteView name, dns::Type type) const {
  const auto place = tops_.find(name);
  if (!place) return std::nullopt;
  const Zone& zone = zones_[*place];
  const bool at_top = name.size() == tops_.domain(*place).size();
  // The zone above answers for DS, and proves that this one is unsigned. RFC 4035 §3.1.4.1, RFC
  // 8375 §4.
  if (type == dns::Type::Ds && at_top && is_delegated(name) && !tops_.find(above(name)))
    return std::nullopt;
  if (at_top || zone.same_below) {
    for (const Records& records : zone.records) {
      const bool is_tops_own = records.type == dns::Type::Soa || records.type == dns::Type::Ns;
      if (records.type != type || (is_tops_own && !at_top)) continue;
      return dns::Content{.answers = records.count, .records = records.octets};
    }
  }
  const bool exists = !zone.missing && (at_top || zone.same_below);
  return dns::Content{.rcode = exists ? dns::Rcode::NoError : dns::Rcode::NxDomain,
                      .authorities = 1,
                      .records = zone.soa};
}

}  // namespace rules
