// How long things took, as counts by power of two (dataplane/base/histogram.h) that can be added,
// subtracted, and asked what most of them stayed under.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/base/histogram.h"

namespace control {

struct Durations {
  std::array<uint64_t, base::Histogram::kBuckets> counts{};

  void add(const base::Histogram& histogram);
  void add(const Durations& other);
  /// What has come since `earlier`, an older reading of the same; everything if it is not older.
  [[nodiscard]] Durations since(const Durations& earlier) const;
  [[nodiscard]] uint64_t count() const;
  /// In seconds, what `share` (0 to 1) of them took at most; nothing if there are none. Exact to
  /// the bucket, a factor of two; within it they are taken to be spread evenly. What took longer
  /// than the last bound counts as if it had taken that, 8.4 s.
  [[nodiscard]] std::optional<double> quantile(double share) const;

  friend bool operator==(const Durations&, const Durations&) = default;
};

}  // namespace control
