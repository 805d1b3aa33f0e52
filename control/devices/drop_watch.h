// Whether most of what was to be a query is dropped, and why: a sender's checksums, a VLAN, a
// flood. What is dropped as a matter of course, because it is meant for the kernel or for no
// receiver, does not count.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include "dataplane/base/clock.h"
#include "dataplane/rules/outcome.h"

namespace control {

class DropWatch {
 public:
  /// What has been counted since the start.
  struct Counts {
    uint64_t replies = 0;
    std::array<uint64_t, static_cast<size_t>(rules::Drop::Count_)> dropped{};
  };
  /// Whether frames for other MACs are a matter of course: not where an XDP program sees to it that
  /// only queries come.
  enum class OtherMacs : uint8_t { Usual, Odd };

  explicit DropWatch(OtherMacs other_macs) : other_macs_(other_macs) {}

  /// About once a second, one thread.
  void look(const Counts& counts, base::Time now);
  /// Any thread. One line with what to do; empty: nothing is odd.
  [[nodiscard]] std::string why() const;

  static constexpr base::seconds kStep{30};
  static constexpr unsigned kSteps = 10;  // So it says what was so in the last five minutes.

 private:
  struct Step {
    base::Time at;
    Counts counts;
  };
  [[nodiscard]] std::string judge(const Counts& before, const Counts& now) const;

  const OtherMacs other_macs_;
  std::deque<Step> steps_;  // The oldest first; kSteps at most.
  mutable std::mutex mutex_;
  std::string why_;  // Under the mutex.
};

}  // namespace control
