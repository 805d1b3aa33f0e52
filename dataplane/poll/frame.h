// One Ethernet frame: reading a UDP datagram out of untrusted bytes, and writing the headers of the
// one that goes back.
//
// A reply goes to the addresses its query came from, MAC addresses included, so there is no
// neighbour table to poison or to miss. A query's headers carry no options (those are dropped), so
// a reply has headers of the same size and can be built in place.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "dataplane/base/address.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/ethernet.h"
#include "dataplane/base/result.h"
#include "dataplane/poll/counters.h"

namespace poll {

using base::ByteSpan;
using base::ByteView;
using base::Result;

using base::MacAddress;

/// Both ends of a query, as seen from us; all that is needed to send something back.
struct Path {
  MacAddress client_mac;
  MacAddress our_mac;
  base::VlanTag tag;
  base::Endpoint client;
  base::Endpoint ours;
};

/// A frame that holds one whole UDP datagram for us.
struct Frame {
  Path path;
  uint16_t payload_at = 0;  // Offset of the UDP payload in the frame = size of all headers.
  uint16_t payload_size = 0;
};

/// What a port accepts.
struct Acceptance {
  MacAddress mac;
  uint16_t vlan = 0;            // 0: untagged, or tagged with id 0 (priority only).
  bool verify_checksum = true;  // Of UDP. The IPv4 header's is always verified.
};

/// Services that answer anything with something: a reply to them is the start of a loop
/// (CVE-1999-0103). Port 0 cannot be replied to (RFC 768). Ascending.
inline constexpr std::array<uint16_t, 8> kNeverRepliedTo = {0, 7, 13, 17, 19, 37, 69, 464};
/// From here on no source port has to be looked up there.
inline constexpr uint16_t kAlwaysRepliedTo = kNeverRepliedTo.back() + 1;
static_assert(std::ranges::is_sorted(kNeverRepliedTo));

/// Where a frame belongs that is no query of ours.
enum class Owner : uint8_t {
  None,    // Broken, or a query that was to be ours: dropped.
  Kernel,  // Whole, to our MAC, and not for us.
  Group,   // To many: the kernel's, if its first octets are right.
};

/// Why a frame is not taken for a query.
struct NotTaken {
  Drop reason{};
  Owner owner = Owner::None;
};

/// Reads `bytes`, a received frame without FCS. Padding behind the IP packet is ignored (RFC 894);
/// options, fragments and extension headers are dropped, never reassembled. The payload is not
/// looked at. The reason of a failure is what the frame is dropped for, unless its owner gets it.
[[nodiscard]] Result<Frame, NotTaken> parse_frame(ByteView bytes,
                                                  const Acceptance& acceptance) noexcept;

/// Octets of all headers in front of a payload on `path`: 42 to 66.
[[nodiscard]] size_t header_size(const Path& path);
inline constexpr size_t kMaxHeaderSize = base::kEthernetHeader + base::kVlanTag + 40 + 8;

/// Writes Ethernet, IP and UDP headers from us to the client at the front of `frame`, behind which
/// `payload_size` octets of payload already lie. IPv4 with DF and TTL 64, RFC 6864 §4.1 (id 0);
/// checksums computed over what is there.
void write_headers(ByteSpan frame, const Path& path, size_t payload_size) noexcept;

}  // namespace poll
