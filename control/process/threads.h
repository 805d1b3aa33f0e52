// The threads of a running dotline: TLS workers, poll cores, the exception path. Each gives up what
// it will not need before it does anything else, and no other starts before that is seen.
#pragma once

#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "control/config/config.h"
#include "dataplane/poll/lcore_state.h"
#include "dataplane/ports/exception_path.h"
#include "tls-workers/worker/worker.h"

namespace control {

class Threads {
 public:
  /// What runs; it outlives this. `exception_path`: nullptr if there is none.
  struct Crew {
    std::span<const std::unique_ptr<worker::Worker>> workers;
    std::span<const std::unique_ptr<poll::LcoreState>> cores;
    ports::ExceptionPath* exception_path;
  };

  Threads() = default;
  ~Threads() { stop(); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  /// Throws std::runtime_error if one does not start, or cannot be confined; `stop` then stops the
  /// others.
  void start(const Crew& crew, const Config& config);
  /// Cores before workers, so that whoever is parked is still told something.
  void stop();

 private:
  void start_workers(const TlsWorkers& settings);
  void start_exception_path();
  void start_cores(const std::vector<unsigned>& cpus);

  Crew crew_{};
  std::vector<std::thread> workers_;
  std::thread exception_path_;
  unsigned cores_ = 0;  // Those that poll.
};

}  // namespace control
