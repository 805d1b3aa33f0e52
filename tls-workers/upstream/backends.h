// A worker's backends by their numbers. A backend keeps its number as long as it is configured; a
// number may be free.
#pragma once

#include <cstdint>
#include <memory>
#include <ranges>
#include <vector>

#include "dataplane/base/assert.h"
#include "tls-workers/upstream/sessions.h"

namespace tls {

class Backends {
 public:
  [[nodiscard]] Sessions& operator[](uint32_t number) {
    ASSERT(number < slots_.size() && slots_[number] != nullptr);
    return *slots_[number];
  }
  [[nodiscard]] bool has(uint32_t number) const {
    return number < slots_.size() && slots_[number] != nullptr;
  }
  /// One more than the highest number there is.
  [[nodiscard]] uint32_t numbers() const { return static_cast<uint32_t>(slots_.size()); }
  /// Sessions&, by number.
  [[nodiscard]] auto all() {
    return slots_ | std::views::filter([](const auto& slot) { return slot != nullptr; }) |
           std::views::transform([](const auto& slot) -> Sessions& { return *slot; });
  }

  /// Nullptr frees the number. What had it is gone; its sessions are closed by then.
  void put(uint32_t number, std::unique_ptr<Sessions> sessions) {
    if (number >= slots_.size()) slots_.resize(number + 1);
    slots_[number] = std::move(sessions);
  }

 private:
  std::vector<std::unique_ptr<Sessions>> slots_;
};

}  // namespace tls
