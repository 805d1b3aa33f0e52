// Which clients may do something, by address: the access list, and those a limit is not for.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/base/address.h"

namespace rules {

/// A set of addresses, kept as sorted, disjoint ranges: membership is one binary search, whatever
/// the list's length.
class AddressSet {
 public:
  AddressSet() = default;
  explicit AddressSet(std::span<const base::Prefix> prefixes);

  [[nodiscard]] bool contains(const base::IpAddress& address) const;
  /// For the hit path: true only for an IPv4 address (four octets) that is in the set and may be a
  /// source at all (RFC 1122 §3.2.1.3); false says nothing. Two loads.
  [[nodiscard]] bool surely_contains_v4(const std::byte* address) const {
    if (networks_.empty()) return false;
    const size_t host =
        size_t{static_cast<uint8_t>(address[2])} << 8 | static_cast<uint8_t>(address[3]);
    const size_t network =
        size_t{static_cast<uint8_t>(address[0])} << 8 | static_cast<uint8_t>(address[1]);
    return (blocks_[networks_[network]][host / 8] >> (host % 8) & 1) != 0;
  }

 private:
  struct Range {
    base::IpAddress first;
    base::IpAddress last;
  };
  /// The first range that starts behind `address`; the one before may hold it.
  [[nodiscard]] std::vector<Range>::const_iterator range_after(
      const base::IpAddress& address) const;
  void make_blocks();
  void mark(uint32_t first, uint32_t last);

  std::vector<Range> ranges_;
  // IPv4 as bitmaps. By an address's first two octets: which block the other two are looked up in.
  // The first two blocks are the empty and the full one.
  using Block = std::array<uint8_t, 8192>;
  static constexpr uint16_t kEmpty = 0, kFull = 1;
  static constexpr size_t kMaxBlocks =
      1024;  // 8 MiB; networks beyond that are searched for in the ranges.
  std::vector<uint16_t> networks_;
  std::vector<Block> blocks_;
};

}  // namespace rules
