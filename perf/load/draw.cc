#include "perf/load/draw.h"

#include <cmath>
#include <random>

namespace load {
namespace {

std::vector<double> zipf_weights(uint32_t names, double exponent) {
  std::vector<double> weights(names);
  for (uint32_t i = 0; i < names; ++i) weights[i] = std::pow(i + 1.0, -exponent);
  return weights;
}

}  // namespace

std::vector<uint32_t> draw(uint32_t names, size_t count, std::optional<double> exponent,
                           uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<uint32_t> drawn(count);
  if (!exponent) {
    std::uniform_int_distribution<uint32_t> any(0, names - 1);
    for (uint32_t& name : drawn) name = any(random);
    return drawn;
  }
  const std::vector<double> weights = zipf_weights(names, *exponent);
  std::discrete_distribution<uint32_t> any(weights.begin(), weights.end());
  for (uint32_t& name : drawn) name = any(random);
  return drawn;
}

}  // namespace load
