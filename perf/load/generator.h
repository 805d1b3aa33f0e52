// Sends queries at fixed times through one queue of a port, takes what comes back, and keeps
// account. One thread does both, so both readings of the clock are of the same TSC.
#pragma once

#include <rte_mempool.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "perf/load/flights.h"
#include "perf/load/latency.h"
#include "perf/load/query_frames.h"
#include "perf/load/reply_check.h"

namespace load {

struct Result {
  uint64_t due = 0;     // Queries whose time came.
  uint64_t sent = 0;    // Less than `due` if the port or this machine did not keep up.
  uint64_t cycles = 0;  // From the first query's time to the last one's sending.
  std::array<uint64_t, kFindings> found{};
  Latency latency;  // Of right replies: from when the query was due to when the reply was seen.
  Latency lag;      // From when a query was due to when it was handed to the port.

  [[nodiscard]] uint64_t answered() const { return found[static_cast<size_t>(Finding::Right)]; }
};

/// How long to go on, and at what pace.
struct Plan {
  uint64_t rate = 0;     // Queries a second.
  uint64_t queries = 0;  // In all.
};

/// Where queries leave and replies come in: queue 0 of a started port.
struct Outlet {
  uint16_t port = 0;
  rte_mempool* pool = nullptr;
  double patience = 0.2;  // Seconds without a reply, after the last query, that are the end.
};

class Generator {
 public:
  /// `stop` ends a run early.
  Generator(const Outlet& outlet, const QueryFrames& frames, const ReplyCheck& check,
            Flights& flights, const std::atomic<bool>& stop)
      : outlet_(outlet), frames_(frames), check_(check), flights_(flights), stop_(stop) {}

  /// Asks for `names` in turn, again from the front when they are through; their number is a power
  /// of two, or no less than plan.queries. Returns when the last reply has come, or none for the
  /// outlet's patience.
  Result run(const Plan& plan, const std::vector<uint32_t>& names);

 private:
  struct Run;

  void send_due(Run& run, uint64_t now);
  void hand_over(Run& run);
  unsigned receive(Run& run);

  Outlet outlet_;
  const QueryFrames& frames_;
  const ReplyCheck& check_;
  Flights& flights_;
  const std::atomic<bool>& stop_;
  uint64_t next_number_ =
      0;  // Numbers go on from run to run, so that late replies are known for what they are.
};

}  // namespace load
