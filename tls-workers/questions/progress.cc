#include "tls-workers/questions/progress.h"

namespace questions {

void Progress::begin(OpenQuestion& question, base::Time now) {
  follow(question, dispatcher_.dispatch(question, now), now);
}

void Progress::dispatch_waiting(base::Time now) {
  for (OpenQuestion* question : dispatcher_.dispatch_waiting(now)) give_up(*question, now);
}

/// A refusal is kept for the case that no other backend does better, nor this one if it is in
/// trouble for the moment only.
void Progress::refused(OpenQuestion& question, uint32_t backend, const dns::Answer& refusal,
                       base::Time now) {
  if (!completion_.keep_refusal(question, refusal, now))
    return completion_.give_up(question, dns::Ede::NetworkError, now);
  const bool may_pass = refusal.rcode == dns::Rcode::ServFail && !question.bogus;
  const Loss loss = may_pass ? Loss::Failed : Loss::RuledOut;
  follow(question, dispatcher_.lost(question, backend, loss, now), now);
}

void Progress::lost(const sessions::Asked& asked, uint32_t backend, Loss loss, base::Time now) {
  if (asked.purpose != sessions::Purpose::Serve) return;
  OpenQuestion* question = questions_.find(asked.question);
  if (question == nullptr) return;
  question->take_back(asked, backend);
  follow(*question, dispatcher_.lost(*question, backend, loss, now), now);
}

void Progress::overdue(const sessions::Session::Overdue& overdue, uint32_t backend,
                       Attempts::Where where, base::Time now) {
  if (!overdue.may_come) return lost(overdue.asked, backend, Loss::Failed, now);
  if (overdue.asked.purpose != sessions::Purpose::Serve) return;
  OpenQuestion* question = questions_.find(overdue.asked.question);
  if (question == nullptr) return;
  follow(*question, dispatcher_.overdue(*question, backend, where, now), now);
}

void Progress::meet_deadlines(base::Time now) {
  while (OpenQuestion* question = questions_.next_due(now)) look_after(*question, now);
}

/// Something about `question` is due: its second query, what its askers are to be told, or its end.
/// Until then it goes on without askers if a query for it is under way.
void Progress::look_after(OpenQuestion& question, base::Time now) {
  if (question.hedge_at <= now) dispatcher_.hedge(question, now);
  count_if_unplaced(question, now);
  completion_.tell_overdue(question, dispatcher_.reason(question, now), now);
  const bool is_wanted = questions_.has_askers(question) || question.under_way > 0;
  if (!is_wanted || now >= question.until) give_up(question, now);
}

/// Its clients are about to be told that no backend was asked: what was the hindrance?
void Progress::count_if_unplaced(const OpenQuestion& question, base::Time now) {
  const bool unplaced = question.state == OpenQuestion::State::Waiting && !question.was_asked;
  if (unplaced && questions_.has_overdue(question, now))
    counters_.unplaced[dispatcher_.hindrance(question, now)].add();
}

void Progress::give_up_all(base::Time now) {
  questions_.for_each_open([&](OpenQuestion& question) { give_up(question, now); });
}

void Progress::follow(OpenQuestion& question, Dispatcher::Prospect prospect, base::Time now) {
  if (prospect == Dispatcher::Prospect::Hopeless) give_up(question, now);
}

void Progress::give_up(OpenQuestion& question, base::Time now) {
  completion_.give_up(question, dispatcher_.reason(question, now), now);
}

}  // namespace questions
