// The hit path for every processor that DPDK runs on: a name is four 16-octet registers.
#include "dataplane/poll/hit_stages.h"

namespace poll {
namespace sse42 {

inline __m128i load(const void* at) { return _mm_loadu_si128(static_cast<const __m128i*>(at)); }
inline __m128i mask(size_t size, size_t quarter) { return load(&kOnes[64 - size + 16 * quarter]); }

inline bool matches(const std::byte* frame, const Shape& shape) {
  __m128i differences = _mm_setzero_si128();
  for (size_t at = 0; at < 64; at += 16) {
    const __m128i here = _mm_xor_si128(load(frame + at), load(&shape.octets[at]));
    differences = _mm_or_si128(differences, _mm_and_si128(here, load(&shape.mask[at])));
  }
  return _mm_testz_si128(differences, differences) != 0;
}

inline void load_name(const std::byte* name, size_t size, std::byte* lowered) {
  for (size_t quarter = 0; quarter < 4; ++quarter) {
    const __m128i octets = _mm_and_si128(load(name + 16 * quarter), mask(size, quarter));
    const __m128i from_a = _mm_sub_epi8(octets, _mm_set1_epi8('A'));
    const __m128i upper = _mm_cmpeq_epi8(_mm_min_epu8(from_a, _mm_set1_epi8('Z' - 'A')), from_a);
    const __m128i lower = _mm_add_epi8(octets, _mm_and_si128(upper, _mm_set1_epi8('a' - 'A')));
    _mm_store_si128(reinterpret_cast<__m128i*>(lowered + 16 * quarter), lower);
  }
}

inline uint64_t sum_of_question(const std::byte* question, size_t size) {
  return base::sum_of({question, size});
}

inline bool same_name(const std::byte* lowered, const std::byte* other, size_t size) {
  __m128i differences = _mm_setzero_si128();
  for (size_t quarter = 0; quarter < 4; ++quarter) {
    const __m128i octets = _mm_and_si128(load(other + 16 * quarter), mask(size, quarter));
    differences = _mm_or_si128(differences, _mm_xor_si128(load(lowered + 16 * quarter), octets));
  }
  return _mm_testz_si128(differences, differences) != 0;
}

inline uint64_t hash_of(const std::byte* lowered, size_t size, uint64_t key) {
  return base::keyed_hash({lowered, size}, key);
}

inline unsigned equal_tags(const std::atomic<uint64_t>* words, uint16_t tag) {
  const __m128i wanted = _mm_set1_epi64x(tag);
  unsigned ways = 0;
  for (unsigned pair = 0; pair < 4; ++pair) {
    const __m128i tags = _mm_srli_epi64(load(words + size_t{2} * pair), cache::Cache::kTagShift);
    const __m128d equal = _mm_castsi128_pd(_mm_cmpeq_epi64(tags, wanted));
    ways |= static_cast<unsigned>(_mm_movemask_pd(equal)) << (2 * pair);
  }
  return ways;
}

#include "dataplane/poll/hit_stages.inc"

}  // namespace sse42

unsigned answer_hits_sse42(LcoreState& self, PortQueue& queue, std::span<rte_mbuf* const> frames,
                           rte_mbuf** others) {
  return sse42::answer_hits(self, queue, frames, others);
}

}  // namespace poll
