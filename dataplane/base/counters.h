// Counters with one writing thread and any number of readers. An add is a plain load and store, no
// locked operation.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace base {

class Counter {
 public:
  void add(uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void subtract(uint64_t amount = 1) { add(~amount + 1); }
  void set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

/// One counter per enumerator of `E`, whose last enumerator is `Count_`. The names an operator sees
/// are a table beside the enum, of the same length.
template <typename E>
class Counters {
 public:
  static constexpr size_t kSize = static_cast<size_t>(E::Count_);

  Counter& operator[](E which) { return counters_[static_cast<size_t>(which)]; }
  const Counter& operator[](E which) const { return counters_[static_cast<size_t>(which)]; }
  [[nodiscard]] uint64_t total() const {
    uint64_t sum = 0;
    for (const Counter& counter : counters_) sum += counter.read();
    return sum;
  }

 private:
  std::array<Counter, kSize> counters_{};
};

}  // namespace base
