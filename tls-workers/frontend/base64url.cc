#include "tls-workers/frontend/base64url.h"

#include <array>
#include <cstdint>

namespace frontend {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr uint8_t kNone = 0xFF;
constexpr unsigned kBitsPerCharacter = 6;
constexpr unsigned kBitsPerOctet = 8;

constexpr std::array<uint8_t, 256> kValues = [] {
  std::array<uint8_t, 256> values{};
  values.fill(kNone);
  for (size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
  return values;
}();

}  // namespace

std::optional<std::vector<std::byte>> decode_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::vector<std::byte> octets;
  octets.reserve(text.size() * kBitsPerCharacter / kBitsPerOctet);
  uint32_t bits = 0;
  unsigned kept = 0;  // How many of the low `bits` are not in an octet yet: 0, 2, 4 or 6.
  for (const char character : text) {
    const uint8_t value = kValues[static_cast<uint8_t>(character)];
    if (value == kNone) return std::nullopt;
    bits = bits << kBitsPerCharacter | value;
    kept += kBitsPerCharacter;
    if (kept < kBitsPerOctet) continue;
    kept -= kBitsPerOctet;
    octets.push_back(static_cast<std::byte>(bits >> kept));
    bits &= (1u << kept) - 1;
  }
  if (bits != 0) return std::nullopt;
  return octets;
}

}  // namespace frontend
