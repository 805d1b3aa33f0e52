#include "tls-workers/frontend/stream_edge.h"

#include <algorithm>

#include "dataplane/base/assert.h"

namespace frontend {
namespace {

constexpr uint16_t kReplyPaddingBlock = 468;  // RFC 8467 §4.1.
constexpr base::Duration kKeepaliveUnit = base::milliseconds{100};

}  // namespace

StreamEdge::StreamEdge(ConnectionTable& connections, Counters& counters)
    : connections_(connections), counters_(counters), message_(dns::kMaxMessage) {}

void StreamEdge::begin(base::Duration idle, base::Time now) {
  now_ = now;
  keepalive_ = static_cast<uint16_t>(std::clamp<int64_t>(idle / kKeepaliveUnit, 1, UINT16_MAX));
}

void StreamEdge::count_sent(base::Time sent) {
  for (size_t outcome = 0; outcome < replied_.size(); ++outcome) {
    if (replied_[outcome] == 0) continue;
    counters_.replies[rules::Outcome(outcome)].add(replied_[outcome]);
    counters_.reply_duration[outcome].record(sent - now_, replied_[outcome]);
    replied_[outcome] = 0;
  }
}

void StreamEdge::reply(const Return& back, const dns::Asker& asker, const dns::Content& content,
                       rules::Outcome outcome, base::Time received) {
  Connection* connection = connections_.find(back.connection);
  ASSERT(connection != nullptr);
  dns::Asker heard = asker;
  heard.limit = message_.size();
  heard.options = options_for(asker, back.transport);
  const dns::Reply composed = dns::compose_reply(message_, heard, content);
  connection->carrier().reply(back.stream, base::ByteView(message_).first(composed.size), content);
  connections_.touch(*connection);
  const rules::Outcome written =
      composed.written == dns::Written::Truncated ? rules::Outcome::Truncated : outcome;
  const auto index = static_cast<size_t>(written);
  if (received == now_) {
    ++replied_[index];
  } else {
    counters_.replies[written].add();
    counters_.reply_duration[index].record(now_ - received);
  }
}

/// HTTP has its own way to say how long a connection stays, so only the others get RFC 7828's.
dns::Options StreamEdge::options_for(const dns::Asker& asker, rules::Transport transport) const {
  dns::Options options = asker.options;
  const bool keepalive =
      asker.edns.keepalive == dns::AsksKeepalive::Yes && transport != rules::Transport::Doh;
  const bool pads = asker.edns.padded && rules::is_encrypted(transport);
  if (keepalive) options.keepalive = keepalive_;
  if (pads) options.padding_block = kReplyPaddingBlock;
  return options;
}

void StreamEdge::drop(const Return& back) {
  Connection* connection = connections_.find(back.connection);
  if (connection != nullptr) connection->carrier().forgo(back.stream);
}

void StreamEdge::park(const Return& back) {
  Connection* connection = connections_.find(back.connection);
  if (connection != nullptr) connection->parked();
}

std::optional<rules::Drop> StreamEdge::recover(const Return& back) {
  Connection* connection = connections_.find(back.connection);
  if (connection == nullptr) return rules::Drop::ClientGone;
  connection->released();
  return std::nullopt;
}

void take_query(Handler& handler, Handler::Query& in_hand, Connection& connection,
                const Request& request, const rules::Policy& policy) {
  const Origin& origin = connection.origin();
  in_hand.back = {connection.handle(), request.stream, origin.transport, origin.client};
  const Handler::Admitted admitted =
      handler.admit(in_hand, request.message, policy.binds[origin.bind]);
  if (admitted.to_resolve) {
    handler.probe(in_hand);
    handler.resolve(in_hand);
  }
  if (!admitted.is_allowed) connection.end(Closed::Acl);
  if (!admitted.is_query && !connection.bears_garbage()) connection.end(Closed::Garbage);
}

static_assert(handler::Edge<StreamEdge>);

}  // namespace frontend

template class handler::Handler<frontend::StreamEdge>;
