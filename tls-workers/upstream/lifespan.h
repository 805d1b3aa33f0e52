// How long a server lets sessions live: some close each one after a fixed time, or after a fixed
// number of queries, whatever is under way. What two in a row have ended at is expected of the next
// ones, so that they can be replaced before, and not all at once. In a row: the second was opened
// after the first had ended. Those that end together may have met a restart.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/base/clock.h"

namespace tls {

class Lifespan {
 public:
  /// The server has closed a session in use, `age` after it was opened, with so many answers.
  void ended(base::Duration age, uint64_t answers, base::Time now) {
    if (now >= until_) forget();
    if (now - age < last_end_) return;
    last_end_ = now;
    if (answers == last_answers_) {
      answers_ = answers;
      age_ = kForEver;  // Which is as long as so many take at the present rate.
      until_ = now + kKept;
    } else if (is_about(age, last_age_)) {
      age_ = std::min(age, last_age_);
      answers_ = kAnyNumber;
      until_ = now + kKept;
    } else if (answers < answers_ && age < age_) {
      forget();  // It was chance.
    }
    last_age_ = age;
    last_answers_ = answers;
  }

  /// What is expected of a session opened now; kForEver and kAnyNumber if nothing is.
  [[nodiscard]] base::Duration age(base::Time now) const { return now < until_ ? age_ : kForEver; }
  [[nodiscard]] uint64_t answers(base::Time now) const {
    return now < until_ ? answers_ : kAnyNumber;
  }

  static constexpr base::Duration kForEver = base::Duration::max();
  static constexpr uint64_t kAnyNumber = UINT64_MAX;
  static constexpr base::seconds kKept{60};  // Then it is tried how it is now.

 private:
  [[nodiscard]] static bool is_about(base::Duration a, base::Duration b) {
    constexpr base::Duration kAtLeast = base::milliseconds(20);
    return std::max(a, b) - std::min(a, b) <= std::max(kAtLeast, std::max(a, b) / 8);
  }
  void forget() {
    age_ = kForEver;
    answers_ = kAnyNumber;
  }

  base::Duration age_ = kForEver;
  uint64_t answers_ = kAnyNumber;
  base::Time until_{};
  base::Time last_end_{};
  base::Duration last_age_{};
  uint64_t last_answers_ = 0;  // A session without any is not one of these.
};

}  // namespace tls
