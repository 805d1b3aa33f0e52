// A worker's backends by their numbers. A backend keeps its number as long as it is configured; a
// number may be free.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/base/assert.h"
#include "tls-workers/sessions/sessions.h"

namespace sessions {

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
  [[nodiscard]] auto all() { return Present(slots_); }

  /// Nullptr frees the number. What had it is gone; its sessions are closed by then.
  void put(uint32_t number, std::unique_ptr<Sessions> sessions) {
    if (number >= slots_.size()) slots_.resize(number + 1);
    slots_[number] = std::move(sessions);
  }

 private:
  using Slot = std::unique_ptr<Sessions>;

  /// The numbers that are taken. Not made of std::views: clang 14 does not compile libstdc++ 12's.
  class Present {
   public:
    class Iterator {
     public:
      explicit Iterator(std::span<const Slot> rest) : rest_(rest) { skip_free(); }
      Sessions& operator*() const { return *rest_.front(); }
      Iterator& operator++() {
        rest_ = rest_.subspan(1);
        skip_free();
        return *this;
      }
      bool operator==(const Iterator& other) const { return rest_.size() == other.rest_.size(); }

     private:
      void skip_free() {
        while (!rest_.empty() && rest_.front() == nullptr) rest_ = rest_.subspan(1);
      }

      std::span<const Slot> rest_;
    };

    explicit Present(std::span<const Slot> slots) : slots_(slots) {}
    [[nodiscard]] Iterator begin() const { return Iterator(slots_); }
    [[nodiscard]] Iterator end() const { return Iterator({}); }

   private:
    std::span<const Slot> slots_;
  };

  std::vector<Slot> slots_;
};

}  // namespace sessions
