#include "control/log/log_writer.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace control {
namespace {

// A pipe that says it can be written to has room for that much (POSIX: PIPE_BUF), so a write of no
// more does not block. Of terminals and sockets nobody promises it; hence the thread.
constexpr size_t kPiece = 4096;
// How often a thread that waits looks whether it is to end.
constexpr base::milliseconds kLook{50};

enum class Written : uint8_t { All, NotNow, Never };

/// Writes of `text` what is taken within `patience`, and takes it off.
Written write_some(int descriptor, std::string_view& text, base::milliseconds patience) {
  while (!text.empty()) {
    pollfd writable{.fd = descriptor, .events = POLLOUT, .revents = 0};
    const int ready = ::poll(&writable, 1, static_cast<int>(patience.count()));
    if (ready < 0 && errno != EINTR) return Written::Never;
    if (ready <= 0) return Written::NotNow;
    const ssize_t written = ::write(descriptor, text.data(), std::min(text.size(), kPiece));
    if (written > 0) {
      text.remove_prefix(static_cast<size_t>(written));
      continue;
    }
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) return Written::NotNow;
    return Written::Never;
  }
  return Written::All;
}

}  // namespace

struct LogWriter::State {
  explicit State(int where) : descriptor(where) {}

  void push(std::string_view line);
  void run();
  bool write_first(base::milliseconds patience, std::unique_lock<std::mutex>& lock);
  void write_until(base::Time end, std::unique_lock<std::mutex>& lock);

  const int descriptor;
  mutable std::mutex mutex;
  std::condition_variable pushed;
  std::condition_variable ended;
  // All of the following under the mutex.
  std::deque<std::string> lines;
  size_t written = 0;  // Octets of the first line.
  size_t octets = 0;   // Of all lines.
  Losses losses;
  std::optional<base::Time> waits_since;  // The first line.
  std::optional<base::Time> end;          // When to give up; nothing: not yet.
  bool has_ended = false;
  std::thread thread;
};

void LogWriter::State::push(std::string_view line) {
  std::unique_lock lock(mutex);
  if (lines.size() >= kMostLines || octets + line.size() > kMostOctets) {
    ++losses.overflowed;
    return;
  }
  octets += line.size();
  lines.emplace_back(line);
  if (thread.joinable()) {
    pushed.notify_one();
    return;
  }
  while (!lines.empty() && write_first(base::milliseconds{0}, lock)) {
  }
}

/// Whether the first line is done with. Whoever calls it is the only one who takes lines off; with
/// patience, others may push meanwhile.
bool LogWriter::State::write_first(base::milliseconds patience,
                                   std::unique_lock<std::mutex>& lock) {
  if (!waits_since) waits_since = base::Clock::now();
  const std::string& line = lines.front();  // A deque's elements stay where they are.
  std::string_view rest = std::string_view(line).substr(written);
  if (patience.count() > 0) lock.unlock();
  const Written done = write_some(descriptor, rest, patience);
  if (patience.count() > 0) lock.lock();
  written = line.size() - rest.size();
  if (done == Written::NotNow) return false;
  if (done == Written::Never) ++losses.refused;
  octets -= line.size();
  lines.pop_front();
  written = 0;
  waits_since.reset();
  return true;
}

void LogWriter::State::write_until(base::Time limit, std::unique_lock<std::mutex>& lock) {
  while (!lines.empty() && base::Clock::now() < limit) (void)write_first(kLook, lock);
}

void LogWriter::State::run() {
  std::unique_lock lock(mutex);
  while (!end) {
    pushed.wait(lock, [this] { return end || !lines.empty(); });
    if (!lines.empty()) (void)write_first(kLook, lock);
  }
  write_until(*end, lock);
  has_ended = true;
  ended.notify_all();
}

LogWriter::LogWriter(int descriptor) : state_(std::make_shared<State>(descriptor)) {}

LogWriter::~LogWriter() {
  std::unique_lock lock(state_->mutex);
  const base::Time limit = base::Clock::now() + kPatienceAtTheEnd;
  if (!state_->thread.joinable()) {
    state_->write_until(limit, lock);
    return;
  }
  state_->end = limit;
  state_->pushed.notify_all();
  const bool has_ended =
      state_->ended.wait_until(lock, limit + 2 * kLook, [this] { return state_->has_ended; });
  std::thread thread = std::move(state_->thread);
  lock.unlock();
  // One that hangs in a write ends with the process.
  if (has_ended) {
    thread.join();
  } else {
    thread.detach();
  }
}

void LogWriter::push(std::string_view line) { state_->push(line); }

Confined LogWriter::start(const std::function<Confined()>& begin) {
  std::promise<Confined> begun;
  std::future<Confined> outcome = begun.get_future();
  const std::unique_lock lock(state_->mutex);
  state_->thread = std::thread([state = state_, &begin, &begun] {
    pthread_setname_np(pthread_self(), "log");
    Confined done = begin();
    const bool may_go_on = done.has_value();
    begun.set_value(std::move(done));  // `begin` and `begun` are gone after this.
    if (may_go_on) return state->run();
    const std::unique_lock end_lock(state->mutex);
    state->has_ended = true;
  });
  return outcome.get();
}

LogWriter::Losses LogWriter::losses() const {
  const std::unique_lock lock(state_->mutex);
  return state_->losses;
}

base::Duration LogWriter::waiting(base::Time now) const {
  const std::unique_lock lock(state_->mutex);
  return state_->waits_since ? now - *state_->waits_since : base::Duration{0};
}

}  // namespace control
