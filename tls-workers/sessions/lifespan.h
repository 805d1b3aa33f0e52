// How long a server lets sessions live: some close each one after a fixed time, or after a fixed
// number of queries, whatever is under way. What three in a row have ended at is expected of the
// next ones, so that they can be replaced before, and not all at once; of two it is chance too
// often. In a row: each was opened after the one before had ended. Those that end together may have
// met a restart.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/base/clock.h"

namespace sessions {

class Lifespan {
 public:
  /// The server has closed a session in use, `age` after it was opened, with so many answers.
  void ended(base::Duration age, uint64_t answers, base::Time now) {
    if (now >= until_) forget();
    if (now - age < last_end_) return;
    last_end_ = now;
    alike_answers_ = answers == last_answers_ ? alike_answers_ + 1 : 0;
    alike_ages_ = is_about(age, last_age_) ? alike_ages_ + 1 : 0;
    if (alike_answers_ >= kAlike) {
      answers_ = answers;
      age_ = kForEver;  // Which is as long as so many take at the present rate.
      until_ = now + kKept;
    } else if (alike_ages_ >= kAlike) {
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
  static constexpr unsigned kAlike = 2;  // The third that is like the first.

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
  unsigned alike_answers_ = 0;  // So many ends in a row were like the one before.
  unsigned alike_ages_ = 0;
  base::Duration last_age_{};
  uint64_t last_answers_ = 0;  // A session without any is not one of these.
};

}  // namespace sessions
