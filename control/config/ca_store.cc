#include "control/config/ca_store.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>

#include "control/text/regular_file.h"

namespace control {
namespace {

constexpr size_t kMaxStoreBytes = size_t{16} << 20;  // Debian's whole bundle has 0.2 MiB.

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

/// What the environment or else OpenSSL's build says.
std::filesystem::path place(const char* variable, const char* otherwise) {
  const char* named = std::getenv(variable);
  return named != nullptr ? named : otherwise;
}

}  // namespace

std::optional<std::string> fault_of_ca_store(const std::string& path) {
  const base::Result<std::string, std::string> pem = read_regular_file(path, kMaxStoreBytes);
  if (!pem) return pem.error();
  const std::unique_ptr<BIO, FreeBio> bio(
      BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())));
  if (!bio) return "cannot be read: out of memory";
  size_t certificates = 0;
  ERR_clear_error();
  while (std::unique_ptr<X509, FreeCertificate> certificate{
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    ++certificates;
  }
  // Reading ends either because there is no further certificate, or because there is a broken one.
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const bool at_end =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (!at_end) {
    return "certificate " + std::to_string(certificates + 1) +
           " in it is broken, expected PEM certificates";
  }
  if (certificates == 0) return "has no certificate in it, expected PEM certificates";
  return std::nullopt;
}

uint64_t hash_of_ca_store(const std::string& path) {
  return std::hash<std::string>{}(read_regular_file(path, kMaxStoreBytes).value_or(""));
}

bool system_ca_store_exists() {
  std::error_code ignored;
  const auto file = place(X509_get_default_cert_file_env(), X509_get_default_cert_file());
  if (std::filesystem::is_regular_file(file, ignored)) return true;
  const auto folder = place(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
  return std::filesystem::is_directory(folder, ignored) &&
         !std::filesystem::is_empty(folder, ignored);
}

}  // namespace control
