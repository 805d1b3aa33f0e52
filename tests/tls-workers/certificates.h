// Certificates made at test time: an authority of our own, and leaves that are right or wrong in
// exactly one way.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <filesystem>
#include <memory>
#include <string>

namespace tests {

struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Certificate = std::unique_ptr<X509, FreeCertificate>;
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

struct Identity {
  Certificate certificate;
  Key key;
};

/// What a certificate says. Times are seconds from now; extensions as in openssl.cnf, empty: none.
struct Leaf {
  std::string san = "DNS:dns.example";
  std::string common_name = "leaf";
  long not_before = -3600;
  long not_after = 3600;
  EVP_PKEY* key = nullptr;              // Borrowed; nullptr: one of its own.
  const EVP_MD* digest = EVP_sha256();  // Of the signature.
  std::string basic_constraints = {};   // "critical,CA:TRUE" and so on.
  std::string key_usage = {};
  std::string extended_key_usage = {};
  std::string dns_name_octets = {};  // A further DNS name of the SAN, whatever is in it.
};

/// `issuer` signs for its own key what `leaf` says; nullptr: the leaf itself does.
[[nodiscard]] Identity issue(const Identity* issuer, const Leaf& leaf);

/// As files have them.
[[nodiscard]] std::string pem_of(X509* certificate);
[[nodiscard]] std::string pem_of(EVP_PKEY* key);

/// A certificate authority; its certificate lies in a PEM file for as long as it lives.
class Authority {
 public:
  explicit Authority(const std::string& name = "authority");
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  [[nodiscard]] Identity issue(const Leaf& leaf) const { return tests::issue(&self_, leaf); }
  [[nodiscard]] X509* certificate() const { return self_.certificate.get(); }
  [[nodiscard]] std::string file() const { return file_.string(); }

 private:
  Identity self_;
  std::filesystem::path file_;
};

}  // namespace tests
