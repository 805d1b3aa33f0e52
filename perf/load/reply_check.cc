#include "perf/load/reply_check.h"

#include <rte_ip.h>

#include <algorithm>
#include <optional>

namespace load {
namespace {

using base::ByteView;
using base::Reader;

constexpr size_t kEthernetSize = 14;
constexpr size_t kIp4Size = 20;
constexpr size_t kIp6Size = 40;
constexpr size_t kUdpSize = 8;
constexpr uint8_t kUdpProtocol = 17;

/// A UDP datagram, and what its IP header says.
struct Datagram {
  ByteView header;
  ByteView udp;
  ByteView source;
  ByteView destination;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
};

/// Where the IP header and what it carries end; nothing if it is no UDP datagram without options.
std::optional<size_t> read_ip4(Reader& reader, Datagram& datagram) {
  if (reader.u8() != 0x45) return std::nullopt;
  reader.skip(1);
  const uint16_t total = reader.be16();
  reader.skip(5);
  if (reader.u8() != kUdpProtocol) return std::nullopt;
  reader.skip(2);
  datagram.source = reader.take(4);
  datagram.destination = reader.take(4);
  return total;
}

std::optional<size_t> read_ip6(Reader& reader, Datagram& datagram) {
  if (reader.u8() >> 4 != 6) return std::nullopt;
  reader.skip(3);
  const uint16_t payload = reader.be16();
  if (reader.u8() != kUdpProtocol) return std::nullopt;
  reader.skip(1);
  datagram.source = reader.take(16);
  datagram.destination = reader.take(16);
  return kIp6Size + payload;
}

bool read_headers(ByteView frame, bool is_v4, Datagram& datagram) {
  Reader reader(frame);
  reader.skip(12);
  if (reader.be16() != (is_v4 ? 0x0800 : 0x86DD)) return false;
  const auto size = is_v4 ? read_ip4(reader, datagram) : read_ip6(reader, datagram);
  datagram.source_port = reader.be16();
  datagram.destination_port = reader.be16();
  const size_t header = is_v4 ? kIp4Size : kIp6Size;
  // What follows the IP packet is padding.
  if (!size || !reader.ok() || *size < header + kUdpSize || *size > frame.size() - kEthernetSize)
    return false;
  datagram.header = frame.subspan(kEthernetSize, header);
  datagram.udp = frame.subspan(kEthernetSize + header, *size - header);
  return true;
}

/// IPv6 headers have none.
bool ip_adds_up(ByteView header) {
  return header.size() == kIp6Size || rte_raw_cksum(header.data(), header.size()) == 0xFFFF;
}

bool udp_adds_up(const Datagram& datagram) {
  const uint16_t length = base::load_be16(&datagram.udp[4]);
  if (length != datagram.udp.size()) return false;
  const bool is_v4 = datagram.header.size() == kIp4Size;
  // Over IPv4 the sender may have made none; over IPv6 it has to. RFC 768, RFC 8200 §8.1.
  if (base::load_be16(&datagram.udp[6]) == 0) return is_v4;
  // Over a sum that holds its own checksum these give 0, which they write as UDP does.
  const void* header = datagram.header.data();
  const uint16_t sum =
      is_v4 ? rte_ipv4_udptcp_cksum(static_cast<const rte_ipv4_hdr*>(header), datagram.udp.data())
            : rte_ipv6_udptcp_cksum(static_cast<const rte_ipv6_hdr*>(header), datagram.udp.data());
  return sum == 0xFFFF;
}

/// Which of our addresses this is, counted from the first.
std::optional<uint32_t> number_of(ByteView address, const Route& route, uint32_t addresses) {
  const size_t head = address.size() - 4;
  if (!std::ranges::equal(address.first(head), route.from.octets().first(head)))
    return std::nullopt;
  const uint32_t number = base::load_be32(&address[head]) - tail_of(route.from);
  return number < addresses ? std::optional(number) : std::nullopt;
}

}  // namespace

Reply ReplyCheck::look_at(ByteView frame, Flights& flights) const {
  Datagram datagram;
  if (!read_headers(frame, route_.to.is_v4(), datagram) ||
      !std::ranges::equal(datagram.source, route_.to.octets()) ||
      datagram.source_port != route_.port)
    return {Finding::NotForUs};
  const auto address = number_of(datagram.destination, route_, addresses_);
  if (!address) return {Finding::NotForUs};
  if (!ip_adds_up(datagram.header)) return {Finding::BadIpChecksum};
  if (!udp_adds_up(datagram)) return {Finding::BadUdpChecksum};
  const ByteView message = datagram.udp.subspan(kUdpSize);
  if (message.size() < 12) return {Finding::Malformed};
  Flight* flight = flights.find({.id = base::load_be16(message.data()),
                                 .port = datagram.destination_port,
                                 .address = *address});
  if (flight == nullptr) return {Finding::Unexpected};
  const Finding finding = look_at_message(message, *flight);
  return {finding, finding == Finding::Right ? flight : nullptr};
}

Finding ReplyCheck::look_at_message(ByteView message, const Flight& flight) const {
  Reader reader(message);
  reader.skip(2);
  const uint16_t flags = reader.be16();
  const bool is_response = (flags & 0x8000) != 0;
  if (is_response == expected_.echo || reader.be16() != 1) return Finding::Malformed;
  const uint16_t answers = reader.be16();
  reader.skip(4);
  const ByteView question = questions_[flight.name];
  const ByteView echoed = reader.take(question.size());
  if (!reader.ok() || !std::equal(question.begin(), question.end(), echoed.begin()))
    return Finding::WrongQuestion;
  if ((flags & 0x000F) != expected_.rcode) return Finding::WrongRcode;
  // A truncated answer, or one without a record, costs less to send than what was asked for.
  const bool whole =
      expected_.echo || expected_.rcode != 0 || ((flags & 0x0200) == 0 && answers > 0);
  return whole ? Finding::Right : Finding::Malformed;
}

}  // namespace load
