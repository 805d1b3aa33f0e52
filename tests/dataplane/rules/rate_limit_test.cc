#include "dataplane/rules/rate_limit.h"

#include <gtest/gtest.h>

#include <string>

namespace rules {
namespace {

using base::IpAddress;
using base::milliseconds;
using base::seconds;
using dns::Rcode;

const base::Time kStart{seconds{1'000'000}};

IpAddress address(const char* text) { return *IpAddress::parse(text); }

RateLimit limit_of(uint32_t answers, uint32_t nxdomains, uint32_t errors) {
  return {.per_second = {answers, nxdomains, errors}};
}

/// How many of `count` replies are within the limit.
unsigned within(RateLimiter& limiter, const RateLimit& limit, unsigned count,
                const IpAddress& client, Rcode rcode, uint64_t question, base::Time now) {
  unsigned whole = 0;
  for (unsigned i = 0; i < count; ++i)
    whole += limiter.judge(limit, {client, question}, Sender::Unknown, rcode, now).over ? 0 : 1;
  return whole;
}

TEST(RateLimiter, AllowsASecondsWorthAtOnceAndTheRestInTime) {
  RateLimiter limiter;
  const RateLimit limit = limit_of(10, 10, 10);
  const IpAddress client = address("192.0.2.1");
  EXPECT_EQ(within(limiter, limit, 100, client, Rcode::NoError, 7, kStart), 10u);
  EXPECT_EQ(within(limiter, limit, 100, client, Rcode::NoError, 7, kStart + milliseconds{99}), 0u);
  EXPECT_EQ(within(limiter, limit, 100, client, Rcode::NoError, 7, kStart + milliseconds{101}), 1u);
  EXPECT_EQ(within(limiter, limit, 100, client, Rcode::NoError, 7, kStart + milliseconds{501}), 4u);
  EXPECT_EQ(within(limiter, limit, 100, client, Rcode::NoError, 7, kStart + seconds{60}), 10u);
}

TEST(RateLimiter, HoldsTheRateOverALongTime) {
  for (const uint32_t rate : {1u, 5u, 100u, 5000u}) {
    RateLimiter limiter;
    const RateLimit limit = limit_of(rate, 0, 0);
    unsigned whole = 0;
    for (unsigned step = 0; step < 20'000; ++step)
      whole += within(limiter, limit, 3, address("192.0.2.1"), Rcode::NoError, 7,
                      kStart + step * milliseconds{1});
    EXPECT_NEAR(whole, std::min(21 * rate, 60'000u), rate / 50.0 + 1) << rate;
  }
}

TEST(RateLimiter, CountsANetworkAsOne) {
  struct Case {
    const char* name;
    const char* first;
    const char* second;
    bool same;
  };
  for (const Case& c : {
           Case{"in_the_same_24", "192.0.2.1", "192.0.2.255", true},
           Case{"in_the_next_24", "192.0.2.255", "192.0.3.0", false},
           Case{"in_the_same_56", "2001:db8::1", "2001:db8:0:ff:ffff::1", true},
           Case{"in_the_next_56", "2001:db8:0:ff::1", "2001:db8:0:100::1", false},
           Case{"of_the_other_family", "0.0.0.1", "::1:0:0:1", false},
       }) {
    SCOPED_TRACE(c.name);
    RateLimiter limiter;
    const RateLimit limit = limit_of(1, 1, 1);
    EXPECT_EQ(within(limiter, limit, 2, address(c.first), Rcode::NoError, 7, kStart), 1u);
    EXPECT_EQ(within(limiter, limit, 2, address(c.second), Rcode::NoError, 7, kStart),
              c.same ? 0u : 1u);
  }
}

TEST(RateLimiter, TakesPrefixesOfAnyLength) {
  for (unsigned length = 0; length <= 32; ++length) {
    RateLimiter limiter;
    RateLimit limit = limit_of(1, 1, 1);
    limit.ipv4_prefix_length = static_cast<uint8_t>(length);
    limit.ipv6_prefix_length = static_cast<uint8_t>(2 * length);
    EXPECT_EQ(within(limiter, limit, 1, address("192.0.2.0"), Rcode::NoError, 7, kStart), 1u);
    EXPECT_EQ(within(limiter, limit, 1, address("192.0.2.1"), Rcode::NoError, 7, kStart),
              length == 32 ? 1u : 0u);
    EXPECT_EQ(within(limiter, limit, 1, address("2001:db8::"), Rcode::NoError, 7, kStart), 1u);
    EXPECT_EQ(within(limiter, limit, 1, address("2001:db8:0:1::"), Rcode::NoError, 7, kStart),
              length == 32 ? 1u : 0u);
  }
}

TEST(RateLimiter, CountsAnswersByQuestionAndTheRestTogether) {
  RateLimiter limiter;
  const RateLimit limit = limit_of(1, 1, 1);
  const IpAddress client = address("192.0.2.1");
  for (uint64_t question = 1; question <= 10; ++question)
    EXPECT_EQ(within(limiter, limit, 2, client, Rcode::NoError, question, kStart), 1u);
  struct Case {
    Rcode rcode;
    unsigned within;
  };
  for (const Case& c :
       {Case{Rcode::NxDomain, 1}, Case{Rcode::NxDomain, 0}, Case{Rcode::ServFail, 1},
        Case{Rcode::Refused, 0}, Case{Rcode::FormErr, 0}, Case{Rcode::BadVers, 0}})
    EXPECT_EQ(within(limiter, limit, 1, client, c.rcode, static_cast<uint64_t>(c.rcode), kStart),
              c.within);
}

TEST(RateLimiter, LimitsOnlyTheKindsItIsToldTo) {
  RateLimiter limiter;
  const IpAddress client = address("192.0.2.1");
  EXPECT_FALSE(RateLimit{}.on());
  EXPECT_TRUE(limit_of(0, 0, 1).on());
  EXPECT_EQ(within(limiter, limit_of(0, 0, 1), 50, client, Rcode::NoError, 7, kStart), 50u);
  EXPECT_EQ(within(limiter, limit_of(0, 0, 1), 50, client, Rcode::NxDomain, 7, kStart), 50u);
  EXPECT_EQ(within(limiter, limit_of(0, 0, 1), 50, client, Rcode::ServFail, 7, kStart), 1u);
}

/// What became of `count` replies: how many times each.
struct Passed {
  unsigned whole = 0, truncated = 0, bad_cookie = 0, none = 0, over = 0;
};
Passed pass(const RateLimit& limit, Sender sender, unsigned count) {
  RateLimiter limiter;
  Passed passed;
  for (unsigned i = 0; i < count; ++i) {
    const auto judged =
        limiter.judge(limit, {address("192.0.2.1"), 7}, sender, Rcode::NoError, kStart);
    passed.over += judged.over ? 1 : 0;
    switch (judged.action) {
      case RateLimitAction::Whole:
        ++passed.whole;
        break;
      case RateLimitAction::Truncated:
        ++passed.truncated;
        break;
      case RateLimitAction::BadCookie:
        ++passed.bad_cookie;
        break;
      case RateLimitAction::None:
        ++passed.none;
        break;
    }
  }
  return passed;
}

TEST(RateLimiter, LetsOneInSoManySlip) {
  struct Case {
    uint32_t slip;
    unsigned slipped;
  };
  for (const Case& c : {Case{0, 0}, Case{1, 100}, Case{2, 50}, Case{3, 33}}) {
    SCOPED_TRACE(c.slip);
    RateLimit limit = limit_of(10, 10, 10);
    limit.slip = c.slip;
    const Passed unknown = pass(limit, Sender::Unknown, 110);
    EXPECT_EQ(unknown.whole, 10u);
    EXPECT_EQ(unknown.truncated, c.slipped);
    EXPECT_EQ(unknown.none, 100 - c.slipped);
    EXPECT_EQ(unknown.over, 100u);
    const Passed with_cookies = pass(limit, Sender::HasCookies, 110);
    EXPECT_EQ(with_cookies.bad_cookie, c.slipped);
    EXPECT_EQ(with_cookies.truncated, 0u);
  }
}

TEST(RateLimiter, LetsPassWhoeverHasProvedItsAddress) {
  EXPECT_EQ(pass(limit_of(1, 1, 1), Sender::Proven, 100).whole, 100u);
}

TEST(RateLimiter, LetsPassWhoeverIsExempt) {
  RateLimit limit = limit_of(1, 1, 1);
  const std::array blocks = {*base::Prefix::parse("192.0.2.0/28")};
  limit.exempt = AddressSet(blocks);
  EXPECT_EQ(pass(limit, Sender::Unknown, 100).whole, 100u);
  RateLimiter limiter;
  EXPECT_EQ(within(limiter, limit, 5, address("192.0.2.16"), Rcode::NoError, 7, kStart), 1u);
}

TEST(RateLimiter, OnlyCountsIfThatIsWanted) {
  RateLimit limit = limit_of(10, 10, 10);
  limit.log_only = true;
  const Passed passed = pass(limit, Sender::Unknown, 110);
  EXPECT_EQ(passed.whole, 110u);
  EXPECT_EQ(passed.over, 100u);
}

// A million sources, and one that is really limited: it must not get free for them.
TEST(RateLimiter, KeepsWhoOwesMostWhileOthersComeAndGo) {
  RateLimiter limiter;
  const RateLimit limit = limit_of(100, 100, 100);
  const IpAddress victim = address("203.0.113.5");
  unsigned to_victim = 0, to_others = 0;
  constexpr unsigned kSources = 1'000'000;
  for (unsigned i = 0; i < kSources; ++i) {
    const base::Time now = kStart + i * base::microseconds{1};
    std::array<std::byte, 4> octets;
    base::store_be32(octets.data(), 0x0A00'0000 + i * 16);
    to_others += within(limiter, limit, 1, IpAddress::v4(octets.data()), Rcode::NoError, i, now);
    to_victim += within(limiter, limit, 1, victim, Rcode::NoError, 7, now);
  }
  EXPECT_EQ(to_others, kSources);
  EXPECT_LE(to_victim, 2 * 100u + 1);
}

TEST(RateLimiter, OutlivesItsClock) {
  RateLimiter limiter;
  const RateLimit limit = limit_of(10, 10, 10);
  const IpAddress client = address("192.0.2.1");
  for (unsigned i = 0; i < 10'000; ++i) {
    const base::Time now = kStart + i * seconds{7};
    EXPECT_EQ(within(limiter, limit, 20, client, Rcode::NoError, 7, now), 10u) << i;
  }
}

}  // namespace
}  // namespace rules
