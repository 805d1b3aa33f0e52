#include "tls-workers/settlement.h"

#include <bit>

namespace tls {
namespace {

bool is_failure(dns::Rcode rcode) {
  return rcode == dns::Rcode::ServFail || rcode == dns::Rcode::Refused;
}

}  // namespace

Settlement::Settlement(const Sharing& sharing, Questions& questions, WorkerCounters& counters)
    : worker_(sharing.worker),
      exchange_(sharing.exchange),
      questions_(questions),
      counters_(counters),
      reclaim_(sharing.readers) {}

bool Settlement::refuse_again(const exchange::Miss& miss, const Asker& asker, base::Time now) {
  if (!failures_.hold(miss.question.hash, now)) return false;
  counters_.failures_held.add();
  fill(asker, nullptr, dns::Ede::CachedError);
  return true;
}

Settlement::Made Settlement::make(const dns::Question& question, const dns::Answer& answer,
                                  base::Time now) {
  const dns::LifetimeLimits& limits = pool_of(question).limits;
  const bool failure = is_failure(answer.rcode);
  uint32_t lifetime = dns::lifetime(answer, limits);
  if (failure) lifetime = failures_.lifetime(question.hash, lifetime, Failures::kLongest, now);
  cache::Entry* entry = entry_maker_.make(question, answer, {limits, lifetime, now});
  if (entry == nullptr) counters_.entries_refused.add();
  return {entry, lifetime, failure};
}

void Settlement::settle(OpenQuestion& question, const Made& made, base::Time now) {
  if (question.second_best != nullptr && question.second_best != made.entry)
    reclaim_.retire(question.second_best);
  question.second_best = nullptr;
  const uint64_t hash = question.question.hash;
  if (made.failure) {
    failures_.failed(hash, made.lifetime, now);
  } else {
    failures_.answered(hash);
  }
  released_.clear();
  questions_.release(question, [this](const Asker& asker) { released_.push_back(asker); });
  // Held until the last fill is pushed: from the moment others can see it, they can also displace
  // it.
  made.entry->pin();
  cache::Cache* cache = pool_of(question.question).cache;
  if (cache != nullptr && made.lifetime > 0) {
    cache->insert(question.question, made.entry, now, reclaim_);
  } else {
    reclaim_.retire(made.entry);
  }
  for (const Asker& asker : released_) fill(asker, made.entry, dns::Ede::None);
  made.entry->unpin();
  questions_.close(question);
}

void Settlement::give_up(OpenQuestion& question, dns::Ede reason, base::Time now) {
  if (question.second_best != nullptr)
    return settle(question, {question.second_best, question.second_best_lifetime, true}, now);
  const uint64_t hash = question.question.hash;
  const uint32_t longest = pool_of(question.question).limits.temporary_failure_ttl;
  failures_.failed(hash, failures_.lifetime(hash, Failures::kFirst, longest, now), now);
  questions_.release(question, [&](const Asker& asker) { fill(asker, nullptr, reason); });
  if (question.was_asked) late_.remember(question.handle, question.question);
  questions_.close(question);
}

void Settlement::tell_overdue(OpenQuestion& question, dns::Ede reason, base::Time now) {
  const cache::Entry* entry = question.second_best;
  questions_.release_overdue(question, now,
                             [&](const Asker& asker) { fill(asker, entry, reason); });
}

void Settlement::keep_late(const dns::Question& question, const dns::Answer& answer,
                           base::Time now) {
  cache::Cache* cache = pool_of(question).cache;
  if (cache == nullptr || is_failure(answer.rcode)) return;
  const Made made = make(question, answer, now);
  if (made.entry == nullptr) return;
  if (made.lifetime == 0) return reclaim_.retire(made.entry);
  counters_.late_answers.add();
  failures_.answered(question.hash);
  cache->insert(question, made.entry, now, reclaim_);
}

void Settlement::fill(const Asker& asker, const cache::Entry* entry, dns::Ede ede) {
  if (entry != nullptr) entry->pin();
  const exchange::Fill message{
      .ticket = asker.ticket, .entry = entry, .ede = entry != nullptr ? dns::Ede::None : ede};
  if (asker.core >= exchange_.cores())
    fronts_to_wake_ |= uint64_t{1} << (asker.core - exchange_.cores());
  if (exchange_.lane(asker.core, worker_).fill.push(message)) return;
  counters_.fills_lost.add();
  if (entry != nullptr) entry->unpin();
}

void Settlement::wake_fronts() {
  fronts_to_wake_ &= ~(uint64_t{1} << worker_);  // Our own is awake: its turn is part of ours.
  for (; fronts_to_wake_ != 0; fronts_to_wake_ &= fronts_to_wake_ - 1)
    exchange_.doorbell(static_cast<unsigned>(std::countr_zero(fronts_to_wake_))).ring();
}

}  // namespace tls
