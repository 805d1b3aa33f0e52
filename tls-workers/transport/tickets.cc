#include "tls-workers/transport/tickets.h"

#include <openssl/x509.h>

#include <bit>
#include <utility>

namespace transport {
namespace {

/// Where a session keeps the time of its full handshake. OpenSSL hands it on to the sessions that
/// come of resuming it.
int proof_index() {
  static const int index = SSL_SESSION_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

/// The first time that a session comes into a box, it has just been proved.
void note_proof(SSL_SESSION* session, base::Time now) {
  if (proved_at(session)) return;
  (void)SSL_SESSION_set_ex_data(session, proof_index(),
                                std::bit_cast<void*>(now.time_since_epoch().count()));
}

/// Whether the server that gave the ticket may still show the certificate it had.
bool certificate_is_valid(SSL_SESSION* session, std::time_t date) {
  const X509* certificate = SSL_SESSION_get0_peer(session);
  if (certificate == nullptr) return false;
  // 0 stands for an unreadable date.
  return X509_cmp_time(X509_get0_notBefore(certificate), &date) < 0 &&
         X509_cmp_time(X509_get0_notAfter(certificate), &date) > 0;
}

}  // namespace

std::optional<base::Time> proved_at(const SSL_SESSION* session) {
  const auto count =
      std::bit_cast<base::Duration::rep>(SSL_SESSION_get_ex_data(session, proof_index()));
  if (count == 0) return std::nullopt;
  return base::Time(base::Duration(count));
}

void TicketBox::put(SslSession session, base::Time now) {
  note_proof(session.get(), now);
  Ticket ticket{std::move(session), now};
  if (tickets_.try_push(std::move(ticket))) return;
  Ticket oldest;
  (void)tickets_.try_pop(oldest);
  // A push that was refused has moved nothing. Another worker may have filled the gap by now; a
  // ticket more or less is no loss.
  (void)tickets_.try_push(std::move(ticket));  // NOLINT(bugprone-use-after-move)
}

SslSession TicketBox::take(base::Time now, std::time_t date) {
  Ticket ticket;
  while (tickets_.try_pop(ticket)) {
    SSL_SESSION* session = ticket.session.get();
    const std::optional<base::Time> proved = proved_at(session);  // None if memory was out.
    if (now - ticket.received <= kLifetime && proved && now - *proved <= kProofLifetime &&
        SSL_SESSION_is_resumable(session) == 1 && certificate_is_valid(session, date)) {
      return std::move(ticket.session);
    }
  }
  return nullptr;
}

void TicketBox::clear() {
  Ticket ticket;
  // Bounded: a worker that puts tickets in meanwhile must not keep us here.
  for (int i = 0; i < kCapacity && tickets_.try_pop(ticket); ++i) ticket.session.reset();
}

std::shared_ptr<TicketBox> Tickets::of(const std::string& identity) {
  const std::lock_guard lock(mutex_);
  const auto known = boxes_.find(identity);
  if (known != boxes_.end()) return known->second;
  if (boxes_.size() >= kMaxBoxes)
    std::erase_if(boxes_, [](const auto& box) { return box.second.use_count() == 1; });
  auto made = std::make_shared<TicketBox>();
  if (boxes_.size() < kMaxBoxes) boxes_.emplace(identity, made);
  return made;
}

void Tickets::flush() {
  const std::lock_guard lock(mutex_);
  for (const auto& [identity, box] : boxes_) box->clear();
}

}  // namespace transport
