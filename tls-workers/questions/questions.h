// The questions that a worker is finding out: one record each, however many cores ask for it and
// however often it is sent.
//
// A question stays open until an answer or a failure settles it, or its time is over. That is
// longer than a client waits: it outlives its askers while a query for it is under way, so that a
// late answer still reaches the cache and clients that ask again (RFC 8767 §5). All memory is taken
// at start.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/cache/entry.h"
#include "dataplane/exchange/exchange.h"
#include "tls-workers/questions/attempts.h"
#include "tls-workers/questions/deadlines.h"
#include "tls-workers/questions/domain_quota.h"
#include "tls-workers/sessions/inflight.h"

namespace questions {

/// What waits for a question: one core's Miss.
struct Asker {
  uint32_t core = 0;
  exchange::Ticket ticket;
  base::Time deadline;
};

struct OpenQuestion {
  enum class State : uint8_t { Closed, Waiting, Asked };  // Waiting: for a session.

  dns::Question question;
  uint32_t subject = 0;  // See Fingerprint.
  sessions::QuestionHandle handle;
  State state = State::Closed;
  Attempts attempts;
  uint8_t under_way = 0;          // Queries sent for its askers and neither answered nor lost, ...
  uint8_t overdue = 0;            // ... so many of them longer ago than they should take.
  bool was_asked = false;         // Some session has carried it.
  uint32_t asked_last = 0;        // The backend, once `was_asked`, ...
  base::Time asked_at{};          // ... and when.
  bool over_quota = false;        // Its domain had more than its share open when it came.
  backends::Source source;        // Its domain, and its first client.
  bool ahead = false;             // It was opened before the answer that there is has expired.
  base::Time until{};             // Then its time is over.
  base::Time waiting_since{};     // While Waiting.
  bool stale_was_sought = false;  // Its askers have been told a stale answer if there was one.
  base::Time hedge_at = base::Time::max();  // When to ask a second backend as well.
  cache::Entry* second_best = nullptr;  // A failure in so many words, owned, unpublished: for when
                                        // the other backend fails too.
  uint32_t second_best_lifetime = 0;    // Seconds; 0: not to be kept.
  bool bogus = false;                   // A resolver has found that signatures do not hold.

  /// `asked` is not under way any more.
  void take_back(const sessions::Asked& asked, uint32_t backend) {
    --under_way;
    if (asked.state != sessions::Asked::State::TimedOut) return;
    --overdue;
    attempts.came_to_an_end(backend);
  }
  /// Whether an answer may come in the usual time.
  [[nodiscard]] bool hopes() const { return under_way > overdue; }

 private:
  friend class Questions;
  static constexpr uint32_t kNone = 0xFFFFFFFF;
  uint32_t askers_ = kNone;  // First of a list in Questions::askers_.
  uint32_t next_in_chain_ = kNone;
  uint32_t waiting_next_ = kNone;
  uint32_t waiting_previous_ = kNone;
  DomainQuota::Place place_;
};

class Questions {
 public:
  /// `life`: of each question, from the first Miss on.
  Questions(uint32_t capacity, base::Duration life, base::Time now);

  /// OverQuota: half of all places are taken, and its domain has an eighth of them.
  enum class Joined : uint8_t { Opened, Merged, Full, OverQuota };
  struct Join {
    Joined how;
    OpenQuestion* question;  // nullptr when Full or OverQuota: the Miss was not taken.
  };
  /// Adds the core's Miss to the open question, or opens one (state Asked, though nothing is sent
  /// yet).
  [[nodiscard]] Join join(const exchange::Miss& miss, uint32_t core, base::Time now);

  /// nullptr if it has been closed.
  [[nodiscard]] OpenQuestion* find(sessions::QuestionHandle handle);
  /// Forgets `question`; it has no askers and no second best any more.
  void close(OpenQuestion& question);

  [[nodiscard]] bool has_askers(const OpenQuestion& question) const {
    return question.askers_ != kNone;
  }
  /// When the last of them will have been told; Time::min() if there are none.
  [[nodiscard]] base::Time last_deadline(const OpenQuestion& question) const;
  /// Whether one of them wanted to hear by `now`.
  [[nodiscard]] bool has_overdue(const OpenQuestion& question, base::Time now) const;
  /// Takes the askers off `question`: `each(const Asker&)`.
  template <typename Each>
  void release(OpenQuestion& question, Each each) {
    release_if(
        question, [](const Asker&) { return true; }, each);
  }
  /// Takes those off that wanted to hear by `now`.
  template <typename Each>
  void release_overdue(OpenQuestion& question, base::Time now, Each each) {
    release_if(
        question, [now](const Asker& asker) { return asker.deadline <= now; }, each);
    watch(question);
  }
  /// `question` is due at `time` at the latest, for a second query.
  void hedge_at(OpenQuestion& question, base::Time time) {
    question.hedge_at = time;
    watch(question);
  }
  /// A question at least one of whose askers may be overdue, whose second query is due or whose
  /// time is over; nullptr when there are no more. The caller calls `release_overdue` or closes
  /// it.
  [[nodiscard]] OpenQuestion* next_due(base::Time now);
  [[nodiscard]] base::Time earliest_deadline() const { return deadlines_.earliest(); }

  /// First in, first out; two lists for each pool, that of the over_quota ones apart, so that
  /// others do not wait behind them. A question on one is Waiting.
  enum class Line : uint8_t { Fair, OverQuota };
  static constexpr std::array kLines = {Line::Fair,
                                        Line::OverQuota};  // In the order they are served.
  void wait(OpenQuestion& question, base::Time now);
  void stop_waiting(OpenQuestion& question);
  /// Lets those behind `question`, which waits, go before it.
  void wait_behind_others(OpenQuestion& question);
  [[nodiscard]] OpenQuestion* first_waiting(uint32_t pool, Line line) {
    return at(waiting_[pool][static_cast<size_t>(line)].first);
  }
  [[nodiscard]] bool anything_waits(uint32_t pool) {
    return first_waiting(pool, Line::Fair) != nullptr ||
           first_waiting(pool, Line::OverQuota) != nullptr;
  }
  [[nodiscard]] OpenQuestion* next_waiting(const OpenQuestion& question) {
    return at(question.waiting_next_);
  }

  /// Whether its domain has more than its share open now.
  [[nodiscard]] bool over_quota(const OpenQuestion& question) const {
    return quota_.over_quota(question.place_);
  }
  [[nodiscard]] uint32_t open() const { return open_; }
  /// `each(OpenQuestion&)`, which may close the question it is given.
  template <typename Each>
  void for_each_open(Each each) {
    for (OpenQuestion& question : slots_) {
      if (question.state != OpenQuestion::State::Closed) each(question);
    }
  }

 private:
  static constexpr uint32_t kNone = OpenQuestion::kNone;

  struct AskerNode {
    Asker asker;
    uint32_t next = kNone;
  };
  struct WaitingList {
    uint32_t first = kNone;
    uint32_t last = kNone;
  };

  [[nodiscard]] OpenQuestion* at(uint32_t slot) { return slot == kNone ? nullptr : &slots_[slot]; }
  [[nodiscard]] uint32_t& chain_of(const dns::Question& question) {
    return chains_[question.hash & (chains_.size() - 1)];
  }
  [[nodiscard]] WaitingList& line_of(const OpenQuestion& question) {
    return waiting_[static_cast<size_t>(question.question.pool)][question.over_quota ? 1 : 0];
  }
  [[nodiscard]] OpenQuestion* lookup(const dns::Question& question);
  [[nodiscard]] Join open(const dns::Question& question, base::Time now);
  OpenQuestion& open_slot(const dns::Question& question, const DomainQuota::Place& place);
  void watch(OpenQuestion& question);

  template <typename Which, typename Each>
  void release_if(OpenQuestion& question, Which which, Each each) {
    uint32_t* link = &question.askers_;
    while (*link != kNone) {
      const uint32_t index = *link;
      AskerNode& node = askers_[index];
      if (!which(node.asker)) {
        link = &node.next;
        continue;
      }
      *link = node.next;
      free_askers_.push_back(index);
      each(node.asker);
    }
  }

  const base::Duration life_;
  std::vector<OpenQuestion> slots_;
  std::vector<AskerNode> askers_;
  std::vector<uint32_t> free_slots_;
  std::vector<uint32_t> free_askers_;
  std::vector<uint32_t> chains_;
  std::vector<std::array<WaitingList, kLines.size()>> waiting_;  // By pool and line.
  DomainQuota quota_;
  Deadlines deadlines_;
  uint32_t open_ = 0;
};

}  // namespace questions
