// Questions that are to be fetched ahead once more, and when: a resolver that answers from its own
// cache tells what is left of its time, so a new answer may end soon after the old one; and what
// could not be had ahead is tried again.
//
// A few places: a question that finds none is missed at its end, as without prefetch.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "dataplane/base/clock.h"
#include "dataplane/dns/question.h"

namespace questions {

class Refetches {
 public:
  Refetches() { planned_.reserve(kPlaces); }

  void plan(const dns::Question& question, base::Time when) {
    if (planned_.size() < kPlaces) planned_.push_back({when, question});
    first_ = std::min(first_, when);
  }
  /// One whose time has come; nothing if there is none.
  [[nodiscard]] std::optional<dns::Question> next_due(base::Time now) {
    if (now < first_) return std::nullopt;
    const auto due =
        std::ranges::find_if(planned_, [&](const auto& one) { return one.when <= now; });
    std::optional<dns::Question> question;
    if (due != planned_.end()) {
      question = due->question;
      *due = planned_.back();
      planned_.pop_back();
    }
    first_ = base::Time::max();
    for (const Planned& one : planned_) first_ = std::min(first_, one.when);
    return question;
  }
  /// When `next_due` has something to say.
  [[nodiscard]] base::Time first() const { return first_; }

  static constexpr size_t kPlaces = 256;

 private:
  struct Planned {
    base::Time when;
    dns::Question question;
  };
  std::vector<Planned> planned_;
  base::Time first_ = base::Time::max();
};

}  // namespace questions
