#include "tls-workers/backends/chooser.h"

#include <tuple>

namespace backends {
namespace {

/// The best by (standing, in_vain, rank) among those that `fits` accepts.
template <typename Fits>
std::optional<size_t> best(std::span<const Candidate> candidates, Fits fits) {
  const auto order = [](const Candidate& candidate) {
    return std::tie(candidate.standing, candidate.in_vain, candidate.rank);
  };
  std::optional<size_t> found;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& candidate = candidates[i];
    if (candidate.spent || !fits(candidate)) continue;
    if (!found || order(candidate) < order(candidates[*found])) found = i;
  }
  return found;
}

}  // namespace

std::optional<size_t> choose(std::span<const Candidate> candidates, std::optional<uint32_t> avoid) {
  return best(candidates, [&](const Candidate& candidate) {
    return candidate.backend != avoid && has_room(candidate);
  });
}

std::optional<size_t> choose_to_open(std::span<const Candidate> candidates) {
  return best(candidates, [](const Candidate& candidate) {
    return !candidate.opening &&
           (candidate.standing == Standing::Closed || candidate.standing == Standing::Failing);
  });
}

}  // namespace backends
