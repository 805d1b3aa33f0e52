#include "tls-workers/placement.h"

#include <algorithm>
#include <random>

#include "dataplane/base/assert.h"

namespace tls {
namespace {

/// If the first backend that is tried has no session by now, the next one is tried as well. RFC
/// 8305 §8 has the same figure.
constexpr base::milliseconds kStagger{250};
/// With every backend failing: how soon the next attempt must be for a question to wait for it.
constexpr base::milliseconds kWorthWaiting{250};
/// One part in so many of what sessions take is kept from domains that crowd (crowds.h).
constexpr uint32_t kPartForOthers = 4;

}  // namespace

Placement::Placement(Backends& backends, Questions& questions, Settlement& settlement,
                     WorkerCounters& counters)
    : backends_(backends), questions_(questions), settlement_(settlement), counters_(counters) {}

void Placement::use(const Configuration& configuration) {
  hedging_ = configuration.hedging;
  for (size_t pool = 0; pool < configuration.pools.size(); ++pool) {
    const PolicySettings& policy = configuration.pools[pool].policy;
    if (pool == pools_.size()) {
      pools_.push_back({policy, Ranking(policy, std::random_device{}()), {}});
    } else if (pools_[pool].policy != policy) {
      pools_[pool].policy = policy;
      pools_[pool].ranking = Ranking(policy, std::random_device{}());
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

void Placement::place(OpenQuestion& question, base::Time now) {
  switch (try_to_send(question, now)) {
    case Placed::Sent:
      return;
    case Placed::Wait:
      return questions_.wait(question, now);
    case Placed::Hopeless:
      return settlement_.give_up(question, reason(question, now), now);
  }
}

void Placement::place_waiting(base::Time now) {
  for (uint32_t pool = 0; pool < pools_.size(); ++pool) {
    for (const Questions::Line line : Questions::kLines) {
      place_line(questions_.first_waiting(pool, line), now);
      if (const OpenQuestion* longest = questions_.first_waiting(pool, line))
        open_for_waiting(*longest, now);
    }
  }
}

void Placement::place_line(OpenQuestion* question, base::Time now) {
  while (question != nullptr) {
    OpenQuestion* next = questions_.next_waiting(*question);
    const Placed placed = try_to_send(*question, now);
    if (placed == Placed::Hopeless) settlement_.give_up(*question, reason(*question, now), now);
    // Nobody has room: those behind it need not ask.
    if (placed == Placed::Wait && !choose(candidates_, std::nullopt)) return;
    question = next;
  }
}

void Placement::lose(OpenQuestion& question, uint32_t backend, SameBackend same_backend,
                     base::Time now) {
  if (question.under_way > 0) return;  // A copy of it may still be answered.
  if (question.retries_left == 0 || !questions_.has_askers(question))
    return settlement_.give_up(question, reason(question, now), now);
  --question.retries_left;
  question.avoid = backend;
  question.same_backend = same_backend;
  place(question, now);
}

bool Placement::ask_another(OpenQuestion& question, uint32_t backend, base::Time now) {
  if (question.retries_left == 0 || !questions_.has_askers(question)) return false;
  look_at(question.question, now);
  leave_room_for_others(question);
  const auto other = pay(
      question, [&] { return choose(candidates_, backend); }, now);
  if (!other) return false;
  --question.retries_left;
  question.avoid = backend;
  question.same_backend = SameBackend::Forbidden;
  send(question, candidates_[*other].backend, Purpose::Serve, now);
  return true;
}

void Placement::hedge(OpenQuestion& question, base::Time now) {
  question.hedge_at = base::Time::max();
  if (question.under_way != 1) return;
  look_at(question.question, now);
  const std::optional<size_t> other = choose(candidates_, question.asked_last);
  if (!other || candidates_[*other].standing != Standing::Ready || !hedges_.take()) return;
  const uint32_t backend = candidates_[*other].backend;
  if (!backends_[backend].budget().take(now)) return;
  counters_.hedged.add();
  send(question, backend, Purpose::Serve, now);
}

/// Whether some backend of the question's pool is in rotation.
bool Placement::any_up(const dns::Question& question) {
  return std::ranges::any_of(pool_of(question).backends, [this](uint32_t backend) {
    return backends_[backend].rotation().up();
  });
}

dns::Ede Placement::reason(const OpenQuestion& question, base::Time now) {
  if (question.was_asked) return dns::Ede::NetworkError;
  look_at(question.question, now);
  const bool connected = std::ranges::any_of(
      candidates_, [](const Candidate& candidate) { return candidate.standing <= Standing::Full; });
  return connected ? dns::Ede::NetworkError : dns::Ede::NoReachableAuthority;
}

/// Fills `candidates_` with what the backends in rotation of the question's pool can do now, ranked
/// for it; if none is, with all of them: to try costs nothing that giving up would not.
void Placement::look_at(const dns::Question& question, base::Time now) {
  Pool& pool = pool_of(question);
  const bool someone_is_up = any_up(question);
  candidates_.clear();
  for (const uint32_t backend : pool.backends) {
    const Rotation& rotation = backends_[backend].rotation();
    if (someone_is_up ? rotation.up() : !rotation.barred())
      candidates_.push_back(backends_[backend].candidate(now));
  }
  pool.ranking.rank(question.name, candidates_);
}

/// For a crowded question, sessions are full before they are: what is left is for the others.
void Placement::leave_room_for_others(const OpenQuestion& question) {
  if (!question.crowded) return;
  for (Candidate& candidate : candidates_) {
    const bool has_room =
        candidate.standing == Standing::Ready || candidate.standing == Standing::OnTrial;
    const uint32_t reserve = candidate.capacity / kPartForOthers;
    if (has_room && candidate.outstanding + reserve >= candidate.capacity)
      candidate.standing = Standing::Full;
  }
}

/// What `choose` chooses of `candidates_`, charged to the backend's budget. One whose budget is
/// spent counts as full from then on, and `choose` is asked again.
template <typename Choose>
std::optional<size_t> Placement::pay(const OpenQuestion& question, Choose choose, base::Time now) {
  for (;;) {
    const std::optional<size_t> chosen = choose();
    if (!chosen) return std::nullopt;
    Candidate& candidate = candidates_[*chosen];
    Sessions& backend = backends_[candidate.backend];
    if (backend.budget().take(now)) return chosen;
    candidate.standing = Standing::Full;
    // Once for each question: who waits tries again and again.
    if (question.state != OpenQuestion::State::Waiting) backend.counters().over_budget.add();
  }
}

/// Which of `candidates_` gets `question` now, if any. The backend that has failed it is asked
/// again only through a new session, and only if it did its work until then or if no other one can
/// be had.
std::optional<size_t> Placement::pick(const OpenQuestion& question, base::Time since) const {
  const std::optional<size_t> other = choose(candidates_, question.avoid);
  if (other || question.same_backend == SameBackend::Forbidden) return other;
  const std::optional<size_t> same = choose(candidates_, std::nullopt);
  if (!same || candidates_[*same].standing == Standing::Ready) return same;
  return is_coming(question.avoid, since) ? std::nullopt : same;
}

/// Whether a backend of `candidates_` other than `avoid` may have room soon for a query that waits
/// `since` then.
bool Placement::is_coming(std::optional<uint32_t> avoid, base::Time since) const {
  return std::ranges::any_of(candidates_, [&](const Candidate& candidate) {
    if (candidate.backend == avoid) return false;
    return candidate.standing != Standing::Down || candidate.retry_at <= since + kWorthWaiting;
  });
}

/// Sends `question` if a session has room, and says what to do with it otherwise. After it,
/// `candidates_` is the question's pool's.
Placement::Placed Placement::try_to_send(OpenQuestion& question, base::Time now) {
  look_at(question.question, now);
  leave_room_for_others(question);
  const bool waits = question.state == OpenQuestion::State::Waiting;
  const base::Time since = waits ? question.waiting_since : now;
  const auto chosen = pay(
      question, [&] { return pick(question, since); }, now);
  if (!chosen) {
    const bool forbidden = question.same_backend == SameBackend::Forbidden;
    return is_coming(forbidden ? question.avoid : std::nullopt, since) ? Placed::Wait
                                                                       : Placed::Hopeless;
  }
  if (waits) questions_.stop_waiting(question);
  send_first(question, candidates_[*chosen], now);
  try_others(question, candidates_[*chosen], now);
  return Placed::Sent;
}

/// If `chosen` does not answer when it usually would, `hedge` comes.
void Placement::send_first(OpenQuestion& question, const Candidate& chosen, base::Time now) {
  const bool again = question.was_asked;
  send(question, chosen.backend, Purpose::Serve, now);
  if (!hedging_ || again) return;
  hedges_.sent();
  if (candidates_.size() > 1 && chosen.p95 > base::Duration{})
    questions_.hedge_at(question, now + chosen.p95);
}

void Placement::send(OpenQuestion& question, uint32_t backend, Purpose purpose, base::Time now) {
  Session* session = backends_[backend].session_with_room(now);
  ASSERT(session != nullptr);
  session->ask(question.question, question.handle, purpose, now, question.source);
  backends_[backend].asked(now);
  if (purpose != Purpose::Serve) return;
  question.was_asked = true;
  question.asked_last = backend;
  ++question.under_way;
  pool_of(question.question).ranking.sent(backend);
}

/// `question` is on its way to `chosen`. A backend that would have been the better choice but has
/// no session gets one; one that fell silent gets a copy of the question, so that it can show it is
/// back without anybody waiting for it.
void Placement::try_others(OpenQuestion& question, const Candidate& chosen, base::Time now) {
  for (const Candidate& other : candidates_) {
    switch (other.standing) {
      case Standing::Closed:
        if (preferred(other, chosen)) backends_[other.backend].want_session();
        break;
      case Standing::Failing:
        backends_[other.backend].want_session();
        break;
      case Standing::OnTrial:
        if (chosen.standing == Standing::Ready && other.outstanding == 0 &&
            backends_[other.backend].budget().take(now))
          send(question, other.backend, Purpose::Trial, now);
        break;
      default:
        break;
    }
  }
}

/// Opens sessions to the backends that come first, one more for every kStagger that the question
/// has waited.
void Placement::open_for_waiting(const OpenQuestion& longest, base::Time now) {
  look_at(longest.question, now);
  const auto wanted = 1 + (now - longest.waiting_since) / kStagger;
  auto opening = std::ranges::count_if(
      candidates_, [](const Candidate& candidate) { return candidate.opening; });
  for (; opening < wanted; ++opening) {
    std::optional<size_t> chosen = choose_to_open(candidates_, longest.avoid);
    if (!chosen) chosen = choose_to_open(candidates_, std::nullopt);
    if (!chosen) return;
    backends_[candidates_[*chosen].backend].want_session();
    candidates_[*chosen].opening = true;
  }
}

}  // namespace tls
