#include "perf/load/reply_check.h"

#include <rte_ip.h>

#include <algorithm>

namespace load {
namespace {

using base::ByteView;
using base::Reader;

constexpr size_t kIp = 14;
constexpr size_t kIpSize = 20;
constexpr uint8_t kUdp = 17;

/// A UDP datagram, and what its IPv4 header says.
struct Datagram {
  ByteView header;
  ByteView udp;
  uint32_t source = 0;
  uint32_t destination = 0;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
};

bool read_headers(ByteView frame, Datagram& datagram) {
  Reader reader(frame);
  reader.skip(12);
  if (reader.be16() != 0x0800) return false;
  if (reader.u8() != 0x45) return false;
  reader.skip(1);
  const uint16_t total = reader.be16();
  reader.skip(5);
  if (reader.u8() != kUdp) return false;
  reader.skip(2);
  datagram.source = reader.be32();
  datagram.destination = reader.be32();
  datagram.source_port = reader.be16();
  datagram.destination_port = reader.be16();
  // What follows the IP packet is padding.
  if (!reader.ok() || total < kIpSize + 8 || total > frame.size() - kIp) return false;
  datagram.header = frame.subspan(kIp, kIpSize);
  datagram.udp = frame.subspan(kIp + kIpSize, total - kIpSize);
  return true;
}

bool ip_adds_up(ByteView header) { return rte_raw_cksum(header.data(), header.size()) == 0xFFFF; }

bool udp_adds_up(const Datagram& datagram) {
  const uint16_t length = base::load_be16(&datagram.udp[4]);
  if (length != datagram.udp.size()) return false;
  if (base::load_be16(&datagram.udp[6]) == 0)
    return true;  // The sender made none, as RFC 768 allows it.
  const auto* header = reinterpret_cast<const rte_ipv4_hdr*>(datagram.header.data());
  // Over a sum that holds its own checksum this gives 0, which it writes as UDP does.
  return rte_ipv4_udptcp_cksum(header, datagram.udp.data()) == 0xFFFF;
}

}  // namespace

Reply ReplyCheck::look_at(ByteView frame, Flights& flights) const {
  Datagram datagram;
  if (!read_headers(frame, datagram) || datagram.source != route_.to ||
      datagram.source_port != route_.port || datagram.destination - route_.from >= addresses_) {
    return {Finding::NotForUs};
  }
  if (!ip_adds_up(datagram.header)) return {Finding::BadIpChecksum};
  if (!udp_adds_up(datagram)) return {Finding::BadUdpChecksum};
  const ByteView message = datagram.udp.subspan(8);
  if (message.size() < 12) return {Finding::Malformed};
  Flight* flight = flights.find({.id = base::load_be16(message.data()),
                                 .port = datagram.destination_port,
                                 .address = datagram.destination - route_.from});
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
