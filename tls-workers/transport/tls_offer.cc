#include "tls-workers/transport/tls_offer.h"

#include <openssl/err.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

namespace transport {
namespace {

constexpr int kSecurityLevel = 2;

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
struct FreeCiphers {
  void operator()(STACK_OF(SSL_CIPHER) * ciphers) const { sk_SSL_CIPHER_free(ciphers); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;
using Set = int (*)(SSL_CTX*, const char*);

/// One to try a setting on.
Context scratch() {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_client_method()));
  if (context != nullptr) SSL_CTX_set_security_level(context.get(), kSecurityLevel);
  return context;
}

int set_groups(SSL_CTX* context, const char* list) {
  // A macro in OpenSSL; the text is not changed.
  return static_cast<int>(SSL_CTX_set1_groups_list(context, list));
}

/// Whether `list` alone is taken.
bool is_taken(Set set, const std::string& list) {
  const Context context = scratch();
  const bool taken = context != nullptr && set(context.get(), list.c_str()) == 1;
  ERR_clear_error();
  return taken;
}

std::vector<std::string> parts_of(std::string_view list, std::string_view separators) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const size_t end = std::min(list.find_first_of(separators), list.size());
    parts.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return parts;
}

/// "has `nonsense`, which OpenSSL does not know, expected ..."
std::optional<std::string> unknown_part(Set set, const std::vector<std::string>& parts,
                                        std::string_view expected) {
  for (const std::string& part : parts) {
    if (is_taken(set, part)) continue;
    return "has `" + part + "`, which OpenSSL does not know, expected " + std::string(expected);
  }
  return std::nullopt;
}

/// How many ciphers of TLS 1.2 or older are left when those too weak have gone.
int usable_ciphers(const std::string& list) {
  const Context context = scratch();
  if (context == nullptr || SSL_CTX_set_cipher_list(context.get(), list.c_str()) != 1 ||
      SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION) != 1) {
    return 0;
  }
  const std::unique_ptr<SSL, FreeSsl> ssl(SSL_new(context.get()));
  if (ssl == nullptr) return 0;
  const std::unique_ptr<STACK_OF(SSL_CIPHER), FreeCiphers> ciphers(
      SSL_get1_supported_ciphers(ssl.get()));
  return std::max(0, sk_SSL_CIPHER_num(ciphers.get()));
}

}  // namespace

std::optional<std::string> fault_of_ciphers(const std::string& list) {
  // "@SECLEVEL=0" would let in what is too weak to prove anything.
  if (list.find('@') != std::string::npos)
    return "has an `@`, expected names of ciphers: the security level stays where it is";
  std::vector<std::string> parts = parts_of(list, ":, ;");
  for (std::string& part : parts) {
    if (part.find_first_of("!+-") == 0) part.erase(0, 1);  // Operators: remove, to the end.
  }
  if (auto fault = unknown_part(SSL_CTX_set_cipher_list, parts,
                                "names of ciphers as `openssl ciphers` has them"))
    return fault;
  if (usable_ciphers(list) > 0) return std::nullopt;
  return "leaves no cipher that is strong enough and authenticates the server";
}

std::optional<std::string> fault_of_ciphers_tls_13(const std::string& list) {
  constexpr std::string_view kExpected = "names such as TLS_AES_128_GCM_SHA256";
  if (auto fault = unknown_part(SSL_CTX_set_ciphersuites, parts_of(list, ":"), kExpected))
    return fault;
  if (!list.empty() && is_taken(SSL_CTX_set_ciphersuites, list)) return std::nullopt;
  return "is not taken by OpenSSL, expected " + std::string(kExpected);
}

std::optional<std::string> fault_of_ecdhe_curves(const std::string& list) {
  constexpr std::string_view kExpected = "names such as X25519 and P-256, each once";
  if (auto fault = unknown_part(set_groups, parts_of(list, ":"), kExpected)) return fault;
  if (!list.empty() && is_taken(set_groups, list)) return std::nullopt;
  return "is not taken by OpenSSL, expected " + std::string(kExpected);
}

bool set_offer(SSL_CTX* context, const backends::TlsSettings& settings) {
  const int version =
      settings.min_version == backends::TlsVersion::Tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (SSL_CTX_set_min_proto_version(context, version) != 1) return false;
  if (!settings.ciphers.empty() &&
      SSL_CTX_set_cipher_list(context, settings.ciphers.c_str()) != 1) {
    return false;
  }
  if (!settings.ciphers_tls_13.empty() &&
      SSL_CTX_set_ciphersuites(context, settings.ciphers_tls_13.c_str()) != 1) {
    return false;
  }
  if (!settings.ecdhe_curves.empty() &&
      SSL_CTX_set1_groups_list(context, settings.ecdhe_curves.c_str()) != 1) {
    return false;
  }
  // After the ciphers, whose text could name another level.
  SSL_CTX_set_security_level(context, kSecurityLevel);
  return true;
}

}  // namespace transport
