#include "dataplane/rules/decide.h"

namespace rules {
namespace {

using dns::Ede;
using dns::QueryFault;
using dns::Rcode;
using dns::Type;

constexpr uint8_t kEdnsVersion = 0;

Decision drop(Drop reason) { return {.action = Action::Drop, .drop = reason}; }

Decision say(Outcome outcome, Rationed rationed, Rcode rcode, Ede ede = Ede::None) {
  return {.action = Action::Reply,
          .outcome = outcome,
          .rationed = rationed,
          .content = {.rcode = rcode, .ede = ede}};
}

Decision refuse(Ede why) { return say(Outcome::Refused, Rationed::No, Rcode::Refused, why); }

/// RA=1 would say that there is recursion to be had: scanners call that an open resolver.
Decision refuse_stranger() {
  Decision decision = say(Outcome::Refused, Rationed::Yes, Rcode::Refused, Ede::Prohibited);
  decision.content.recursion = false;
  return decision;
}

Decision decide_malformed(QueryFault fault, CookieRule cookies) {
  switch (fault) {
    case QueryFault::TooShort:
      return drop(Drop::ShortQuery);
    case QueryFault::NotAQuery:
      return drop(Drop::NotAQuery);
    case QueryFault::BadOpcode:
      return say(Outcome::NotImp, Rationed::Yes, Rcode::NotImp);
    case QueryFault::NoQuestion:
      if (cookies == CookieRule::NotSpoken) break;
      return say(Outcome::Local, Rationed::Yes, Rcode::NoError);
    case QueryFault::Truncated:
    case QueryFault::BadCount:
    case QueryFault::BadName:
    case QueryFault::BadOpt:
      break;
  }
  return say(Outcome::FormErr, Rationed::Yes, Rcode::FormErr);
}

/// Types that may not be asked for: those of records that only exist inside a message (RFC 6895
/// §3.1: 128-255 are for queries and meta records), but for the four that have rules of their own.
bool is_meta(Type type) {
  const auto number = static_cast<uint16_t>(type);
  switch (type) {
    case Type::Axfr:
    case Type::Ixfr:
    case Type::Any:
      return false;
    case Type::Opt:
      return true;
    default:
      return number >= 128 && number <= 254;
  }
}

}  // namespace

Decision decide(const dns::Result<dns::Query, dns::Malformed>& query, Admission admission,
                Transport transport, CookieRule cookies) noexcept {
  const bool denied = admission == Admission::Denied;
  if (!query) {
    return denied ? drop(Drop::AclDenied) : decide_malformed(query.error().fault, cookies);
  }
  if (denied) return refuse_stranger();

  // RFC 6891 §6.1.3, and before any other rule: a client that speaks another version must learn
  // ours.
  if (query->edns.version > kEdnsVersion)
    return say(Outcome::BadVers, Rationed::Yes, Rcode::BadVers);
  // RFC 7828 §3.2.1: a client has no timeout to name. Over UDP the option means nothing (§3.1).
  if (is_stream(transport) && query->edns.keepalive == dns::AsksKeepalive::WithTimeout)
    return say(Outcome::FormErr, Rationed::Yes, Rcode::FormErr);
  if (cookies == CookieRule::Missing && !is_stream(transport))
    return say(Outcome::BadCookie, Rationed::No, Rcode::BadCookie);
  if (is_meta(query->type)) return say(Outcome::FormErr, Rationed::Yes, Rcode::FormErr);
  // Without RD a client asks what we happen to know: cache snooping. RFC 8914 §4.21 has the code
  // that Unbound uses too.
  if (!query->head.has(dns::flag::kRd)) return refuse(Ede::NotAuthoritative);
  if (query->klass != dns::Class::In) return refuse(Ede::NotSupported);
  if (query->type == Type::Axfr || query->type == Type::Ixfr) return refuse(Ede::NotSupported);
  if (query->type == Type::Any && !is_stream(transport)) {
    // RFC 8482 leaves the choice; over UDP an empty truncated reply amplifies nothing and proves
    // the client's address.
    Decision decision = say(Outcome::Truncated, Rationed::No, Rcode::NoError);
    decision.content.truncated = true;
    return decision;
  }
  return {.action = Action::Resolve};
}

dns::Content trimmed(const dns::Content& content, const dns::Asker& asker,
                     size_t query_size) noexcept {
  const size_t opt = asker.edns.present ? dns::kOptFixed : 0;
  const size_t explained = dns::kHeaderSize + asker.question.size() + opt + dns::kExtendedErrorSize;
  dns::Content said = content;
  if (explained > query_size) said.ede = Ede::None;
  return said;
}

}  // namespace rules
