#include "dataplane/rules/rate_limit.h"

#include <algorithm>
#include <bit>

#include "dataplane/base/keyed_hash.h"

namespace rules {
namespace {

/// 256 ns: the clock fits into 32 bits, and is round again after 18 minutes. What was owed longer
/// ago than that may count once more, for a second at most.
constexpr unsigned kTickShift = 8;
constexpr uint32_t kSecond = 1'000'000'000 >> kTickShift;

uint32_t ticks_of(base::Time now) {
  return static_cast<uint32_t>(static_cast<uint64_t>(now.time_since_epoch().count()) >> kTickShift);
}

/// No network owes more than a second's worth; a place that says so was not looked at for long.
uint32_t owed(uint32_t clear_at, uint32_t ticks) {
  const uint32_t owes = clear_at - ticks;
  return owes <= kSecond ? owes : 0;
}

}  // namespace

ReplyKind kind_of(dns::Rcode rcode) {
  switch (rcode) {
    case dns::Rcode::NoError:
      return ReplyKind::Answer;
    case dns::Rcode::NxDomain:
      return ReplyKind::NxDomain;
    default:
      return ReplyKind::Error;
  }
}

uint64_t RateLimiter::key_of(const RateLimit& limit, const Recipient& to, ReplyKind kind) const {
  const bool v4 = to.client.is_v4();
  const std::byte* octets = to.client.octets().data();
  const uint64_t network = v4 ? base::load_be32(octets) : base::load_be64(octets);
  const unsigned host_bits = v4 ? 32u - limit.ipv4_prefix_length : 64u - limit.ipv6_prefix_length;
  const std::array<uint64_t, 2> words = {host_bits < 64 ? network >> host_bits : 0,
                                         kind == ReplyKind::Answer ? to.question : 0};
  const auto bytes = std::bit_cast<std::array<std::byte, sizeof words>>(words);
  const uint64_t key = base::keyed_hash(bytes, static_cast<uint64_t>(kind) << 1 | (v4 ? 1 : 0));
  __builtin_prefetch(&line_of(key), 1);
  return key;
}

RateLimiter::Slot& RateLimiter::slot_of(uint64_t key, uint32_t ticks) {
  std::array<Slot, kWays>& slots = line_of(key).slots;
  const auto tag = static_cast<uint32_t>(key >> 32);
  const auto known = std::ranges::find(slots, tag, &Slot::tag);
  if (known != slots.end()) return *known;
  Slot& least = *std::ranges::min_element(
      slots, {}, [&](const Slot& slot) { return owed(slot.clear_at, ticks); });
  least = {.tag = tag, .clear_at = ticks};
  return least;
}

/// The generic cell rate algorithm: a reply costs a second's share of the time.
bool RateLimiter::take(uint64_t key, uint32_t per_second, base::Time now) {
  if (per_second == 0) return true;
  const uint32_t ticks = ticks_of(now);
  Slot& slot = slot_of(key, ticks);
  const uint32_t owes = owed(slot.clear_at, ticks) + kSecond / per_second;
  if (owes > kSecond) return false;
  slot.clear_at = ticks + owes;
  return true;
}

RateLimiter::Judged RateLimiter::judge(const RateLimit& limit, const Recipient& to, Sender sender,
                                       dns::Rcode rcode, base::Time now) {
  if (sender == Sender::Proven || limit.exempt.contains(to.client)) return {};
  const ReplyKind kind = kind_of(rcode);
  if (take(key_of(limit, to, kind), limit.limit_of(kind), now)) return {};
  return {limit.log_only ? RateLimitAction::Whole : action_over_limit(limit, sender), true};
}

RateLimitAction RateLimiter::action_over_limit(const RateLimit& limit, Sender sender) {
  if (limit.slip == 0 || ++over_ % limit.slip != 0) return RateLimitAction::None;
  return sender == Sender::HasCookies ? RateLimitAction::BadCookie : RateLimitAction::Truncated;
}

}  // namespace rules
