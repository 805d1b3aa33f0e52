#include "tls-workers/questions/stale_answers.h"

#include <utility>

namespace questions {

const cache::Entry* StaleAnswers::hold(const dns::Question& question, base::Time now) {
  const PoolSettings& pool = pools_.of(question);
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

bool StaleAnswers::tell(const dns::Question& question, const Asker& asker, base::Time now) {
  const cache::Entry* stale = hold(question, now);
  if (stale == nullptr) return false;
  fills_.fill(asker, stale, dns::Ede::None);
  stale->unpin();
  return true;
}

void StaleAnswers::tell_all(OpenQuestion& question, base::Time now) {
  if (question.bogus || !questions_.has_askers(question)) return;
  const cache::Entry* stale = hold(question.question, now);
  if (stale == nullptr) return;
  fills_.fill_all(question, stale, dns::Ede::None);
  stale->unpin();
}

}  // namespace questions
