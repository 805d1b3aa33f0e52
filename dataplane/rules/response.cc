#include "dataplane/rules/response.h"

namespace rules {

Response respond_from(const cache::Entry& entry, base::Time now) {
  dns::Content content = entry.content(now);
  // RFC 8914 §4.14, unless the resolver has said more than that it failed.
  if (content.rcode == dns::Rcode::ServFail && content.ede == dns::Ede::None)
    content.ede = dns::Ede::CachedError;
  return {content, entry.stale() ? Outcome::Stale : Outcome::Hit};
}

Response respond_to_fill(const cache::Entry& entry, base::Time now) {
  return {entry.content(now), entry.stale() ? Outcome::Stale : Outcome::Fill};
}

Response respond_without_entry(dns::Rcode rcode, dns::Ede ede) {
  const bool failed = rcode == dns::Rcode::ServFail;
  return {{.rcode = rcode, .ede = ede}, failed ? Outcome::ServFail : Outcome::Fill};
}

Response respond_unasked(const Destination& to, const dns::Question& question, base::Time now) {
  const cache::Entry* left =
      to.cache != nullptr ? to.cache->find_tellable(question, now, to.staleness) : nullptr;
  if (left == nullptr) return respond_without_entry(dns::Rcode::ServFail, dns::Ede::NetworkError);
  return {left->stale_content(to.staleness), Outcome::Stale};
}

}  // namespace rules
