// What identifies an answer: the question, the bits that change the answer, and the pool it is
// asked of. Two questions are the same only if all of it is equal; the hash only says where to
// look.
#pragma once

#include <cstdint>

#include "dataplane/dns/name.h"
#include "dataplane/dns/protocol.h"

namespace dns {

/// Bits of a query that change what a resolver answers. RFC 3225 §3 (DO), RFC 4035 §3.2.2 (CD).
enum class Wants : uint8_t { Plain = 0, DnssecOk = 1, CheckingDisabled = 2, Both = 3 };

constexpr Wants operator|(Wants a, Wants b) {
  return static_cast<Wants>(static_cast<uint8_t>(a) | static_cast<uint8_t>(b));
}
constexpr bool has(Wants wants, Wants bit) {
  return (static_cast<uint8_t>(wants) & static_cast<uint8_t>(bit)) != 0;
}

/// Which pool of resolvers answers; an index into the configured pools. Pools never share an
/// answer.
enum class PoolId : uint8_t {};
inline constexpr size_t kMaxPools = 256;

struct Question {
  uint64_t hash = 0;  // keyed_hash of everything below.
  Type type{};
  Class klass{};
  Wants wants{};
  PoolId pool{};
  Name name;

  friend bool operator==(const Question& a, const Question& b) {
    return a.hash == b.hash && a.type == b.type && a.klass == b.klass && a.wants == b.wants &&
           a.pool == b.pool && a.name == b.name;
  }
};

/// The parts beside the name, each at a place of its own, in the low 48 bits; the first two as the
/// four octets that follow a name in a question, loaded as they are.
[[nodiscard]] constexpr uint64_t tag_of(uint32_t type_and_class_octets, Wants wants, PoolId pool) {
  return uint64_t{type_and_class_octets} | uint64_t{static_cast<uint8_t>(wants)} << 32 |
         uint64_t{static_cast<uint8_t>(pool)} << 40;
}
[[nodiscard]] constexpr uint64_t tag_of(Type type, Class klass, Wants wants, PoolId pool) {
  const uint32_t number =
      uint32_t{static_cast<uint16_t>(type)} << 16 | static_cast<uint16_t>(klass);
  return tag_of(__builtin_bswap32(number), wants, pool);
}

/// Lower-cases `wire_name` and hashes the whole.
[[nodiscard]] Question make_question(ByteView wire_name, Type type, Class klass, Wants wants,
                                     PoolId pool);

}  // namespace dns
