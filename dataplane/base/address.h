// Internet addresses as values: both families in one 16-octet form, so that tables need no second
// code path.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/base/bytes.h"

namespace base {

/// An IPv4 or IPv6 address in network byte order; IPv4 is held IPv4-mapped (::ffff:a.b.c.d, RFC
/// 4291 §2.5.5.2).
class IpAddress {
 public:
  constexpr IpAddress() = default;
  static IpAddress v4(const std::byte* four_octets) {
    IpAddress address;
    address.octets_[10] = address.octets_[11] = std::byte{0xFF};
    std::memcpy(&address.octets_[12], four_octets, 4);
    return address;
  }
  static IpAddress v6(const std::byte* sixteen_octets) {
    IpAddress address;
    std::memcpy(address.octets_.data(), sixteen_octets, 16);
    return address;
  }
  /// "192.0.2.1" or "2001:db8::1", nothing around it.
  static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const { return upper() == 0 && load_be32(&octets_[8]) == 0xFFFF; }
  [[nodiscard]] ByteView octets() const {
    return is_v4() ? ByteView(octets_).subspan(12) : ByteView(octets_);
  }
  [[nodiscard]] const std::array<std::byte, 16>& mapped() const { return octets_; }
  [[nodiscard]] std::string text() const;
  // Numerically, which is octet by octet in network order; two words instead of sixteen octets,
  // since every query is looked up.
  friend bool operator==(const IpAddress& a, const IpAddress& b) { return a.octets_ == b.octets_; }
  friend std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b) {
    const std::strong_ordering upper = a.upper() <=> b.upper();
    return upper != 0 ? upper : a.lower() <=> b.lower();
  }

 private:
  [[nodiscard]] uint64_t upper() const { return load_be64(&octets_[0]); }
  [[nodiscard]] uint64_t lower() const { return load_be64(&octets_[8]); }

  std::array<std::byte, 16> octets_{};
};

/// An address and a port (host byte order).
struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  /// "192.0.2.1:53", "[2001:db8::1]:53"; without a port, `default_port`. Unbracketed IPv6 without a
  /// port is accepted too.
  static std::optional<Endpoint> parse(std::string_view text, uint16_t default_port);
  [[nodiscard]] std::string text() const;
  friend auto operator<=>(const Endpoint& a, const Endpoint& b) = default;
};

/// An address block. `length` counts bits of the family's own address: 0-32 or 0-128.
struct Prefix {
  IpAddress network;  // Host bits are zero.
  uint8_t length = 0;

  /// "192.0.2.0/24", "2001:db8::/32", or a bare address for a block of one. Host bits that are set
  /// are an error.
  static std::optional<Prefix> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] IpAddress last() const;

  friend bool operator==(const Prefix&, const Prefix&) = default;
};

}  // namespace base
