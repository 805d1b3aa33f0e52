#include "perf/load/query_frames.h"

#include <cstring>
#include <span>

namespace load {
namespace {

using base::ByteView;

constexpr size_t kIp = 14;
constexpr size_t kIpSize = 20;
constexpr size_t kUdp = kIp + kIpSize;
constexpr size_t kDns = kUdp + 8;
constexpr size_t kIpChecksum = kIp + 10;
constexpr size_t kSource = kIp + 12;
constexpr size_t kUdpChecksum = kUdp + 6;

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

void write_headers(base::Writer& writer, const Route& route, uint16_t payload) {
  writer.bytes(route.to_mac);
  writer.bytes(route.from_mac);
  writer.be16(0x0800);
  writer.be16(0x4500);
  writer.be16(static_cast<uint16_t>(kIpSize + 8 + payload));
  writer.be16(0);
  writer.be16(0x4000);  // DF, so that an id of 0 will do. RFC 6864 §4.1.
  writer.be16(64 << 8 | 17);
  writer.be16(0);
  writer.be32(0);  // The source address comes with the ticket.
  writer.be32(route.to);
  writer.be16(0);  // And so does the source port.
  writer.be16(route.port);
  writer.be16(static_cast<uint16_t>(8 + payload));
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
    : from_(route.from) {
  for (uint32_t name = 0; name < questions.size(); ++name) {
    std::array<std::byte, kMostSize> frame{};
    const size_t message = 12 + questions[name].size() + (edns == Edns::Yes ? 11 : 0);
    base::Writer writer(frame);
    write_headers(writer, route, static_cast<uint16_t>(message));
    write_message(writer, questions[name], edns);
    // The checksum fields hold what the rest adds up to, until `write` completes them.
    const ByteView written = writer.written();
    const uint32_t ip = sum_of(written.subspan(kIp, kIpSize));
    const uint32_t udp = sum_of(written.subspan(kUdp)) + sum_of(written.subspan(kSource, 8)) + 17 +
                         8 + static_cast<uint32_t>(message);
    base::store_be16(&frame[kIpChecksum], folded(ip));
    base::store_be16(&frame[kUdpChecksum], folded(udp));
    octets_.insert(octets_.end(), written.begin(), written.end());
    starts_.push_back(octets_.size());
  }
}

uint16_t QueryFrames::write(uint32_t name, const Ticket& ticket, std::byte* into) const {
  const auto size = static_cast<uint16_t>(starts_[name + 1] - starts_[name]);
  std::memcpy(into, &octets_[starts_[name]], size);
  const uint32_t source = from_ + ticket.address;
  const uint32_t halves = (source >> 16) + (source & 0xFFFF);
  base::store_be32(into + kSource, source);
  base::store_be16(into + kUdp, ticket.port);
  base::store_be16(into + kDns, ticket.id);
  const uint16_t ip = folded(base::load_be16(into + kIpChecksum) + halves);
  const uint16_t udp =
      folded(base::load_be16(into + kUdpChecksum) + halves + ticket.port + ticket.id);
  base::store_be16(into + kIpChecksum, static_cast<uint16_t>(~ip));
  // A sum of 0xFFFF would make 0, which says that there is no checksum. RFC 768.
  base::store_be16(into + kUdpChecksum,
                   udp == 0xFFFF ? uint16_t{0xFFFF} : static_cast<uint16_t>(~udp));
  return size;
}

}  // namespace load
