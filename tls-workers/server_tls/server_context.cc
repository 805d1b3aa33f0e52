#include "tls-workers/server_tls/server_context.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "tls-workers/transport/tls_context.h"
#include "tls-workers/transport/tls_offer.h"

namespace server_tls {
namespace {

/// Replies of one turn leave in records of the largest size: a client reads all that is there.
constexpr long kRecordSize = SSL3_RT_MAX_PLAIN_LENGTH;

// As ALPN writes them, RFC 7301 §3.1, §6.
constexpr std::string_view kHttp2 = "\x02h2";
constexpr std::string_view kHttp1 = "\x08http/1.1";

/// Whether `protocol` is one of `list`, which OpenSSL has found to be well-formed.
bool names(std::string_view protocol, std::string_view list) {
  while (!list.empty()) {
    if (list.starts_with(protocol)) return true;
    list.remove_prefix(std::min(list.size(), size_t{1} + static_cast<unsigned char>(list.front())));
  }
  return false;
}

/// Takes references of its own.
bool use(SSL_CTX* context, const Certificate& certificate) {
  STACK_OF(X509)* others = sk_X509_new_null();
  if (others == nullptr) return false;
  bool pushed = true;
  for (size_t i = 1; i < certificate.chain().size(); ++i)
    pushed = pushed && sk_X509_push(others, certificate.chain()[i].get()) > 0;
  const bool used = pushed && SSL_CTX_use_cert_and_key(context, certificate.own(),
                                                       certificate.key(), others, 1) == 1;
  sk_X509_free(others);
  return used;
}

}  // namespace

std::chrono::system_clock::time_point expiry_of(const ServerTls& tls) {
  return std::ranges::min_element(tls.certificates, {}, &Certificate::not_after)->not_after();
}

ServerContext::ServerContext(const ServerTls& settings, const std::string& protocol,
                             TicketKeys& keys)
    : protocol_(static_cast<char>(protocol.size()) + protocol),
      context_(SSL_CTX_new(TLS_server_method())) {
  if (context_ == nullptr || !set_up(settings, keys))
    throw std::runtime_error("TLS for clients: " + transport::take_openssl_error());
}

bool ServerContext::set_up(const ServerTls& settings, TicketKeys& keys) {
  SSL_CTX* context = context_.get();
  if (!transport::set_offer(context, settings.offer)) return false;
  for (const Certificate& certificate : settings.certificates) {
    if (!use(context, certificate)) return false;
  }
  // Phones without AES in hardware say by their order that ChaCha20 is faster for them.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  // Sessions are in their tickets, which every worker can read; no early data, which could be
  // replayed (RFC 8446 §8).
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, TicketKeys::kRotation.count());
  SSL_CTX_set_max_early_data(context, 0);
  keys.serve(context);
  transport::count_records(context);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, this);
  return SSL_CTX_set_max_send_fragment(context, kRecordSize) == 1;
}

/// RFC 7858 knows no ALPN, so that most clients of DNS over TLS name nothing and do not get here.
int ServerContext::choose_protocol(SSL* ssl, const unsigned char** chosen, unsigned char* size,
                                   const unsigned char* offered, unsigned offered_size,
                                   void* self) {
  const std::string& ours = static_cast<const ServerContext*>(self)->protocol_;
  unsigned char* found = nullptr;
  const int outcome =
      SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned>(ours.size()), offered, offered_size);
  *chosen = found;
  if (outcome == OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_OK;
  transport::notes_of(ssl).offers_http_1_alone =
      ours == kHttp2 && names(kHttp1, {reinterpret_cast<const char*>(offered), offered_size});
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace server_tls
