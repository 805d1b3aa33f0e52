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

/// What a leaf says. Times are seconds from now.
struct Leaf {
  std::string san = "DNS:dns.example";  // As in openssl.cnf; empty: none.
  std::string common_name = "leaf";
  long not_before = -3600;
  long not_after = 3600;
};

/// A certificate authority; its certificate lies in a PEM file for as long as it lives.
class Authority {
 public:
  explicit Authority(const std::string& name = "authority");
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  [[nodiscard]] Identity issue(const Leaf& leaf) const;
  [[nodiscard]] std::string file() const { return file_.string(); }

 private:
  Identity self_;
  std::filesystem::path file_;
};

}  // namespace tests
