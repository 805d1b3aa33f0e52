#include "tls-workers/worker/losses.h"

#include <optional>

namespace worker {
namespace {

/// Whether it is known that none of what was under way on `session` is what ended it.
bool spares_queries(const sessions::Session& session) {
  const backends::Failure why = session.fault()->kind;
  return session.suspects_nobody() || why == backends::Failure::Eof ||
         why == backends::Failure::Reset || why == backends::Failure::Deadline;
}

}  // namespace

void Losses::take_end(sessions::Session& session, base::Time now) {
  const uint32_t waiting = session.waiting();
  lost_.clear();
  session.abandon([this](const sessions::Asked& asked) { lost_.push_back(asked); });
  events_.ended(session, waiting, now);
  const backends::Failure why = session.fault()->kind;
  const questions::Loss loss =
      spares_queries(session) ? questions::Loss::Cut : questions::Loss::Spoiled;
  session.close();
  for (const sessions::Asked& asked : lost_) {
    events_.lost(session.backend(), asked, why, now);
    progress_.lost(asked, session.backend(), loss, now);
  }
}

bool Losses::take_overdue(sessions::Session& session, base::Time now) {
  overdue_.clear();
  bool silent = false;
  while (const std::optional<sessions::Session::Overdue> overdue = session.next_overdue(now)) {
    overdue_.push_back(*overdue);
    silent |= session.silent_since(overdue->asked.at);
  }
  if (overdue_.empty()) return false;
  const base::Time since = overdue_.front().asked.at;
  if (silent)
    session.fall_silent(
        [this](const sessions::Session::Overdue& overdue) { overdue_.push_back(overdue); });
  for (const sessions::Session::Overdue& overdue : overdue_)
    events_.overdue(session.backend(), overdue.asked, now);
  if (silent) events_.fell_silent(session.backend(), since, now);
  const questions::Attempts::Where where = silent ? questions::Attempts::Where::SessionIsSilent
                                                  : questions::Attempts::Where::SessionAnswers;
  for (const sessions::Session::Overdue& overdue : overdue_)
    progress_.overdue(overdue, session.backend(), where, now);
  return silent;
}

}  // namespace worker
