#include "tls-workers/worker/worker.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace worker {
namespace {

constexpr base::milliseconds kLongestSleep{1000};
constexpr base::milliseconds kSleepWhileWaiting{50};   // The stagger moves on.
constexpr base::milliseconds kSleepWhileRetired{100};  // Entries wait for readers to pass.

[[noreturn]] void refuse_to_start(const std::error_code& error) {
  throw std::runtime_error("epoll: " + error.message());
}

base::Epoll open_epoll() {
  base::Result<base::Epoll, std::error_code> epoll = base::Epoll::open();
  if (!epoll) refuse_to_start(epoll.error());
  return std::move(*epoll);
}

}  // namespace

Worker::Worker(const WorkerSettings& settings,
               std::shared_ptr<const questions::Configuration> configuration,
               exchange::Exchange& exchange, cache::Readers& readers, transport::Tickets& tickets,
               Notice notice, std::unique_ptr<frontend::Frontend> clients)
    : settings_(settings),
      exchange_(exchange),
      tickets_(tickets),
      notices_(std::move(notice)),
      epoll_(open_epoll()),
      frontend_(std::move(clients)),
      now_(base::Clock::now()),
      questions_(settings_.max_questions, settings_.question_life, now_),
      reclaim_(readers),
      fills_(settings_.index, exchange, questions_, counters_),
      stale_(pools_, questions_, fills_, reclaim_),
      completion_({pools_, questions_, fills_, stale_, reclaim_, counters_}),
      dispatcher_(backends_, questions_, stale_, counters_),
      progress_(questions_, dispatcher_, completion_, counters_),
      checks_(backends_,
              [this](uint32_t backend, backends::Rotation::Change change) {
                backend_events_.rotated(backend, change, now_);
              }),
      backend_events_(backends_, checks_, notices_),
      losses_(backend_events_, progress_),
      answers_({backends_, checks_, backend_events_, questions_, completion_, progress_}),
      nxdomain_cut_(pools_, fills_, counters_),
      misses_({settings_.index, exchange, questions_, completion_, nxdomain_cut_, stale_, fills_,
               progress_, counters_},
              settings_.max_questions) {
  take_up(prepare(configuration));
  updates_.set_newest(std::move(configuration));
  watch(exchange_.doorbell(settings_.index).fd(), nullptr);  // Sessions have an address.
  if (frontend_ != nullptr) watch(frontend_->fd(), frontend_.get());
}

void Worker::watch(int fd, void* whose) {
  if (const std::error_code error = epoll_.add(fd, EPOLLIN, {.ptr = whose})) refuse_to_start(error);
}

void Worker::run() {
  if (frontend_ != nullptr) frontend_->start();
  while (!stop_.load(std::memory_order_acquire)) {
    begin_turn();
    hear_clients();      // Hits -> replies; misses -> rings.
    take_misses();       // Rings -> open questions -> sessions' next records.
    hear_sessions();     // Answers -> cache -> fills.
    meet_deadlines();    // Overdue queries go elsewhere; overdue askers are told.
    dispatch_waiting();  // Questions that no session had room for.
    tend_checks();       // What queries met is judged; checks are sent.
    send_queries();      // One write for all that a session was given.
    tend_backends();     // Sessions are opened, replaced, closed.
    take_up_updates();   // Other backends and pools, if the operator says so.
    answer_clients();    // Fills -> replies; one write to each connection.
    free_entries();      // Those that no reader can see any more.
    sleep();
  }
  close_all();
}

void Worker::stop() {
  stop_.store(true, std::memory_order_seq_cst);
  exchange_.doorbell(settings_.index).ring();
}

// ---------------------------------------------------------------- the steps of a turn

void Worker::begin_turn() {
  now_ = base::Clock::now();
  counters_.turns.add();
  turn_again_ = false;
}

void Worker::hear_clients() {
  if (frontend_ != nullptr) frontend_->hear(now_);
}

void Worker::take_misses() { misses_.take(now_); }

void Worker::hear_sessions() {
  for (const epoll_event& event : std::exchange(ready_, {})) {
    void* whose = event.data.ptr;
    if (whose == nullptr) {
      exchange_.doorbell(settings_.index).silence();
    } else if (whose != frontend_.get()) {  // That was heard already.
      hear(*static_cast<sessions::Session*>(whose));
    }
  }
}

void Worker::hear(sessions::Session& session) {
  const bool was_ready = session.ready();
  session.advance(now_);
  if (!was_ready && session.ready()) backends_[session.backend()].became_ready(session);
  while (const std::optional<sessions::Session::Heard> heard = session.hear(now_))
    answers_.take(session, *heard, now_);
  if (session.fault()) end(session);
}

void Worker::end(sessions::Session& session) {
  losses_.take_end(session, now_);
  turn_again_ = true;
}

void Worker::meet_deadlines() {
  for (sessions::Sessions& backend : backends_.all()) {
    for (sessions::Session& session : backend.all()) {
      session.keep_time(now_);
      turn_again_ |= losses_.take_overdue(session, now_);
    }
  }
  progress_.meet_deadlines(now_);
}

void Worker::dispatch_waiting() { progress_.dispatch_waiting(now_); }

void Worker::tend_checks() { checks_.tend(now_); }

void Worker::send_queries() {
  for (sessions::Sessions& backend : backends_.all()) {
    for (sessions::Session& session : backend.all()) session.flush();
  }
}

void Worker::tend_backends() {
  for (sessions::Sessions& backend : backends_.all()) {
    backend.tend(now_);
    for (sessions::Session& session : backend.all()) {
      if (session.fault()) end(session);
    }
  }
}

void Worker::take_up_updates() {
  if (!updates_.anything()) return;
  std::deque<ConfigUpdate> updates = updates_.take();
  for (ConfigUpdate& update : updates) take_up(std::move(update));
  updates_.done(updates.size());
  turn_again_ = true;
}

void Worker::answer_clients() {
  fills_.wake_frontends();
  if (frontend_ != nullptr) frontend_->answer(now_);
}

void Worker::free_entries() {
  reclaim_.collect();
  counters_.questions.set(questions_.open());
}

// ---------------------------------------------------------------- another configuration

ConfigUpdate Worker::prepare(std::shared_ptr<const questions::Configuration> next) {
  return prepare_update(updates_.newest().get(), std::move(next),
                        {.worker = settings_.index,
                         .per_backend = settings_.sessions_per_backend,
                         .epoll = epoll_.fd(),
                         .tickets = tickets_});
}

void Worker::adopt(ConfigUpdate update) {
  updates_.give(std::move(update));
  exchange_.doorbell(settings_.index).ring();
}

/// Behind the steps that deal with sessions, so that nothing points to one that goes.
void Worker::take_up(ConfigUpdate update) {
  const std::vector<StrandedQuery> stranded = replace_backends(backends_, update);
  for (const auto& [number, sessions] : update.sessions) checks_.forget(number);
  backend_events_.make_room(update.configuration->backends.size());
  dispatcher_.use(*update.configuration);
  pools_.use(update.configuration->pools);
  configuration_ = std::move(update.configuration);  // The one before goes: it is not used now.
  for (const StrandedQuery& query : stranded)
    progress_.lost(query.asked, query.backend, questions::Loss::Cut, now_);
}

// ---------------------------------------------------------------- sleeping and stopping

void Worker::sleep() {
  exchange::Doorbell& doorbell = exchange_.doorbell(settings_.index);
  base::Time until = turn_again_ || anything_waits() ? now_ : next_wake();
  const bool sleeps = until > now_;
  if (sleeps) {
    doorbell.about_to_sleep();
    if (anything_waits() || stop_.load(std::memory_order_acquire) || updates_.anything())
      until = now_;
  }
  wait(until - now_);
  if (sleeps) doorbell.awake();
}

void Worker::wait(base::Duration longest) {
  if (frontend_ != nullptr) frontend_->about_to_wait();
  ready_ = epoll_.wait(events_, std::chrono::ceil<base::milliseconds>(longest));
  if (frontend_ == nullptr) return;
  frontend_->waited();
  const auto is_clients = [this](const epoll_event& event) {
    return event.data.ptr == frontend_.get();
  };
  if (std::ranges::any_of(ready_, is_clients)) frontend_->readable();
}

bool Worker::anything_waits() {
  return misses_.any_wait() || (frontend_ != nullptr && frontend_->anything_waits());
}

base::Time Worker::next_wake() {
  base::Time wake = std::min(now_ + kLongestSleep, questions_.earliest_deadline());
  wake = std::min(wake, completion_.ahead_at());
  if (reclaim_.waiting() > 0) wake = std::min(wake, now_ + kSleepWhileRetired);
  wake = std::min(wake, checks_.next_deadline());
  if (frontend_ != nullptr) wake = std::min(wake, frontend_->next_deadline(now_));
  for (sessions::Sessions& backend : backends_.all())
    wake = std::min(wake, backend.next_deadline(now_));
  for (uint32_t pool = 0; pool < configuration_->pools.size(); ++pool) {
    if (questions_.anything_waits(pool)) wake = std::min(wake, now_ + kSleepWhileWaiting);
  }
  return std::max(wake, now_);
}

void Worker::close_all() {
  progress_.give_up_all(now_);
  for (sessions::Sessions& backend : backends_.all()) {
    for (sessions::Session& session : backend.all()) session.close();
  }
  if (frontend_ != nullptr) frontend_->stop(now_);
  misses_.refuse_all();
  fills_.wake_frontends();
  counters_.questions.set(0);
}

}  // namespace worker
