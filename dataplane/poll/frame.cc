#include "dataplane/poll/frame.h"

#include <netinet/in.h>

#include <algorithm>
#include <optional>

#include "dataplane/base/assert.h"
#include "dataplane/poll/checksum.h"

namespace poll {
namespace {

using base::Endpoint;
using base::IpAddress;
using base::Reader;
using base::Writer;

constexpr size_t kIpv4 = 20, kIpv6 = 40, kUdp = 8;
constexpr uint16_t kMoreFragments = 0x2000, kFragmentOffset = 0x1FFF, kDontFragment = 0x4000;
constexpr uint8_t kHopLimit = 64;

/// What the IP header said, whichever version it was.
struct Packet {
  IpAddress source;
  IpAddress destination;
  ByteView payload;  // Exactly one UDP datagram, if the lengths agree.
};

NotTaken dropped(Drop reason) { return {reason, Owner::None}; }
NotTaken not_ours(Drop reason) { return {reason, Owner::Kernel}; }

bool is_extension_header(uint8_t next) {
  switch (next) {
    case IPPROTO_HOPOPTS:
    case IPPROTO_ROUTING:
    case IPPROTO_FRAGMENT:
    case IPPROTO_ESP:
    case IPPROTO_AH:
    case IPPROTO_NONE:
    case IPPROTO_DSTOPTS:
    case 135 /* mobility */:
    case 139 /* HIP */:
    case 140 /* Shim6 */:
      return true;
    default:
      return false;
  }
}

// These two fill `packet` in place and return why the frame is dropped, if it is: passing the
// values up by Result cost two copies of 72 octets.
std::optional<NotTaken> read_ipv4(ByteView bytes, Packet& packet) {
  Reader reader(bytes);
  const uint8_t version_and_length = reader.u8();
  reader.skip(1);  // DSCP, ECN
  const uint16_t total = reader.be16();
  reader.skip(2);  // Identification
  const uint16_t fragment = reader.be16();
  reader.skip(1);  // TTL: a host answers whatever is left of it, RFC 1122 §3.2.1.7.
  const uint8_t protocol = reader.u8();
  reader.skip(2);  // Checksum, verified below.
  const ByteView source = reader.take(4);
  const ByteView destination = reader.take(4);
  if (!reader.ok()) return dropped(Drop::Runt);

  const size_t header = size_t{version_and_length & 0x0Fu} * 4;
  if (version_and_length >> 4 != 4 || header < kIpv4 || total < header || total > bytes.size()) {
    return dropped(Drop::IpHeader);
  }
  if (header > kIpv4) return not_ours(Drop::IpOptions);
  Sum sum;
  sum.octets(bytes.first(kIpv4));
  if (!sum.adds_up()) return dropped(Drop::IpChecksum);
  if ((fragment & (kMoreFragments | kFragmentOffset)) != 0) return not_ours(Drop::Fragment);
  if (protocol != IPPROTO_UDP) return not_ours(Drop::NotUdp);
  packet = {IpAddress::v4(source.data()), IpAddress::v4(destination.data()),
            bytes.subspan(kIpv4, total - kIpv4)};
  return std::nullopt;
}

std::optional<NotTaken> read_ipv6(ByteView bytes, Packet& packet) {
  Reader reader(bytes);
  const uint32_t version_and_flow = reader.be32();
  const uint16_t payload = reader.be16();
  const uint8_t next = reader.u8();
  reader.skip(1);  // Hop limit
  const ByteView source = reader.take(16);
  const ByteView destination = reader.take(16);
  if (!reader.ok()) return dropped(Drop::Runt);

  if (version_and_flow >> 28 != 6 || payload > reader.remaining()) return dropped(Drop::IpHeader);
  if (next == IPPROTO_FRAGMENT) return not_ours(Drop::Fragment);
  if (is_extension_header(next)) return not_ours(Drop::ExtensionHeader);
  if (next != IPPROTO_UDP) return not_ours(Drop::NotUdp);
  packet = {IpAddress::v6(source.data()), IpAddress::v6(destination.data()),
            bytes.subspan(kIpv6, payload)};
  // An IPv4-mapped address belongs to an API, never on the wire (RFC 4291 §2.5.5.2); here it would
  // pass for IPv4.
  if (packet.source.is_v4() || packet.destination.is_v4()) return dropped(Drop::BadSource);
  return std::nullopt;
}

/// RFC 1122 §3.2.1.3, RFC 4291 §2.5-2.7: addresses that no host may send from. `our` too: a packet
/// from ourselves to ourselves would be answered for ever.
bool may_send(const IpAddress& source, const IpAddress& ours) {
  const ByteView octets = source.octets();
  const auto first = static_cast<uint8_t>(octets[0]);
  if (source == ours) return false;
  if (octets.size() == 4) return first != 0 && first != 127 && first < 224;
  if (first == 0xFF) return false;
  // ::, ::1 and everything else under ::/96 but mapped addresses, which IpAddress::is_v4 would have
  // called IPv4.
  return std::any_of(octets.begin(), octets.begin() + 12,
                     [](std::byte octet) { return octet != std::byte{0}; });
}

bool may_be_replied_to(uint16_t port) {
  return port >= kAlwaysRepliedTo ||
         std::ranges::find(kNeverRepliedTo, port) == kNeverRepliedTo.end();
}

std::optional<NotTaken> read_frame(ByteView bytes, const Acceptance& acceptance, Frame& frame) {
  Path& path = frame.path;

  Reader reader(bytes);
  const base::EthernetHeader ethernet = base::read_ethernet(reader);
  path.our_mac = ethernet.to;
  path.client_mac = ethernet.from;
  path.tag = ethernet.tag;
  if (bytes.size() < base::kEthernetHeader) return dropped(Drop::Runt);
  if (path.our_mac != acceptance.mac) {
    return NotTaken{Drop::NotOurMac, base::is_group(path.our_mac) ? Owner::Group : Owner::None};
  }
  if (base::is_group(path.client_mac) || path.client_mac == path.our_mac)
    return dropped(Drop::BadSource);
  if (!reader.ok()) return dropped(Drop::Runt);
  if (path.tag.id() != acceptance.vlan) return dropped(Drop::Vlan);

  const size_t ip_at = reader.position();
  const bool is_ipv4 = ethernet.type == base::EtherType::Ipv4;
  if (!is_ipv4 && ethernet.type != base::EtherType::Ipv6) return not_ours(Drop::EtherType);
  Packet packet;
  const ByteView ip = bytes.subspan(ip_at);
  if (const auto not_taken = is_ipv4 ? read_ipv4(ip, packet) : read_ipv6(ip, packet))
    return not_taken;
  if (!may_send(packet.source, packet.destination)) return dropped(Drop::BadSource);

  Reader udp(packet.payload);
  path.client = {packet.source, udp.be16()};
  path.ours = {packet.destination, udp.be16()};
  const uint16_t length = udp.be16();
  const uint16_t checksum = udp.be16();
  if (!udp.ok()) return dropped(Drop::Runt);
  // A length that disagrees with IP's in either direction is a trick; the kernel would trim, we do
  // not guess.
  if (length != packet.payload.size()) return dropped(Drop::UdpLength);
  if (!may_be_replied_to(path.client.port)) return dropped(Drop::SourcePort);

  // From here on the headers are whole. IPv4 may go without a checksum, IPv6 may not (RFC 8200
  // §8.1).
  const bool v4 = packet.source.is_v4();
  if (checksum == 0 && !v4) return dropped(Drop::UdpChecksum);
  if (checksum != 0 && acceptance.verify_checksum &&
      !udp_sums_up(packet.source, packet.destination, packet.payload)) {
    return dropped(Drop::UdpChecksum);
  }

  frame.payload_at = static_cast<uint16_t>(ip_at + (v4 ? kIpv4 : kIpv6) + kUdp);
  frame.payload_size = static_cast<uint16_t>(length - kUdp);
  return std::nullopt;
}

void write(Writer& writer, base::EtherType type) { writer.be16(static_cast<uint16_t>(type)); }

// Checksums are summed from the values, not from the header just written: octets that were stored
// two by two and are loaded again eight by eight wait for the stores to reach the cache.

void write_ipv4(Writer& writer, const Path& path, uint16_t udp_size, Sum sum) {
  constexpr uint16_t kVersionAndLength = 0x4500;
  constexpr uint16_t kHopLimitAndProtocol = kHopLimit << 8 | IPPROTO_UDP;
  const auto total = static_cast<uint16_t>(kIpv4 + udp_size);
  for (const uint16_t word : {kVersionAndLength, total, kDontFragment, kHopLimitAndProtocol}) {
    sum.word(word);
  }
  writer.be16(kVersionAndLength);
  writer.be16(total);
  writer.be16(0);
  writer.be16(kDontFragment);
  writer.be16(kHopLimitAndProtocol);
  writer.be16(sum.checksum());
  writer.bytes(path.ours.address.octets());
  writer.bytes(path.client.address.octets());
}

void write_ipv6(Writer& writer, const Path& path, uint16_t udp_size) {
  writer.be32(0x6000'0000);
  writer.be16(udp_size);
  writer.u8(IPPROTO_UDP);
  writer.u8(kHopLimit);
  writer.bytes(path.ours.address.octets());
  writer.bytes(path.client.address.octets());
}

void write_udp(Writer& writer, const Path& path, uint16_t udp_size, Sum sum, ByteView payload) {
  // The length counts twice: in the pseudo-header and in the header.
  for (const uint16_t word :
       {uint16_t{IPPROTO_UDP}, udp_size, path.ours.port, path.client.port, udp_size}) {
    sum.word(word);
  }
  sum.octets(payload);
  const uint16_t checksum = sum.checksum();
  writer.be16(path.ours.port);
  writer.be16(path.client.port);
  writer.be16(udp_size);
  writer.be16(checksum == 0 ? uint16_t{0xFFFF} : checksum);  // 0 would mean "none", RFC 768.
}

}  // namespace

Result<Frame, NotTaken> parse_frame(ByteView bytes, const Acceptance& acceptance) noexcept {
  Result<Frame, NotTaken> result;
  if (const auto not_taken = read_frame(bytes, acceptance, *result))
    result = base::fail(*not_taken);
  return result;
}

size_t header_size(const Path& path) {
  return base::kEthernetHeader + (path.tag.present ? base::kVlanTag : 0) +
         (path.ours.address.is_v4() ? kIpv4 : kIpv6) + kUdp;
}

void write_headers(ByteSpan frame, const Path& path, size_t payload_size) noexcept {
  const size_t headers = header_size(path);
  ASSERT(frame.size() >= headers + payload_size);
  const auto udp_size = static_cast<uint16_t>(kUdp + payload_size);
  const Sum addresses = sum_of(path.ours.address, path.client.address);

  Writer writer(frame.first(headers));
  writer.bytes(path.client_mac);
  writer.bytes(path.our_mac);
  if (path.tag.present) {
    write(writer, base::EtherType::Vlan);
    writer.be16(path.tag.control);
  }
  if (path.ours.address.is_v4()) {
    write(writer, base::EtherType::Ipv4);
    write_ipv4(writer, path, udp_size, addresses);
  } else {
    write(writer, base::EtherType::Ipv6);
    write_ipv6(writer, path, udp_size);
  }
  write_udp(writer, path, udp_size, addresses, frame.subspan(headers, payload_size));
  ASSERT(writer.ok() && writer.size() == headers);
}

}  // namespace poll
