// A backend's place in the rotation, shared by all workers: what the queries of all of them meet is
// judged together, and one of them sends the check.
//
// Workers read `up` for every question and tell what they met once a turn, so the lock is taken
// seldom.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dataplane/base/clock.h"
#include "dataplane/base/counters.h"
#include "tls-workers/backends/backend.h"
#include "tls-workers/backends/health.h"

namespace backends {

/// What one worker's queries met in a turn.
class Met {
 public:
  void note(const Vote& vote) {
    ++numbers_[static_cast<size_t>(vote.what)];
    if (vote.what == Sample::Answered) {
      answers_[answered_++ % kAnswers] = vote;
    } else {
      failures_[failed_++ % kFailures] = vote;
    }
  }
  void clear() {
    numbers_ = {};
    answered_ = failed_ = 0;
  }
  [[nodiscard]] bool nothing() const { return answered_ + failed_ == 0; }
  [[nodiscard]] uint32_t number(Sample what) const { return numbers_[static_cast<size_t>(what)]; }
  /// The last few, each; more votes of one turn would not change what the tally says.
  [[nodiscard]] std::span<const Vote> answers() const {
    return std::span(answers_).first(std::min<size_t>(answered_, kAnswers));
  }
  [[nodiscard]] std::span<const Vote> failures() const {
    return std::span(failures_).first(std::min<size_t>(failed_, kFailures));
  }

  static constexpr size_t kAnswers = 4;
  static constexpr size_t kFailures = 16;

 private:
  std::array<uint32_t, static_cast<size_t>(Sample::Count_)> numbers_{};
  uint32_t answered_ = 0;
  uint32_t failed_ = 0;
  std::array<Vote, kAnswers> answers_{};
  std::array<Vote, kFailures> failures_{};
};

class Rotation {
 public:
  Rotation(const HealthSettings& settings, base::Time now);
  Rotation(const Rotation&) = delete;
  Rotation& operator=(const Rotation&) = delete;

  // Any thread, at any time.

  [[nodiscard]] bool up() const { return up_.load(std::memory_order_relaxed); }
  /// Out of rotation by the operator's word, here or in the settings: not even asked when no other
  /// can be.
  [[nodiscard]] bool barred() const { return barred_.load(std::memory_order_relaxed); }
  [[nodiscard]] const HealthSettings& settings() const { return settings_; }
  /// Whether checks or queries have a say in `up`.
  [[nodiscard]] bool judged() const { return judged_.load(std::memory_order_relaxed); }
  /// Whether a query was answered within `span`; while it is out, of those since it went out.
  [[nodiscard]] bool answered_within(base::Duration span, base::Time now) const {
    const base::Duration::rep last = last_answer_.load(std::memory_order_relaxed);
    return last != 0 && now - base::Time(base::Duration(last)) <= span;
  }

  /// A change that should be reported.
  enum class Change : uint8_t { None, WentUp, WentDown };

  /// The operator's word at run time, which goes before what the settings say.
  enum class Override : uint8_t {
    Auto,  // None: as the settings have it.
    Up,    // In rotation, whatever checks and queries meet.
    Down,  // Out of it, whatever happens.
  };
  static constexpr std::array<std::string_view, 3> kWordNames = {"auto", "up", "down"};
  /// What was known of the backend until now is forgotten: it is judged anew. The same word again
  /// changes nothing, but for Auto.
  Change set_override(Override word, base::Time now);
  [[nodiscard]] Override current_override() const {
    return override_.load(std::memory_order_relaxed);
  }

  Change sample(const Met& met, base::Time now);
  /// No session that answers can be had since the last one ended for `why`: reason enough to look
  /// at once.
  Change unreachable(Failure why, base::Time now);
  /// Whether the caller is to send a check now; it then calls `checked`. Costs one load if not.
  [[nodiscard]] bool check_due(base::Time now);
  /// How it ended; nothing: well.
  Change checked(std::optional<Failure> failed, base::Time now);
  /// When to ask `check_due` again at the latest.
  [[nodiscard]] base::Time next_look() const {
    return base::Time(base::Duration(next_look_.load(std::memory_order_relaxed)));
  }

  struct Report {
    Health::State state;
    base::Time since;
    std::optional<base::Time> last_check;
    std::optional<Failure> last_check_failed;
  };
  [[nodiscard]] Report report() const;
  /// Checks by result.
  [[nodiscard]] uint64_t checks_good() const { return good_.read(); }
  [[nodiscard]] uint64_t checks_failed(Failure kind) const { return failed_[kind].read(); }

 private:
  Change publish(bool was_up);

  const HealthSettings settings_;
  mutable std::mutex mutex_;
  Health health_;
  std::optional<base::Time> last_check_;
  std::optional<Failure> last_check_failed_;
  base::Counter good_;  // Written under the lock, like the next.
  base::Counters<Failure> failed_;
  std::atomic<bool> up_;
  std::atomic<bool> barred_;
  std::atomic<bool> judged_;
  std::atomic<base::Duration::rep> last_answer_{0};
  std::atomic<Override> override_{Override::Auto};
  std::atomic<base::Duration::rep> next_look_;
};

}  // namespace backends
