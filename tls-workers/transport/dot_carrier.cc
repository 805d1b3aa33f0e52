#include "tls-workers/transport/dot_carrier.h"

#include "dataplane/dns/answer.h"
#include "dataplane/dns/upstream_query.h"

namespace transport {

void DotCarrier::clear() {
  incoming_.clear();
  outgoing_.clear();
  fault_.reset();
}

void DotCarrier::ask(const dns::Question& question, uint16_t id) {
  const auto keepalive = is_unused_ ? dns::Keepalive::Ask : dns::Keepalive::Leave;
  is_unused_ = false;
  outgoing_.append(dns::kMaxUpstreamQuery, [&](base::ByteSpan into) {
    return dns::build_upstream_query(into, question, id, keepalive);
  });
}

Carrier::Came DotCarrier::filled(size_t size) {
  incoming_.filled(size);
  return Came::Answers;
}

std::optional<Outcome> DotCarrier::next() {
  if (const std::optional<base::ByteView> message = incoming_.next()) {
    // A whole message has at least a header, and so an id.
    return Outcome{.id = dns::message_id(*message).value(), .message = *message};
  }
  if (incoming_.malformed() && !fault_)
    fault_ = backends::Fault{backends::Failure::Malformed, "a message too short to be one"};
  return std::nullopt;
}

}  // namespace transport
