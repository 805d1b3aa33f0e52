// Numbers for names. A name keeps the number it got first as long as the process lives, and no
// other name ever gets it: what is kept or counted under a number means the same for ever.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace control {

class Numbers {
 public:
  explicit Numbers(size_t most) : most_(most) {}

  /// Nothing if all have been given.
  [[nodiscard]] std::optional<size_t> of(const std::string& name) {
    const auto known = numbers_.find(name);
    if (known != numbers_.end()) return known->second;
    if (numbers_.size() == most_) return std::nullopt;
    return numbers_.emplace(name, numbers_.size()).first->second;
  }
  /// How many have been given: one more than the highest.
  [[nodiscard]] size_t given() const { return numbers_.size(); }

 private:
  size_t most_;
  std::map<std::string, size_t> numbers_;
};

}  // namespace control
