// Queries as Ethernet frames. All that is the same each time a name is asked, checksum sums
// included, is made once; to send one is a copy and four fields.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/bytes.h"
#include "perf/load/flights.h"
#include "perf/load/questions.h"

namespace load {

using MacAddress = std::array<std::byte, 6>;

/// Who asks whom, both by IPv4 or both by IPv6 addresses.
struct Route {
  MacAddress from_mac{};
  MacAddress to_mac{};
  base::IpAddress from;  // The first source address; those that follow differ in its last 32 bits.
  base::IpAddress to;
  uint16_t port = 53;
};

/// The last 32 bits, in which source addresses differ.
[[nodiscard]] inline uint32_t tail_of(const base::IpAddress& address) {
  return base::load_be32(&address.mapped()[12]);
}

enum class Edns : uint8_t { No, Yes };

class QueryFrames {
 public:
  static constexpr size_t kMostSize = 14 + 40 + 8 + 12 + 255 + 4 + 11;

  QueryFrames(const Questions& questions, const Route& route, Edns edns);

  /// For calling a frame into the cache ahead of `write`.
  [[nodiscard]] const void* place_of(uint32_t name) const { return &octets_[starts_[name]]; }
  /// Writes the query for `name` to `into`, which has room for kMostSize octets. Gives its size.
  uint16_t write(uint32_t name, const Ticket& ticket, std::byte* into) const;

 private:
  /// Where in a frame the fields are that `write` completes.
  struct Places {
    size_t source_tail;
    size_t udp;
  };

  Places places_;
  bool is_v4_;
  uint32_t from_tail_;
  std::vector<std::byte> octets_;
  std::vector<uint64_t> starts_ = {0};
};

}  // namespace load
