#include "tls-workers/transport/tls_context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <optional>
#include <stdexcept>

#include "tls-workers/transport/certificate_names.h"
#include "tls-workers/transport/tls_offer.h"
#include "tls-workers/transport/trust_store.h"

namespace transport {
namespace {

/// What ALPN calls the protocols (RFC 7301). RFC 7858 names nothing, but "dot" is registered.
std::string_view alpn_name(backends::Protocol protocol) {
  return protocol == backends::Protocol::DoH ? "h2" : "dot";
}

bool offer(SSL_CTX* context, std::string_view protocol) {
  const std::string list = static_cast<char>(protocol.size()) + std::string(protocol);
  return SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(list.data()),
                                 static_cast<unsigned>(list.size())) == 0;
}

/// One record is about one segment, so that the server can read each as it comes.
constexpr long kRecordSize = 1300;

/// A ticket tells the resolver which client has come back. It must not show up on another way, or
/// with another login, than the one it was got on.
std::string proxy_of(const backends::BackendSettings& settings) {
  if (!settings.socks5) return "";
  return settings.socks5->proxy.text() + '|' + settings.socks5->user;
}

/// What a ticket stands for. `trust`: a digest of the authorities.
std::string identity_of(const backends::BackendSettings& settings, const std::string& trust) {
  std::string identity = std::string(alpn_name(settings.protocol)) + '|' + settings.where() + '|' +
                         proxy_of(settings) + '|' + settings.subject_name + '|' +
                         settings.subject_address + '|' + trust;
  for (const backends::Pin& pin : settings.pins) identity += '|' + backends::pin_text(pin);
  const backends::TlsSettings& tls = settings.tls;
  return identity + '|' + tls.ciphers + '|' + tls.ciphers_tls_13 + '|' + tls.ecdhe_curves + '|' +
         std::to_string(static_cast<unsigned>(tls.min_version));
}

void note_record(int sent, int, int type, const void*, size_t, SSL* ssl, void*) {
  if (sent == 0 && (type == SSL3_RT_HEADER || type == SSL3_RT_HANDSHAKE))
    notes_of(ssl).budget.received();
}

struct FreeCertificates {
  void operator()(STACK_OF(X509) * certificates) const { sk_X509_free(certificates); }
};

/// The key is known, so its issuer does not matter: the certificate stands for its own authority.
/// Its dates, strength and purpose are checked as ever. RFC 8310 §8.2, and RFC 7858 appendix A.
bool verify_without_authorities(X509_STORE_CTX* store) {
  const std::unique_ptr<STACK_OF(X509), FreeCertificates> anchor(sk_X509_new_null());
  if (anchor == nullptr || sk_X509_push(anchor.get(), X509_STORE_CTX_get0_cert(store)) == 0)
    return false;
  X509_STORE_CTX_set0_trusted_stack(store, anchor.get());
  X509_STORE_CTX_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  return X509_verify_cert(store) == 1;
}

}  // namespace

PeerNotes& notes_of(const SSL* ssl) { return *static_cast<PeerNotes*>(SSL_get_app_data(ssl)); }

TlsContext::TlsContext(const backends::BackendSettings& settings, Tickets& tickets)
    : name_(settings.name),
      protocol_(settings.protocol),
      subject_name_(settings.subject_name),
      subject_address_(settings.subject_address),
      pins_(settings.pins),
      settings_(settings.tls),
      context_(SSL_CTX_new(TLS_client_method())) {
  try {
    check_settings();
    const std::string trust = trusts_authorities() ? load_authorities(settings.ca_store) : "";
    tickets_ = tickets.of(identity_of(settings, trust));
    if (!settings_.key_log_file.empty())
      key_log_ = std::make_unique<KeyLog>(settings_.key_log_file);
    set_up();
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("backend " + name_ + ": " + error.what());
  }
}

/// With none, no certificate is good, and every handshake fails: a session that no authority
/// vouches for never comes up.
std::string TlsContext::load_authorities(const std::string& path) {
  std::string digest = load_trust(SSL_CTX_get_cert_store(context_.get()), path);
  if (digest.empty()) SSL_CTX_set_cert_store(context_.get(), X509_STORE_new());
  return digest;
}

void TlsContext::check_settings() const {
  if (context_ == nullptr) throw std::runtime_error(take_openssl_error());
  const bool address_is_wrong =
      !subject_address_.empty() && !base::IpAddress::parse(subject_address_).has_value();
  if (address_is_wrong || (!trusts_authorities() && pins_.empty()))
    throw std::runtime_error("needs a TLS subject name, a valid subject address or a pin");
}

void TlsContext::set_up() {
  SSL_CTX* context = context_.get();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, note_verification);
  SSL_CTX_set_cert_verify_callback(context, verify, this);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_ticket);
  count_records(context);
  if (key_log_ != nullptr) SSL_CTX_set_keylog_callback(context, log_key);
  SSL_CTX_set_app_data(context, this);
  if (!set_offer(context, settings_) || SSL_CTX_set_max_send_fragment(context, kRecordSize) != 1 ||
      !offer(context, alpn_name(protocol_))) {
    throw std::runtime_error(take_openssl_error());
  }
}

Ssl TlsContext::make_ssl(base::Time now, PeerNotes& notes) const {
  Ssl ssl = new_ssl(context_.get(), notes);
  if (ssl == nullptr) return nullptr;
  SSL_set_connect_state(ssl.get());
  if (!expect_subject(ssl.get())) return nullptr;
  // A ticket that does not fit any more only costs the full handshake that would have been made
  // without it.
  if (const SslSession ticket = tickets_->take(now, std::time(nullptr)))
    (void)SSL_set_session(ssl.get(), ticket.get());
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

std::optional<backends::Fault> TlsContext::check_peer(SSL* ssl) const {
  const long verified = SSL_get_verify_result(ssl);
  if (verified != X509_V_OK)
    return backends::Fault{backends::Failure::Certificate, X509_verify_cert_error_string(verified)};
  const X509* certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr)
    return backends::Fault{backends::Failure::Certificate, "no certificate"};
  // Once more, since a resumed session has skipped `verify`.
  if (std::optional<std::string> fault = wrong_key(certificate))
    return backends::Fault{backends::Failure::Certificate, *std::move(fault)};
  return check_protocol(ssl);
}

/// RFC 5077 gives no new ticket as long as the old one is good; TLS 1.3 gives one each time, and
/// using one twice would tell an onlooker that it is us again (RFC 8446 appendix C.4). One that
/// does not lead to a session is not tried a second time.
void TlsContext::keep_what_is_used_again(SSL* ssl) const {
  if (SSL_version(ssl) != TLS1_2_VERSION || SSL_session_reused(ssl) == 0) return;
  try {
    // A copy: this connection's own is spoiled if it ends without a farewell.
    SslSession again(SSL_SESSION_dup(SSL_get0_session(ssl)));
    if (again != nullptr) tickets_->put(std::move(again), base::Clock::now());
  } catch (const std::exception&) {
    // Memory is out: the next handshake is a full one.
  }
}

/// HTTP/2 is spoken only to a server that has agreed to it (RFC 9113 §3.2). Most resolvers choose
/// nothing for DNS over TLS; one that chooses something else speaks something else.
std::optional<backends::Fault> TlsContext::check_protocol(SSL* ssl) const {
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &size);
  if (size == 0 && protocol_ == backends::Protocol::DoT) return std::nullopt;
  if (size == 0)
    return backends::Fault{backends::Failure::Tls, "the server does not agree to HTTP/2 (ALPN h2)"};
  if (std::string_view(reinterpret_cast<const char*>(protocol), size) == alpn_name(protocol_))
    return std::nullopt;
  return backends::Fault{backends::Failure::Tls,
                         protocol_ == backends::Protocol::DoH
                             ? "the server selected another application protocol than HTTP/2"
                             : "the server selected another application protocol than DNS "
                               "over TLS"};
}

/// What is wrong if pins are set and none is of this certificate's key; with the pin that would be,
/// so that the operator can compare.
std::optional<std::string> TlsContext::wrong_key(const X509* certificate) const {
  if (pins_.empty() || backends::is_pinned(certificate, pins_)) return std::nullopt;
  const std::optional<backends::Pin> pin = backends::pin_of(certificate);
  return "certificate refused: its key is " + (pin ? backends::pin_text(*pin) : "unreadable") +
         ", which is none of `pins`";
}

/// In the place of OpenSSL's own verification, of which it is made.
int TlsContext::verify(X509_STORE_CTX* store, void* context) {
  const auto& self = *static_cast<const TlsContext*>(context);
  if (self.trusts_authorities() && X509_verify_cert(store) != 1) return 0;
  try {
    const std::optional<std::string> fault = self.wrong_key(X509_STORE_CTX_get0_cert(store));
    if (fault) {
      const auto* ssl = static_cast<const SSL*>(
          X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
      notes_of(ssl).complaint = *fault;
      X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
      return 0;
    }
  } catch (const std::exception&) {
    X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
    return 0;
  }
  return self.trusts_authorities() || verify_without_authorities(store) ? 1 : 0;
}

/// OpenSSL hands over its reference to `session`; 1 says that we keep it.
int TlsContext::keep_ticket(SSL* ssl, SSL_SESSION* session) {
  auto* self = static_cast<TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  try {
    self->tickets_->put(SslSession(session), base::Clock::now());
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
    std::string& complaint = notes_of(ssl).complaint;
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

void TlsContext::log_key(const SSL* ssl, const char* line) {
  const auto* self = static_cast<const TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  try {
    self->key_log_->write(line);
  } catch (const std::exception&) {
    // Memory is out; a line less in the key log.
  }
}

Ssl new_ssl(SSL_CTX* context, PeerNotes& notes) {
  ERR_clear_error();
  Ssl ssl(SSL_new(context));
  if (ssl == nullptr) return nullptr;
  BIO* from_peer = BIO_new(BIO_s_mem());
  BIO* to_peer = BIO_new(BIO_s_mem());
  if (from_peer == nullptr || to_peer == nullptr) {
    BIO_free(from_peer);
    BIO_free(to_peer);
    return nullptr;
  }
  SSL_set_bio(ssl.get(), from_peer, to_peer);
  SSL_set_app_data(ssl.get(), &notes);
  return ssl;
}

void count_records(SSL_CTX* context) { SSL_CTX_set_msg_callback(context, note_record); }

std::string take_openssl_error() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "unknown TLS error";
}

}  // namespace transport
