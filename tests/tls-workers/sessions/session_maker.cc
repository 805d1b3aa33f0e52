#include "tests/tls-workers/sessions/session_maker.h"

#include <openssl/ssl.h>

#include <cstdlib>

namespace tests {
namespace {

void require(bool good) {
  if (!good) std::abort();  // OpenSSL itself is not what is tested.
}

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;
using Ssl = std::unique_ptr<SSL, FreeSsl>;

}  // namespace

transport::SslSession session_with(const Identity& identity) {
  const Context here(SSL_CTX_new(TLS_client_method()));
  const Context there(SSL_CTX_new(TLS_server_method()));
  // With TLS 1.2 the ticket comes in the handshake.
  require(SSL_CTX_set_max_proto_version(here.get(), TLS1_2_VERSION) == 1);
  require(SSL_CTX_use_certificate(there.get(), identity.certificate.get()) == 1);
  require(SSL_CTX_use_PrivateKey(there.get(), identity.key.get()) == 1);
  const Ssl client(SSL_new(here.get()));
  const Ssl server(SSL_new(there.get()));
  BIO* client_end = nullptr;
  BIO* server_end = nullptr;
  require(BIO_new_bio_pair(&client_end, 0, &server_end, 0) == 1);
  SSL_set_bio(client.get(), client_end, client_end);
  SSL_set_bio(server.get(), server_end, server_end);
  SSL_set_connect_state(client.get());
  SSL_set_accept_state(server.get());
  constexpr int kSteps = 10;
  for (int i = 0; i < kSteps && SSL_is_init_finished(client.get()) == 0; ++i) {
    (void)SSL_do_handshake(client.get());
    (void)SSL_do_handshake(server.get());
  }
  require(SSL_is_init_finished(client.get()) == 1);
  transport::SslSession session(SSL_get1_session(client.get()));
  // Else OpenSSL takes the missing close_notify for a reason not to resume.
  SSL_set_shutdown(client.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  return session;
}

}  // namespace tests
