// The hit path with 32-octet registers: a name is two of them.
#include "dataplane/poll/hit_stages.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx,avx2,bmi,bmi2,lzcnt,popcnt,movbe,aes"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx,avx2,bmi,bmi2,lzcnt,popcnt,movbe,aes")
#endif

namespace poll {
namespace avx2 {

inline __m256i load(const void* at) { return _mm256_loadu_si256(static_cast<const __m256i*>(at)); }
inline __m256i mask(size_t size, size_t half) { return load(&kOnes[64 - size + 32 * half]); }

inline bool matches(const std::byte* frame, const Shape& shape) {
  const __m256i low =
      _mm256_and_si256(_mm256_xor_si256(load(frame), load(&shape.octets[0])), load(&shape.mask[0]));
  const __m256i high = _mm256_and_si256(_mm256_xor_si256(load(frame + 32), load(&shape.octets[32])),
                                        load(&shape.mask[32]));
  const __m256i both = _mm256_or_si256(low, high);
  return _mm256_testz_si256(both, both) != 0;
}

inline void load_name(const std::byte* name, size_t size, std::byte* lowered) {
  for (size_t half = 0; half < 2; ++half) {
    const __m256i octets = _mm256_and_si256(load(name + 32 * half), mask(size, half));
    const __m256i from_a = _mm256_sub_epi8(octets, _mm256_set1_epi8('A'));
    const __m256i upper =
        _mm256_cmpeq_epi8(_mm256_min_epu8(from_a, _mm256_set1_epi8('Z' - 'A')), from_a);
    const __m256i lower =
        _mm256_add_epi8(octets, _mm256_and_si256(upper, _mm256_set1_epi8('a' - 'A')));
    _mm256_store_si256(reinterpret_cast<__m256i*>(lowered + 32 * half), lower);
  }
}

inline uint64_t sum_of_question(const std::byte* question, size_t size) {
  __m256i sum = _mm256_setzero_si256();
  for (size_t half = 0; half < 2; ++half) {
    const __m256i octets = _mm256_and_si256(load(question + 32 * half), mask(size, half));
    const __m256i even =
        _mm256_sad_epu8(_mm256_and_si256(octets, _mm256_set1_epi16(0xFF)), _mm256_setzero_si256());
    const __m256i odd = _mm256_sad_epu8(_mm256_srli_epi16(octets, 8), _mm256_setzero_si256());
    sum = _mm256_add_epi64(sum, _mm256_add_epi64(even, _mm256_slli_epi64(odd, 8)));
  }
  const __m128i two = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  return static_cast<uint64_t>(_mm_cvtsi128_si64(two)) +
         static_cast<uint64_t>(_mm_extract_epi64(two, 1));
}

inline bool same_name(const std::byte* lowered, const std::byte* other, size_t size) {
  const __m256i low = _mm256_xor_si256(load(lowered), _mm256_and_si256(load(other), mask(size, 0)));
  const __m256i high =
      _mm256_xor_si256(load(lowered + 32), _mm256_and_si256(load(other + 32), mask(size, 1)));
  const __m256i both = _mm256_or_si256(low, high);
  return _mm256_testz_si256(both, both) != 0;
}

inline uint64_t hash_of(const std::byte* lowered, size_t, uint64_t key) {
  return base::aes_hash(lowered, 1, key);
}

inline unsigned equal_tags(const std::atomic<uint64_t>* words, uint16_t tag) {
  const __m256i wanted = _mm256_set1_epi64x(tag);
  unsigned ways = 0;
  for (unsigned half = 0; half < 2; ++half) {
    const __m256i tags = _mm256_srli_epi64(load(words + size_t{4} * half), cache::Cache::kTagShift);
    const __m256d equal = _mm256_castsi256_pd(_mm256_cmpeq_epi64(tags, wanted));
    ways |= static_cast<unsigned>(_mm256_movemask_pd(equal)) << (4 * half);
  }
  return ways;
}

#include "dataplane/poll/hit_stages.inc"

}  // namespace avx2

unsigned answer_hits_avx2(LcoreState& self, PortQueue& queue, std::span<rte_mbuf* const> frames,
                          rte_mbuf** others) {
  return avx2::answer_hits(self, queue, frames, others);
}

}  // namespace poll

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
