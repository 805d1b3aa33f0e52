// The queries under way. A query's id, source port and source address look random, spread over
// receive queues, and yet tell which query a reply belongs to, without a search: they are its
// number, shuffled.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace load {

/// What tells one query from another on the wire.
struct Ticket {
  uint16_t id = 0;
  uint16_t port = 0;
  uint32_t address = 0;  // Counted from the first source address.

  friend bool operator==(const Ticket&, const Ticket&) = default;
};

struct Flight {
  uint64_t due = 0;  // TSC cycles.
  uint32_t name = 0;
  uint32_t round = kLanded;

  static constexpr uint32_t kLanded = 0;
};

class Flights {
 public:
  static constexpr unsigned kLeastBits = 16;
  static constexpr unsigned kMostBits = 24;
  /// `bits` (16 to 24): 2^bits queries can be under way; those that come later take the places of
  /// the oldest, whose replies then are unexpected. `addresses`: how many source addresses there
  /// are, at least 1.
  Flights(unsigned bits, uint32_t addresses, uint32_t key)
      : bits_(bits),
        mask_((1U << bits) - 1),
        addresses_(addresses),
        key_(key),
        flights_(size_t{1} << bits) {}

  Ticket open(uint64_t number, uint64_t due, uint32_t name) {
    const auto place = static_cast<uint32_t>(number) & mask_;
    const auto round = static_cast<uint32_t>(number >> bits_) + 1;
    flights_[place] = {due, name, round};
    return ticket(place, round);
  }

  /// The query that a reply with this ticket answers; nullptr if it was answered before, or was
  /// never sent.
  Flight* find(const Ticket& wanted) {
    if (wanted.port < kFirstPort) return nullptr;
    const uint32_t high = (wanted.port - kFirstPort) & 0xFF;
    const uint32_t shuffled = high << 16 | wanted.id;
    if (shuffled > mask_) return nullptr;
    const uint32_t place = restore(shuffled);
    Flight& flight = flights_[place];
    if (flight.round == Flight::kLanded || ticket(place, flight.round) != wanted) return nullptr;
    return &flight;
  }

 private:
  static constexpr uint32_t kFirstPort = 1024;
  // Source ports are 252 groups of 256; the port in its group carries the number's bits above the
  // id's sixteen.
  static constexpr uint32_t kGroups = 252;
  static constexpr uint32_t kMultiplier = 0x9E3779B1;
  static constexpr uint32_t kInverse = 0x0E8B2F51;  // Of the multiplier, modulo 2^32.
  static_assert(static_cast<uint32_t>(kMultiplier * kInverse) == 1);

  // Each step can be undone: a shift of half the width or more undoes itself, a product with an odd
  // number is undone by its inverse.
  [[nodiscard]] uint32_t shuffle(uint32_t place) const {
    const unsigned half = (bits_ + 1) / 2;
    uint32_t value = (place + key_) & mask_;
    value ^= value >> half;
    value = (value * kMultiplier) & mask_;
    return value ^ (value >> half);
  }
  [[nodiscard]] uint32_t restore(uint32_t value) const {
    const unsigned half = (bits_ + 1) / 2;
    value ^= value >> half;
    value = (value * kInverse) & mask_;
    value ^= value >> half;
    return (value - key_) & mask_;
  }
  [[nodiscard]] Ticket ticket(uint32_t place, uint32_t round) const {
    const uint32_t shuffled = shuffle(place);
    const uint64_t spread = uint64_t{(place ^ key_) + round * kInverse} * 0x9E3779B97F4A7C15;
    const uint32_t group = static_cast<uint32_t>(spread >> 48) % kGroups;
    return {.id = static_cast<uint16_t>(shuffled),
            .port = static_cast<uint16_t>(kFirstPort + group * 256 + (shuffled >> 16)),
            .address = static_cast<uint32_t>((spread & 0xFFFFFFFF) * addresses_ >> 32)};
  }

  unsigned bits_;
  uint32_t mask_;
  uint32_t addresses_;
  uint32_t key_;
  std::vector<Flight> flights_;
};

}  // namespace load
