// The Internet checksum over a UDP datagram and its pseudo-header. RFC 768, RFC 8200 §8.1, RFC
// 1071.
//
// Always computed from the bytes that are sent, never derived from the query's own checksum: veth
// and other virtual links hand over partial ones (the pseudo-header's sum only), and a reply
// derived from such a value would be wrong.
#pragma once

#include <cstring>

#include "dataplane/base/address.h"
#include "dataplane/base/bytes.h"

namespace poll {

using base::ByteView;

/// A one's-complement sum in the making. RFC 1071.
class Sum {
 public:
  /// One 16-bit word of the packet, as a number.
  void word(uint16_t value) { sum_ += __builtin_bswap16(value); }
  /// Octets of the packet, which start at an even place of what is summed; an odd number of them
  /// only at its end. Eight at a time; rte_raw_cksum goes two by two.
  void octets(ByteView bytes) {
    uint64_t sum = sum_;
    size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
      sum += uint64_t{load<uint32_t>(&bytes[at])} + load<uint32_t>(&bytes[at + 4]);
    }
    const size_t left = bytes.size() - at;
    if ((left & 4) != 0) sum += load<uint32_t>(&bytes[at]);
    at += left & 4;
    if ((left & 2) != 0) sum += load<uint16_t>(&bytes[at]);
    at += left & 2;
    if ((left & 1) != 0) sum += load<uint8_t>(&bytes[at]);
    sum_ = sum;
  }
  /// Whether what was summed, its checksum field included, is as its sender meant it.
  [[nodiscard]] bool adds_up() const { return folded() == 0xFFFF; }
  /// What the checksum field has to hold, if it was summed as zero.
  [[nodiscard]] uint16_t checksum() const {
    return __builtin_bswap16(static_cast<uint16_t>(~folded()));
  }

 private:
  template <typename Word>
  static Word load(const std::byte* at) {
    Word word;
    std::memcpy(&word, at, sizeof word);
    return word;
  }
  [[nodiscard]] uint16_t folded() const {
    uint64_t sum = (sum_ & 0xFFFFFFFF) + (sum_ >> 32);
    sum = (sum & 0xFFFF) + (sum >> 16);
    sum = (sum & 0xFFFF) + (sum >> 16);
    return static_cast<uint16_t>((sum & 0xFFFF) + (sum >> 16));
  }

  // Words as they lie in memory: the sum does not mind the byte order, so only constants and the
  // result are swapped. 64 bits cannot overflow below 2^32 words.
  uint64_t sum_ = 0;
};

/// The sum of both addresses, which every checksum of a packet contains.
[[nodiscard]] Sum sum_of(const base::IpAddress& source, const base::IpAddress& destination);

/// Whether a received datagram, its checksum field included, sums up.
[[nodiscard]] bool udp_sums_up(const base::IpAddress& source, const base::IpAddress& destination,
                               ByteView udp);

}  // namespace poll
