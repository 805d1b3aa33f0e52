#include "tests/tls-workers/record_writer.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <cstdlib>
#include <memory>
#include <span>

namespace tests {
namespace {

constexpr size_t kTagSize = 16;
constexpr unsigned char kApplicationData = 23;

void require(bool good) {
  if (!good) std::abort();  // OpenSSL itself is not what is tested.
}

/// HKDF-Expand-Label with an empty context, RFC 8446 §7.1.
void expand(std::span<const unsigned char> secret, std::string label,
            std::span<unsigned char> into) {
  EVP_KDF* kdf = EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_TLS1_3_KDF, nullptr);
  EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
  require(context != nullptr);
  std::string digest = "SHA256";
  std::string prefix = "tls13 ";
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
                                        const_cast<unsigned char*>(secret.data()), secret.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, prefix.data(), prefix.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, label.data(), label.size()),
      OSSL_PARAM_construct_end()};
  require(EVP_KDF_derive(context, into.data(), into.size(), parameters) == 1);
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(kdf);
}

/// "SERVER_TRAFFIC_SECRET_0 <random> <secret>", in hexadecimal.
void note_secret(const SSL* ssl, const char* line) {
  const std::string text = line;
  if (!text.starts_with("SERVER_TRAFFIC_SECRET_0 ")) return;
  auto* into = static_cast<unsigned char*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  const std::string hexadecimal = text.substr(text.rfind(' ') + 1);
  require(hexadecimal.size() == 64);
  for (size_t i = 0; i < 32; ++i)
    into[i] = static_cast<unsigned char>(std::stoi(hexadecimal.substr(2 * i, 2), nullptr, 16));
}

}  // namespace

void RecordWriter::prepare(SSL_CTX* context) {
  require(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1);
  require(SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1);
  require(SSL_CTX_set_num_tickets(context, 0) == 1);
  SSL_CTX_set_app_data(context, secret_.data());
  SSL_CTX_set_keylog_callback(context, note_secret);
}

Bytes RecordWriter::seal(const Bytes& content) {
  if (sequence_ == 0) derive_keys();
  const size_t size = content.size() + 1 + kTagSize;
  Bytes record(5 + size);
  record[0] = std::byte{kApplicationData};
  record[1] = record[2] = std::byte{3};
  base::store_be16(record.data() + 3, static_cast<uint16_t>(size));
  Bytes inner = content;
  inner.push_back(std::byte{kApplicationData});

  std::array<unsigned char, 12> nonce = iv_;
  for (size_t i = 0; i < 8; ++i)
    nonce[4 + i] ^= static_cast<unsigned char>(sequence_ >> (8 * (7 - i)));
  ++sequence_;
  auto* out = reinterpret_cast<unsigned char*>(record.data());
  const auto* in = reinterpret_cast<const unsigned char*>(inner.data());
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  int written = 0;
  require(EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), nullptr, key_.data(), nonce.data()) == 1);
  require(EVP_EncryptUpdate(context, nullptr, &written, out, 5) == 1);
  require(EVP_EncryptUpdate(context, out + 5, &written, in, static_cast<int>(inner.size())) == 1);
  require(EVP_EncryptFinal_ex(context, out + 5 + inner.size(), &written) == 1);
  require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, kTagSize, out + 5 + inner.size()) ==
          1);
  EVP_CIPHER_CTX_free(context);
  return record;
}

void RecordWriter::derive_keys() {
  expand(secret_, "key", key_);
  expand(secret_, "iv", iv_);
}

}  // namespace tests
