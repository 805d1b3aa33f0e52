// The ids of one session: which question each one stands for, and what has become of it.
//
// Ids start at a random one, go up by one and are never used twice in a session, so that an answer
// that comes late can never be taken for another question's (CVE-2026-33596 shows what happens
// otherwise). A session is replaced long before ids run out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/base/clock.h"
#include "dataplane/base/keyed_hash.h"
#include "dataplane/dns/question.h"
#include "tls-workers/backends/evidence.h"

namespace sessions {

/// Names an open question; the generation tells the slot's present question from an earlier one.
struct QuestionHandle {
  uint32_t slot = 0;
  uint32_t generation = 0;
  friend bool operator==(const QuestionHandle&, const QuestionHandle&) = default;
};

/// Why a query was sent: because its asker waits for it, to see whether a backend that fell silent
/// answers again, or as a health check.
enum class Purpose : uint8_t { Serve, Trial, Check };

/// What is kept of a question for as long as the session lasts: enough to tell whether a message
/// that comes much later asks the same.
struct Fingerprint {
  uint32_t hash = 0;  // Of the question's.
  dns::Wants wants{};
  dns::PoolId pool{};
  uint32_t subject = 0;  // Of name, type and class alone: what a resolver finds out once for all.
};

[[nodiscard]] inline Fingerprint fingerprint_of(const dns::Question& question) {
  const uint64_t subject = base::keyed_hash(
      question.name.wire(),
      dns::tag_of(question.type, question.klass, dns::Wants::Plain, dns::PoolId{}));
  return {static_cast<uint32_t>(question.hash), question.wants, question.pool,
          static_cast<uint32_t>(subject)};
}

/// One query sent.
struct Asked {
  enum class State : uint8_t {
    Waiting,
    TimedOut,  // Overdue; its answer may still come.
    Done
  };
  QuestionHandle question;
  base::Time at;
  Fingerprint fingerprint;
  Purpose purpose = Purpose::Serve;
  State state = State::Waiting;
  backends::Source source;
};
static_assert(sizeof(Asked) == 40);

/// For so long after it was asked an answer may still be of use.
inline constexpr base::milliseconds kAnswerLife{5000};

class Inflight {
 public:
  Inflight(uint16_t first_id, uint32_t limit) : first_id_(first_id), limit_(limit) {}

  [[nodiscard]] bool has_room() const { return waiting_ < limit_ && asked_.size() < kIds; }
  [[nodiscard]] uint32_t waiting() const { return waiting_; }
  [[nodiscard]] size_t issued() const { return asked_.size(); }
  /// Whether something about `subject` is under way, overdue or not. One time in some thousand it
  /// is something else.
  [[nodiscard]] bool asks(uint32_t subject) const;
  /// Queries that timed out and have not been answered since.
  [[nodiscard]] uint32_t timed_out() const { return timed_out_; }
  /// Time to open a session that takes over; there is room for as many queries again until it is
  /// there.
  [[nodiscard]] bool worn() const { return asked_.size() >= kWorn; }

  /// Only if `has_room`.
  [[nodiscard]] uint16_t issue(QuestionHandle question, Purpose purpose, base::Time now,
                               const Fingerprint& fingerprint = {}, backends::Source source = {});
  /// The query that an answer with `id` answers, as it was until now; from now on it is done.
  /// Nothing if `id` was never issued or has been answered before. A query that timed out can still
  /// be answered, once.
  [[nodiscard]] std::optional<Asked> settle(uint16_t id);
  /// The query that `id` has answered before, for an answer that comes once more. Nothing if there
  /// was none, or if there have been more such answers than queries.
  [[nodiscard]] std::optional<Asked> repeat(uint16_t id);
  [[nodiscard]] bool was_issued(uint16_t id) const {
    return static_cast<uint16_t>(id - first_id_) < asked_.size();
  }
  /// The id of the query that an answer with an unknown id was meant for: the one under way that
  /// `fits(const Asked&)`, or else the only one there is.
  template <typename Fits>
  [[nodiscard]] std::optional<uint16_t> find(Fits fits) const {
    for (size_t i = timed_out_ > 0 ? 0 : oldest_; i < asked_.size(); ++i) {
      if (asked_[i].state == Asked::State::Done) continue;
      const auto id = static_cast<uint16_t>(first_id_ + i);
      if (fits(asked_[i]) || waiting_ + timed_out_ == 1) return id;
    }
    return std::nullopt;
  }
  /// The oldest query that waits, if any.
  [[nodiscard]] const Asked* oldest();
  /// Its id. Only if there is one.
  [[nodiscard]] uint16_t oldest_id();
  /// Gives up the oldest query that waits. Its id stays quarantined. Only if there is one.
  Asked time_out_oldest();
  /// Gives up all that wait and all that timed out: `each(const Asked&)`, as they were until now,
  /// oldest first.
  template <typename Each>
  void abandon(Each each) {
    for (size_t i = timed_out_ > 0 ? 0 : oldest_; i < asked_.size(); ++i) {
      const Asked asked = asked_[i];
      if (asked.state == Asked::State::Done) continue;
      asked_[i].state = Asked::State::Done;
      each(asked);
    }
    waiting_ = timed_out_ = 0;
    subjects_ = {};
  }

  static constexpr size_t kWorn = 30'000;
  static constexpr size_t kIds = 60'000;

 private:
  static constexpr size_t kSubjects = 4096;
  [[nodiscard]] uint16_t& subjects_like(uint32_t subject) { return subjects_[subject % kSubjects]; }

  uint16_t first_id_;
  uint32_t limit_;
  uint32_t waiting_ = 0;
  uint32_t timed_out_ = 0;
  size_t oldest_ = 0;  // No query before this one waits.
  size_t repeats_ = 0;
  std::vector<Asked> asked_;                       // By id − first_id_.
  std::array<uint16_t, kSubjects> subjects_ = {};  // How many under way begin like that.
};

}  // namespace sessions
