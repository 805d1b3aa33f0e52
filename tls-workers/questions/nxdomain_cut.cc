#include "tls-workers/questions/nxdomain_cut.h"

namespace questions {
namespace {

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

}  // namespace

bool NxdomainCut::tell_missing(const exchange::Miss& miss, const Asker& asker, base::Time now) {
  const dns::Question& asked = miss.question;
  const PoolSettings& pool = pools_.of(asked);
  // With DO a client wants proof, and with CD it judges for itself.
  if (!pool.nxdomain_cut || pool.cache == nullptr || asked.wants != dns::Wants::Plain) return false;
  base::ByteView name = asked.name.wire();
  for (unsigned above = 0; above < kMostAbove && name.size() > 1; ++above) {
    name = name.subspan(1 + static_cast<size_t>(name[0]));
    if (!is_missing(*pool.cache,
                    dns::make_question(name, asked.type, asked.klass, asked.wants, asked.pool),
                    now))
      continue;
    counters_.below_missing.add();
    fills_.deny(asker);
    return true;
  }
  return false;
}

}  // namespace questions
