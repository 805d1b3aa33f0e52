// Queries as Ethernet frames. All that is the same each time a name is asked, checksum sums
// included, is made once; to send one is a copy and four fields.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/base/bytes.h"
#include "perf/load/flights.h"
#include "perf/load/questions.h"

namespace load {

using MacAddress = std::array<std::byte, 6>;

/// Who asks whom. IPv4 addresses as numbers.
struct Route {
  MacAddress from_mac{};
  MacAddress to_mac{};
  uint32_t from = 0;  // The first source address.
  uint32_t to = 0;
  uint16_t port = 53;
};

enum class Edns : uint8_t { No, Yes };

class QueryFrames {
 public:
  static constexpr size_t kMostSize = 14 + 20 + 8 + 12 + 255 + 4 + 11;

  QueryFrames(const Questions& questions, const Route& route, Edns edns);

  /// For calling a frame into the cache ahead of `write`.
  [[nodiscard]] const void* place_of(uint32_t name) const { return &octets_[starts_[name]]; }
  /// Writes the query for `name` to `into`, which has room for kMostSize octets. Gives its size.
  uint16_t write(uint32_t name, const Ticket& ticket, std::byte* into) const;

 private:
  uint32_t from_;
  std::vector<std::byte> octets_;
  std::vector<uint64_t> starts_ = {0};
};

}  // namespace load
