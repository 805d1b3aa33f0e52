#include "tls-workers/worker/answers.h"

#include <optional>

namespace worker {
namespace {

/// The header's rcode, for an answer whose question is not known any more.
dns::Rcode header_rcode(base::ByteView message) {
  base::Reader reader(message);
  reader.skip(2);
  return static_cast<dns::Rcode>(reader.be16() & dns::flag::kRcodeMask);
}

/// A resolver that says this may be alone with it, so another one is asked.
std::optional<backends::Failure> refusal(dns::Rcode rcode) {
  if (rcode == dns::Rcode::ServFail) return backends::Failure::ServFail;
  return dns::is_failure(rcode) ? std::optional(backends::Failure::Refused) : std::nullopt;
}

}  // namespace

void Answers::take(Session& session, const Heard& heard, base::Time now) {
  if (heard.fault != nullptr) return take_failure(session, heard, now);
  if (heard.asked.purpose == sessions::Purpose::Check) return take_check(session, heard, now);
  questions::OpenQuestion* question = sharing_.questions.find(heard.asked.question);
  if (question == nullptr) return take_late(session, heard, now);
  const base::Result<dns::Answer, dns::AnswerFault> answer =
      dns::parse_answer(heard.message, question->question, places_);
  if (!answer) return take_fault(session, heard, answer.error(), now);
  take_answer(session, heard, *question, *answer, now);
}

/// One query has failed. The session goes on, unless that was what ended it. A query that was cut
/// off may succeed another time.
void Answers::take_failure(const Session& session, const Heard& heard, base::Time now) {
  const bool ends = session.fault().has_value();  // That is counted and said with its end.
  const bool cut_off = heard.fault->kind == backends::Failure::Eof;
  if (!ends) sharing_.events.failed(session.backend(), *heard.fault, now);
  sharing_.events.lost(session.backend(), heard.asked, heard.fault->kind, now);
  const questions::Loss loss = ends      ? questions::Loss::RuledOut
                               : cut_off ? questions::Loss::Cut
                                         : questions::Loss::Failed;
  sharing_.progress.lost(heard.asked, session.backend(), loss, now);
}

void Answers::take_check(const Session& session, const Heard& heard, base::Time now) {
  sharing_.events.answered(session, heard.asked, header_rcode(heard.message), now);
  sharing_.checks.heard(session.backend(), heard.asked, heard.message, now);
}

/// Another backend was faster, or the question had been given up: a sign of life in any case, and
/// perhaps something for the cache.
void Answers::take_late(const Session& session, const Heard& heard, base::Time now) {
  sharing_.events.answered(session, heard.asked, header_rcode(heard.message), now);
  const dns::Question* question = sharing_.completion.late_question(heard.asked.question);
  if (question == nullptr) return;
  const base::Result<dns::Answer, dns::AnswerFault> answer =
      dns::parse_answer(heard.message, *question, places_);
  if (answer) sharing_.completion.keep_late(*question, *answer, now - heard.age);
}

/// An answer with an id that we sent, but not one to what was asked with it. Not the session's
/// fault, unless it goes on like that: the owner of the name asked for may have made the resolver
/// send this.
void Answers::take_fault(Session& session, const Heard& heard, dns::AnswerFault fault,
                         base::Time now) {
  const bool is_anothers = fault == dns::AnswerFault::WrongQuestion;
  sharing_.events.mistaken(
      session.backend(), heard.asked,
      is_anothers ? backends::Failure::Mismatch : backends::Failure::Malformed);
  if (is_anothers) session.disown();
  sharing_.progress.lost(heard.asked, session.backend(),
                         is_anothers ? questions::Loss::RuledOut : questions::Loss::Failed, now);
}

/// What a trial brings is taken if it is good; if not, the backend that is asked now may do better.
void Answers::take_answer(Session& session, const Heard& heard, questions::OpenQuestion& question,
                          const dns::Answer& answer, base::Time now) {
  const uint32_t backend = session.backend();
  const bool waited_for = heard.asked.purpose == sessions::Purpose::Serve;
  if (waited_for) question.take_back(heard.asked, backend);
  sharing_.events.answered(session, heard.asked, answer.rcode, now);
  if (answer.keepalive != dns::Answer::kNoKeepalive)
    sharing_.backends[backend].heed_keepalive(session, answer.keepalive);
  question.bogus |= answer.bogus && dns::is_failure(answer.rcode);
  const std::optional<backends::Failure> refused = refusal(answer.rcode);
  if (refused) sharing_.events.refused(backend, *refused);
  if (refused && !waited_for) return;
  if (refused) return sharing_.progress.refused(question, backend, answer, now);
  // What was kept in an HTTP cache was said then, not now. RFC 8484 §5.1.
  sharing_.progress.answered(question, answer, now - heard.age, now);
}

}  // namespace worker
