// What the stages of the hit path (hit_stages.inc) are made of, whatever the instruction set:
// everything that is included is included here, before a target is set, so that no inline function
// of another file is compiled for it.
#pragma once

#include <immintrin.h>
#include <rte_byteorder.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <type_traits>

#include "dataplane/base/assert.h"
#include "dataplane/base/ethernet.h"
#include "dataplane/base/keyed_hash.h"
#include "dataplane/base/keyed_hash_inline.h"
#include "dataplane/base/sum.h"
#include "dataplane/cache/cache.h"
#include "dataplane/poll/hit_path.h"
#include "dataplane/poll/lcore_state.h"

namespace poll {

// Offsets in an untagged frame. Of Ethernet, ...
inline constexpr size_t kOurMacAt = 0;
inline constexpr size_t kClientMacAt = 6;
inline constexpr size_t kIpAt = base::kEthernetHeader;
// ... of the DNS header's fields and of what follows it.
inline constexpr size_t kUdpSize = 8;
inline constexpr size_t kFlagsAt = 2;
inline constexpr size_t kAdditionalsAt = 10;
inline constexpr size_t kNameAt = 12;

/// The longest name that the hit path takes: with type and class it fills one 64-octet register.
inline constexpr size_t kLongestName = 60;

/// Octets as they lie in memory, as the word that a load of them gives.
template <typename Word>
[[nodiscard]] constexpr Word octets(std::initializer_list<uint8_t> list) {
  Word word = 0;
  unsigned shift = 0;
  for (const uint8_t octet : list) {
    word = static_cast<Word>(word | static_cast<Word>(static_cast<Word>(octet) << shift));
    shift += 8;
  }
  return word;
}

inline constexpr uint16_t kDsOctets = octets<uint16_t>({0, static_cast<uint8_t>(dns::Type::Ds)});

template <typename Word>
inline void store(std::byte* at, Word word) {
  std::memcpy(at, &word, sizeof word);
}

inline constexpr uint64_t kMacMask = 0xFFFF'FFFF'FFFF;

/// 64 octets of ones, then of zeros: from 64 - n on, a mask for the first n.
alignas(64) inline constexpr std::array<uint8_t, 128> kOnes = [] {
  std::array<uint8_t, 128> ones{};
  for (size_t i = 0; i < 64; ++i) ones[i] = 0xFF;
  return ones;
}();

/// What differs between the two versions of IP. Offsets are the frame's.
struct Ipv4 {
  static constexpr size_t kLengthAt = kIpAt + 2;
  static constexpr size_t kSourceAt = kIpAt + 12;
  static constexpr size_t kDestinationAt = kIpAt + 16;
  static constexpr size_t kUdpAt = kIpAt + 20;
  static constexpr size_t kLengthCounts = 20;  // Beside UDP.
  static constexpr size_t kHeaders = kUdpAt + kUdpSize;
};
struct Ipv6 {
  static constexpr size_t kLengthAt = kIpAt + 4;
  static constexpr size_t kSourceAt = kIpAt + 8;
  static constexpr size_t kDestinationAt = kIpAt + 24;
  static constexpr size_t kUdpAt = kIpAt + 40;
  static constexpr size_t kLengthCounts = 0;
  static constexpr size_t kHeaders = kUdpAt + kUdpSize;
};

/// A query of the usual shape between two stages.
struct Candidate {
  alignas(64) std::array<std::byte, 64> name;  // Lower-cased, zeros behind it.
  rte_mbuf* mbuf;
  const rules::Destination* to;
  const cache::Entry* entry;
  uint64_t key;   // As cache::key_of.
  uint64_t hash;  // As dns::Question's.
  uint64_t sum;   // Of what the reply has in common with the query: addresses, ports, id, question.
  uint16_t question_size;
  uint16_t limit;  // Octets of UDP payload that the client takes.
  uint16_t flags;  // Of the query's header, host order.
  bool ipv6;
  bool edns;
  bool dnssec_ok;
};

}  // namespace poll
