// What one worker counts, its backends apart. Written by the worker, read by any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/base/counters.h"

namespace questions {

/// What kept a question from being put to a backend while its clients waited.
enum class Hindrance : uint8_t { Sessions, Budget, NoSession, Count_ };

/// `dotline_questions_unplaced_total{limit}`: the setting, if there is one.
inline constexpr std::array<std::string_view, static_cast<size_t>(Hindrance::Count_)>
    kHindranceNames = {"max_in_flight", "queries_per_second", "no_session"};
static_assert(!kHindranceNames.back().empty());

struct WorkerCounters {
  base::Counter merged;          // Misses that joined a question another core had already asked.
  base::Counter questions;       // Gauge: questions open now.
  base::Counter questions_full;  // Misses refused because too many questions were open.
  base::Counters<Hindrance> unplaced;  // Questions whose clients were told that none was asked.
  base::Counter questions_over_quota;  // Misses refused because their domain had too many open.
  base::Counter failures_held;    // Misses failed because their question had failed just before.
  base::Counter below_missing;    // Misses told NXDOMAIN since a name above them is missing.
  base::Counter prefetches;       // Questions asked though no client waits for them yet.
  base::Counter prefetches_left;  // Such that were not: half of all questions were open.
  base::Counter hedged;           // Queries sent while another backend still had the question.
  base::Counter late_answers;     // Answers kept though all clients had given up.
  base::Counter fills_lost;       // Fills that found their ring full.
  base::Counter entries_refused;  // Answers not kept because memory was out.
  base::Counter turns;            // Moves while the worker is alive.
};

}  // namespace questions
