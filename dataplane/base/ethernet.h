// The first octets of an Ethernet frame: addresses, at most one 802.1Q tag, the type of what
// follows. Said here once for all that read or write frames.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "dataplane/base/bytes.h"

namespace base {

using MacAddress = std::array<std::byte, 6>;

/// Of what follows, in host order.
enum class EtherType : uint16_t { Ipv4 = 0x0800, Arp = 0x0806, Vlan = 0x8100, Ipv6 = 0x86DD };

inline constexpr size_t kMacAddresses = 12;    // Both of a frame.
inline constexpr size_t kEthernetHeader = 14;  // Untagged.
inline constexpr size_t kVlanTag = 4;
inline constexpr uint16_t kVlanIdMask = 0x0FFF;
inline constexpr size_t kShortestFrame = 60;  // Without FCS; not every NIC pads.

/// 802.1Q tag of a frame: none, or its control information (priority and id), echoed in the reply.
struct VlanTag {
  bool present = false;
  uint16_t control = 0;  // 0 where there is no tag.

  [[nodiscard]] uint16_t id() const { return control & kVlanIdMask; }
};

/// Multicast or broadcast.
[[nodiscard]] inline bool is_group(const MacAddress& mac) {
  return (mac[0] & std::byte{1}) != std::byte{0};
}

struct EthernetHeader {
  MacAddress to{};
  MacAddress from{};
  VlanTag tag;
  EtherType type{};
};

[[nodiscard]] inline MacAddress read_mac(Reader& reader) {
  MacAddress mac{};
  const ByteView octets = reader.take(mac.size());
  std::copy(octets.begin(), octets.end(), mac.begin());
  return mac;
}

/// What is behind a second tag is not looked at. If the frame ends too soon, `reader` is not ok and
/// what it had is here.
[[nodiscard]] inline EthernetHeader read_ethernet(Reader& reader) {
  EthernetHeader header{.to = read_mac(reader), .from = read_mac(reader)};
  header.type = static_cast<EtherType>(reader.be16());
  if (header.type == EtherType::Vlan) {
    header.tag = {.present = true, .control = reader.be16()};
    header.type = static_cast<EtherType>(reader.be16());
  }
  return header;
}

}  // namespace base
