#include "tls-workers/worker.h"

#include <openssl/rand.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <optional>
#include <stdexcept>
#include <utility>

#include "dataplane/base/assert.h"
#include "tls-workers/upstream/chooser.h"
#include "tls-workers/upstream/entry_maker.h"
#include "tls-workers/upstream/questions.h"
#include "tls-workers/upstream/session.h"
#include "tls-workers/upstream/sessions.h"

namespace tls {
namespace {

/// Misses taken from one core in one turn; what is left waits for the next, so that no core starves
/// the sessions.
constexpr size_t kMissesPerLane = 128;
constexpr size_t kEventsPerTurn = 64;

/// If the first backend that is tried has no session by now, the next one is tried as well. RFC
/// 8305 §8 has the same figure.
constexpr base::milliseconds kStagger{250};
/// With every backend failing: how soon the next attempt must be for a question to wait for it.
constexpr base::milliseconds kWorthWaiting{250};

constexpr base::milliseconds kLongestSleep{1000};
constexpr base::milliseconds kSleepWhileWaiting{50};   // The stagger moves on.
constexpr base::milliseconds kSleepWhileRetired{100};  // Entries wait for readers to pass.

class Epoll {
 public:
  Epoll() : fd_(epoll_create1(EPOLL_CLOEXEC)) {
    if (fd_ < 0) throw std::runtime_error(std::string("epoll: ") + std::strerror(errno));
  }
  ~Epoll() { close(fd_); }
  Epoll(const Epoll&) = delete;
  Epoll& operator=(const Epoll&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

uint64_t random_seed() {
  uint64_t seed = 0;
  (void)RAND_bytes(reinterpret_cast<unsigned char*>(&seed), sizeof seed);
  return seed;
}

/// The header's rcode, for an answer whose question nobody remembers.
dns::Rcode header_rcode(base::ByteView message) {
  base::Reader reader(message);
  reader.skip(2);
  return static_cast<dns::Rcode>(reader.be16() & dns::flag::kRcodeMask);
}

/// A resolver that says this may be alone with it, so another one is asked.
std::optional<Failure> refusal(dns::Rcode rcode) {
  switch (rcode) {
    case dns::Rcode::ServFail:
      return Failure::ServFail;
    case dns::Rcode::Refused:
      return Failure::Refused;
    default:
      return std::nullopt;
  }
}

}  // namespace

class Worker::Impl {
 public:
  Impl(WorkerSettings settings, exchange::Exchange& exchange, cache::Readers& readers,
       Tickets& tickets, Notice notice);

  void run();
  void stop();

  [[nodiscard]] const WorkerCounters& counters() const { return counters_; }
  [[nodiscard]] const BackendCounters& backend_counters(size_t backend) const {
    return backends_[backend].counters();
  }

 private:
  enum class Placed : uint8_t { Sent, Wait, Hopeless };

  // The steps of a turn.
  void take_misses();
  void hear_sessions();
  void meet_deadlines();
  void place_waiting();
  void send_queries();
  void tend_backends();
  void sleep();

  void take_miss(const exchange::Miss& miss, uint32_t core);
  void take_answer(Session& session, const Session::Heard& heard);
  void take_failure(const Session& session, const Session::Heard& heard);
  void take_fault(OpenQuestion& question, Session& session, const Asked& asked,
                  dns::AnswerFault fault);
  void take_refusal(OpenQuestion& question, uint32_t backend, cache::Entry* entry,
                    uint32_t lifetime);
  void note_answer(uint32_t backend, const Asked& asked, dns::Rcode rcode);
  void end_session(Session& session);
  void give_up_overdue(Sessions& backend, Session& session);

  void look_at(dns::PoolId pool);
  [[nodiscard]] std::optional<size_t> pick(const OpenQuestion& question, base::Time since) const;
  Placed try_to_send(OpenQuestion& question);
  void place(OpenQuestion& question);
  void send(OpenQuestion& question, uint32_t backend, Purpose purpose);
  void try_others(OpenQuestion& question, const Candidate& chosen);
  void open_for_waiting(const OpenQuestion& longest);
  [[nodiscard]] bool is_coming(std::optional<uint32_t> avoid, base::Time since) const;

  void lose(OpenQuestion& question, uint32_t backend, SameBackend same_backend);
  void expire(OpenQuestion& question);
  void settle(OpenQuestion& question, cache::Entry* entry, uint32_t lifetime);
  void give_up(OpenQuestion& question);
  void fill(const Asker& asker, const cache::Entry* entry, dns::Ede ede);
  [[nodiscard]] dns::Ede reason(const OpenQuestion& question);

  void say(Severity severity, Sessions& backend, const std::string& text);
  void close_all();
  [[nodiscard]] bool misses_wait();
  [[nodiscard]] base::Time next_wake();

  const WorkerSettings settings_;
  exchange::Exchange& exchange_;
  cache::Reclaim reclaim_;
  Notices notices_;
  Epoll epoll_;
  std::deque<Sessions> backends_;  // As in the settings. A deque because they do not move.
  WorkerCounters counters_;
  std::atomic<bool> stop_{false};

  base::Time now_;
  Questions questions_;
  EntryMaker entry_maker_;
  dns::TtlPlaces places_;
  std::vector<std::vector<uint32_t>> pool_backends_;  // By pool.
  std::vector<bool> complained_;  // By backend: the operator was told that it fails.
  std::array<epoll_event, kEventsPerTurn> events_{};
  size_t event_count_ = 0;
  bool turn_again_ = false;  // Something changed after the step that would have acted on it.

  // Scratch, so that a turn allocates nothing.
  std::vector<Candidate> candidates_;
  std::vector<Asked> lost_;
  std::vector<Asked> overdue_;
  std::vector<Asker> released_;
};

Worker::Impl::Impl(WorkerSettings settings, exchange::Exchange& exchange, cache::Readers& readers,
                   Tickets& tickets, Notice notice)
    : settings_(std::move(settings)),
      exchange_(exchange),
      reclaim_(readers),
      notices_(std::move(notice)),
      now_(base::Clock::now()),
      questions_(settings_.max_questions, static_cast<uint32_t>(settings_.pools.size()), now_),
      pool_backends_(settings_.pools.size()),
      complained_(settings_.backends.size()) {
  for (uint32_t i = 0; i < settings_.backends.size(); ++i) {
    const BackendSettings& backend = settings_.backends[i];
    backends_.emplace_back(
        Sessions::Shape{i, settings_.sessions_per_backend, epoll_.fd(), random_seed()}, backend,
        tickets);
    for (const dns::PoolId pool : backend.pools)
      pool_backends_.at(static_cast<size_t>(pool)).push_back(i);
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;  // The doorbell; sessions have an address.
  if (epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, exchange_.doorbell(settings_.index).fd(), &event) !=
      0) {
    throw std::runtime_error(std::string("doorbell: ") + std::strerror(errno));
  }
}

void Worker::Impl::run() {
  while (!stop_.load(std::memory_order_acquire)) {
    now_ = base::Clock::now();
    counters_.turns.add();
    turn_again_ = false;
    take_misses();     // Rings -> open questions -> sessions' next records.
    hear_sessions();   // Answers -> cache -> fills.
    meet_deadlines();  // Overdue queries go elsewhere; overdue askers are told.
    place_waiting();   // Questions that no session had room for.
    send_queries();    // One write for all that a session was given.
    tend_backends();   // Sessions are opened, replaced, closed.
    reclaim_.collect();
    counters_.questions.set(questions_.open());
    sleep();
  }
  close_all();
}

void Worker::Impl::stop() {
  stop_.store(true, std::memory_order_seq_cst);
  exchange_.doorbell(settings_.index).ring();
}

// ---------------------------------------------------------------- misses

void Worker::Impl::take_misses() {
  std::array<exchange::Miss, kMissesPerLane> misses;
  for (uint32_t core = 0; core < exchange_.cores(); ++core) {
    const unsigned count = exchange_.lane(core, settings_.index).miss.pop(misses);
    for (unsigned i = 0; i < count; ++i) take_miss(misses[i], core);
  }
}

void Worker::Impl::take_miss(const exchange::Miss& miss, uint32_t core) {
  const Asker asker{core, miss.ticket, miss.deadline};
  ASSERT(static_cast<size_t>(miss.question.pool) < settings_.pools.size());
  const Questions::Join join = questions_.join(miss, core);
  switch (join.how) {
    case Questions::Joined::Opened:
      place(*join.question);
      break;
    case Questions::Joined::Merged:
      counters_.merged.add();
      break;
    case Questions::Joined::Full:
      counters_.questions_full.add();
      fill(asker, nullptr, dns::Ede::NetworkError);
      break;
  }
}

// ---------------------------------------------------------------- choosing a backend

/// Fills `candidates_` with what the pool's backends can do now.
void Worker::Impl::look_at(dns::PoolId pool) {
  candidates_.clear();
  for (const uint32_t backend : pool_backends_[static_cast<size_t>(pool)]) {
    candidates_.push_back(backends_[backend].candidate(now_));
  }
}

/// Which of `candidates_` gets `question` now, if any. The backend that has failed it is asked
/// again only through a new session, and only if it did its work until then or if no other one can
/// be had.
std::optional<size_t> Worker::Impl::pick(const OpenQuestion& question, base::Time since) const {
  const std::optional<size_t> other = choose(candidates_, question.avoid);
  if (other || question.same_backend == SameBackend::Forbidden) return other;
  const std::optional<size_t> same = choose(candidates_, std::nullopt);
  if (!same || candidates_[*same].standing == Standing::Ready) return same;
  return is_coming(question.avoid, since) ? std::nullopt : same;
}

/// Sends `question` if a session has room, and says what to do with it otherwise. After it,
/// `candidates_` is the question's pool's.
Worker::Impl::Placed Worker::Impl::try_to_send(OpenQuestion& question) {
  look_at(question.question.pool);
  const bool waits = question.state == OpenQuestion::State::Waiting;
  const base::Time since = waits ? question.waiting_since : now_;
  const std::optional<size_t> chosen = pick(question, since);
  if (!chosen) {
    const bool forbidden = question.same_backend == SameBackend::Forbidden;
    return is_coming(forbidden ? question.avoid : std::nullopt, since) ? Placed::Wait
                                                                       : Placed::Hopeless;
  }
  if (waits) questions_.stop_waiting(question);
  send(question, candidates_[*chosen].backend, Purpose::Serve);
  try_others(question, candidates_[*chosen]);
  return Placed::Sent;
}

void Worker::Impl::place(OpenQuestion& question) {
  switch (try_to_send(question)) {
    case Placed::Sent:
      return;
    case Placed::Wait:
      return questions_.wait(question, now_);
    case Placed::Hopeless:
      return give_up(question);
  }
}

void Worker::Impl::send(OpenQuestion& question, uint32_t backend, Purpose purpose) {
  Session* session = backends_[backend].session_with_room();
  ASSERT(session != nullptr);
  session->ask(question.question, question.handle, purpose, now_);
  backends_[backend].asked(now_);
  if (purpose == Purpose::Serve) question.was_asked = true;
}

/// `question` is on its way to `chosen`. A backend that would have been the better choice but has
/// no session gets one; one that fell silent gets a copy of the question, so that it can show it is
/// back without anybody waiting for it.
void Worker::Impl::try_others(OpenQuestion& question, const Candidate& chosen) {
  for (const Candidate& other : candidates_) {
    switch (other.standing) {
      case Standing::Closed:
        if (preferred(other, chosen)) backends_[other.backend].want_session();
        break;
      case Standing::Failing:
        backends_[other.backend].want_session();
        break;
      case Standing::OnTrial:
        if (chosen.standing == Standing::Ready && other.outstanding == 0)
          send(question, other.backend, Purpose::Trial);
        break;
      default:
        break;
    }
  }
}

/// Whether a backend of `candidates_` other than `avoid` may have room soon for a query that waits
/// `since` then.
bool Worker::Impl::is_coming(std::optional<uint32_t> avoid, base::Time since) const {
  return std::ranges::any_of(candidates_, [&](const Candidate& candidate) {
    if (candidate.backend == avoid) return false;
    return candidate.standing != Standing::Down || candidate.retry_at <= since + kWorthWaiting;
  });
}

void Worker::Impl::place_waiting() {
  for (uint32_t pool = 0; pool < settings_.pools.size(); ++pool) {
    OpenQuestion* question = questions_.first_waiting(pool);
    while (question != nullptr) {
      OpenQuestion* next = questions_.next_waiting(*question);
      const Placed placed = try_to_send(*question);
      if (placed == Placed::Hopeless) give_up(*question);
      // Nobody has room: those behind it need not ask.
      if (placed == Placed::Wait && !choose(candidates_, std::nullopt)) break;
      question = next;
    }
    if (const OpenQuestion* longest = questions_.first_waiting(pool)) open_for_waiting(*longest);
  }
}

/// Opens sessions to the backends that come first, one more for every kStagger that the question
/// has waited.
void Worker::Impl::open_for_waiting(const OpenQuestion& longest) {
  look_at(longest.question.pool);
  const auto wanted = 1 + (now_ - longest.waiting_since) / kStagger;
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

// ---------------------------------------------------------------- sessions

void Worker::Impl::hear_sessions() {
  for (size_t i = 0; i < event_count_; ++i) {
    auto* session = static_cast<Session*>(events_[i].data.ptr);
    if (session == nullptr) continue;
    const bool was_ready = session->ready();
    session->advance(now_);
    if (!was_ready && session->ready()) backends_[session->backend()].became_ready();
    while (const std::optional<Session::Heard> heard = session->hear(now_))
      take_answer(*session, *heard);
    if (session->fault()) end_session(*session);
  }
  event_count_ = 0;
}

void Worker::Impl::take_answer(Session& session, const Session::Heard& heard) {
  if (heard.fault != nullptr) return take_failure(session, heard);
  Sessions& backend = backends_[session.backend()];
  OpenQuestion* question = questions_.find(heard.asked.question);
  // Settled by another backend or given up by everybody: still a sign of life.
  if (question == nullptr)
    return note_answer(session.backend(), heard.asked, header_rcode(heard.message));
  const base::Result<dns::Answer, dns::AnswerFault> answer =
      dns::parse_answer(heard.message, question->question, places_);
  if (!answer) return take_fault(*question, session, heard.asked, answer.error());

  note_answer(session.backend(), heard.asked, answer->rcode);
  if (answer->keepalive != dns::Answer::kNoKeepalive)
    backend.heed_keepalive(session, answer->keepalive);
  // What a trial or a query given up brings is taken if it is good; if not, whoever is asked now
  // may do better.
  const bool waited_for =
      heard.asked.purpose == Purpose::Serve && heard.asked.state == Asked::State::Waiting;
  const std::optional<Failure> refused = refusal(answer->rcode);
  if (refused) backend.counters().failures[*refused].add();
  if (refused && !waited_for) return;

  const PoolSettings& pool = settings_.pools[static_cast<size_t>(question->question.pool)];
  const uint32_t lifetime = dns::lifetime(*answer, pool.limits);
  cache::Entry* entry =
      entry_maker_.make(question->question, *answer, {pool.limits, lifetime, now_});
  if (entry == nullptr) {
    counters_.entries_refused.add();
    return give_up(*question);
  }
  if (refused) return take_refusal(*question, session.backend(), entry, lifetime);
  settle(*question, entry, lifetime);
}

/// One query has failed; the session goes on. A query that was cut off may succeed another time.
void Worker::Impl::take_failure(const Session& session, const Session::Heard& heard) {
  Sessions& backend = backends_[session.backend()];
  backend.counters().failures[heard.fault->kind].add();
  say(Severity::Warning, backend, heard.fault->text);
  complained_[session.backend()] = true;
  OpenQuestion* question = questions_.find(heard.asked.question);
  const bool waited_for =
      heard.asked.purpose == Purpose::Serve && heard.asked.state == Asked::State::Waiting;
  if (question == nullptr || !waited_for) return;
  const bool cut_off = heard.fault->kind == Failure::Reset || heard.fault->kind == Failure::Eof;
  lose(*question, session.backend(), cut_off ? SameBackend::Allowed : SameBackend::Forbidden);
}

/// An answer with an id that we sent, but not one to what was asked with it.
void Worker::Impl::take_fault(OpenQuestion& question, Session& session, const Asked& asked,
                              dns::AnswerFault fault) {
  const bool out_of_step = fault == dns::AnswerFault::WrongQuestion;
  if (out_of_step) {
    // One of us has lost count, so no other id of this session means anything either. `end_session`
    // counts it.
    session.fail(Failure::Mismatch, "an answer to another question than was asked");
  } else {
    // Not the session's fault: whoever owns the name asked for may have made the resolver send
    // this.
    backends_[session.backend()].counters().failures[Failure::Malformed].add();
  }
  const bool waited_for = asked.purpose == Purpose::Serve && asked.state == Asked::State::Waiting;
  if (waited_for)
    lose(question, session.backend(), out_of_step ? SameBackend::Allowed : SameBackend::Forbidden);
}

/// SERVFAIL or REFUSED: kept for the case that no other backend does better. Takes `entry`.
void Worker::Impl::take_refusal(OpenQuestion& question, uint32_t backend, cache::Entry* entry,
                                uint32_t lifetime) {
  if (question.second_best != nullptr) {
    reclaim_.retire(entry);
    return give_up(question);
  }
  question.second_best = entry;
  question.second_best_lifetime = lifetime;
  look_at(question.question.pool);
  const std::optional<size_t> other = choose(candidates_, backend);
  if (question.retries_left == 0 || !other || !questions_.has_askers(question))
    return give_up(question);
  --question.retries_left;
  question.avoid = backend;
  question.same_backend = SameBackend::Forbidden;
  send(question, candidates_[*other].backend, Purpose::Serve);
}

void Worker::Impl::note_answer(uint32_t index, const Asked& asked, dns::Rcode rcode) {
  Sessions& backend = backends_[index];
  const auto code = std::min(static_cast<size_t>(rcode), kRcodeNames.size() - 1);
  backend.counters().responses[code].add();
  backend.counters().response_duration.record(now_ - asked.at);
  backend.answered(now_ - asked.at);
  if (complained_[index]) say(Severity::Info, backend, "answers again");
  complained_[index] = false;
}

/// `session` has a fault: what was under way on it moves on, and it is closed.
void Worker::Impl::end_session(Session& session) {
  Sessions& backend = backends_[session.backend()];
  lost_.clear();
  session.abandon([this](const Asked& asked) { lost_.push_back(asked); });
  const bool failed = backend.ended(session, static_cast<uint32_t>(lost_.size()), now_);
  if (failed) {
    const bool untrusted = session.fault()->kind == Failure::Certificate;
    say(untrusted ? Severity::Error : Severity::Warning, backend, session.fault()->text);
    complained_[session.backend()] = true;
  }
  session.close();
  turn_again_ = true;
  for (const Asked& asked : lost_) {
    OpenQuestion* question = questions_.find(asked.question);
    if (question != nullptr && asked.purpose == Purpose::Serve)
      lose(*question, session.backend(), SameBackend::Allowed);
  }
}

void Worker::Impl::send_queries() {
  for (Sessions& backend : backends_) {
    for (Session& session : backend.all()) session.flush();
  }
}

void Worker::Impl::tend_backends() {
  for (Sessions& backend : backends_) {
    backend.tend(now_);
    for (Session& session : backend.all()) {
      if (session.fault()) end_session(session);
    }
  }
}

// ---------------------------------------------------------------- deadlines

void Worker::Impl::meet_deadlines() {
  for (Sessions& backend : backends_) {
    for (Session& session : backend.all()) {
      session.keep_time(now_);
      give_up_overdue(backend, session);
    }
  }
  while (OpenQuestion* question = questions_.next_due(now_)) expire(*question);
}

void Worker::Impl::give_up_overdue(Sessions& backend, Session& session) {
  overdue_.clear();
  while (const std::optional<Asked> asked = session.next_overdue(now_)) {
    backend.counters().failures[Failure::Deadline].add();
    overdue_.push_back(*asked);
    if (session.silent_since(asked->at)) session.fail(Failure::Deadline, "does not answer");
  }
  if (session.fault()) end_session(session);
  for (const Asked& asked : overdue_) {
    OpenQuestion* question = questions_.find(asked.question);
    if (question != nullptr && asked.purpose == Purpose::Serve)
      lose(*question, session.backend(), SameBackend::Forbidden);
  }
}

/// Tells the askers who can wait no longer. The question goes on without them if a query for it is
/// under way.
void Worker::Impl::expire(OpenQuestion& question) {
  const cache::Entry* entry = question.second_best;
  questions_.release_overdue(question, now_,
                             [&](const Asker& asker) { fill(asker, entry, reason(question)); });
  if (!questions_.has_askers(question) && question.state == OpenQuestion::State::Waiting)
    give_up(question);
}

// ---------------------------------------------------------------- outcomes

/// The query for `question` at `backend` has failed.
void Worker::Impl::lose(OpenQuestion& question, uint32_t backend, SameBackend same_backend) {
  if (question.retries_left == 0 || !questions_.has_askers(question)) return give_up(question);
  --question.retries_left;
  question.avoid = backend;
  question.same_backend = same_backend;
  place(question);
}

/// `entry` is the answer: kept if it may be, told to all askers. Takes `entry`, closes `question`.
void Worker::Impl::settle(OpenQuestion& question, cache::Entry* entry, uint32_t lifetime) {
  if (question.second_best != nullptr && question.second_best != entry)
    reclaim_.retire(question.second_best);
  question.second_best = nullptr;
  released_.clear();
  questions_.release(question, [this](const Asker& asker) { released_.push_back(asker); });
  // Held until the last fill is pushed: from the moment others can see it, they can also displace
  // it.
  entry->pin();
  cache::Cache* cache = settings_.pools[static_cast<size_t>(question.question.pool)].cache;
  if (cache != nullptr && lifetime > 0) {
    cache->insert(question.question, entry, now_, reclaim_);
  } else {
    reclaim_.retire(entry);
  }
  for (const Asker& asker : released_) fill(asker, entry, dns::Ede::None);
  entry->unpin();
  questions_.close(question);
}

/// Nobody else is asked: the second best answer if there is one, failure if not. Closes `question`.
void Worker::Impl::give_up(OpenQuestion& question) {
  if (question.second_best != nullptr)
    return settle(question, question.second_best, question.second_best_lifetime);
  const dns::Ede ede = questions_.has_askers(question) ? reason(question) : dns::Ede::None;
  questions_.release(question, [&](const Asker& asker) { fill(asker, nullptr, ede); });
  questions_.close(question);
}

/// One Fill for one Miss. `entry`: nullptr for a failure.
void Worker::Impl::fill(const Asker& asker, const cache::Entry* entry, dns::Ede ede) {
  if (entry != nullptr) entry->pin();
  const exchange::Fill message{
      .ticket = asker.ticket, .entry = entry, .ede = entry != nullptr ? dns::Ede::None : ede};
  if (exchange_.lane(asker.core, settings_.index).fill.push(message)) return;
  counters_.fills_lost.add();
  if (entry != nullptr) entry->unpin();
}

/// RFC 8914 §4.23, §4.24: whether sessions failed the question or there was none to put it to.
dns::Ede Worker::Impl::reason(const OpenQuestion& question) {
  if (question.was_asked) return dns::Ede::NetworkError;
  look_at(question.question.pool);
  const bool connected = std::ranges::any_of(
      candidates_, [](const Candidate& candidate) { return candidate.standing <= Standing::Full; });
  return connected ? dns::Ede::NetworkError : dns::Ede::NoReachableAuthority;
}

void Worker::Impl::say(Severity severity, Sessions& backend, const std::string& text) {
  const BackendSettings& settings = backend.settings();
  notices_.say(severity, settings.name,
               "backend " + settings.name + " (" + settings.address.text() + "): " + text, now_);
}

// ---------------------------------------------------------------- sleeping and stopping

void Worker::Impl::sleep() {
  exchange::Doorbell& doorbell = exchange_.doorbell(settings_.index);
  base::Time until = turn_again_ || misses_wait() ? now_ : next_wake();
  const bool sleeps = until > now_;
  if (sleeps) {
    doorbell.about_to_sleep();
    if (misses_wait() || stop_.load(std::memory_order_acquire)) until = now_;
  }
  const auto wait = std::chrono::ceil<base::milliseconds>(until - now_).count();
  const int count = epoll_wait(epoll_.fd(), events_.data(), static_cast<int>(events_.size()),
                               static_cast<int>(wait));
  event_count_ = count > 0 ? static_cast<size_t>(count) : 0;
  if (sleeps) doorbell.awake();
}

bool Worker::Impl::misses_wait() {
  for (uint32_t core = 0; core < exchange_.cores(); ++core) {
    if (!exchange_.lane(core, settings_.index).miss.empty()) return true;
  }
  return false;
}

base::Time Worker::Impl::next_wake() {
  base::Time wake = std::min(now_ + kLongestSleep, questions_.earliest_deadline());
  if (reclaim_.waiting() > 0) wake = std::min(wake, now_ + kSleepWhileRetired);
  for (Sessions& backend : backends_) wake = std::min(wake, backend.next_deadline(now_));
  for (uint32_t pool = 0; pool < settings_.pools.size(); ++pool) {
    if (questions_.first_waiting(pool) != nullptr) wake = std::min(wake, now_ + kSleepWhileWaiting);
  }
  return std::max(wake, now_);
}

void Worker::Impl::close_all() {
  questions_.for_each_open([this](OpenQuestion& question) { give_up(question); });
  for (Sessions& backend : backends_) {
    for (Session& session : backend.all()) session.close();
  }
  std::array<exchange::Miss, kMissesPerLane> misses;
  for (uint32_t core = 0; core < exchange_.cores(); ++core) {
    exchange::Lane& lane = exchange_.lane(core, settings_.index);
    while (const unsigned count = lane.miss.pop(misses)) {
      for (unsigned i = 0; i < count; ++i) {
        fill({core, misses[i].ticket, misses[i].deadline}, nullptr, dns::Ede::NotReady);
      }
    }
  }
  counters_.questions.set(0);
}

// ---------------------------------------------------------------- Worker

Worker::Worker(WorkerSettings settings, exchange::Exchange& exchange, cache::Readers& readers,
               Tickets& tickets, Notice notice)
    : impl_(std::make_unique<Impl>(std::move(settings), exchange, readers, tickets,
                                   std::move(notice))) {}

Worker::~Worker() = default;

void Worker::run() { impl_->run(); }

void Worker::stop() { impl_->stop(); }

const WorkerCounters& Worker::counters() const { return impl_->counters(); }

const BackendCounters& Worker::backend_counters(size_t backend) const {
  return impl_->backend_counters(backend);
}

}  // namespace tls
