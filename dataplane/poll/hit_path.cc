#include "dataplane/poll/hit_path.h"

#include <rte_cpuflags.h>

#include <array>

#include "dataplane/base/keyed_hash.h"

namespace poll {
namespace {

bool has(rte_cpu_flag_t flag) { return rte_cpu_get_flag_enabled(flag) == 1; }

struct Choices {
  std::array<HitPathChoice, 3> paths{};
  size_t count = 0;

  Choices() {
    const bool aes = base::hashes_by_aes();
    if (aes && has(RTE_CPUFLAG_AVX512BW) && has(RTE_CPUFLAG_AVX512VL) && has(RTE_CPUFLAG_BMI2)) {
      paths[count++] = {answer_hits_avx512, "avx512"};
    }
    if (aes && has(RTE_CPUFLAG_AVX2) && has(RTE_CPUFLAG_BMI2))
      paths[count++] = {answer_hits_avx2, "avx2"};
    paths[count++] = {answer_hits_sse42, "sse4.2"};
  }
};

}  // namespace

std::span<const HitPathChoice> hit_paths() {
  static const Choices choices;
  return std::span(choices.paths).first(choices.count);
}

}  // namespace poll
