// A histogram of cycles with 128 buckets to each power of two: what it reports is at most 0.8 %
// above what was recorded. One thread; recording is one increment.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace load {

class Latency {
 public:
  void record(uint64_t cycles) {
    ++counts_[bucket_of(cycles)];
    ++recorded_;
    sum_ += cycles;
    largest_ = std::max(largest_, cycles);
  }

  [[nodiscard]] uint64_t recorded() const { return recorded_; }
  [[nodiscard]] uint64_t largest() const { return largest_; }
  [[nodiscard]] double mean() const {
    return recorded_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(recorded_);
  }
  /// The least bucket's upper end that a `share` (0 to 1) of all records does not exceed; 0 if
  /// there are none.
  [[nodiscard]] uint64_t at(double share) const {
    const auto wanted = static_cast<uint64_t>(share * static_cast<double>(recorded_) + 0.999999);
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
      seen += counts_[bucket];
      if (seen >= wanted && seen > 0) return std::min(largest_of(bucket), largest_);
    }
    return largest_;
  }

  static constexpr int kFineBits = 7;
  static constexpr uint64_t kFine = uint64_t{1} << kFineBits;
  static constexpr int kLargestBits = 40;  // Eight minutes at 2 GHz; what is beyond counts as that.
  static constexpr size_t kBuckets = (kLargestBits - kFineBits + 1) * kFine;

  static constexpr size_t bucket_of(uint64_t cycles) {
    cycles = std::min(cycles, (uint64_t{1} << kLargestBits) - 1);
    if (cycles < kFine) return cycles;
    const auto shift = static_cast<int>(std::bit_width(cycles)) - 1 - kFineBits;
    return static_cast<size_t>(shift + 1) * kFine + (cycles >> shift) - kFine;
  }
  /// The most cycles that this bucket counts.
  static constexpr uint64_t largest_of(size_t bucket) {
    if (bucket < kFine) return bucket;
    const auto shift = static_cast<int>(bucket / kFine) - 1;
    return ((bucket % kFine + kFine + 1) << shift) - 1;
  }

 private:
  std::array<uint64_t, kBuckets> counts_{};
  uint64_t recorded_ = 0;
  uint64_t sum_ = 0;
  uint64_t largest_ = 0;
};

}  // namespace load
