// The hit path with 64-octet registers: a name is one of them, and a mask of 64 bits says how much
// of it counts.
#include "dataplane/poll/hit_stages.h"

#if !defined(__clang__)
// g++ 12 takes the undefined operand of unmasked intrinsics for a variable (its bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#if defined(__clang__)
#pragma clang attribute push(                                                                      \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,bmi,bmi2,lzcnt,popcnt,movbe,aes"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,bmi,bmi2,lzcnt,popcnt,movbe,aes")
#endif

namespace poll {
namespace avx512 {

inline __mmask64 first(size_t size) { return _bzhi_u64(~uint64_t{0}, static_cast<unsigned>(size)); }

inline bool matches(const std::byte* frame, const Shape& shape) {
  const __m512i differences =
      _mm512_xor_si512(_mm512_loadu_si512(frame), _mm512_load_si512(shape.octets.data()));
  return _mm512_test_epi64_mask(differences, _mm512_load_si512(shape.mask.data())) == 0;
}

/// Copies `size` octets, at most 64, lower-cased and followed by zeros. Length octets pass
/// unchanged: they are below 0x40, letters start at 0x41.
inline void load_name(const std::byte* name, size_t size, std::byte* lowered) {
  const __m512i octets = _mm512_maskz_loadu_epi8(first(size), name);
  const __m512i from_a = _mm512_sub_epi8(octets, _mm512_set1_epi8('A'));
  const __mmask64 upper = _mm512_cmple_epu8_mask(from_a, _mm512_set1_epi8('Z' - 'A'));
  const __m512i lower = _mm512_mask_add_epi8(octets, upper, octets, _mm512_set1_epi8('a' - 'A'));
  _mm512_store_si512(lowered, lower);
}

/// As base::sum_of, of at most 64 octets.
inline uint64_t sum_of_question(const std::byte* question, size_t size) {
  const __m512i octets = _mm512_maskz_loadu_epi8(first(size), question);
  // Sums of absolute differences from zero: the even octets' and, 8 bits higher, the odd ones'.
  const __m512i even =
      _mm512_sad_epu8(_mm512_and_si512(octets, _mm512_set1_epi16(0xFF)), _mm512_setzero_si512());
  const __m512i odd = _mm512_sad_epu8(_mm512_srli_epi16(octets, 8), _mm512_setzero_si512());
  const __m512i both = _mm512_add_epi64(even, _mm512_slli_epi64(odd, 8));
  return static_cast<uint64_t>(_mm512_reduce_add_epi64(both));
}

inline bool same_name(const std::byte* lowered, const std::byte* other, size_t size) {
  const __m512i a = _mm512_load_si512(lowered);
  return _mm512_cmpneq_epi8_mask(a, _mm512_maskz_loadu_epi8(first(size), other)) == 0;
}

inline uint64_t hash_of(const std::byte* lowered, size_t, uint64_t key) {
  return base::aes_hash(lowered, 1, key);
}

/// Bit i: the tag of word i agrees.
inline unsigned equal_tags(const std::atomic<uint64_t>* words, uint16_t tag) {
  const __m512i wanted = _mm512_set1_epi64(tag);
  const __m512i tags = _mm512_srli_epi64(_mm512_load_si512(words), cache::Cache::kTagShift);
  return _mm512_cmpeq_epi64_mask(tags, wanted);
}

#include "dataplane/poll/hit_stages.inc"

}  // namespace avx512

unsigned answer_hits_avx512(LcoreState& self, PortQueue& queue, std::span<rte_mbuf* const> frames,
                            rte_mbuf** others) {
  return avx512::answer_hits(self, queue, frames, others);
}

}  // namespace poll

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
