// Every policy gives each candidate a score and nothing else; ties go by order, latency and place
// in the configuration where the policy has no use for them itself.
#include "tls-workers/backends/policy.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace backends {
namespace {

/// Between 0 and 1, neither of them: 53 bits, from the middle of their step.
double fraction(uint64_t bits) { return (static_cast<double>(bits >> 11) + 0.5) * 0x1p-53; }

/// How long a runner takes that is `weight` times as fast as others: one that draws the shortest
/// time of all wins as often as its share of the weights, and so does the second when the first
/// drops out.
double race_time(uint64_t bits, uint32_t weight) { return -std::log(fraction(bits)) / weight; }

bool may_duel(const Candidate& candidate) {
  return candidate.standing == Standing::Ready || candidate.standing == Standing::Closed;
}

/// The lowest latency that is known of any; never zero.
base::Duration lowest_latency(std::span<const Candidate> candidates) {
  base::Duration lowest = base::Duration::max();
  for (const Candidate& candidate : candidates) {
    if (candidate.latency > base::Duration{}) lowest = std::min(lowest, candidate.latency);
  }
  return lowest == base::Duration::max() ? base::Duration{1} : lowest;
}

}  // namespace

uint64_t identity_of(std::string_view backend_name) {
  return XXH3_64bits(backend_name.data(), backend_name.size());
}

void Ranking::rank(const dns::Name& name, std::span<Candidate> candidates) {
  for (Candidate& candidate : candidates) candidate.rank = {.backend = candidate.backend};
  switch (settings_.policy) {
    case Policy::LeastOutstanding:
      for (Candidate& candidate : candidates) {
        candidate.rank.score = candidate.outstanding;
        candidate.rank.order = candidate.order;
        candidate.rank.latency = candidate.latency;
      }
      break;
    case Policy::FirstAvailable:
      for (Candidate& candidate : candidates) candidate.rank.order = candidate.order;
      break;
    case Policy::RoundRobin:
      // Those before the turn come out huge, and behind those after it.
      for (Candidate& candidate : candidates) candidate.rank.score = candidate.backend - turn_;
      break;
    case Policy::WRandom:
      race(candidates);
      break;
    case Policy::WHashed:
    case Policy::CHashed:
      hash(name, candidates);
      break;
    case Policy::P2c:
      duel(candidates);
      break;
    case Policy::Count_:
      break;
  }
  if (settings_.balancing_factor > 0) mark_over_share(candidates);
}

void Ranking::race(std::span<Candidate> candidates) {
  for (Candidate& candidate : candidates)
    candidate.rank.score = race_time(random_(), candidate.weight);
}

/// The same race, but a name's own: it ends the same way each time, and without one of the runners
/// only the names it won change hands (rendezvous hashing).
void Ranking::hash(const dns::Name& name, std::span<Candidate> candidates) {
  const uint64_t question = XXH3_64bits(name.wire().data(), name.wire().size());
  for (Candidate& candidate : candidates) {
    const std::array<uint64_t, 2> both = {question, candidate.identity};
    candidate.rank.score = race_time(XXH3_64bits(both.data(), sizeof both), candidate.weight);
  }
}

/// Two of those that could be asked, or could be if they had a session. The others come after them,
/// by chance.
void Ranking::duel(std::span<Candidate> candidates) {
  constexpr double kFirst = 0, kSecond = 1, kOthers = 2;
  for (Candidate& candidate : candidates) candidate.rank.score = kOthers + fraction(random_());
  const auto eligible = static_cast<size_t>(std::ranges::count_if(candidates, may_duel));
  if (eligible == 0) return;
  const size_t one = draw(candidates, eligible, std::nullopt);
  candidates[one].rank.score = kFirst;
  if (eligible == 1) return;
  const size_t other = draw(candidates, eligible - 1, one);
  // One that is not known counts as the best: it has to be found out. What it gets until then is
  // what the best one would get.
  const base::Duration unknown = lowest_latency(candidates);
  const auto work = [&](const Candidate& candidate) {
    const base::Duration latency =
        candidate.latency > base::Duration{} ? candidate.latency : unknown;
    return static_cast<double>(latency.count()) * (candidate.outstanding + 1.0);
  };
  const bool upset = work(candidates[other]) < work(candidates[one]);
  candidates[one].rank.score = upset ? kSecond : kFirst;
  candidates[other].rank.score = upset ? kFirst : kSecond;
}

/// One of the `eligible` that may duel, `other_than` not counted.
size_t Ranking::draw(std::span<const Candidate> candidates, size_t eligible,
                     std::optional<size_t> other_than) {
  size_t skip = std::uniform_int_distribution<size_t>(0, eligible - 1)(random_);
  size_t drawn = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (i == other_than || !may_duel(candidates[i])) continue;
    drawn = i;
    if (skip-- == 0) break;
  }
  return drawn;
}

/// Shares are of those that have sessions, with the question in hand already counted; so there is
/// always one that is not over its share.
void Ranking::mark_over_share(std::span<Candidate> candidates) const {
  const auto takes_part = [](const Candidate& candidate) {
    return candidate.standing <= Standing::Full;
  };
  double load = 1, weights = 0;
  for (const Candidate& candidate : candidates) {
    if (!takes_part(candidate)) continue;
    load += candidate.outstanding;
    weights += candidate.weight;
  }
  for (Candidate& candidate : candidates) {
    const double share = settings_.balancing_factor * load * candidate.weight / weights;
    candidate.rank.over_share = takes_part(candidate) && candidate.outstanding > share;
  }
}

}  // namespace backends
