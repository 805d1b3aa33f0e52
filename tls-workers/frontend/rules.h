// What every worker's frontend goes by. Immutable; a reload publishes another one, and each
// frontend takes it up at the start of a turn, as poll cores take up theirs.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/rules/policy.h"
#include "dataplane/rules/transport.h"
#include "tls-workers/frontend/limits.h"
#include "tls-workers/server_tls/server_context.h"

namespace frontend {

/// How clients are spoken to at one address.
struct Place {
  rules::Transport transport = rules::Transport::Tcp;
  bool is_off = false;  // Clients are turned away: there is no certificate to show.
  std::shared_ptr<const server_tls::ServerContext> tls{};   // Nullptr on TCP.
  std::shared_ptr<const std::vector<std::string>> paths{};  // Over HTTPS only: where DNS is.
};

struct Rules {
  rules::Policy policy;       // Its binds are the addresses of the listeners, in their order.
  std::vector<Place> places;  // By bind.
  Limits limits;
};

/// The rules in force. The thread that replaces them keeps the old ones until every reader has
/// passed a quiescent point (cache::Readers).
using PublishedRules = std::atomic<const Rules*>;

}  // namespace frontend
