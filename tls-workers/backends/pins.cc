#include "tls-workers/backends/pins.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

namespace backends {
namespace {

constexpr std::string_view kPrefix = "sha256/";
constexpr size_t kBase64Size = 44;   // Of 32 octets, with one "=".
constexpr size_t kDecodedSize = 33;  // What OpenSSL writes for 44 characters: the "=" is an octet.

std::string base64(const Pin& pin) {
  // With the NUL that OpenSSL appends.
  std::array<unsigned char, kBase64Size + 1> text{};
  (void)EVP_EncodeBlock(text.data(), pin.data(), static_cast<int>(pin.size()));
  return {text.begin(), text.end() - 1};
}

}  // namespace

std::optional<Pin> parse_pin(std::string_view text) {
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + kBase64Size)
    return std::nullopt;
  const std::string_view encoded = text.substr(kPrefix.size());
  std::array<unsigned char, kDecodedSize> decoded{};
  const int size =
      EVP_DecodeBlock(decoded.data(), reinterpret_cast<const unsigned char*>(encoded.data()),
                      static_cast<int>(encoded.size()));
  if (size != static_cast<int>(kDecodedSize)) return std::nullopt;
  Pin pin;
  std::copy_n(decoded.begin(), pin.size(), pin.begin());
  // OpenSSL forgives blanks and stray bits; two spellings of one pin would not look alike.
  if (base64(pin) != encoded) return std::nullopt;
  return pin;
}

std::string pin_text(const Pin& pin) { return std::string(kPrefix) + base64(pin); }

std::optional<Pin> pin_of(const X509* certificate) {
  unsigned char* encoded = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded);
  if (size <= 0) return std::nullopt;
  Pin pin;
  const int done =
      EVP_Digest(encoded, static_cast<size_t>(size), pin.data(), nullptr, EVP_sha256(), nullptr);
  OPENSSL_free(encoded);
  if (done != 1) return std::nullopt;
  return pin;
}

bool is_pinned(const X509* certificate, std::span<const Pin> pins) {
  const std::optional<Pin> pin = pin_of(certificate);
  return pin && std::ranges::find(pins, *pin) != pins.end();
}

}  // namespace backends
