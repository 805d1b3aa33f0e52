// What a client is shown in a TLS handshake: a certificate, those that lead from it to its
// authority, and the key that proves it ours. Read and checked by the control thread; then shared
// by all workers.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/result.h"

namespace server_tls {

class Certificate {
 public:
  /// Which of the two texts something is wrong with.
  enum class Part : uint8_t { Certificate, Key };
  struct Fault {
    Part part;
    std::string text;  // Goes on after the name of a file: "has no certificate in it".
  };

  /// `chain`: PEM, the server's own certificate first. `key`: PEM, its private key, without a pass
  /// phrase. Fails if one of them is not that, if they do not belong together, or if the
  /// certificate is too weak or not valid at `now`.
  [[nodiscard]] static base::Result<Certificate, Fault> parse(
      std::string_view chain, std::string_view key, std::chrono::system_clock::time_point now);

  [[nodiscard]] X509* own() const { return chain_.front().get(); }
  [[nodiscard]] const std::vector<std::shared_ptr<X509>>& chain() const { return chain_; }
  [[nodiscard]] EVP_PKEY* key() const { return key_.get(); }
  [[nodiscard]] std::chrono::system_clock::time_point not_after() const { return not_after_; }
  /// "RSA", "EC", ...: a server may have one certificate of each kind.
  [[nodiscard]] std::string kind_of_key() const;

  friend bool operator==(const Certificate& a, const Certificate& b);

 private:
  std::vector<std::shared_ptr<X509>> chain_;
  std::shared_ptr<EVP_PKEY> key_;
  std::chrono::system_clock::time_point not_after_;
};

}  // namespace server_tls
