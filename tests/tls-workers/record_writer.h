// Writes TLS 1.3 records that OpenSSL would not: past it, with the keys of its session.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstdint>
#include <string>

#include "tests/message_builder.h"

namespace tests {

/// For a server that speaks TLS_AES_128_GCM_SHA256 and gives no tickets (`prepare`), with one
/// connection. From the first record on it has the stream for itself.
class RecordWriter {
 public:
  /// Makes `context` such a server, and notes the secret of its next connection.
  void prepare(SSL_CTX* context);
  /// One record of application data, sealed; `content` may be empty. RFC 8446 §5.2.
  [[nodiscard]] Bytes seal(const Bytes& content);

 private:
  void derive_keys();

  std::array<unsigned char, 32> secret_{};
  std::array<unsigned char, 16> key_{};
  std::array<unsigned char, 12> iv_{};
  uint64_t sequence_ = 0;
};

}  // namespace tests
