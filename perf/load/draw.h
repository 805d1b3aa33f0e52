// Which names are asked for, in which order: drawn once before a run, so that drawing costs the run
// nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace load {

/// `count` indices into `names` names. Without `exponent` every name is as likely as any other;
/// with it, the k-th is drawn in proportion to 1/k^exponent (Zipf's law). The same `seed` draws the
/// same.
[[nodiscard]] std::vector<uint32_t> draw(uint32_t names, size_t count,
                                         std::optional<double> exponent, uint64_t seed);

}  // namespace load
