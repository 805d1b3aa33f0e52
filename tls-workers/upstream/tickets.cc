#include "tls-workers/upstream/tickets.h"

#include <utility>

namespace tls {

void TicketBox::put(SslSession session, base::Time now) {
  Ticket ticket{std::move(session), now};
  if (tickets_.try_push(std::move(ticket))) return;
  Ticket oldest;
  (void)tickets_.try_pop(oldest);
  // A push that was refused has moved nothing. Another worker may have filled the gap by now; a
  // ticket more or less is no loss.
  (void)tickets_.try_push(std::move(ticket));  // NOLINT(bugprone-use-after-move)
}

SslSession TicketBox::take(base::Time now) {
  Ticket ticket;
  while (tickets_.try_pop(ticket)) {
    if (now - ticket.received <= kLifetime && SSL_SESSION_is_resumable(ticket.session.get()) == 1) {
      return std::move(ticket.session);
    }
  }
  return nullptr;
}

TicketBox& Tickets::of(const std::string& identity) {
  decltype(boxes_)::accessor box;
  if (boxes_.insert(box, identity)) box->second = std::make_unique<TicketBox>();
  return *box->second;
}

}  // namespace tls
