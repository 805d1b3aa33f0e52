#include "tls-workers/server_tls/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "tls-workers/transport/tls_context.h"
#include "tls-workers/transport/tls_offer.h"

namespace server_tls {
namespace {

using Clock = std::chrono::system_clock;
using Part = Certificate::Part;

/// More than a chain has, and few enough to be sent in every handshake.
constexpr size_t kMaxChain = 10;

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

Bio bio_of(std::string_view text) {
  ERR_clear_error();
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

auto fault(Part part, std::string text) {
  ERR_clear_error();
  return base::fail(Certificate::Fault{part, std::move(text)});
}

/// There is no operator to ask for one.
int no_pass_phrase(char*, int, int, void*) { return -1; }

Clock::time_point date_of(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return Clock::from_time_t(timegm(&parts));
}

std::string text_of(Clock::time_point date) {
  const std::time_t time = Clock::to_time_t(date);
  tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return {text, size};
}

base::Result<std::vector<std::shared_ptr<X509>>, Certificate::Fault> parse_chain(
    std::string_view text) {
  const Bio bio = bio_of(text);
  if (bio == nullptr) return fault(Part::Certificate, "cannot be read: out of memory");
  std::vector<std::shared_ptr<X509>> chain;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    chain.emplace_back(certificate, X509_free);
    if (chain.size() > kMaxChain)
      return fault(Part::Certificate, "has more than " + std::to_string(kMaxChain) +
                                          " certificates in it, expected a server's own and those "
                                          "that lead to its authority");
  }
  // Reading ends either because there is no further certificate, or because there is a broken one.
  const unsigned long error = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (!at_end)
    return fault(Part::Certificate, "certificate " + std::to_string(chain.size() + 1) +
                                        " in it is broken, expected PEM certificates");
  if (chain.empty())
    return fault(Part::Certificate, "has no certificate in it, expected PEM certificates");
  ERR_clear_error();
  return chain;
}

base::Result<std::shared_ptr<EVP_PKEY>, Certificate::Fault> parse_key(std::string_view text) {
  const Bio bio = bio_of(text);
  if (bio == nullptr) return fault(Part::Key, "cannot be read: out of memory");
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr);
  if (key != nullptr) return std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free);
  if (text.find("ENCRYPTED") != std::string_view::npos)
    return fault(Part::Key, "is protected by a pass phrase, expected a key without one");
  return fault(Part::Key, "has no private key in it, expected one in PEM");
}

/// Whether OpenSSL would serve it, at the strength that we ask for.
base::Result<void, Certificate::Fault> try_out(const Certificate& certificate) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_server_method()),
                                                                  SSL_CTX_free);
  if (context == nullptr) return fault(Part::Certificate, "cannot be used: out of memory");
  (void)transport::set_offer(context.get(), {});
  if (SSL_CTX_use_certificate(context.get(), certificate.own()) != 1)
    return fault(Part::Certificate, "cannot be used: " + transport::take_openssl_error());
  return {};
}

}  // namespace

base::Result<Certificate, Certificate::Fault> Certificate::parse(std::string_view chain,
                                                                 std::string_view key,
                                                                 Clock::time_point now) {
  Certificate made;
  auto certificates = parse_chain(chain);
  if (!certificates) return base::fail(certificates.error());
  made.chain_ = std::move(*certificates);
  auto private_key = parse_key(key);
  if (!private_key) return base::fail(private_key.error());
  made.key_ = std::move(*private_key);
  if (X509_check_private_key(made.own(), made.key()) != 1) {
    return fault(Part::Key,
                 "does not belong to the certificate, expected the key that it was issued for");
  }
  const Clock::time_point not_before = date_of(X509_get0_notBefore(made.own()));
  made.not_after_ = date_of(X509_get0_notAfter(made.own()));
  if (made.not_after_ <= now)
    return fault(Part::Certificate,
                 "has expired, at " + text_of(made.not_after_) + ", expected a valid certificate");
  if (not_before > now)
    return fault(Part::Certificate,
                 "is not valid before " + text_of(not_before) + ", expected a valid certificate");
  if (auto usable = try_out(made); !usable) return base::fail(usable.error());
  return made;
}

std::string Certificate::kind_of_key() const {
  const char* name = EVP_PKEY_get0_type_name(key_.get());
  return name != nullptr ? name : "unknown";
}

bool operator==(const Certificate& a, const Certificate& b) {
  const auto same = [](const auto& one, const auto& other) {
    return X509_cmp(one.get(), other.get()) == 0;
  };
  return std::ranges::equal(a.chain_, b.chain_, same) &&
         EVP_PKEY_eq(a.key_.get(), b.key_.get()) == 1;
}

}  // namespace server_tls
