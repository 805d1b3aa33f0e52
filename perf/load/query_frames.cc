#include "perf/load/query_frames.h"

#include <cstring>
#include <span>

namespace load {
namespace {

using base::ByteView;

constexpr size_t kIp = 14;
constexpr size_t kIp4Size = 20;
constexpr size_t kIp6Size = 40;
constexpr size_t kUdpSize = 8;
constexpr size_t kIp4Checksum = kIp + 10;
constexpr uint16_t kUdpProtocol = 17;
constexpr uint8_t kHops = 64;

uint32_t sum_of(ByteView octets) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < octets.size(); i += 2) sum += base::load_be16(&octets[i]);
  if (octets.size() % 2 != 0) sum += static_cast<uint32_t>(octets.back()) << 8;
  return sum;
}

uint16_t folded(uint32_t sum) {
  sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<uint16_t>((sum & 0xFFFF) + (sum >> 16));
}

/// The source address but for its tail, which comes with the ticket, as the source port does.
ByteView head_of(const base::IpAddress& address) {
  const ByteView octets = address.octets();
  return octets.first(octets.size() - 4);
}

void write_ip4(base::Writer& writer, const Route& route, uint16_t size) {
  writer.be16(0x0800);
  writer.be16(0x4500);
  writer.be16(static_cast<uint16_t>(kIp4Size + size));
  writer.be16(0);
  writer.be16(0x4000);  // DF, so that an id of 0 will do. RFC 6864 §4.1.
  writer.be16(kHops << 8 | kUdpProtocol);
  writer.be16(0);
  writer.be32(0);
  writer.bytes(route.to.octets());
}

void write_ip6(base::Writer& writer, const Route& route, uint16_t size) {
  writer.be16(0x86DD);
  writer.be32(0x60000000);
  writer.be16(size);
  writer.be16(kUdpProtocol << 8 | kHops);
  writer.bytes(head_of(route.from));
  writer.be32(0);
  writer.bytes(route.to.octets());
}

/// `size`: of the UDP datagram.
void write_headers(base::Writer& writer, const Route& route, uint16_t size) {
  writer.bytes(route.to_mac);
  writer.bytes(route.from_mac);
  route.to.is_v4() ? write_ip4(writer, route, size) : write_ip6(writer, route, size);
  writer.be16(0);
  writer.be16(route.port);
  writer.be16(size);
  writer.be16(0);
}

void write_message(base::Writer& writer, ByteView question, Edns edns) {
  writer.be16(0);       // The id comes with the ticket.
  writer.be16(0x0100);  // RD.
  writer.be16(1);
  writer.be32(0);
  writer.be16(edns == Edns::Yes ? 1 : 0);
  writer.bytes(question);
  if (edns == Edns::No) return;
  writer.u8(0);
  writer.be16(41);
  writer.be16(1232);
  writer.be32(0);
  writer.be16(0);
}

}  // namespace

QueryFrames::QueryFrames(const Questions& questions, const Route& route, Edns edns)
    : places_(route.to.is_v4() ? Places{.source_tail = kIp + 12, .udp = kIp + kIp4Size}
                               : Places{.source_tail = kIp + 8 + 12, .udp = kIp + kIp6Size}),
      is_v4_(route.to.is_v4()),
      from_tail_(tail_of(route.from)) {
  const size_t addresses = 2 * route.to.octets().size();
  for (uint32_t name = 0; name < questions.size(); ++name) {
    std::array<std::byte, kMostSize> frame{};
    const size_t message = 12 + questions[name].size() + (edns == Edns::Yes ? 11 : 0);
    const auto size = static_cast<uint16_t>(kUdpSize + message);
    base::Writer writer(frame);
    write_headers(writer, route, size);
    write_message(writer, questions[name], edns);
    // The checksum fields hold what the rest adds up to, until `write` completes them. Both
    // families' pseudo headers are the addresses, which end the IP header, protocol and length.
    const ByteView written = writer.written();
    const uint32_t udp = sum_of(written.subspan(places_.udp)) +
                         sum_of(written.subspan(places_.udp - addresses, addresses)) +
                         kUdpProtocol + size;
    base::store_be16(&frame[places_.udp + 6], folded(udp));
    if (is_v4_)
      base::store_be16(&frame[kIp4Checksum], folded(sum_of(written.subspan(kIp, kIp4Size))));
    octets_.insert(octets_.end(), written.begin(), written.end());
    starts_.push_back(octets_.size());
  }
}

uint16_t QueryFrames::write(uint32_t name, const Ticket& ticket, std::byte* into) const {
  const auto size = static_cast<uint16_t>(starts_[name + 1] - starts_[name]);
  std::memcpy(into, &octets_[starts_[name]], size);
  const uint32_t source = from_tail_ + ticket.address;
  const uint32_t halves = (source >> 16) + (source & 0xFFFF);
  std::byte* const udp = into + places_.udp;
  base::store_be32(into + places_.source_tail, source);
  base::store_be16(udp, ticket.port);
  base::store_be16(udp + kUdpSize, ticket.id);
  const uint16_t sum = folded(base::load_be16(udp + 6) + halves + ticket.port + ticket.id);
  // A sum of 0xFFFF would make 0, which says that there is no checksum. RFC 768.
  base::store_be16(udp + 6, sum == 0xFFFF ? uint16_t{0xFFFF} : static_cast<uint16_t>(~sum));
  if (is_v4_) {
    const uint16_t ip = folded(base::load_be16(into + kIp4Checksum) + halves);
    base::store_be16(into + kIp4Checksum, static_cast<uint16_t>(~ip));
  }
  return size;
}

}  // namespace load
