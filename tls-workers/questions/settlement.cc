#include "tls-workers/questions/settlement.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace questions {
namespace {

/// Answers of this and more ask to be fetched ahead by themselves, when a core tells them.
constexpr base::seconds kLeftToCores{10};
constexpr base::milliseconds kBeforeTheEnd{400};

/// How many names above a question's are looked up; what lies deeper is asked of a resolver.
constexpr unsigned kMostAbove = 8;

/// Whether `content` denies the name that was asked for, by its zone's SOA. With an alias in front
/// the denial is the alias's target's, RFC 8020 §2; without an SOA, or with a word of explanation,
/// it is a resolver's that filters, and of this name alone.
bool denies_name(const dns::Content& content) {
  return content.rcode == dns::Rcode::NxDomain && content.answers == 0 && content.authorities > 0 &&
         content.ede == dns::Ede::None;
}

bool is_missing(cache::Cache& cache, const dns::Question& question, base::Time now) {
  const cache::Entry* held = cache.hold(question);
  if (held == nullptr) return false;
  const bool missing = held->expires() > now && !held->stale() && denies_name(held->content(now));
  held->unpin();
  return missing;
}

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

Settlement::Settlement(const Sharing& sharing, Questions& questions, WorkerCounters& counters)
    : worker_(sharing.worker),
      exchange_(sharing.exchange),
      questions_(questions),
      counters_(counters),
      reclaim_(sharing.readers) {}

bool Settlement::refuse_again(const exchange::Miss& miss, const Asker& asker, base::Time now) {
  if (!failures_.hold(miss.question.hash, now)) return false;
  if (tell_stale(miss.question, asker, now)) return true;
  counters_.failures_held.add();
  fill(asker, nullptr, dns::Ede::CachedError);
  return true;
}

bool Settlement::tell_missing(const exchange::Miss& miss, const Asker& asker, base::Time now) {
  const dns::Question& asked = miss.question;
  const PoolSettings& pool = pool_of(asked);
  // With DO a client wants proof, and with CD it judges for itself.
  if (!pool.nxdomain_cut || pool.cache == nullptr || asked.wants != dns::Wants::Plain) return false;
  base::ByteView name = asked.name.wire();
  for (unsigned above = 0; above < kMostAbove && name.size() > 1; ++above) {
    name = name.subspan(1 + static_cast<size_t>(name[0]));
    if (!is_missing(*pool.cache,
                    dns::make_question(name, asked.type, asked.klass, asked.wants, asked.pool),
                    now))
      continue;
    cache::Entry* entry = cache::make_entry({.question = asked,
                                             .content = {.rcode = dns::Rcode::NxDomain},
                                             .inserted = now,
                                             .expires = now});
    if (entry == nullptr) return false;
    counters_.below_missing.add();
    fill(asker, entry, dns::Ede::None);
    reclaim_.retire(entry);
    return true;
  }
  return false;
}

Settlement::Made Settlement::make(const dns::Question& question, const dns::Answer& answer,
                                  base::Time now) {
  const PoolSettings& pool = pool_of(question);
  const bool failure = dns::is_failure(answer.rcode);
  uint32_t lifetime = dns::lifetime(answer, pool.limits);
  if (failure) lifetime = failures_.lifetime(question.hash, lifetime, Failures::kLongest, now);
  cache::Entry* entry = entry_maker_.make(question, answer,
                                          {.limits = pool.limits,
                                           .lifetime = lifetime,
                                           .prefetch = pool.prefetch && !failure,
                                           .now = now});
  if (entry == nullptr) {
    counters_.entries_refused.add();
    if (pool.cache != nullptr) make_room(*pool.cache, reclaim_);
  }
  return {entry, lifetime, failure};
}

void Settlement::settle(OpenQuestion& question, const Made& made, base::Time now) {
  if (question.second_best != nullptr && question.second_best != made.entry)
    reclaim_.retire(question.second_best);
  question.second_best = nullptr;
  const uint64_t hash = question.question.hash;
  if (!made.failure && made.lifetime > 0 && !questions_.has_askers(question))
    counters_.late_answers.add();
  if (made.failure) {
    failures_.failed(hash, made.lifetime, now);
  } else {
    failures_.answered(hash);
  }
  released_.clear();
  questions_.release(question, [this](const Asker& asker) { released_.push_back(asker); });
  const bool may_be_stale = made.failure && !question.bogus;
  const cache::Entry* left = may_be_stale ? stale_answer(question.question, now) : nullptr;
  // Held until the last fill is pushed: from the moment others can see it, they can also displace
  // it.
  made.entry->pin();
  look_ahead(question, made, now);
  if (left == nullptr && question.ahead && made.lifetime == 0 && !made.failure) {
    // It may not be kept, but it does not end the one that is there before its time either.
    reclaim_.retire(made.entry);
    tell_all(made.entry, dns::Ede::None);
  } else if (left == nullptr) {
    keep(question.question, made, now);
    tell_all(made.entry, dns::Ede::None);
  } else {
    reclaim_.retire(made.entry);
    tell_all(left, dns::Ede::None);
    left->unpin();
  }
  made.entry->unpin();
  questions_.close(question);
}

/// Takes `made.entry`. An answer that may not be kept says all the same that the one before is no
/// longer true.
void Settlement::keep(const dns::Question& question, const Made& made, base::Time now) {
  cache::Cache* cache = pool_of(question).cache;
  if (cache != nullptr && made.lifetime > 0)
    return cache->insert(question, made.entry, now, reclaim_);
  if (cache != nullptr) cache->remove(question, reclaim_);
  reclaim_.retire(made.entry);
}

void Settlement::give_up(OpenQuestion& question, dns::Ede reason, base::Time now) {
  if (question.second_best != nullptr)
    return settle(question, {question.second_best, question.second_best_lifetime, true}, now);
  uint32_t again_after = Failures::kFirst;
  if (question.attempts.has_failed()) {
    const uint64_t hash = question.question.hash;
    const uint32_t longest = pool_of(question.question).limits.temporary_failure_ttl;
    again_after = failures_.lifetime(hash, Failures::kFirst, longest, now);
    failures_.failed(hash, again_after, now);
  }
  look_ahead(question, {nullptr, again_after, true}, now);
  released_.clear();
  questions_.release(question, [this](const Asker& asker) { released_.push_back(asker); });
  const cache::Entry* left = released_.empty() ? nullptr : stale_answer(question.question, now);
  tell_all(left, reason);
  if (left != nullptr) left->unpin();
  if (question.was_asked) late_.remember(question.handle, question.question);
  questions_.close(question);
}

/// After a failure, when it may be asked again. A short answer may be what a resolver's cache has
/// left, and the next one then comes from the same cache until that has ended: so again shortly
/// before the end, and once more if that was too early.
void Settlement::look_ahead(const OpenQuestion& question, const Made& made, base::Time now) {
  if (!question.ahead || pool_of(question.question).cache == nullptr) return;
  const base::seconds lifetime(made.lifetime);
  if (made.failure) return refetches_.plan(question.question, now + lifetime);
  if (lifetime >= kLeftToCores) return;
  refetches_.plan(question.question,
                  now + std::max<base::Duration>(lifetime - kBeforeTheEnd, kBeforeTheEnd));
}

std::optional<dns::Question> Settlement::next_ahead(base::Time now) {
  while (std::optional<dns::Question> question = refetches_.next_due(now)) {
    cache::Cache* cache = pool_of(*question).cache;
    const cache::Entry* held = cache != nullptr ? cache->hold(*question) : nullptr;
    if (held == nullptr) continue;
    const bool in_demand = held->touched() && !held->stale() && held->expires() > now;
    held->unpin();
    if (in_demand) return question;
  }
  return std::nullopt;
}

void Settlement::tell_old(OpenQuestion& question, base::Time now) {
  if (question.bogus || !questions_.has_askers(question)) return;
  const cache::Entry* left = stale_answer(question.question, now);
  if (left == nullptr) return;
  released_.clear();
  questions_.release(question, [this](const Asker& asker) { released_.push_back(asker); });
  tell_all(left, dns::Ede::None);
  left->unpin();
}

void Settlement::tell_overdue(OpenQuestion& question, dns::Ede reason, base::Time now) {
  released_.clear();
  questions_.release_overdue(question, now,
                             [this](const Asker& asker) { released_.push_back(asker); });
  if (released_.empty()) return;
  const cache::Entry* left = question.bogus ? nullptr : stale_answer(question.question, now);
  tell_all(left != nullptr ? left : question.second_best, reason);
  if (left != nullptr) left->unpin();
}

bool Settlement::tell_stale(const dns::Question& question, const Asker& asker, base::Time now) {
  const cache::Entry* left = stale_answer(question, now);
  if (left == nullptr) return false;
  fill(asker, left, dns::Ede::None);
  left->unpin();
  return true;
}

const cache::Entry* Settlement::stale_answer(const dns::Question& question, base::Time now) {
  const PoolSettings& pool = pool_of(question);
  const cache::Entry* held = pool.cache != nullptr ? pool.cache->hold(question) : nullptr;
  if (held == nullptr) return nullptr;
  const bool may_be_served_stale = held->may_be_served_stale(now, pool.staleness);
  if (may_be_served_stale && held->expires() > now) return held;
  cache::Entry* stale =
      may_be_served_stale ? cache::make_stale(question, *held, pool.staleness, now) : nullptr;
  if (stale != nullptr) {
    stale->pin();
    if (!pool.cache->replace(question, held, stale, reclaim_)) {
      // Flushed in between, so it may not be told either.
      stale->unpin();
      reclaim_.retire(std::exchange(stale, nullptr));
    }
  }
  held->unpin();
  return stale;
}

void Settlement::tell_all(const cache::Entry* entry, dns::Ede ede) {
  for (const Asker& asker : released_) fill(asker, entry, ede);
}

void Settlement::keep_late(const dns::Question& question, const dns::Answer& answer,
                           base::Time now) {
  if (pool_of(question).cache == nullptr || dns::is_failure(answer.rcode)) return;
  const Made made = make(question, answer, now);
  if (made.entry == nullptr) return;
  if (made.lifetime > 0) counters_.late_answers.add();
  failures_.answered(question.hash);
  keep(question, made, now);
}

void Settlement::fill(const Asker& asker, const cache::Entry* entry, dns::Ede ede) {
  if (asker.ticket == exchange::kNobody) return;
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

}  // namespace questions
