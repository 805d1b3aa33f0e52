#include "tests/packet_builder.h"

namespace tests {
namespace {

void put8(Bytes& out, unsigned value) { out.push_back(static_cast<std::byte>(value & 0xFF)); }
void put16(Bytes& out, unsigned value) {
  put8(out, value >> 8);
  put8(out, value);
}
void put(Bytes& out, base::ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

Bytes build_udp(const Packet& packet) {
  Bytes udp;
  put16(udp, packet.source.port);
  put16(udp, packet.destination.port);
  put16(udp, packet.udp_length.value_or(static_cast<uint16_t>(8 + packet.payload.size())));
  put16(udp, 0);
  put(udp, packet.payload);
  const uint16_t checksum = packet.udp_checksum.value_or(
      expected_udp_checksum(packet.source.address, packet.destination.address, udp));
  udp[6] = static_cast<std::byte>(checksum >> 8);
  udp[7] = static_cast<std::byte>(checksum & 0xFF);
  return udp;
}

Bytes build_ipv4(const Packet& packet, const Bytes& udp) {
  const size_t header_size = 20 + packet.ip_options.size();
  Bytes ip;
  put8(ip, packet.version_and_length.value_or(static_cast<uint8_t>(0x40 | header_size / 4)));
  put8(ip, 0);
  put16(ip, packet.ip_length.value_or(static_cast<uint16_t>(header_size + udp.size())));
  put16(ip, 0x1234);
  put16(ip, packet.fragment);
  put8(ip, packet.hop_limit);
  put8(ip, packet.protocol);
  put16(ip, 0);
  put(ip, packet.source.address.octets());
  put(ip, packet.destination.address.octets());
  put(ip, packet.ip_options);
  const uint16_t checksum = packet.ip_checksum.value_or(internet_checksum(ip));
  ip[10] = static_cast<std::byte>(checksum >> 8);
  ip[11] = static_cast<std::byte>(checksum & 0xFF);
  put(ip, udp);
  return ip;
}

Bytes build_ipv6(const Packet& packet, const Bytes& udp) {
  Bytes ip;
  put8(ip, packet.version_and_length.value_or(0x60));
  put8(ip, 0);
  put16(ip, 0);
  put16(ip, packet.ip_length.value_or(static_cast<uint16_t>(udp.size())));
  put8(ip, packet.protocol);
  put8(ip, packet.hop_limit);
  put(ip, packet.source.address.octets());
  put(ip, packet.destination.address.octets());
  put(ip, udp);
  return ip;
}

}  // namespace

Bytes bytes_of(const std::string& text) {
  Bytes bytes;
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

base::IpAddress address(const std::string& text) { return base::IpAddress::parse(text).value(); }

poll::MacAddress mac(uint8_t last_octet) {
  return {std::byte{0x02}, std::byte{0}, std::byte{0},
          std::byte{0},    std::byte{0}, std::byte{last_octet}};
}

Bytes Packet::build() const {
  const bool v4 = destination.address.is_v4();
  Bytes frame;
  put(frame, to);
  put(frame, from);
  for (const uint16_t control : vlan_controls) {
    put16(frame, 0x8100);
    put16(frame, control);
  }
  put16(frame, ether_type.value_or(v4 ? 0x0800 : 0x86DD));
  const Bytes udp = build_udp(*this);
  put(frame, v4 ? build_ipv4(*this, udp) : build_ipv6(*this, udp));
  put(frame, padding);
  return frame;
}

uint16_t internet_checksum(const Bytes& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    const auto high = static_cast<uint32_t>(bytes[i]) << 8;
    const auto low = i + 1 < bytes.size() ? static_cast<uint32_t>(bytes[i + 1]) : 0u;
    sum += high | low;
    if (sum > 0xFFFF) sum -= 0xFFFF;
  }
  return static_cast<uint16_t>(~sum);
}

uint16_t expected_udp_checksum(const base::IpAddress& source, const base::IpAddress& destination,
                               Bytes udp) {
  udp[6] = udp[7] = std::byte{0};
  Bytes summed;
  put(summed, source.octets());
  put(summed, destination.octets());
  put16(summed, 17);
  put16(summed, static_cast<unsigned>(udp.size()));
  put(summed, udp);
  const uint16_t checksum = internet_checksum(summed);
  return checksum == 0 ? 0xFFFF : checksum;
}

}  // namespace tests
