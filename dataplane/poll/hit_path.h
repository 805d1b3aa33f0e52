// The fast path of a cached answer: a query of the usual shape, whose answer is in the cache,
// becomes its reply without being taken apart.
//
// The usual shape is untagged Ethernet, IPv4 or IPv6, UDP to an address of ours, one question of at
// most 60 octets, no OPT or a bare one. What else it must be is known from the comparison with the
// entry: a name equal to one that was parsed is well-formed, a type that was resolved may be asked
// for. Everything else, misses too, goes the slow path (serve.h), which is the reference: for the
// frames that the hit path answers, both send the same octets.
#pragma once

#include <rte_mbuf.h>

#include <span>

namespace poll {

struct LcoreState;
struct PortQueue;

/// Answers the hits among `frames`, at most kReceiveBurst; they wait in `queue.transmit` then.
/// Writes the others to `others`, which has room for all, and returns how many. Reads `self.now`.
using HitPath = unsigned (*)(LcoreState& self, PortQueue& queue, std::span<rte_mbuf* const> frames,
                             rte_mbuf** others);

/// One for each instruction set, compiled from the same stages.
[[nodiscard]] unsigned answer_hits_sse42(LcoreState& self, PortQueue& queue,
                                         std::span<rte_mbuf* const> frames, rte_mbuf** others);
[[nodiscard]] unsigned answer_hits_avx2(LcoreState& self, PortQueue& queue,
                                        std::span<rte_mbuf* const> frames, rte_mbuf** others);
[[nodiscard]] unsigned answer_hits_avx512(LcoreState& self, PortQueue& queue,
                                          std::span<rte_mbuf* const> frames, rte_mbuf** others);

struct HitPathChoice {
  HitPath path;
  const char* name;  // "avx512", "avx2", "sse4.2".
};
/// Those that this processor has, the widest first.
[[nodiscard]] std::span<const HitPathChoice> hit_paths();

}  // namespace poll
