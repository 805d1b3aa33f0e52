#include "tls-workers/upstream/chooser.h"

#include <tuple>

namespace tls {
namespace {

/// The best by (standing, rank) among those that `fits` accepts.
template <typename Fits>
std::optional<size_t> best(std::span<const Candidate> candidates, std::optional<uint32_t> avoid,
                           Fits fits) {
  std::optional<size_t> found;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& candidate = candidates[i];
    if (candidate.backend == avoid || !fits(candidate)) continue;
    if (!found || std::tie(candidate.standing, candidate.rank) <
                      std::tie(candidates[*found].standing, candidates[*found].rank)) {
      found = i;
    }
  }
  return found;
}

}  // namespace

std::optional<size_t> choose(std::span<const Candidate> candidates, std::optional<uint32_t> avoid) {
  return best(candidates, avoid, [](const Candidate& candidate) {
    return candidate.standing == Standing::Ready || candidate.standing == Standing::OnTrial;
  });
}

std::optional<size_t> choose_to_open(std::span<const Candidate> candidates,
                                     std::optional<uint32_t> avoid) {
  return best(candidates, avoid, [](const Candidate& candidate) {
    return !candidate.opening &&
           (candidate.standing == Standing::Closed || candidate.standing == Standing::Failing);
  });
}

}  // namespace tls
