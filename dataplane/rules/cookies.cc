// A server cookie is version, three reserved octets, time and hash: 16 octets. The hash is
// SipHash-2-4 over all that comes before it and the client's address. RFC 9018 §4.
#include "dataplane/rules/cookies.h"

#include <sodium/crypto_shorthash_siphash24.h>

#include <algorithm>

namespace rules {
namespace {

using base::ByteView;
using base::IpAddress;
using base::Writer;

constexpr size_t kHashed = 16;  // Client cookie, version, reserved and time.
constexpr size_t kHash = crypto_shorthash_siphash24_BYTES;
static_assert(kHashed + kHash == kCookieSize);
static_assert(sizeof(CookieSecret) == crypto_shorthash_siphash24_KEYBYTES);

constexpr std::byte kVersion{1};
constexpr size_t kVersionAt = 8;
constexpr size_t kTimeAt = 12;

// RFC 9018 §4.3.
constexpr uint32_t kLifetime = 3600;
constexpr uint32_t kRenewedAfter = 1800;
constexpr uint32_t kAhead = 300;  // Clocks of a cluster differ.

const unsigned char* octets(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}

/// `front`: the kHashed octets in front of the hash.
std::array<std::byte, kHash> hash_of(ByteView front, const IpAddress& client,
                                     const CookieSecret& secret) {
  std::array<std::byte, kHashed + 16> input;
  Writer writer(input);
  writer.bytes(front);
  writer.bytes(client.octets());
  std::array<std::byte, kHash> hash;
  (void)crypto_shorthash_siphash24(reinterpret_cast<unsigned char*>(hash.data()),
                                   octets(input.data()), writer.size(), octets(secret.data()));
  return hash;
}

/// Seconds since `cookie` was made, by serial number arithmetic (RFC 1982): one of the future is
/// very old.
uint32_t age_of(ByteView cookie, uint32_t now) { return now - base::load_be32(&cookie[kTimeAt]); }

}  // namespace

Cookies::Judged Cookies::answer(ByteView cookie, const IpAddress& client,
                                uint32_t now) const noexcept {
  const uint32_t age = cookie.size() == kCookieSize ? age_of(cookie, now) : 0;
  const bool proven = cookie.size() == kCookieSize && good(cookie, client, age);
  const Sender sender = proven ? Sender::Proven : Sender::HasCookies;
  Judged judged{.sender = sender, .rule = rule_for(sender), .reply = {.none = false, .octets = {}}};
  if (proven && age <= kRenewedAfter) {
    std::ranges::copy(cookie, judged.reply.octets.begin());
    return judged;
  }
  Writer writer(judged.reply.octets);
  writer.bytes(cookie.first(kClientCookie));
  writer.u8(static_cast<uint8_t>(kVersion));
  writer.zeros(3);
  writer.be32(now);
  writer.bytes(hash_of(writer.written(), client, secrets_.front()));
  return judged;
}

/// What is reserved counts for the hash, whatever it is (RFC 9018 §4.2).
bool Cookies::good(ByteView cookie, const IpAddress& client, uint32_t age) const noexcept {
  if (cookie[kVersionAt] != kVersion) return false;
  if (age > kLifetime && age < 0 - kAhead) return false;
  return std::ranges::any_of(secrets_, [&](const CookieSecret& secret) {
    return std::ranges::equal(hash_of(cookie.first(kHashed), client, secret),
                              cookie.subspan(kHashed));
  });
}

}  // namespace rules
