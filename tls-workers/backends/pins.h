// Pins: the public keys that an operator expects a resolver to have, each as the SHA-256 of the
// SubjectPublicKeyInfo in its certificate, written "sha256/BASE64". RFC 7858 §4.2 and appendix A,
// RFC 7469 §2.4.
#pragma once

#include <openssl/x509.h>

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace backends {

using Pin = std::array<unsigned char, 32>;

/// Nothing unless `text` is "sha256/" and the one BASE64 form of 32 octets (RFC 4648 §3.5).
[[nodiscard]] std::optional<Pin> parse_pin(std::string_view text);
[[nodiscard]] std::string pin_text(const Pin& pin);

/// Of the key in `certificate`; nothing when memory is out.
[[nodiscard]] std::optional<Pin> pin_of(const X509* certificate);

/// Whether `certificate` has one of these keys.
[[nodiscard]] bool is_pinned(const X509* certificate, std::span<const Pin> pins);

}  // namespace backends
