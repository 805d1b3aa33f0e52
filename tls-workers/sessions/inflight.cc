#include "tls-workers/sessions/inflight.h"

#include "dataplane/base/assert.h"

namespace sessions {

uint16_t Inflight::issue(QuestionHandle question, Purpose purpose, base::Time now,
                         const Fingerprint& fingerprint, backends::Source source) {
  ASSERT(backends::has_room());
  const auto id = static_cast<uint16_t>(first_id_ + asked_.size());
  asked_.push_back({question, now, fingerprint, purpose, Asked::State::Waiting, source});
  ++waiting_;
  ++subjects_like(fingerprint.subject);
  return id;
}

bool Inflight::asks(uint32_t subject) const {
  if (subjects_[subject % kSubjects] == 0) return false;
  for (size_t i = timed_out_ > 0 ? 0 : oldest_; i < asked_.size(); ++i) {
    if (asked_[i].state != Asked::State::Done && asked_[i].fingerprint.subject == subject)
      return true;
  }
  return false;
}

std::optional<Asked> Inflight::settle(uint16_t id) {
  const auto index = static_cast<uint16_t>(id - first_id_);
  if (index >= asked_.size() || asked_[index].state == Asked::State::Done) return std::nullopt;
  const Asked asked = asked_[index];
  --(asked.state == Asked::State::Waiting ? waiting_ : timed_out_);
  --subjects_like(asked.fingerprint.subject);
  asked_[index].state = Asked::State::Done;
  return asked;
}

std::optional<Asked> Inflight::repeat(uint16_t id) {
  const auto index = static_cast<uint16_t>(id - first_id_);
  if (index >= asked_.size() || asked_[index].state != Asked::State::Done) return std::nullopt;
  if (++repeats_ > asked_.size()) return std::nullopt;
  return asked_[index];
}

const Asked* Inflight::oldest() {
  // Each record is stepped over once in the session's life.
  while (oldest_ < asked_.size() && asked_[oldest_].state != Asked::State::Waiting) ++oldest_;
  return oldest_ < asked_.size() ? &asked_[oldest_] : nullptr;
}

uint16_t Inflight::oldest_id() {
  const Asked* first = oldest();  // It steps over what waits no more.
  ASSERT(first != nullptr);
  return static_cast<uint16_t>(first_id_ + (first - asked_.data()));
}

Asked Inflight::time_out_oldest() {
  const Asked* first = oldest();
  ASSERT(first != nullptr);
  Asked& asked = asked_[static_cast<size_t>(first - asked_.data())];
  asked.state = Asked::State::TimedOut;
  --waiting_;
  ++timed_out_;
  return asked;
}

}  // namespace sessions
