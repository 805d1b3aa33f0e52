// Names that must not go upstream: special by an RFC, or private to the network they are asked in.
// They are answered here, and what is asked for them leaves no trace outside.
//
// Each zone has the least content there may be (RFC 6303 §3): an SOA and an NS at its top, nothing
// below, but for the few that have addresses. An answer is made of octets written at the start.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "dataplane/dns/reply.h"
#include "dataplane/rules/domain_table.h"

namespace rules {

/// Kinds of names, each with a switch of its own.
enum class LocalName : uint8_t {
  Onion,              // RFC 7686: Tor's, never for DNS.
  Localhost,          // RFC 6761 §6.3: this machine, at and below.
  Invalid,            // RFC 6761 §6.4.
  Local,              // RFC 6762 §22.1: multicast DNS.
  HomeArpa,           // RFC 8375: the home network's own.
  PrivateReverse,     // RFC 6303, RFC 7793: addresses that mean something else everywhere.
  ResolverArpa,       // RFC 9462 §6.4: about the resolver that is asked.
  UseApplicationDns,  // use-application-dns.net: applications are to leave DNS to the system.
  Ipv4OnlyArpa,       // RFC 8880: how NAT64 is found.
  Count_
};

/// Settings under `local_names`.
inline constexpr std::array<std::string_view, static_cast<size_t>(LocalName::Count_)>
    kLocalNameSettings = {"onion",         "localhost",           "invalid",
                          "local",         "home_arpa",           "private_reverse",
                          "resolver_arpa", "use_application_dns", "ipv4only_arpa"};
static_assert(!kLocalNameSettings.back().empty());

using LocalNameSet = std::bitset<static_cast<size_t>(LocalName::Count_)>;

/// The tops of the zones of one kind.
[[nodiscard]] std::vector<dns::Name> zones_of(LocalName kind);

class LocalNames {
 public:
  LocalNames() = default;  // None.
  explicit LocalNames(const LocalNameSet& kinds);

  /// Octets of the zone that `name` (lower-cased, in wire form) is in or at; 0: in none.
  [[nodiscard]] size_t depth(dns::ByteView name) const;
  /// What a question for `name` is told if it is in one of the zones. Borrows from this.
  [[nodiscard]] std::optional<dns::Content> answer(dns::ByteView name, dns::Type type) const;

 private:
  /// Records of one type at a zone's top, with a pointer to the question's name as their owner.
  struct Records {
    dns::Type type{};
    uint16_t count = 0;
    std::vector<std::byte> octets;
  };
  struct Zone {
    std::vector<Records> records;
    std::vector<std::byte> soa;  // Its owner written out: for the authority section.
    bool missing = false;        // Not even the top exists.
    bool same_below = false;     // Every name below has what the top has.
  };
  [[nodiscard]] static Zone make_zone(LocalName kind, const dns::Name& top);

  DomainTable tops_;
  std::vector<Zone> zones_;  // By place in `tops_`.
};

}  // namespace rules
