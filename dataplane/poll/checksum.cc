#include "dataplane/poll/checksum.h"

#include <netinet/in.h>
#include <rte_ip.h>

namespace poll {
namespace {

// rte_raw_cksum adds words as they lie in memory; a one's-complement sum does not mind the byte
// order, so a big-endian constant is swapped once and the result is stored as it lies.
uint16_t sum_of(ByteView bytes) { return rte_raw_cksum(bytes.data(), bytes.size()); }

uint16_t fold(uint32_t sum) {
  sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<uint16_t>((sum & 0xFFFF) + (sum >> 16));
}

// Only the address's own octets count: the 96 bits that map an IPv4 address are not on the wire.
uint16_t udp_sum(const base::IpAddress& source, const base::IpAddress& destination, ByteView udp) {
  uint32_t sum = sum_of(source.octets());
  sum += sum_of(destination.octets());
  sum += __builtin_bswap16(IPPROTO_UDP);
  sum += __builtin_bswap16(static_cast<uint16_t>(udp.size()));
  sum += sum_of(udp);
  return fold(sum);
}

uint16_t as_big_endian_value(uint16_t in_memory_order) {
  return __builtin_bswap16(in_memory_order);
}

}  // namespace

uint16_t ipv4_header_checksum(ByteView header) {
  return as_big_endian_value(static_cast<uint16_t>(~sum_of(header)));
}

bool ipv4_header_sums_up(ByteView header) { return sum_of(header) == 0xFFFF; }

uint16_t udp_checksum(const base::IpAddress& source, const base::IpAddress& destination,
                      ByteView udp) {
  const auto checksum = static_cast<uint16_t>(~udp_sum(source, destination, udp));
  return checksum == 0 ? uint16_t{0xFFFF} : as_big_endian_value(checksum);
}

bool udp_sums_up(const base::IpAddress& source, const base::IpAddress& destination, ByteView udp) {
  return udp_sum(source, destination, udp) == 0xFFFF;
}

}  // namespace poll
