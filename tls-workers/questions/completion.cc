#include "tls-workers/questions/completion.h"

#include <algorithm>

namespace questions {
namespace {

/// Answers of this and more ask to be fetched ahead by themselves, when a core tells them.
constexpr base::seconds kLeftToCores{10};
constexpr base::milliseconds kBeforeTheEnd{400};

/// No memory for an entry: one in sixteen of those that are kept goes, of all sizes, so that the
/// next few thousand find room. Their memory is free a little later, and until then no more of them
/// go.
void make_room(cache::Cache& cache, cache::Reclaim& reclaim) {
  constexpr unsigned kShare = 16;
  if (reclaim.waiting() > cache::Reclaim::kPerCall) return;
  unsigned passed = 0;
  (void)cache.flush_if([&passed](const cache::Entry&) { return ++passed % kShare == 0; }, reclaim);
}

}  // namespace

bool Completion::refuse_again(const exchange::Miss& miss, const Asker& asker, base::Time now) {
  if (!failures_.hold(miss.question.hash, now)) return false;
  if (sharing_.stale.tell(miss.question, asker, now)) return true;
  sharing_.counters.failures_held.add();
  sharing_.fills.fill(asker, nullptr, dns::Ede::CachedError);
  return true;
}

void Completion::settle(OpenQuestion& question, const dns::Answer& answer, base::Time said,
                        base::Time now) {
  const Made made = make(question.question, answer, said);
  if (made.entry == nullptr) return give_up(question, dns::Ede::NetworkError, now);
  settle(question, made, now);
}

bool Completion::keep_refusal(OpenQuestion& question, const dns::Answer& refusal, base::Time now) {
  const Made made = make(question.question, refusal, now);
  if (made.entry == nullptr) return false;
  if (question.second_best != nullptr) {
    sharing_.reclaim.retire(made.entry);
  } else {
    question.second_best = made.entry;
    question.second_best_lifetime = made.lifetime;
  }
  return true;
}

Completion::Made Completion::make(const dns::Question& question, const dns::Answer& answer,
                                  base::Time said) {
  const PoolSettings& pool = sharing_.pools.of(question);
  const bool failure = dns::is_failure(answer.rcode);
  uint32_t lifetime = dns::lifetime(answer, pool.limits);
  if (failure) lifetime = failures_.lifetime(question.hash, lifetime, Failures::kLongest, said);
  cache::Entry* entry = entry_maker_.make(question, answer,
                                          {.limits = pool.limits,
                                           .lifetime = lifetime,
                                           .prefetch = pool.prefetch && !failure,
                                           .now = said});
  if (entry == nullptr) {
    sharing_.counters.entries_refused.add();
    if (pool.cache != nullptr) make_room(*pool.cache, sharing_.reclaim);
  }
  return {entry, lifetime, failure};
}

/// Takes `made.entry`.
void Completion::settle(OpenQuestion& question, const Made& made, base::Time now) {
  if (question.second_best != nullptr && question.second_best != made.entry)
    sharing_.reclaim.retire(question.second_best);
  question.second_best = nullptr;
  if (!made.failure && made.lifetime > 0 && !sharing_.questions.has_askers(question))
    sharing_.counters.late_answers.add();
  remember(question.question, made, now);
  look_ahead(question, made, now);
  const bool may_be_stale = made.failure && !question.bogus;
  const cache::Entry* stale = may_be_stale ? sharing_.stale.hold(question.question, now) : nullptr;
  // Held until the last Fill is pushed: from the moment others can see it, they can also displace
  // it.
  made.entry->pin();
  if (stale == nullptr) {
    publish(question, made, now);
    sharing_.fills.fill_all(question, made.entry, dns::Ede::None);
  } else {
    sharing_.reclaim.retire(made.entry);
    sharing_.fills.fill_all(question, stale, dns::Ede::None);
    stale->unpin();
  }
  made.entry->unpin();
  sharing_.questions.close(question);
}

void Completion::remember(const dns::Question& question, const Made& made, base::Time now) {
  if (made.failure) {
    failures_.failed(question.hash, made.lifetime, now);
  } else {
    failures_.answered(question.hash);
  }
}

/// Takes `made.entry`. What was fetched ahead and may not be kept does not end the answer that is
/// there before its time.
void Completion::publish(const OpenQuestion& question, const Made& made, base::Time now) {
  if (question.ahead && made.lifetime == 0 && !made.failure)
    return sharing_.reclaim.retire(made.entry);
  keep(question.question, made, now);
}

/// Takes `made.entry`. An answer that may not be kept says all the same that the one before is no
/// longer true.
void Completion::keep(const dns::Question& question, const Made& made, base::Time now) {
  cache::Cache* cache = sharing_.pools.of(question).cache;
  if (cache != nullptr && made.lifetime > 0)
    return cache->insert(question, made.entry, now, sharing_.reclaim);
  if (cache != nullptr) cache->remove(question, sharing_.reclaim);
  sharing_.reclaim.retire(made.entry);
}

void Completion::give_up(OpenQuestion& question, dns::Ede reason, base::Time now) {
  if (question.second_best != nullptr)
    return settle(question, {question.second_best, question.second_best_lifetime, true}, now);
  uint32_t again_after = Failures::kFirst;
  if (question.attempts.has_failed()) {
    const uint64_t hash = question.question.hash;
    const uint32_t longest = sharing_.pools.of(question.question).limits.temporary_failure_ttl;
    again_after = failures_.lifetime(hash, Failures::kFirst, longest, now);
    failures_.failed(hash, again_after, now);
  }
  look_ahead(question, {nullptr, again_after, true}, now);
  const bool may_be_stale = !question.bogus && sharing_.questions.has_askers(question);
  const cache::Entry* stale = may_be_stale ? sharing_.stale.hold(question.question, now) : nullptr;
  sharing_.fills.fill_all(question, stale, reason);
  if (stale != nullptr) stale->unpin();
  if (question.was_asked) late_.remember(question.handle, question.question);
  sharing_.questions.close(question);
}

/// After a failure, when it may be asked again. A short answer may be what a resolver's cache has
/// left, and the next one then comes from the same cache until that has ended: so again shortly
/// before the end, and once more if that was too early.
void Completion::look_ahead(const OpenQuestion& question, const Made& made, base::Time now) {
  if (!question.ahead || sharing_.pools.of(question.question).cache == nullptr) return;
  const base::seconds lifetime(made.lifetime);
  if (made.failure) return refetches_.plan(question.question, now + lifetime);
  if (lifetime >= kLeftToCores) return;
  refetches_.plan(question.question,
                  now + std::max<base::Duration>(lifetime - kBeforeTheEnd, kBeforeTheEnd));
}

std::optional<dns::Question> Completion::next_ahead(base::Time now) {
  while (std::optional<dns::Question> question = refetches_.next_due(now)) {
    cache::Cache* cache = sharing_.pools.of(*question).cache;
    const cache::Entry* held = cache != nullptr ? cache->hold(*question) : nullptr;
    if (held == nullptr) continue;
    const bool in_demand = held->touched() && !held->stale() && held->expires() > now;
    held->unpin();
    if (in_demand) return question;
  }
  return std::nullopt;
}

void Completion::tell_overdue(OpenQuestion& question, dns::Ede reason, base::Time now) {
  const bool may_be_stale = sharing_.questions.has_overdue(question, now) && !question.bogus;
  const cache::Entry* stale = may_be_stale ? sharing_.stale.hold(question.question, now) : nullptr;
  sharing_.fills.fill_overdue(question, stale != nullptr ? stale : question.second_best, reason,
                              now);
  if (stale != nullptr) stale->unpin();
}

void Completion::keep_late(const dns::Question& question, const dns::Answer& answer,
                           base::Time said) {
  if (sharing_.pools.of(question).cache == nullptr || dns::is_failure(answer.rcode)) return;
  const Made made = make(question, answer, said);
  if (made.entry == nullptr) return;
  if (made.lifetime > 0) sharing_.counters.late_answers.add();
  failures_.answered(question.hash);
  keep(question, made, said);
}

}  // namespace questions
