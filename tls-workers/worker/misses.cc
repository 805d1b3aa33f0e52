#include "tls-workers/worker/misses.h"

#include <array>
#include <optional>

namespace worker {
namespace {

/// Taken from one core in one turn; what is left waits for the next, so that no core starves the
/// sessions.
constexpr size_t kMissesPerLane = 128;

/// For how long a question that no client waits for is asked.
constexpr base::milliseconds kPatienceAhead{1800};

}  // namespace

void Misses::take(base::Time now) {
  std::array<exchange::Miss, kMissesPerLane> misses;
  for (uint32_t core = 0; core < sharing_.exchange.askers(); ++core) {
    const unsigned count = sharing_.exchange.lane(core, sharing_.worker).miss.pop(misses);
    for (unsigned i = 0; i < count; ++i) take(misses[i], core, now);
  }
  while (const std::optional<dns::Question> question = sharing_.completion.next_ahead(now))
    take({*question, exchange::kNobody, now + kPatienceAhead}, 0, now);
}

void Misses::take(const exchange::Miss& miss, uint32_t core, base::Time now) {
  const questions::Asker asker{core, miss.ticket, miss.deadline};
  questions::WorkerCounters& counters = sharing_.counters;
  const bool prefetch = miss.ticket == exchange::kNobody;
  if (prefetch && sharing_.questions.open() >= max_questions_ / 2)
    return counters.prefetches_left.add();
  if (sharing_.completion.refuse_again(miss, asker, now)) return;
  if (sharing_.nxdomain_cut.tell_missing(miss, asker, now)) return;
  const questions::Questions::Join join = sharing_.questions.join(miss, core, now);
  switch (join.how) {
    case questions::Questions::Joined::Opened:
      if (prefetch) counters.prefetches.add();
      sharing_.progress.begin(*join.question, now);
      break;
    case questions::Questions::Joined::Merged:
      counters.merged.add();
      break;
    case questions::Questions::Joined::Full:
      counters.questions_full.add();
      respond_unasked(miss, asker, now);
      break;
    case questions::Questions::Joined::OverQuota:
      counters.questions_over_quota.add();
      respond_unasked(miss, asker, now);
      break;
  }
}

void Misses::respond_unasked(const exchange::Miss& miss, const questions::Asker& asker,
                             base::Time now) {
  if (sharing_.stale.tell(miss.question, asker, now)) return;
  sharing_.fills.fill(asker, nullptr, dns::Ede::NetworkError);
}

bool Misses::any_wait() {
  for (uint32_t core = 0; core < sharing_.exchange.askers(); ++core) {
    if (!sharing_.exchange.lane(core, sharing_.worker).miss.empty()) return true;
  }
  return false;
}

void Misses::refuse_all() {
  std::array<exchange::Miss, kMissesPerLane> misses;
  for (uint32_t core = 0; core < sharing_.exchange.askers(); ++core) {
    exchange::Lane& lane = sharing_.exchange.lane(core, sharing_.worker);
    while (const unsigned count = lane.miss.pop(misses)) {
      for (unsigned i = 0; i < count; ++i)
        sharing_.fills.fill({core, misses[i].ticket, misses[i].deadline}, nullptr,
                            dns::Ede::NotReady);
    }
  }
}

}  // namespace worker
