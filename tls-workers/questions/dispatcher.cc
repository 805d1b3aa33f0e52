#include "tls-workers/questions/dispatcher.h"

#include <algorithm>
#include <functional>
#include <random>
#include <utility>

#include "dataplane/base/assert.h"

namespace questions {
namespace {

/// If the first backend that is tried has no session by now, the next one is tried as well. RFC
/// 8305 §8 has the same figure.
constexpr base::milliseconds kStagger{250};
/// With every backend failing: how soon the next attempt must be for an asker to wait for it that
/// could be told a stale answer instead.
constexpr base::milliseconds kWorthWaiting{250};
/// A backend that was asked so long ago, and longer than usual, is not waited for alone: the query
/// may be lost. With two that are silent the next is asked sooner: three times three in a client's
/// 1.8 s.
constexpr base::milliseconds kAskAnother{300};
constexpr base::milliseconds kAskYetAnother{200};
constexpr base::milliseconds kLongestAlone{400};
/// In this time a session that was opened for a question is there as a rule.
constexpr base::milliseconds kSessionThere{50};
/// A question that has waited for room for so long is reason enough for one more session: less may
/// be a session that is about to be replaced, or an HTTP/2 server that has not told its limits yet.
constexpr base::milliseconds kFullForLong{25};
/// Of those that wait, so many are looked at in a turn that no backend with room may be asked for.
constexpr unsigned kPassedOver = 128;
/// One part in so many of what sessions take is kept from domains over their quota
/// (domain_quota.h).
constexpr uint32_t kPartForOthers = 4;

/// An answer that takes twice as long as nearly all do will not come, or has a reason to be slow.
/// That holds for a resolver under load too, which so gets no more of it.
base::Duration patience(const backends::Candidate& asked, base::Duration at_least) {
  return std::clamp<base::Duration>(asked.p95 * 2, at_least, kLongestAlone);
}

}  // namespace

Dispatcher::Dispatcher(sessions::Backends& backends, Questions& questions, StaleAnswers& stale,
                       WorkerCounters& counters)
    : backends_(backends), questions_(questions), stale_(stale), counters_(counters) {}

void Dispatcher::use(const Configuration& configuration) {
  hedging_ = configuration.hedging;
  for (size_t pool = 0; pool < configuration.pools.size(); ++pool) {
    const backends::PolicySettings& policy = configuration.pools[pool].policy;
    if (pool == pools_.size()) {
      pools_.push_back({policy, backends::Ranking(policy, std::random_device{}()), {}});
    } else if (pools_[pool].policy != policy) {
      pools_[pool].policy = policy;
      pools_[pool].ranking = backends::Ranking(policy, std::random_device{}());
    }
    pools_[pool].backends.clear();
  }
  for (uint32_t number = 0; number < configuration.backends.size(); ++number) {
    const Configuration::Backend& backend = configuration.backends[number];
    if (backend.shared == nullptr) continue;
    for (const dns::PoolId pool : backend.settings.pools)
      pools_.at(static_cast<size_t>(pool)).backends.push_back(number);
  }
  candidates_.reserve(configuration.backends.size());
}

Dispatcher::Prospect Dispatcher::dispatch(OpenQuestion& question, base::Time now) {
  const Attempt attempt = try_to_send(question, now);
  if (attempt == Attempt::Sent) return Prospect::GoesOn;
  if (attempt == Attempt::Wait) {
    if (!is_coming(now + kWorthWaiting) && !std::exchange(question.stale_was_sought, true))
      stale_.tell_all(question, now);
    // A question without askers takes what there is, but waits for nothing.
    if (questions_.has_askers(question)) {
      questions_.wait(question, now);
      return Prospect::GoesOn;
    }
  }
  return without_backend(question);
}

/// There is no backend to put `question` to. What is under way may still bring its answer.
Dispatcher::Prospect Dispatcher::without_backend(OpenQuestion& question) {
  if (question.state == OpenQuestion::State::Waiting) questions_.stop_waiting(question);
  return question.under_way > 0 ? Prospect::GoesOn : Prospect::Hopeless;
}

std::span<OpenQuestion* const> Dispatcher::dispatch_waiting(base::Time now) {
  hopeless_.clear();
  for (uint32_t pool = 0; pool < pools_.size(); ++pool) {
    for (const Questions::Line line : Questions::kLines) {
      dispatch_line(questions_.first_waiting(pool, line), now);
      if (const OpenQuestion* longest = questions_.first_waiting(pool, line))
        open_for_waiting(*longest, now);
    }
  }
  return hopeless_;
}

void Dispatcher::dispatch_line(OpenQuestion* question, base::Time now) {
  const OpenQuestion* first_passed_over = nullptr;
  for (unsigned passed_over = 0; question != nullptr && question != first_passed_over;) {
    OpenQuestion* next = questions_.next_waiting(*question);
    const Attempt attempt = try_to_send(*question, now);
    if (attempt == Attempt::Hopeless) note_if_hopeless(*question);
    if (attempt == Attempt::Wait) {
      // There is no room for anything: those behind it need not ask.
      if (std::ranges::none_of(candidates_, backends::may_take_others))
        return tell_stale(question, now);
      // A backend with room is not to be asked for this one, but may be for those behind it.
      questions_.wait_behind_others(*question);
      if (passed_over++ == 0) first_passed_over = question;
      if (passed_over == kPassedOver) return;
    }
    question = next;
  }
}

/// While no backend can be reached: askers that might be told a stale answer do not wait for long.
/// From `question` on, which was looked at last; none further down its line has waited longer.
void Dispatcher::tell_stale(OpenQuestion* question, base::Time now) {
  while (question != nullptr && !is_coming(question->waiting_since + kWorthWaiting)) {
    OpenQuestion* next = questions_.next_waiting(*question);
    if (!std::exchange(question->stale_was_sought, true)) {
      stale_.tell_all(*question, now);
      if (!questions_.has_askers(*question)) note_if_hopeless(*question);
    }
    question = next;
  }
}

void Dispatcher::note_if_hopeless(OpenQuestion& question) {
  if (without_backend(question) == Prospect::Hopeless) hopeless_.push_back(&question);
}

Dispatcher::Prospect Dispatcher::lost(OpenQuestion& question, uint32_t backend, Loss loss,
                                      base::Time now) {
  question.attempts.lost(backend, loss);
  return go_on(question, now);
}

Dispatcher::Prospect Dispatcher::overdue(OpenQuestion& question, uint32_t backend,
                                         Attempts::Where where, base::Time now) {
  ++question.overdue;
  question.attempts.late(backend, where);
  return go_on(question, now);
}

/// Another backend is asked, unless an answer may come in the usual time or that is being tried.
Dispatcher::Prospect Dispatcher::go_on(OpenQuestion& question, base::Time now) {
  if (question.hopes() || question.state == OpenQuestion::State::Waiting) return Prospect::GoesOn;
  return dispatch(question, now);
}

void Dispatcher::hedge(OpenQuestion& question, base::Time now) {
  question.hedge_at = base::Time::max();
  if (!question.hopes() || !questions_.has_askers(question)) return;
  const std::optional<size_t> other = another(question, now);
  if (!other) {
    for (const backends::Candidate& candidate : candidates_) {
      if (candidate.spent) continue;
      // Where it is asked on all sessions there are, one more is opened for it.
      if (candidate.standing == backends::Standing::Full && !candidate.full_for_others)
        backends_[candidate.backend].want_more(now);
      questions_.hedge_at(question, now + kSessionThere);
    }
    return;
  }
  const base::Time in_any_case =
      question.asked_at + (question.under_way > 1 ? kAskYetAnother : kAskAnother);
  const bool early = now < in_any_case;
  if (early && (candidates_[*other].standing != backends::Standing::Ready || !hedges_.take()))
    return questions_.hedge_at(question, in_any_case);
  const uint32_t backend = candidates_[*other].backend;
  if (!backends_[backend].budget().take(now)) return;
  if (early) counters_.hedged.add();
  send(question, backend, sessions::Purpose::Serve, now);
  questions_.hedge_at(question, now + patience(candidates_[*other], kAskYetAnother));
}

/// What to ask beside the backend that was asked last: one in rotation, or any, since there is no
/// better sign of life than an answer.
std::optional<size_t> Dispatcher::another(const OpenQuestion& question, base::Time now) {
  look_at(question, now);
  if (const std::optional<size_t> other = backends::choose(candidates_, question.asked_last))
    return other;
  look_at(question, Among::All, now);
  return backends::choose(candidates_, question.asked_last);
}

/// Whether some backend of the question's pool is in rotation.
bool Dispatcher::any_up(const dns::Question& question) {
  return std::ranges::any_of(pool_of(question).backends, [this](uint32_t backend) {
    return backends_[backend].rotation().up();
  });
}

dns::Ede Dispatcher::reason(const OpenQuestion& question, base::Time now) {
  if (question.was_asked) return dns::Ede::NetworkError;
  look_at(question, now);
  const bool connected = std::ranges::any_of(candidates_, [](const backends::Candidate& candidate) {
    return candidate.standing <= backends::Standing::Full;
  });
  return connected ? dns::Ede::NetworkError : dns::Ede::NoReachableAuthority;
}

Hindrance Dispatcher::hindrance(const OpenQuestion& question, base::Time now) {
  look_at(question, now);
  leave_room_for_others(question);
  const auto any = [this](auto fits) { return std::ranges::any_of(candidates_, fits); };
  // With room it would have been sent, had the budget not been spent.
  if (any(backends::has_room)) return Hindrance::Budget;
  const bool full = any([](const backends::Candidate& candidate) {
    return candidate.standing == backends::Standing::Full;
  });
  return full ? Hindrance::Sessions : Hindrance::NoSession;
}

/// Fills `candidates_` with what the backends in rotation of the question's pool can do now, ranked
/// for it; if none is, with all of them: to try costs nothing that giving up would not.
void Dispatcher::look_at(const OpenQuestion& question, base::Time now) {
  look_at(question, any_up(question.question) ? Among::InRotation : Among::All, now);
}

void Dispatcher::look_at(const OpenQuestion& question, Among among, base::Time now) {
  Pool& pool = pool_of(question.question);
  candidates_.clear();
  for (const uint32_t backend : pool.backends) {
    const backends::Rotation& rotation = backends_[backend].rotation();
    if (among == Among::InRotation ? !rotation.up() : rotation.barred()) continue;
    candidates_.push_back(backends_[backend].candidate(question.subject, now));
    candidates_.back().spent = !question.attempts.may_ask(backend);
    candidates_.back().in_vain = question.attempts.in_vain(backend);
  }
  pool.ranking.rank(question.question.name, candidates_);
}

/// For a question over its quota, sessions are full before they are: what is left is for the
/// others.
void Dispatcher::leave_room_for_others(const OpenQuestion& question) {
  if (!question.over_quota) return;
  for (backends::Candidate& candidate : candidates_) {
    const uint32_t reserve = candidate.capacity / kPartForOthers;
    if (backends::has_room(candidate) && candidate.outstanding + reserve >= candidate.capacity)
      candidate.standing = backends::Standing::Full;
  }
}

/// What `choose` chooses of `candidates_`, charged to the backend's budget. One whose budget is
/// spent counts as full from then on, and `choose` is asked again.
template <typename Choose>
std::optional<size_t> Dispatcher::pay(const OpenQuestion& question, Choose choose, base::Time now) {
  for (;;) {
    const std::optional<size_t> chosen = choose();
    if (!chosen) return std::nullopt;
    backends::Candidate& candidate = candidates_[*chosen];
    sessions::Sessions& backend = backends_[candidate.backend];
    if (backend.budget().take(now)) return chosen;
    candidate.standing = backends::Standing::Full;
    // Once for each question: one that waits tries again and again.
    if (question.state != OpenQuestion::State::Waiting) backend.counters().over_budget.add();
  }
}

/// Whether one of `candidates_` that may be asked can have room before `by`.
bool Dispatcher::is_coming(base::Time by) const {
  return std::ranges::any_of(candidates_, [&](const backends::Candidate& candidate) {
    return !candidate.spent &&
           (candidate.standing != backends::Standing::Down || candidate.retry_at <= by);
  });
}

/// Sends `question` if a session has room, and says what to do with it otherwise. After it,
/// `candidates_` is the question's pool's. When none in rotation is to be asked any more, those
/// out of rotation are that have a session; but there is no waiting for them.
Dispatcher::Attempt Dispatcher::try_to_send(OpenQuestion& question, base::Time now) {
  look_at(question, now);
  leave_room_for_others(question);
  const auto best = [&] { return backends::choose(candidates_, std::nullopt); };
  auto chosen = pay(question, best, now);
  if (!chosen) {
    const base::Time by = std::max(questions_.last_deadline(question), now);
    if (is_coming(by)) return Attempt::Wait;
    look_at(question, Among::All, now);
    leave_room_for_others(question);
    chosen = pay(question, best, now);
    if (!chosen) return Attempt::Hopeless;
  }
  if (question.state == OpenQuestion::State::Waiting) questions_.stop_waiting(question);
  send_first(question, candidates_[*chosen], now);
  try_others(question, candidates_[*chosen], now);
  return Attempt::Sent;
}

/// If `chosen` does not answer when it should, `hedge` comes; unless the question's domain is over
/// its quota, since names that no resolver answers are not to be sent more often than others.
void Dispatcher::send_first(OpenQuestion& question, const backends::Candidate& chosen,
                            base::Time now) {
  const bool again = question.was_asked;
  send(question, chosen.backend, sessions::Purpose::Serve, now);
  base::Duration wait = patience(chosen, kAskAnother);
  if (hedging_ && !again) {
    hedges_.sent();
    if (chosen.p95 > base::Duration{}) wait = std::min(wait, chosen.p95);
  }
  if (pool_of(question.question).backends.size() > 1 && !question.over_quota)
    questions_.hedge_at(question, now + wait);
}

void Dispatcher::send(OpenQuestion& question, uint32_t backend, sessions::Purpose purpose,
                      base::Time now) {
  sessions::Session* session = backends_[backend].session_with_room(question.subject, now);
  ASSERT(session != nullptr);
  session->ask(question.question, question.handle, purpose, now, question.source);
  backends_[backend].asked(now);
  if (purpose != sessions::Purpose::Serve) return;
  question.was_asked = true;
  question.asked_last = backend;
  question.asked_at = now;
  question.attempts.asked(backend);
  ++question.under_way;
  pool_of(question.question).ranking.sent(backend);
}

/// `question` is on its way to `chosen`. A backend that would have been the better choice but has
/// no session gets one; one that fell silent gets a copy of the question, so that it can show it is
/// back without a client waiting for it.
void Dispatcher::try_others(OpenQuestion& question, const backends::Candidate& chosen,
                            base::Time now) {
  for (const backends::Candidate& other : candidates_) {
    switch (other.standing) {
      case backends::Standing::Closed:
        if (backends::preferred(other, chosen)) backends_[other.backend].want_session();
        break;
      case backends::Standing::Failing:
        backends_[other.backend].want_session();
        break;
      case backends::Standing::OnTrial:
        if (chosen.standing == backends::Standing::Ready && other.outstanding == 0 &&
            backends_[other.backend].budget().take(now))
          send(question, other.backend, sessions::Purpose::Trial, now);
        break;
      default:
        break;
    }
  }
}

/// Opens sessions to the backends that come first, one more for every kStagger that the question
/// has waited; and more of them where all are full.
void Dispatcher::open_for_waiting(const OpenQuestion& longest, base::Time now) {
  look_at(longest, now);
  const bool full_for_long = now >= longest.waiting_since + kFullForLong;
  for (const backends::Candidate& candidate : candidates_) {
    if (full_for_long && candidate.standing == backends::Standing::Full && !candidate.opening)
      backends_[candidate.backend].want_more(now);
  }
  const auto wanted = 1 + (now - longest.waiting_since) / kStagger;
  auto opening = std::ranges::count_if(
      candidates_, [](const backends::Candidate& candidate) { return candidate.opening; });
  for (; opening < wanted; ++opening) {
    const std::optional<size_t> chosen = backends::choose_to_open(candidates_);
    if (!chosen) return;
    backends_[candidates_[*chosen].backend].want_session();
    candidates_[*chosen].opening = true;
  }
}

}  // namespace questions
