// Lines on their way to somebody who may not take them: a pipe that nobody reads any more, a
// stopped terminal, a journal that hangs. Whoever has something to say leaves it here and never
// waits; a thread that does nothing else hands it over. What does not fit is lost, and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "control/process/rights.h"
#include "dataplane/base/clock.h"

namespace control {

class LogWriter {
 public:
  static constexpr size_t kMostLines = 4096;
  static constexpr size_t kMostOctets = size_t{1} << 20;
  /// How long the end waits for what is left to be taken: a process that was told to go has a
  /// second for all it does.
  static constexpr base::milliseconds kPatienceAtTheEnd{300};

  /// `descriptor` stays open and is not closed. It may be shared with other processes, so its flags
  /// are left alone.
  explicit LogWriter(int descriptor);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// Takes text that ends a line. Any thread, never waits. Until there is a thread to write, writes
  /// what is taken at once, so that what a start says stands there in time.
  void push(std::string_view line);

  /// From now on a thread writes, after `begin` has run on it, whose word this returns. Once.
  Confined start(const std::function<Confined()>& begin);

  struct Losses {
    uint64_t overflowed = 0;  // Lines that did not fit.
    uint64_t refused = 0;     // Lines that nobody will ever take: EPIPE, a full disk and the like.
  };
  /// Any thread.
  [[nodiscard]] Losses losses() const;
  /// For how long the line whose turn it is has not been taken; nothing: no line waits. Any thread.
  [[nodiscard]] base::Duration waiting(base::Time now) const;

 private:
  struct State;
  /// Shared with the thread, which outlives this if it hangs in the kernel.
  std::shared_ptr<State> state_;
};

}  // namespace control
