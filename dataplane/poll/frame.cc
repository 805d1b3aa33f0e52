#include "dataplane/poll/frame.h"

#include <netinet/in.h>

#include <algorithm>

#include "dataplane/base/assert.h"
#include "dataplane/poll/checksum.h"

namespace poll {
namespace {

using base::Endpoint;
using base::IpAddress;
using base::Reader;
using base::Writer;

constexpr uint16_t kEtherIpv4 = 0x0800, kEtherIpv6 = 0x86DD, kEtherVlan = 0x8100;
constexpr size_t kEthernet = 14, kVlan = 4, kIpv4 = 20, kIpv6 = 40, kUdp = 8;
constexpr uint16_t kVlanIdMask = 0x0FFF;
constexpr uint16_t kMoreFragments = 0x2000, kFragmentOffset = 0x1FFF, kDontFragment = 0x4000;
constexpr uint8_t kHopLimit = 64;

/// What the IP header said, whichever version it was.
struct Packet {
  IpAddress source;
  IpAddress destination;
  ByteView payload;  // Exactly one UDP datagram, if the lengths agree.
};

MacAddress read_mac(Reader& reader) {
  MacAddress mac{};
  const ByteView octets = reader.take(mac.size());
  std::copy(octets.begin(), octets.end(), mac.begin());
  return mac;
}

bool is_group(const MacAddress& mac) { return (mac[0] & std::byte{1}) != std::byte{0}; }

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

Result<Packet, Drop> read_ipv4(ByteView bytes) {
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
  if (!reader.ok()) return base::fail(Drop::Runt);

  const size_t header = size_t{version_and_length & 0x0Fu} * 4;
  if (version_and_length >> 4 != 4 || header < kIpv4 || total < header || total > bytes.size()) {
    return base::fail(Drop::IpHeader);
  }
  if (header > kIpv4) return base::fail(Drop::IpOptions);
  if (!ipv4_header_sums_up(bytes.first(kIpv4))) return base::fail(Drop::IpChecksum);
  if ((fragment & (kMoreFragments | kFragmentOffset)) != 0) return base::fail(Drop::Fragment);
  if (protocol != IPPROTO_UDP) return base::fail(Drop::NotUdp);
  return Packet{IpAddress::v4(source.data()), IpAddress::v4(destination.data()),
                bytes.subspan(kIpv4, total - kIpv4)};
}

Result<Packet, Drop> read_ipv6(ByteView bytes) {
  Reader reader(bytes);
  const uint32_t version_and_flow = reader.be32();
  const uint16_t payload = reader.be16();
  const uint8_t next = reader.u8();
  reader.skip(1);  // Hop limit
  const ByteView source = reader.take(16);
  const ByteView destination = reader.take(16);
  if (!reader.ok()) return base::fail(Drop::Runt);

  if (version_and_flow >> 28 != 6 || payload > reader.remaining())
    return base::fail(Drop::IpHeader);
  if (next == IPPROTO_FRAGMENT) return base::fail(Drop::Fragment);
  if (is_extension_header(next)) return base::fail(Drop::ExtensionHeader);
  if (next != IPPROTO_UDP) return base::fail(Drop::NotUdp);
  const Packet packet{IpAddress::v6(source.data()), IpAddress::v6(destination.data()),
                      bytes.subspan(kIpv6, payload)};
  // An IPv4-mapped address belongs to an API, never on the wire (RFC 4291 §2.5.5.2); here it would
  // pass for IPv4.
  if (packet.source.is_v4() || packet.destination.is_v4()) return base::fail(Drop::BadSource);
  return packet;
}

/// RFC 1122 §3.2.1.3, RFC 4291 §2.5-2.7: addresses that nobody may send from. `our` too: a packet
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

/// Services that answer anything with something: a reply to them is the start of a loop
/// (CVE-1999-0103). Port 0 cannot be replied to (RFC 768).
bool may_be_replied_to(uint16_t port) {
  switch (port) {
    case 0:
    case 7:
    case 13:
    case 17:
    case 19:
    case 37:
    case 69:
      return false;
    default:
      return true;
  }
}

}  // namespace

Result<Frame, Drop> parse_frame(ByteView bytes, const Acceptance& acceptance) noexcept {
  Frame frame;
  Path& path = frame.path;

  Reader reader(bytes);
  path.our_mac = read_mac(reader);
  path.client_mac = read_mac(reader);
  uint16_t ether_type = reader.be16();
  if (!reader.ok()) return base::fail(Drop::Runt);
  if (path.our_mac != acceptance.mac) return base::fail(Drop::NotOurMac);
  if (is_group(path.client_mac) || path.client_mac == path.our_mac)
    return base::fail(Drop::BadSource);

  if (ether_type == kEtherVlan) {
    path.tag = {.present = true, .control = reader.be16()};
    ether_type = reader.be16();
    if (!reader.ok()) return base::fail(Drop::Runt);
  }
  const uint16_t vlan =
      path.tag.control & kVlanIdMask;  // Untagged frames have a control word of 0.
  if (vlan != acceptance.vlan) return base::fail(Drop::Vlan);

  const size_t ip_at = reader.position();
  if (ether_type != kEtherIpv4 && ether_type != kEtherIpv6) return base::fail(Drop::EtherType);
  const Result<Packet, Drop> packet =
      ether_type == kEtherIpv4 ? read_ipv4(bytes.subspan(ip_at)) : read_ipv6(bytes.subspan(ip_at));
  if (!packet) return base::fail(packet.error());
  if (!may_send(packet->source, packet->destination)) return base::fail(Drop::BadSource);

  Reader udp(packet->payload);
  path.client = {packet->source, udp.be16()};
  path.ours = {packet->destination, udp.be16()};
  const uint16_t length = udp.be16();
  const uint16_t checksum = udp.be16();
  if (!udp.ok()) return base::fail(Drop::Runt);
  // A length that disagrees with IP's in either direction is somebody's trick; the kernel would
  // trim, we do not guess.
  if (length != packet->payload.size()) return base::fail(Drop::UdpLength);
  if (!may_be_replied_to(path.client.port)) return base::fail(Drop::SourcePort);

  // From here on the headers are whole. IPv4 may go without a checksum, IPv6 may not (RFC 8200
  // §8.1).
  const bool v4 = packet->source.is_v4();
  if (checksum == 0 && !v4) return base::fail(Drop::UdpChecksum);
  if (checksum != 0 && acceptance.verify_checksum &&
      !udp_sums_up(packet->source, packet->destination, packet->payload)) {
    return base::fail(Drop::UdpChecksum);
  }

  frame.payload_at = static_cast<uint16_t>(ip_at + (v4 ? kIpv4 : kIpv6) + kUdp);
  frame.payload_size = static_cast<uint16_t>(length - kUdp);
  return frame;
}

size_t header_size(const Path& path) {
  return kEthernet + (path.tag.present ? kVlan : 0) + (path.ours.address.is_v4() ? kIpv4 : kIpv6) +
         kUdp;
}

void write_headers(ByteSpan frame, const Path& path, size_t payload_size) noexcept {
  const size_t headers = header_size(path);
  ASSERT(frame.size() >= headers + payload_size);
  const auto udp_size = static_cast<uint16_t>(kUdp + payload_size);
  const bool v4 = path.ours.address.is_v4();

  Writer writer(frame.first(headers));
  writer.bytes(path.client_mac);
  writer.bytes(path.our_mac);
  if (path.tag.present) {
    writer.be16(kEtherVlan);
    writer.be16(path.tag.control);
  }
  writer.be16(v4 ? kEtherIpv4 : kEtherIpv6);

  const size_t ip_at = writer.size();
  if (v4) {
    writer.u8(0x45);
    writer.u8(0);
    writer.be16(static_cast<uint16_t>(kIpv4 + udp_size));
    writer.be16(0);
    writer.be16(kDontFragment);
    writer.u8(kHopLimit);
    writer.u8(IPPROTO_UDP);
    writer.be16(0);
    writer.bytes(path.ours.address.octets());
    writer.bytes(path.client.address.octets());
    base::store_be16(&frame[ip_at + 10], ipv4_header_checksum(frame.subspan(ip_at, kIpv4)));
  } else {
    writer.be32(0x6000'0000);
    writer.be16(udp_size);
    writer.u8(IPPROTO_UDP);
    writer.u8(kHopLimit);
    writer.bytes(path.ours.address.octets());
    writer.bytes(path.client.address.octets());
  }

  const size_t udp_at = writer.size();
  writer.be16(path.ours.port);
  writer.be16(path.client.port);
  writer.be16(udp_size);
  writer.be16(0);
  ASSERT(writer.ok() && writer.size() == headers);
  const uint16_t checksum =
      udp_checksum(path.ours.address, path.client.address, frame.subspan(udp_at, udp_size));
  base::store_be16(&frame[udp_at + 6], checksum);
}

}  // namespace poll
