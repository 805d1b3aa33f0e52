#include "tls-workers/worker/backend_events.h"

#include <algorithm>

namespace worker {

void BackendEvents::make_room(size_t numbers) {
  complained_.resize(std::max(complained_.size(), numbers));
}

void BackendEvents::answered(const sessions::Session& session, const sessions::Asked& asked,
                             dns::Rcode rcode, base::Time now) {
  const uint32_t number = session.backend();
  sessions::Sessions& backend = backends_[number];
  const auto code = std::min(static_cast<size_t>(rcode), backends::kRcodeNames.size() - 1);
  backend.counters().responses[code].add();
  backend.counters().response_duration.record(now - asked.at);
  backend.answered(session, now - asked.at, now);
  const bool failed = rcode == dns::Rcode::ServFail;
  if (asked.purpose != sessions::Purpose::Check)
    checks_.note(number, asked, failed ? backends::Sample::ServFail : backends::Sample::Answered);
  if (complained_[number]) say(Severity::Info, number, "answers again", now);
  complained_[number] = false;
}

void BackendEvents::mistaken(uint32_t backend, const sessions::Asked& asked,
                             backends::Failure how) {
  checks_.note(backend, asked, backends::Sample::Lost);
  backends_[backend].counters().failures[how].add();
}

void BackendEvents::failed(uint32_t backend, const backends::Fault& fault, base::Time now) {
  backends_[backend].counters().failures[fault.kind].add();
  complain(Severity::Warning, backend, fault.text, now);
}

void BackendEvents::lost(uint32_t backend, const sessions::Asked& asked, backends::Failure why,
                         base::Time now) {
  if (asked.purpose == sessions::Purpose::Check) return checks_.lost(backend, asked, why, now);
  // What is overdue was noted when it became so.
  if (asked.state == sessions::Asked::State::Waiting)
    checks_.note(backend, asked, backends::Sample::Lost);
}

void BackendEvents::overdue(uint32_t backend, const sessions::Asked& asked, base::Time now) {
  if (asked.purpose == sessions::Purpose::Check)
    return checks_.lost(backend, asked, backends::Failure::Deadline, now);
  backends_[backend].counters().failures[backends::Failure::Deadline].add();
  checks_.note(backend, asked, backends::Sample::Lost);
}

void BackendEvents::fell_silent(uint32_t backend, base::Time since, base::Time now) {
  backends_[backend].fell_silent(since, now);
  complain(Severity::Warning, backend, "does not answer", now);
  if (backends_[backend].failing()) checks_.unreachable(backend, backends::Failure::Deadline, now);
}

void BackendEvents::ended(const sessions::Session& session, uint32_t lost, base::Time now) {
  const uint32_t number = session.backend();
  const backends::Fault& fault = *session.fault();
  if (backends_[number].ended(session, lost, now)) {
    const bool untrusted = fault.kind == backends::Failure::Certificate;
    complain(untrusted ? Severity::Error : Severity::Warning, number, fault.text, now);
  }
  // A session that fell silent was told of then.
  if (backends_[number].failing() && !session.silent())
    checks_.unreachable(number, fault.kind, now);
}

void BackendEvents::rotated(uint32_t backend, backends::Rotation::Change change, base::Time now) {
  if (change == backends::Rotation::Change::None) return;
  const bool up = change == backends::Rotation::Change::WentUp;
  const backends::BackendSettings& settings = backends_[backend].settings();
  // A subject of its own: what has been said about the backend's sessions must not hold it back.
  notices_.say(up ? Severity::Info : Severity::Warning, "rotation of " + settings.name,
               "backend " + settings.name + " (" + settings.where() +
                   "): " + (up ? "in rotation again" : "out of rotation, checked until it answers"),
               now);
}

void BackendEvents::complain(Severity severity, uint32_t backend, const std::string& text,
                             base::Time now) {
  say(severity, backend, text, now);
  complained_[backend] = true;
}

void BackendEvents::say(Severity severity, uint32_t backend, const std::string& text,
                        base::Time now) {
  const backends::BackendSettings& settings = backends_[backend].settings();
  notices_.say(severity, settings.name,
               "backend " + settings.name + " (" + settings.where() + "): " + text, now);
}

}  // namespace worker
