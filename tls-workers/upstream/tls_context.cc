#include "tls-workers/upstream/tls_context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <array>
#include <filesystem>
#include <optional>
#include <stdexcept>

#include "tls-workers/upstream/certificate_names.h"

namespace tls {
namespace {

/// What ALPN calls the protocols (RFC 7301). RFC 7858 names nothing, but "dot" is registered.
std::string_view alpn_name(Protocol protocol) { return protocol == Protocol::DoH ? "h2" : "dot"; }

bool offer(SSL_CTX* context, std::string_view protocol) {
  const std::string list = static_cast<char>(protocol.size()) + std::string(protocol);
  return SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(list.data()),
                                 static_cast<unsigned>(list.size())) == 0;
}

/// One record is about one segment, so that the server can read each as it comes.
constexpr long kRecordSize = 1300;

std::string identity_of(const BackendSettings& settings) {
  return std::string(alpn_name(settings.protocol)) + '|' + settings.address.text() + '|' +
         settings.subject_name + '|' + settings.subject_address + '|' + settings.ca_store;
}

/// The places OpenSSL looks for the system's certificates. An empty store would make every
/// handshake fail, one by one and much later.
bool system_store_exists() {
  const auto place = [](const char* variable, const char* otherwise) {
    const char* set = std::getenv(variable);
    return std::filesystem::path(set != nullptr ? set : otherwise);
  };
  std::error_code ignored;
  if (std::filesystem::is_regular_file(
          place(X509_get_default_cert_file_env(), X509_get_default_cert_file()), ignored)) {
    return true;
  }
  for (const auto& file : std::filesystem::directory_iterator(
           place(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()), ignored)) {
    if (file.path().extension() == ".0")
      return true;  // "<hash of the subject>.0", as `openssl rehash` names them.
  }
  return false;
}

}  // namespace

TlsContext::TlsContext(const BackendSettings& settings, Tickets& tickets)
    : name_(settings.name),
      protocol_(settings.protocol),
      subject_name_(settings.subject_name),
      subject_address_(settings.subject_address),
      ca_store_(settings.ca_store),
      tickets_(tickets.of(identity_of(settings))),
      context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX* context = context_.get();
  if (context == nullptr)
    throw std::runtime_error("backend " + name_ + ": " + take_openssl_error());
  const bool address_is_valid = base::IpAddress::parse(subject_address_).has_value();
  if (subject_address_.empty() ? subject_name_.empty() : !address_is_valid) {
    throw std::runtime_error("backend " + name_ +
                             ": needs a TLS subject name or a valid subject address");
  }
  load_trust();
  SSL_CTX_set_security_level(context,
                             2);  // No keys below 112 bits of strength, no SHA-1 signatures.
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, note_verification);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_ticket);
  SSL_CTX_set_app_data(context, this);
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_max_send_fragment(context, kRecordSize) != 1 ||
      !offer(context, alpn_name(protocol_))) {
    throw std::runtime_error("backend " + name_ + ": " + take_openssl_error());
  }
}

void TlsContext::load_trust() const {
  ERR_clear_error();
  if (!ca_store_.empty()) {
    if (SSL_CTX_load_verify_file(context_.get(), ca_store_.c_str()) == 1) return;
    throw std::runtime_error("backend " + name_ + ": cannot load certificates from " + ca_store_ +
                             ": " + take_openssl_error());
  }
  if (SSL_CTX_set_default_verify_paths(context_.get()) == 1 && system_store_exists()) return;
  throw std::runtime_error("backend " + name_ + ": the system has no certificates in " +
                           X509_get_default_cert_file() + " or " + X509_get_default_cert_dir());
}

Ssl TlsContext::make_ssl(base::Time now, std::string& complaint) const {
  ERR_clear_error();
  Ssl ssl(SSL_new(context_.get()));
  if (ssl == nullptr) return nullptr;
  BIO* from_peer = BIO_new(BIO_s_mem());
  BIO* to_peer = BIO_new(BIO_s_mem());
  if (from_peer == nullptr || to_peer == nullptr) {
    BIO_free(from_peer);
    BIO_free(to_peer);
    return nullptr;
  }
  SSL_set_bio(ssl.get(), from_peer, to_peer);
  SSL_set_connect_state(ssl.get());
  SSL_set_app_data(ssl.get(), &complaint);
  if (!expect_subject(ssl.get())) return nullptr;
  // A ticket that does not fit any more only costs the full handshake that would have been made
  // without it.
  if (const SslSession ticket = tickets_.take(now)) (void)SSL_set_session(ssl.get(), ticket.get());
  return ssl;
}

/// With a name: the certificate's SAN must hold it (RFC 8310 §8.1; a wildcard only as a whole
/// label, never the subject's CN), and the server is told it. With an address: the SAN must hold
/// that, and no server name is sent (RFC 6066 §3 allows no literals).
bool TlsContext::expect_subject(SSL* ssl) const {
  SSL_set_hostflags(ssl,
                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (!subject_address_.empty() &&
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), subject_address_.c_str()) != 1) {
    return false;
  }
  if (subject_name_.empty()) return true;
  return SSL_set1_host(ssl, subject_name_.c_str()) == 1 &&
         SSL_set_tlsext_host_name(ssl, subject_name_.c_str()) == 1;
}

const std::string& TlsContext::expected() const {
  return subject_name_.empty() ? subject_address_ : subject_name_;
}

std::optional<Fault> TlsContext::check_peer(SSL* ssl) const {
  const long verified = SSL_get_verify_result(ssl);
  if (verified != X509_V_OK)
    return Fault{Failure::Certificate, X509_verify_cert_error_string(verified)};
  if (SSL_get0_peer_certificate(ssl) == nullptr)
    return Fault{Failure::Certificate, "no certificate"};
  return check_protocol(ssl);
}

/// HTTP/2 is spoken only to who has agreed to it (RFC 9113 §3.2). Most resolvers choose nothing for
/// DNS over TLS; one that chooses something else speaks something else.
std::optional<Fault> TlsContext::check_protocol(SSL* ssl) const {
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &size);
  if (size == 0 && protocol_ == Protocol::DoT) return std::nullopt;
  if (size == 0) return Fault{Failure::Tls, "the server does not agree to HTTP/2 (ALPN h2)"};
  if (std::string_view(reinterpret_cast<const char*>(protocol), size) == alpn_name(protocol_))
    return std::nullopt;
  return Fault{Failure::Tls, protocol_ == Protocol::DoH
                                 ? "the server selected another application protocol than HTTP/2"
                                 : "the server selected another application protocol than DNS "
                                   "over TLS"};
}

/// OpenSSL hands over its reference to `session`; 1 says that we keep it.
int TlsContext::keep_ticket(SSL* ssl, SSL_SESSION* session) {
  auto* self = static_cast<TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  try {
    self->tickets_.put(SslSession(session), base::Clock::now());
  } catch (const std::exception&) {
    // Memory is out; `put` has taken the session with it. C code is above us, so this goes no
    // further.
  }
  return 1;
}

/// Changes nothing about the verdict; only here does OpenSSL still have the certificate that it
/// refuses.
int TlsContext::note_verification(int accepted, X509_STORE_CTX* store) {
  if (accepted == 1) return accepted;
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* self = static_cast<const TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  try {
    auto& complaint = *static_cast<std::string*>(SSL_get_app_data(ssl));
    const int error = X509_STORE_CTX_get_error(store);
    if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH) {
      complaint = "certificate is for " + certificate_names(X509_STORE_CTX_get0_cert(store)) +
                  ", expected '" + self->expected() + "'";
    } else {
      complaint = std::string("certificate refused: ") + X509_verify_cert_error_string(error);
    }
  } catch (const std::exception&) {
    // The verdict stands without words.
  }
  return accepted;
}

std::string take_openssl_error() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "unknown TLS error";
}

}  // namespace tls
