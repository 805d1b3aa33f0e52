#include "dataplane/poll/checksum.h"

#include <netinet/in.h>

namespace poll {

Sum sum_of(const base::IpAddress& source, const base::IpAddress& destination) {
  Sum sum;
  // Only an address's own octets count: the 96 bits that map an IPv4 address are not on the wire.
  sum.octets(source.octets());
  sum.octets(destination.octets());
  return sum;
}

bool udp_sums_up(const base::IpAddress& source, const base::IpAddress& destination, ByteView udp) {
  Sum sum = sum_of(source, destination);
  sum.word(IPPROTO_UDP);
  sum.word(static_cast<uint16_t>(udp.size()));
  sum.octets(udp);
  return sum.adds_up();
}

}  // namespace poll
