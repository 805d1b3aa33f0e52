#include "control/text/durations.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace control {
namespace {

using base::Histogram;

double bound_in_seconds(size_t bucket) {
  return std::chrono::duration<double>(Histogram::upper_bound(bucket)).count();
}

}  // namespace

void Durations::add(const Histogram& histogram) {
  for (size_t bucket = 0; bucket < counts.size(); ++bucket)
    counts[bucket] += histogram.count_in(bucket);
}

void Durations::add(const Durations& other) {
  for (size_t bucket = 0; bucket < counts.size(); ++bucket) counts[bucket] += other.counts[bucket];
}

Durations Durations::since(const Durations& earlier) const {
  Durations later;
  for (size_t bucket = 0; bucket < counts.size(); ++bucket) {
    if (counts[bucket] < earlier.counts[bucket]) return *this;
    later.counts[bucket] = counts[bucket] - earlier.counts[bucket];
  }
  return later;
}

uint64_t Durations::count() const {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

std::optional<double> Durations::quantile(double share) const {
  const auto wanted = static_cast<double>(count()) * std::clamp(share, 0.0, 1.0);
  double before = 0;
  for (size_t bucket = 0; bucket < counts.size(); ++bucket) {
    const auto here = static_cast<double>(counts[bucket]);
    if (here == 0 || before + here < wanted) {
      before += here;
      continue;
    }
    if (bucket == Histogram::kBounded) return bound_in_seconds(Histogram::kBounded - 1);
    const double least = bucket == 0 ? 0 : bound_in_seconds(bucket - 1);
    return least + (bound_in_seconds(bucket) - least) * (wanted - before) / here;
  }
  return std::nullopt;
}

}  // namespace control
