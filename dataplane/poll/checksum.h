// The Internet checksum over a UDP datagram and its pseudo-header. RFC 768, RFC 8200 §8.1, RFC
// 1071.
//
// Always computed from the bytes that are sent, never derived from the query's own checksum: veth
// and other virtual links hand over partial ones (the pseudo-header's sum only), and a reply
// derived from such a value would be wrong.
#pragma once

#include "dataplane/base/address.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/sum.h"

namespace poll {

using base::ByteView;

/// A one's-complement sum in the making. RFC 1071.
class Sum {
 public:
  /// One 16-bit word of the packet, as a number.
  void word(uint16_t value) { sum_ += __builtin_bswap16(value); }
  /// Octets of the packet, which start at an even place of what is summed; an odd number of them
  /// only at its end.
  void octets(ByteView bytes) { sum_ += base::sum_of(bytes); }
  /// Whether what was summed, its checksum field included, is as its sender meant it.
  [[nodiscard]] bool adds_up() const { return folded() == 0xFFFF; }
  /// What the checksum field has to hold, if it was summed as zero.
  [[nodiscard]] uint16_t checksum() const {
    return __builtin_bswap16(static_cast<uint16_t>(~folded()));
  }

 private:
  [[nodiscard]] uint16_t folded() const { return base::folded(sum_); }

  uint64_t sum_ = 0;
};

/// The sum of both addresses, which every checksum of a packet contains.
[[nodiscard]] Sum sum_of(const base::IpAddress& source, const base::IpAddress& destination);

/// Whether a received datagram, its checksum field included, sums up.
[[nodiscard]] bool udp_sums_up(const base::IpAddress& source, const base::IpAddress& destination,
                               ByteView udp);

}  // namespace poll
