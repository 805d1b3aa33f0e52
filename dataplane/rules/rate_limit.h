// Response rate limiting: how many replies of one kind go to one network in a second, so that a
// flood of queries with a forged source is not passed on to its target. Over the limit a few are
// answered with something that cannot hurt and brings a real client to TCP; the rest is not
// answered.
//
// One table of fixed size for each thread. A network that was quiet for a second is as good as
// forgotten, so under a flood of networks those that owe least give way.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/clock.h"
#include "dataplane/dns/protocol.h"
#include "dataplane/rules/address_set.h"
#include "dataplane/rules/cookies.h"

namespace rules {

/// What replies are counted by: answers by network and question, the others by network alone, since
/// their questions can be made up.
enum class ReplyKind : uint8_t { Answer, NxDomain, Error, Count_ };
[[nodiscard]] ReplyKind kind_of(dns::Rcode rcode);

/// What the operator wants.
struct RateLimit {
  std::array<uint32_t, static_cast<size_t>(ReplyKind::Count_)> per_second{};  // 0: any number.
  uint32_t slip = 2;  // One in so many that are over the limit is answered; 0: none.
  uint8_t ipv4_prefix_length = 24;
  uint8_t ipv6_prefix_length = 56;  // At most 64.
  bool log_only = false;            // Count what is over the limit, and send it.
  AddressSet exempt{};

  [[nodiscard]] bool on() const { return per_second != decltype(per_second){}; }
  [[nodiscard]] uint32_t limit_of(ReplyKind kind) const {
    return per_second[static_cast<size_t>(kind)];
  }
};

/// What becomes of a reply. `Truncated`: TC=1 without records, so that a real client comes by TCP;
/// `BadCookie`: so that it comes with our cookie.
enum class RateLimitAction : uint8_t { Whole, Truncated, BadCookie, None };

/// A reply, as far as it matters here.
struct Recipient {
  base::IpAddress client;
  uint64_t question = 0;  // The question's hash.
};

class RateLimiter {
 public:
  /// What a network owes for one kind of reply takes one of these.
  static constexpr size_t kSlots = 1u << 17;

  RateLimiter() : lines_(kSlots / kWays) {}

  /// Stands for a network and a kind, and calls its place from memory.
  [[nodiscard]] uint64_t key_of(const RateLimit& limit, const Recipient& to, ReplyKind kind) const;
  /// Whether one more is within `per_second`, with a second's worth at once; 0: always. If so, it
  /// has been counted.
  [[nodiscard]] bool take(uint64_t key, uint32_t per_second, base::Time now);

  struct Judged {
    RateLimitAction action = RateLimitAction::Whole;
    bool over = false;  // To be counted, whatever became of it.
  };
  /// The whole of it for one reply over UDP.
  [[nodiscard]] Judged judge(const RateLimit& limit, const Recipient& to, Sender sender,
                             dns::Rcode rcode, base::Time now);

 private:
  static constexpr size_t kWays = 8;
  struct Slot {
    uint32_t tag = 0;
    uint32_t clear_at = 0;  // In ticks: when nothing is owed any more.
  };
  struct alignas(64) Line {
    std::array<Slot, kWays> slots;
  };
  static_assert(sizeof(Line) == 64);

  [[nodiscard]] const Line& line_of(uint64_t key) const { return lines_[key % lines_.size()]; }
  [[nodiscard]] Line& line_of(uint64_t key) { return lines_[key % lines_.size()]; }
  [[nodiscard]] RateLimitAction action_over_limit(const RateLimit& limit, Sender sender);
  [[nodiscard]] Slot& slot_of(uint64_t key, uint32_t ticks);

  std::vector<Line> lines_;
  uint32_t over_ = 0;
};

}  // namespace rules
