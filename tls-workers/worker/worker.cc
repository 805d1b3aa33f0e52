#include "tls-workers/worker/worker.h"

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
#include "tls-workers/sessions/health_checks.h"
#include "tls-workers/questions/dispatcher.h"
#include "tls-workers/questions/settlement.h"
#include "tls-workers/sessions/backends.h"
#include "tls-workers/questions/questions.h"
#include "tls-workers/sessions/session.h"

namespace worker {
namespace {

/// Misses taken from one core in one turn; what is left waits for the next, so that no core starves
/// the sessions.
constexpr size_t kMissesPerLane = 128;
constexpr size_t kEventsPerTurn = 64;

/// For how long a question that nobody waits for is asked.
constexpr base::milliseconds kPatienceAhead{1800};

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
std::optional<backends::Failure> refusal(dns::Rcode rcode) {
  if (rcode == dns::Rcode::ServFail) return backends::Failure::ServFail;
  return dns::is_failure(rcode) ? std::optional(backends::Failure::Refused) : std::nullopt;
}

}  // namespace

class Worker::Impl {
 public:
  Impl(const WorkerSettings& settings, std::shared_ptr<const questions::Configuration> configuration,
       exchange::Exchange& exchange, cache::Readers& readers, transport::Tickets& tickets, Notice notice,
       std::unique_ptr<frontend::Frontend> clients);

  void run();
  void stop();
  void forget_failures() { settlement_.forget_failures(); }

  [[nodiscard]] ConfigUpdate prepare(std::shared_ptr<const questions::Configuration> next);
  void adopt(ConfigUpdate change);
  [[nodiscard]] bool adopted() const { return changes_.all_done(); }
  [[nodiscard]] const questions::WorkerCounters& counters() const { return counters_; }
  [[nodiscard]] const frontend::Counters* client_counters() const {
    return frontend_ != nullptr ? &frontend_->counters() : nullptr;
  }

 private:
  // The steps of a turn.
  void hear_clients();
  void take_misses();
  void hear_sessions();
  void meet_deadlines();
  void send_queries();
  void tend_backends();
  void take_up_changes();
  void answer_clients();
  void sleep();

  void take_up(ConfigUpdate change);
  void take_miss(const exchange::Miss& miss, uint32_t core);
  void respond_unasked(const exchange::Miss& miss, const questions::Asker& asker);
  void take_answer(sessions::Session& session, const sessions::Session::Heard& heard);
  void take_failure(const sessions::Session& session, const sessions::Session::Heard& heard);
  void take_late_answer(sessions::Session& session, const sessions::Session::Heard& heard);
  void take_fault(const sessions::Session::Heard& heard, sessions::Session& session, dns::AnswerFault fault);
  void take_refusal(questions::OpenQuestion& question, uint32_t backend, dns::Rcode rcode,
                    const questions::Settlement::Made& made);
  void note_answer(const sessions::Session& session, const sessions::Asked& asked, dns::Rcode rcode);
  void end_session(sessions::Session& session);
  void take_overdue(sessions::Sessions& backend, sessions::Session& session);
  void note_overdue(sessions::Sessions& backend, const sessions::Asked& asked);
  void note_silence(sessions::Sessions& backend, base::Time since);
  void miss(const sessions::Session::Overdue& overdue, uint32_t backend, questions::Attempts::Where where);
  void lose(const sessions::Asked& asked, uint32_t backend, questions::Loss loss);
  void look_after(questions::OpenQuestion& question);

  void tell_change(uint32_t backend, backends::Rotation::Change change);
  void say(Severity severity, sessions::Sessions& backend, const std::string& text);
  void close_all();
  void watch(int fd, void* whose);
  [[nodiscard]] bool misses_wait();
  [[nodiscard]] bool anything_waits();
  void wait(base::Duration longest);
  [[nodiscard]] base::Time next_wake();

  const WorkerSettings settings_;
  exchange::Exchange& exchange_;
  Notices notices_;
  transport::Tickets& tickets_;
  Epoll epoll_;
  const std::unique_ptr<frontend::Frontend> frontend_;  // Nullptr: no clients here.

  ConfigMailbox changes_;
  std::shared_ptr<const questions::Configuration> configuration_;
  sessions::Backends backends_;
  questions::WorkerCounters counters_;
  std::atomic<bool> stop_{false};

  base::Time now_;
  questions::Questions questions_;
  questions::Settlement settlement_;
  questions::Dispatcher dispatcher_;
  sessions::Checks checks_;
  dns::TtlPlaces places_;
  std::vector<bool> complained_;  // By backend: the operator was told that it fails.
  std::array<epoll_event, kEventsPerTurn> events_{};
  size_t event_count_ = 0;
  bool turn_again_ = false;  // Something changed after the step that would have acted on it.

  // Scratch, so that a turn allocates nothing.
  std::vector<sessions::Asked> lost_;
  std::vector<sessions::Session::Overdue> overdue_;
};

Worker::Impl::Impl(const WorkerSettings& settings,
                   std::shared_ptr<const questions::Configuration> configuration, exchange::Exchange& exchange,
                   cache::Readers& readers, transport::Tickets& tickets, Notice notice,
                   std::unique_ptr<frontend::Frontend> clients)
    : settings_(settings),
      exchange_(exchange),
      notices_(std::move(notice)),
      tickets_(tickets),
      frontend_(std::move(clients)),
      now_(base::Clock::now()),
      questions_(settings_.max_questions, settings_.question_life, now_),
      settlement_({settings_.index, exchange, readers}, questions_, counters_),
      dispatcher_(backends_, questions_, settlement_, counters_),
      checks_(backends_,
              [this](uint32_t backend, backends::Rotation::Change change) { tell_change(backend, change); }) {
  take_up(prepare(configuration));
  changes_.set_newest(std::move(configuration));
  watch(exchange_.doorbell(settings_.index).fd(), nullptr);  // Sessions have an address.
  if (frontend_ != nullptr) watch(frontend_->fd(), frontend_.get());
}

void Worker::Impl::watch(int fd, void* whose) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = whose;
  if (epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, fd, &event) != 0)
    throw std::runtime_error(std::string("epoll: ") + std::strerror(errno));
}

void Worker::Impl::run() {
  if (frontend_ != nullptr) frontend_->start();
  while (!stop_.load(std::memory_order_acquire)) {
    now_ = base::Clock::now();
    counters_.turns.add();
    turn_again_ = false;
    hear_clients();                  // Hits -> replies; misses -> rings.
    take_misses();                   // Rings -> open questions -> sessions' next records.
    hear_sessions();                 // Answers -> cache -> fills.
    meet_deadlines();                // Overdue queries go elsewhere; overdue askers are told.
    dispatcher_.place_waiting(now_);  // Questions that no session had room for.
    checks_.tend(now_);              // What queries met is judged; checks are sent.
    send_queries();                  // One write for all that a session was given.
    tend_backends();                 // Sessions are opened, replaced, closed.
    take_up_changes();               // Other backends and pools, if the operator says so.
    answer_clients();                // Fills -> replies; one write to each connection.
    settlement_.collect();
    counters_.questions.set(questions_.open());
    sleep();
  }
  close_all();
}

void Worker::Impl::stop() {
  stop_.store(true, std::memory_order_seq_cst);
  exchange_.doorbell(settings_.index).ring();
}

// ---------------------------------------------------------------- clients

void Worker::Impl::hear_clients() {
  if (frontend_ != nullptr) frontend_->hear(now_);
}

void Worker::Impl::answer_clients() {
  settlement_.wake_fronts();
  if (frontend_ != nullptr) frontend_->answer(now_);
}

// ---------------------------------------------------------------- changes

ConfigUpdate Worker::Impl::prepare(std::shared_ptr<const questions::Configuration> next) {
  const questions::Configuration* newest = changes_.newest().get();
  ConfigUpdate change{.configuration = std::move(next), .sessions = {}};
  for (uint32_t number = 0; number < change.configuration->backends.size(); ++number) {
    const std::shared_ptr<backends::SharedBackend>& shared = change.configuration->backends[number].shared;
    const bool known = newest != nullptr && number < newest->backends.size() &&
                       newest->backends[number].shared == shared;
    if (known || shared == nullptr) continue;
    const sessions::Sessions::Shape shape{.backend = number,
                                .worker = settings_.index,
                                .per_backend = settings_.sessions_per_backend,
                                .epoll = epoll_.fd(),
                                .seed = random_seed()};
    change.sessions.emplace_back(number, std::make_unique<sessions::Sessions>(shape, shared, tickets_));
  }
  return change;
}

void Worker::Impl::adopt(ConfigUpdate change) {
  changes_.give(std::move(change));
  exchange_.doorbell(settings_.index).ring();
}

void Worker::Impl::take_up_changes() {
  if (!changes_.anything()) return;
  std::deque<ConfigUpdate> changes = changes_.take();
  for (ConfigUpdate& change : changes) take_up(std::move(change));
  changes_.done(changes.size());
  turn_again_ = true;
}

/// Last step of a turn, so that nothing points to a session that goes.
void Worker::Impl::take_up(ConfigUpdate change) {
  const questions::Configuration& next = *change.configuration;
  std::vector<std::pair<uint32_t, sessions::Asked>> homeless;
  for (uint32_t number = 0; number < backends_.numbers(); ++number) {
    if (!backends_.has(number)) continue;
    const bool stays =
        number < next.backends.size() && next.backends[number].shared == backends_[number].shared();
    if (stays) continue;
    for (sessions::Session& session : backends_[number].all()) {
      session.abandon([&](const sessions::Asked& asked) { homeless.emplace_back(number, asked); });
      session.close();
    }
    backends_.put(number, nullptr);
  }
  for (auto& [number, sessions] : change.sessions) {
    backends_.put(number, std::move(sessions));
    checks_.forget(number);
  }
  complained_.resize(std::max<size_t>(complained_.size(), next.backends.size()));
  for (uint32_t number = 0; number < next.backends.size(); ++number) {
    if (next.backends[number].shared != nullptr)
      backends_[number].use(next.backends[number].settings);
  }
  dispatcher_.use(next);
  settlement_.use(next.pools);
  configuration_ = std::move(change.configuration);  // The one before goes: nobody uses it now.
  for (const auto& [number, asked] : homeless) lose(asked, number, questions::Loss::Cut);
}

// ---------------------------------------------------------------- misses

void Worker::Impl::take_misses() {
  std::array<exchange::Miss, kMissesPerLane> misses;
  for (uint32_t core = 0; core < exchange_.askers(); ++core) {
    const unsigned count = exchange_.lane(core, settings_.index).miss.pop(misses);
    for (unsigned i = 0; i < count; ++i) take_miss(misses[i], core);
  }
  while (const std::optional<dns::Question> question = settlement_.next_ahead(now_))
    take_miss({*question, exchange::kNobody, now_ + kPatienceAhead}, 0);
}

void Worker::Impl::take_miss(const exchange::Miss& miss, uint32_t core) {
  const questions::Asker asker{core, miss.ticket, miss.deadline};
  ASSERT(static_cast<size_t>(miss.question.pool) < configuration_->pools.size());
  const bool prefetch = miss.ticket == exchange::kNobody;
  if (prefetch && questions_.open() >= settings_.max_questions / 2)
    return counters_.prefetches_left.add();
  if (settlement_.refuse_again(miss, asker, now_)) return;
  if (settlement_.tell_missing(miss, asker, now_)) return;
  const questions::Questions::Join join = questions_.join(miss, core, now_);
  switch (join.how) {
    case questions::Questions::Joined::Opened:
      if (prefetch) counters_.prefetches.add();
      dispatcher_.place(*join.question, now_);
      break;
    case questions::Questions::Joined::Merged:
      counters_.merged.add();
      break;
    case questions::Questions::Joined::Full:
      counters_.questions_full.add();
      respond_unasked(miss, asker);
      break;
    case questions::Questions::Joined::OverQuota:
      counters_.questions_over_quota.add();
      respond_unasked(miss, asker);
      break;
  }
}

void Worker::Impl::respond_unasked(const exchange::Miss& miss, const questions::Asker& asker) {
  if (settlement_.tell_stale(miss.question, asker, now_)) return;
  settlement_.fill(asker, nullptr, dns::Ede::NetworkError);
}

// ---------------------------------------------------------------- sessions

void Worker::Impl::hear_sessions() {
  for (size_t i = 0; i < event_count_; ++i) {
    if (frontend_ != nullptr && events_[i].data.ptr == frontend_.get()) continue;  // Heard already.
    auto* session = static_cast<sessions::Session*>(events_[i].data.ptr);
    if (session == nullptr) {
      exchange_.doorbell(settings_.index).silence();
      continue;
    }
    const bool was_ready = session->ready();
    session->advance(now_);
    if (!was_ready && session->ready()) backends_[session->backend()].became_ready(*session);
    while (const std::optional<sessions::Session::Heard> heard = session->hear(now_))
      take_answer(*session, *heard);
    if (session->fault()) end_session(*session);
  }
  event_count_ = 0;
}

void Worker::Impl::take_answer(sessions::Session& session, const sessions::Session::Heard& heard) {
  if (heard.fault != nullptr) return take_failure(session, heard);
  sessions::Sessions& backend = backends_[session.backend()];
  if (heard.asked.purpose == sessions::Purpose::Check) {
    note_answer(session, heard.asked, header_rcode(heard.message));
    return checks_.heard(session.backend(), heard.asked, heard.message, now_);
  }
  questions::OpenQuestion* question = questions_.find(heard.asked.question);
  if (question == nullptr) return take_late_answer(session, heard);
  const base::Result<dns::Answer, dns::AnswerFault> answer =
      dns::parse_answer(heard.message, question->question, places_);
  if (!answer) return take_fault(heard, session, answer.error());
  // What a trial brings is taken if it is good; if not, whoever is asked now may do better.
  const bool waited_for = heard.asked.purpose == sessions::Purpose::Serve;
  if (waited_for) question->take_back(heard.asked, session.backend());

  note_answer(session, heard.asked, answer->rcode);
  if (answer->keepalive != dns::Answer::kNoKeepalive)
    backend.heed_keepalive(session, answer->keepalive);
  question->bogus |= answer->bogus && dns::is_failure(answer->rcode);
  const std::optional<backends::Failure> refused = refusal(answer->rcode);
  if (refused) backend.counters().failures[*refused].add();
  if (refused && !waited_for) return;

  // What was kept in an HTTP cache was said then, not now. RFC 8484 §5.1.
  const base::Time said = refused ? now_ : now_ - heard.age;
  const questions::Settlement::Made made = settlement_.make(question->question, *answer, said);
  if (made.entry == nullptr) {
    settlement_.give_up(*question, dns::Ede::NetworkError, now_);
  } else if (refused) {
    take_refusal(*question, session.backend(), answer->rcode, made);
  } else {
    settlement_.settle(*question, made, now_);
  }
}

/// Another backend was faster, or everybody had given up: a sign of life in any case, and perhaps
/// something for the cache.
void Worker::Impl::take_late_answer(sessions::Session& session, const sessions::Session::Heard& heard) {
  note_answer(session, heard.asked, header_rcode(heard.message));
  const dns::Question* question = settlement_.late_question(heard.asked.question);
  if (question == nullptr) return;
  const base::Result<dns::Answer, dns::AnswerFault> answer =
      dns::parse_answer(heard.message, *question, places_);
  if (answer) settlement_.keep_late(*question, *answer, now_ - heard.age);
}

/// One query has failed. The session goes on, unless that was what ended it. A query that was cut
/// off may succeed another time.
void Worker::Impl::take_failure(const sessions::Session& session, const sessions::Session::Heard& heard) {
  sessions::Sessions& backend = backends_[session.backend()];
  const bool ends = session.fault().has_value();  // That is counted and said with its end.
  if (!ends) {
    backend.counters().failures[heard.fault->kind].add();
    say(Severity::Warning, backend, heard.fault->text);
    complained_[session.backend()] = true;
  }
  if (heard.asked.purpose == sessions::Purpose::Check)
    return checks_.lost(session.backend(), heard.asked, heard.fault->kind, now_);
  if (heard.asked.state == sessions::Asked::State::Waiting)
    checks_.note(session.backend(), heard.asked, backends::Sample::Lost);
  const bool cut_off = heard.fault->kind == backends::Failure::Eof;
  lose(heard.asked, session.backend(),
       ends ? questions::Loss::RuledOut : (cut_off ? questions::Loss::Cut : questions::Loss::Failed));
}

/// An answer with an id that we sent, but not one to what was asked with it.
void Worker::Impl::take_fault(const sessions::Session::Heard& heard, sessions::Session& session,
                              dns::AnswerFault fault) {
  checks_.note(session.backend(), heard.asked, backends::Sample::Lost);
  // Not the session's fault, unless it goes on like that: whoever owns the name asked for may have
  // made the resolver send this.
  const bool is_anothers = fault == dns::AnswerFault::WrongQuestion;
  const backends::Failure kind = is_anothers ? backends::Failure::Mismatch : backends::Failure::Malformed;
  backends_[session.backend()].counters().failures[kind].add();
  if (is_anothers) session.disown();
  lose(heard.asked, session.backend(), is_anothers ? questions::Loss::RuledOut : questions::Loss::Failed);
}

/// A failure in so many words: kept for the case that no other backend does better, nor this one if
/// it is in trouble for the moment only. Takes `made`.
void Worker::Impl::take_refusal(questions::OpenQuestion& question, uint32_t backend, dns::Rcode rcode,
                                const questions::Settlement::Made& made) {
  if (question.second_best != nullptr) {
    settlement_.reclaim().retire(made.entry);
  } else {
    question.second_best = made.entry;
    question.second_best_lifetime = made.lifetime;
  }
  const bool may_pass = rcode == dns::Rcode::ServFail && !question.bogus;
  dispatcher_.lose(question, backend, may_pass ? questions::Loss::Failed : questions::Loss::RuledOut, now_);
}

void Worker::Impl::note_answer(const sessions::Session& session, const sessions::Asked& asked, dns::Rcode rcode) {
  const uint32_t index = session.backend();
  sessions::Sessions& backend = backends_[index];
  const auto code = std::min(static_cast<size_t>(rcode), backends::kRcodeNames.size() - 1);
  backend.counters().responses[code].add();
  backend.counters().response_duration.record(now_ - asked.at);
  backend.answered(session, now_ - asked.at, now_);
  if (asked.purpose != sessions::Purpose::Check)
    checks_.note(index, asked, rcode == dns::Rcode::ServFail ? backends::Sample::ServFail : backends::Sample::Answered);
  if (complained_[index]) say(Severity::Info, backend, "answers again");
  complained_[index] = false;
}

/// `session` has a fault: what was under way on it moves on, and it is closed.
void Worker::Impl::end_session(sessions::Session& session) {
  sessions::Sessions& backend = backends_[session.backend()];
  const uint32_t waiting = session.waiting();
  lost_.clear();
  session.abandon([this](const sessions::Asked& asked) { lost_.push_back(asked); });
  const bool failed = backend.ended(session, waiting, now_);
  if (failed) {
    const bool untrusted = session.fault()->kind == backends::Failure::Certificate;
    say(untrusted ? Severity::Error : Severity::Warning, backend, session.fault()->text);
    complained_[session.backend()] = true;
  }
  const backends::Failure why = session.fault()->kind;
  const bool was_known = session.silent();
  const bool innocent = session.suspects_nobody() || why == backends::Failure::Eof || why == backends::Failure::Reset ||
                        why == backends::Failure::Deadline;
  session.close();
  turn_again_ = true;
  if (backend.failing() && !was_known) checks_.unreachable(session.backend(), why, now_);
  for (const sessions::Asked& asked : lost_) {
    if (asked.purpose == sessions::Purpose::Check) {
      checks_.lost(session.backend(), asked, why, now_);
    } else {
      if (asked.state == sessions::Asked::State::Waiting)
        checks_.note(session.backend(), asked, backends::Sample::Lost);
      lose(asked, session.backend(), innocent ? questions::Loss::Cut : questions::Loss::Spoiled);
    }
  }
}

void Worker::Impl::lose(const sessions::Asked& asked, uint32_t backend, questions::Loss loss) {
  if (asked.purpose != sessions::Purpose::Serve) return;
  questions::OpenQuestion* question = questions_.find(asked.question);
  if (question == nullptr) return;
  question->take_back(asked, backend);
  dispatcher_.lose(*question, backend, loss, now_);
}

void Worker::Impl::send_queries() {
  for (sessions::Sessions& backend : backends_.all()) {
    for (sessions::Session& session : backend.all()) session.flush();
  }
}

void Worker::Impl::tend_backends() {
  for (sessions::Sessions& backend : backends_.all()) {
    backend.tend(now_);
    for (sessions::Session& session : backend.all()) {
      if (session.fault()) end_session(session);
    }
  }
}

// ---------------------------------------------------------------- deadlines

void Worker::Impl::meet_deadlines() {
  for (sessions::Sessions& backend : backends_.all()) {
    for (sessions::Session& session : backend.all()) {
      session.keep_time(now_);
      take_overdue(backend, session);
    }
  }
  while (questions::OpenQuestion* question = questions_.next_due(now_)) look_after(*question);
}

/// Queries that have waited for long enough are put to somebody else as well. What they are
/// answered is taken all the same: the first answer to a name may well take a resolver longer.
void Worker::Impl::take_overdue(sessions::Sessions& backend, sessions::Session& session) {
  overdue_.clear();
  bool silent = false;
  while (const std::optional<sessions::Session::Overdue> overdue = session.next_overdue(now_)) {
    overdue_.push_back(*overdue);
    silent |= session.silent_since(overdue->asked.at);
  }
  if (overdue_.empty()) return;
  const base::Time since = overdue_.front().asked.at;
  if (silent)
    session.fall_silent([&](const sessions::Session::Overdue& overdue) { overdue_.push_back(overdue); });
  for (const sessions::Session::Overdue& overdue : overdue_) note_overdue(backend, overdue.asked);
  if (silent) note_silence(backend, since);
  const questions::Attempts::Where where =
      silent ? questions::Attempts::Where::SessionIsSilent : questions::Attempts::Where::SessionAnswers;
  for (const sessions::Session::Overdue& overdue : overdue_) miss(overdue, session.backend(), where);
}

void Worker::Impl::note_overdue(sessions::Sessions& backend, const sessions::Asked& asked) {
  const uint32_t number = backend.number();
  if (asked.purpose == sessions::Purpose::Check) return checks_.lost(number, asked, backends::Failure::Deadline, now_);
  backend.counters().failures[backends::Failure::Deadline].add();
  checks_.note(number, asked, backends::Sample::Lost);
}

/// A session of `backend` has brought nothing since then.
void Worker::Impl::note_silence(sessions::Sessions& backend, base::Time since) {
  const uint32_t number = backend.number();
  backend.fell_silent(since, now_);
  say(Severity::Warning, backend, "does not answer");
  complained_[number] = true;
  turn_again_ = true;
  if (backend.failing()) checks_.unreachable(number, backends::Failure::Deadline, now_);
}

void Worker::Impl::miss(const sessions::Session::Overdue& overdue, uint32_t backend, questions::Attempts::Where where) {
  if (!overdue.may_come) return lose(overdue.asked, backend, questions::Loss::Failed);
  if (overdue.asked.purpose != sessions::Purpose::Serve) return;
  questions::OpenQuestion* question = questions_.find(overdue.asked.question);
  if (question != nullptr) dispatcher_.miss(*question, backend, where, now_);
}

/// Something about `question` is due: its second query, what its askers are to be told, or its end.
/// Until then it goes on without askers if a query for it is under way.
void Worker::Impl::look_after(questions::OpenQuestion& question) {
  if (question.hedge_at <= now_) dispatcher_.hedge(question, now_);
  const bool unplaced = question.state == questions::OpenQuestion::State::Waiting && !question.was_asked;
  if (unplaced && questions_.has_overdue(question, now_))
    counters_.unplaced[dispatcher_.hindrance(question, now_)].add();
  settlement_.tell_overdue(question, dispatcher_.reason(question, now_), now_);
  const bool is_wanted = questions_.has_askers(question) || question.under_way > 0;
  if (!is_wanted || now_ >= question.until)
    settlement_.give_up(question, dispatcher_.reason(question, now_), now_);
}

void Worker::Impl::tell_change(uint32_t backend, backends::Rotation::Change change) {
  if (change == backends::Rotation::Change::None) return;
  const bool up = change == backends::Rotation::Change::WentUp;
  const backends::BackendSettings& settings = backends_[backend].settings();
  // A subject of its own: what has been said about the backend's sessions must not hold it back.
  notices_.say(up ? Severity::Info : Severity::Warning, "rotation of " + settings.name,
               "backend " + settings.name + " (" + settings.where() +
                   "): " + (up ? "in rotation again" : "out of rotation, checked until it answers"),
               now_);
}

void Worker::Impl::say(Severity severity, sessions::Sessions& backend, const std::string& text) {
  const backends::BackendSettings& settings = backend.settings();
  notices_.say(severity, settings.name,
               "backend " + settings.name + " (" + settings.where() + "): " + text, now_);
}

// ---------------------------------------------------------------- sleeping and stopping

void Worker::Impl::sleep() {
  exchange::Doorbell& doorbell = exchange_.doorbell(settings_.index);
  base::Time until = turn_again_ || anything_waits() ? now_ : next_wake();
  const bool sleeps = until > now_;
  if (sleeps) {
    doorbell.about_to_sleep();
    if (anything_waits() || stop_.load(std::memory_order_acquire) || changes_.anything()) {
      until = now_;
    }
  }
  wait(until - now_);
  if (sleeps) doorbell.awake();
}

void Worker::Impl::wait(base::Duration longest) {
  const auto milliseconds = std::chrono::ceil<base::milliseconds>(longest).count();
  if (frontend_ != nullptr) frontend_->about_to_wait();
  const int count = epoll_wait(epoll_.fd(), events_.data(), static_cast<int>(events_.size()),
                               static_cast<int>(milliseconds));
  event_count_ = count > 0 ? static_cast<size_t>(count) : 0;
  if (frontend_ == nullptr) return;
  frontend_->waited();
  const auto is_clients = [this](const epoll_event& event) {
    return event.data.ptr == frontend_.get();
  };
  if (std::any_of(events_.begin(), events_.begin() + event_count_, is_clients)) frontend_->readable();
}

bool Worker::Impl::misses_wait() {
  for (uint32_t core = 0; core < exchange_.askers(); ++core) {
    if (!exchange_.lane(core, settings_.index).miss.empty()) return true;
  }
  return false;
}

bool Worker::Impl::anything_waits() {
  return misses_wait() || (frontend_ != nullptr && frontend_->anything_waits());
}

base::Time Worker::Impl::next_wake() {
  base::Time wake = std::min(now_ + kLongestSleep, questions_.earliest_deadline());
  wake = std::min(wake, settlement_.ahead_at());
  if (settlement_.anything_to_collect()) wake = std::min(wake, now_ + kSleepWhileRetired);
  wake = std::min(wake, checks_.next_deadline());
  if (frontend_ != nullptr) wake = std::min(wake, frontend_->next_deadline(now_));
  for (sessions::Sessions& backend : backends_.all()) wake = std::min(wake, backend.next_deadline(now_));
  for (uint32_t pool = 0; pool < configuration_->pools.size(); ++pool) {
    if (questions_.anything_waits(pool)) wake = std::min(wake, now_ + kSleepWhileWaiting);
  }
  return std::max(wake, now_);
}

void Worker::Impl::close_all() {
  questions_.for_each_open([this](questions::OpenQuestion& question) {
    settlement_.give_up(question, dispatcher_.reason(question, now_), now_);
  });
  for (sessions::Sessions& backend : backends_.all()) {
    for (sessions::Session& session : backend.all()) session.close();
  }
  if (frontend_ != nullptr) frontend_->stop(now_);
  std::array<exchange::Miss, kMissesPerLane> misses;
  for (uint32_t core = 0; core < exchange_.askers(); ++core) {
    exchange::Lane& lane = exchange_.lane(core, settings_.index);
    while (const unsigned count = lane.miss.pop(misses)) {
      for (unsigned i = 0; i < count; ++i) {
        settlement_.fill({core, misses[i].ticket, misses[i].deadline}, nullptr, dns::Ede::NotReady);
      }
    }
  }
  settlement_.wake_fronts();
  counters_.questions.set(0);
}

// ---------------------------------------------------------------- Worker

Worker::Worker(const WorkerSettings& settings, std::shared_ptr<const questions::Configuration> configuration,
               exchange::Exchange& exchange, cache::Readers& readers, transport::Tickets& tickets,
               Notice notice, std::unique_ptr<frontend::Frontend> clients)
    : impl_(std::make_unique<Impl>(settings, std::move(configuration), exchange, readers, tickets,
                                   std::move(notice), std::move(clients))) {}

Worker::~Worker() = default;

void Worker::run() { impl_->run(); }

void Worker::stop() { impl_->stop(); }

void Worker::forget_failures() { impl_->forget_failures(); }

const questions::WorkerCounters& Worker::counters() const { return impl_->counters(); }

const frontend::Counters* Worker::client_counters() const { return impl_->client_counters(); }

ConfigUpdate Worker::prepare(std::shared_ptr<const questions::Configuration> next) {
  return impl_->prepare(std::move(next));
}

void Worker::adopt(ConfigUpdate change) { impl_->adopt(std::move(change)); }

bool Worker::adopted() const { return impl_->adopted(); }

}  // namespace worker
