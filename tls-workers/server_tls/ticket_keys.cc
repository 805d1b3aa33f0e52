#include "tls-workers/server_tls/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>

namespace server_tls {
namespace {

constexpr size_t kIvSize = 16;

bool is_named(const std::optional<TicketKeys::Key>& key, const unsigned char* name) {
  return key && std::equal(key->name.begin(), key->name.end(), name);
}

bool set_digest(EVP_MAC_CTX* context, TicketKeys::Key& key) {
  char name[] = "SHA256";
  const std::array parameters = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.digest.data(), key.digest.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(context, parameters.data()) == 1;
}

/// What OpenSSL's callback says.
enum Ticket : int { Failed = -1, Unknown = 0, Good = 1, GoodButRenew = 2 };

int seal(TicketKeys& keys, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
         EVP_MAC_CTX* digest) {
  std::optional<TicketKeys::Key> key = keys.newest(base::Clock::now());
  if (!key || RAND_bytes(iv, kIvSize) != 1) return Failed;
  std::ranges::copy(key->name, name);
  const bool set =
      EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv) == 1 &&
      set_digest(digest, *key);
  OPENSSL_cleanse(&*key, sizeof *key);
  return set ? Good : Failed;
}

int open(TicketKeys& keys, const unsigned char* name, const unsigned char* iv,
         EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* digest) {
  std::optional<TicketKeys::Found> found = keys.find(name, base::Clock::now());
  if (!found) return Unknown;
  const bool set =
      EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, found->key.cipher.data(), iv) == 1 &&
      set_digest(digest, found->key);
  OPENSSL_cleanse(&found->key, sizeof found->key);
  if (!set) return Failed;
  return found->age == TicketKeys::Age::Newer ? Good : GoodButRenew;
}

/// Where a context keeps its TicketKeys.
int place_in_context() {
  static const int place = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return place;
}

int use_keys(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
             EVP_MAC_CTX* digest, int sealing) {
  auto* keys =
      static_cast<TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), place_in_context()));
  return sealing == 1 ? seal(*keys, name, iv, cipher, digest)
                      : open(*keys, name, iv, cipher, digest);
}

}  // namespace

TicketKeys::~TicketKeys() {
  if (newer_) OPENSSL_cleanse(&*newer_, sizeof *newer_);
  if (older_) OPENSSL_cleanse(&*older_, sizeof *older_);
}

std::optional<TicketKeys::Key> TicketKeys::newest(base::Time now) {
  const std::lock_guard lock(mutex_);
  rotate(now);
  return newer_;
}

std::optional<TicketKeys::Found> TicketKeys::find(const unsigned char* name, base::Time now) {
  const std::lock_guard lock(mutex_);
  rotate(now);
  if (is_named(newer_, name)) return Found{*newer_, Age::Newer};
  if (is_named(older_, name)) return Found{*older_, Age::Older};
  return std::nullopt;
}

/// When both are out of date (no client came for long), neither is kept.
void TicketKeys::rotate(base::Time now) {
  if (newer_ && now < made_ + kRotation) return;
  if (older_) OPENSSL_cleanse(&*older_, sizeof *older_);
  older_.reset();
  if (newer_ && now < made_ + 2 * kRotation) older_ = newer_;
  newer_.emplace();
  made_ = now;
  const bool drawn =
      RAND_bytes(newer_->name.data(), static_cast<int>(newer_->name.size())) == 1 &&
      RAND_priv_bytes(newer_->cipher.data(), static_cast<int>(newer_->cipher.size())) == 1 &&
      RAND_priv_bytes(newer_->digest.data(), static_cast<int>(newer_->digest.size())) == 1;
  if (!drawn) newer_.reset();
}

void TicketKeys::serve(SSL_CTX* context) {
  (void)SSL_CTX_set_ex_data(context, place_in_context(), this);
  (void)SSL_CTX_set_tlsext_ticket_key_evp_cb(context, use_keys);
}

}  // namespace server_tls
