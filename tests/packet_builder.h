// Builds Ethernet frames for tests: every field has a sane default and can be set wrong. Its
// checksums are computed octet pair by octet pair as RFC 1071 says it, not by the code under test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/poll/frame.h"

namespace tests {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(const std::string& text);
base::IpAddress address(const std::string& text);
poll::MacAddress mac(uint8_t last_octet);

struct Packet {
  poll::MacAddress to = mac(1);
  poll::MacAddress from = mac(2);
  std::vector<uint16_t> vlan_controls;  // One 802.1Q tag each.
  std::optional<uint16_t> ether_type;

  base::Endpoint source{address("192.0.2.2"), 40000};
  base::Endpoint destination{address("192.0.2.1"), 53};
  std::optional<uint8_t> version_and_length;
  Bytes ip_options;                   // IPv4; a multiple of 4 octets.
  std::optional<uint16_t> ip_length;  // IPv4 total length, IPv6 payload length.
  uint16_t fragment = 0x4000;         // IPv4: DF.
  uint8_t hop_limit = 64;
  uint8_t protocol = 17;  // IPv6: next header.
  std::optional<uint16_t> ip_checksum;

  std::optional<uint16_t> udp_length;
  std::optional<uint16_t> udp_checksum;
  Bytes payload = bytes_of("payload");
  Bytes padding;  // Behind the IP packet.

  [[nodiscard]] Bytes build() const;
};

/// RFC 1071, in its plainest form.
uint16_t internet_checksum(const Bytes& bytes);
/// The checksum that a UDP datagram between these addresses has to have (its own field counted as
/// zero).
uint16_t expected_udp_checksum(const base::IpAddress& source, const base::IpAddress& destination,
                               Bytes udp);

}  // namespace tests
