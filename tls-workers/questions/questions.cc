#include "tls-workers/questions/questions.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "dataplane/base/assert.h"

namespace questions {
namespace {

/// Equal questions of different cores share a record, so there are more askers than questions, but
/// rarely many more.
constexpr uint32_t kAskersPerQuestion = 2;
/// When half of all places are taken, so small a part of them is what one domain may have.
constexpr uint32_t kPartForOneDomain = 8;

std::vector<uint32_t> all_free(uint32_t count) {
  std::vector<uint32_t> free(count);
  std::iota(free.rbegin(), free.rend(),
            0u);  // The lowest are used first, so that little memory is touched at low load.
  return free;
}

}  // namespace

Questions::Questions(uint32_t capacity, base::Duration life, base::Time now)
    : life_(life),
      slots_(capacity),
      askers_(size_t{capacity} * kAskersPerQuestion),
      free_slots_(all_free(capacity)),
      free_askers_(all_free(capacity * kAskersPerQuestion)),
      chains_(std::bit_ceil(size_t{capacity} * 2), kNone),
      waiting_(dns::kMaxPools),
      deadlines_(capacity, now) {}

Questions::Join Questions::join(const exchange::Miss& miss, uint32_t core, base::Time now) {
  if (free_askers_.empty()) return {Joined::Full, nullptr};
  Join join{Joined::Merged, lookup(miss.question)};
  if (join.question == nullptr) join = open(miss.question, now);
  if (join.question == nullptr) return join;
  if (join.how == Joined::Opened) {
    join.question->source.client = miss.client;
    join.question->ahead = miss.ticket == exchange::kNobody;
  }
  OpenQuestion& question = *join.question;
  const uint32_t index = free_askers_.back();
  free_askers_.pop_back();
  askers_[index] = {{core, miss.ticket, miss.deadline}, question.askers_};
  question.askers_ = index;
  watch(question);
  return join;
}

Questions::Join Questions::open(const dns::Question& question, base::Time now) {
  if (free_slots_.empty()) return {Joined::Full, nullptr};
  const DomainQuota::Place place = quota_.enter(question);
  const size_t most = std::max<size_t>(slots_.size() / kPartForOneDomain, DomainQuota::kFairWide);
  if (open_ >= slots_.size() / 2 && quota_.around(place) > most) {
    quota_.leave(place);
    return {Joined::OverQuota, nullptr};
  }
  OpenQuestion& opened = open_slot(question, place);
  opened.until = now + life_;
  return {Joined::Opened, &opened};
}

base::Time Questions::last_deadline(const OpenQuestion& question) const {
  base::Time last = base::Time::min();
  for (uint32_t index = question.askers_; index != kNone; index = askers_[index].next)
    last = std::max(last, askers_[index].asker.deadline);
  return last;
}

OpenQuestion* Questions::find(sessions::QuestionHandle handle) {
  OpenQuestion& question = slots_[handle.slot];
  return question.state != OpenQuestion::State::Closed && question.handle == handle ? &question
                                                                                    : nullptr;
}

void Questions::close(OpenQuestion& question) {
  ASSERT(!has_askers(question) && question.second_best == nullptr);
  if (question.state == OpenQuestion::State::Waiting) stop_waiting(question);
  const uint32_t slot = question.handle.slot;
  deadlines_.remove(slot);
  quota_.leave(question.place_);
  uint32_t* link = &chain_of(question.question);
  while (*link != slot) link = &slots_[*link].next_in_chain_;
  *link = question.next_in_chain_;
  question.state = OpenQuestion::State::Closed;
  free_slots_.push_back(slot);
  --open_;
}

OpenQuestion* Questions::next_due(base::Time now) {
  const std::optional<uint32_t> slot = deadlines_.next_due(now);
  return slot ? &slots_[*slot] : nullptr;
}

void Questions::wait(OpenQuestion& question, base::Time now) {
  ASSERT(question.state == OpenQuestion::State::Asked);
  question.state = OpenQuestion::State::Waiting;
  question.waiting_since = now;
  const uint32_t slot = question.handle.slot;
  WaitingList& list = line_of(question);
  question.waiting_previous_ = list.last;
  question.waiting_next_ = kNone;
  (list.last != kNone ? slots_[list.last].waiting_next_ : list.first) = slot;
  list.last = slot;
}

void Questions::stop_waiting(OpenQuestion& question) {
  ASSERT(question.state == OpenQuestion::State::Waiting);
  WaitingList& list = line_of(question);
  const uint32_t previous = question.waiting_previous_;
  const uint32_t next = question.waiting_next_;
  (previous != kNone ? slots_[previous].waiting_next_ : list.first) = next;
  (next != kNone ? slots_[next].waiting_previous_ : list.last) = previous;
  question.state = OpenQuestion::State::Asked;
}

bool Questions::has_overdue(const OpenQuestion& question, base::Time now) const {
  for (uint32_t index = question.askers_; index != kNone; index = askers_[index].next) {
    if (askers_[index].asker.deadline <= now) return true;
  }
  return false;
}

void Questions::wait_behind_others(OpenQuestion& question) {
  const base::Time since = question.waiting_since;
  stop_waiting(question);
  wait(question, since);
}

OpenQuestion* Questions::lookup(const dns::Question& question) {
  uint32_t slot = chain_of(question);
  while (slot != kNone && !(slots_[slot].question == question)) slot = slots_[slot].next_in_chain_;
  return at(slot);
}

OpenQuestion& Questions::open_slot(const dns::Question& question, const DomainQuota::Place& place) {
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  OpenQuestion& opened = slots_[slot];
  const uint32_t generation = opened.handle.generation + 1;
  opened = OpenQuestion{};
  opened.question = question;
  opened.subject = sessions::fingerprint_of(question).subject;
  opened.place_ = place;
  opened.over_quota = quota_.over_quota(place);
  opened.source.domain = place.wide;
  opened.handle = {slot, generation};
  opened.state = OpenQuestion::State::Asked;
  uint32_t& chain = chain_of(question);
  opened.next_in_chain_ = chain;
  chain = slot;
  ++open_;
  return opened;
}

/// Keeps the slot's deadline at that of the asker that can wait least, the second query's, or the
/// question's own.
void Questions::watch(OpenQuestion& question) {
  base::Time first = std::min(question.hedge_at, question.until);
  for (uint32_t index = question.askers_; index != kNone; index = askers_[index].next) {
    first = std::min(first, askers_[index].asker.deadline);
  }
  deadlines_.set(question.handle.slot, first);
}

}  // namespace questions
