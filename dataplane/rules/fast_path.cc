#include "dataplane/rules/fast_path.h"

#include "dataplane/rules/decide.h"

namespace rules {
namespace {

/// As the fast path recognizes them: what it does not look at, it takes for this.
dns::Query plain_query(const dns::Question& question) {
  dns::Query query;
  query.type = question.type;
  query.klass = question.klass;
  query.head.flags = dns::flag::kRd;
  return query;
}

}  // namespace

bool fast_path_may_answer(const dns::Question& question, const dns::Content& content) noexcept {
  const bool needs_only_copying = content.ede == dns::Ede::None && !content.truncated &&
                                  content.recursion && !dns::is_failure(content.rcode);
  return needs_only_copying &&
         decide(plain_query(question), Admission::Allowed, Transport::Udp).action ==
             Action::Resolve;
}

}  // namespace rules
