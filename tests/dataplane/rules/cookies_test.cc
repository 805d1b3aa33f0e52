// Cookies: the examples of RFC 9018, and what is taken for one.
#include "dataplane/rules/cookies.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/message_builder.h"

namespace rules {
namespace {

using base::IpAddress;
using tests::Bytes;
using tests::bytes_of;

Bytes from_hex(std::string_view text) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(std::byte(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

CookieSecret secret_of(std::string_view text) {
  CookieSecret secret;
  std::ranges::copy(from_hex(text), secret.begin());
  return secret;
}

Cookies cookies_of(std::initializer_list<std::string_view> texts) {
  std::vector<CookieSecret> secrets;
  for (const std::string_view text : texts) secrets.push_back(secret_of(text));
  return {secrets, Cookies::Demand::No};
}

constexpr std::string_view kSecret = "e5e973e5a6b2a43f48e7dc849e37bfcf";
constexpr std::string_view kOther = "445536bcd2513298075a5d379663c962";
const IpAddress kClient = *IpAddress::parse("198.51.100.100");
const Bytes kClientPart = from_hex("2464c4abcf10c957");
constexpr uint32_t kNow = 1'559'731'985;  // RFC 9018 A.1.

/// A good one, made at kNow.
Bytes made(const Cookies& cookies) {
  return bytes_of(cookies.judge(kClientPart, kClient, kNow).reply.bytes());
}

// RFC 9018 appendix A.
TEST(Cookies, FollowTheExamplesOfTheirRfc) {
  constexpr std::string_view kA4Secret = "dd3bdf9344b678b185a6f5cb60fca715";
  struct Case {
    const char* name;
    Cookies cookies;
    const char* client;
    const char* query;
    uint32_t now;
    Sender sender;
    const char* reply;
  };
  for (const Case& c : {
           Case{"a_1_learning_a_new_cookie", cookies_of({kSecret}), "198.51.100.100",
                "2464c4abcf10c957", 0x5CF79F11, Sender::HasCookies,
                "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
           Case{"a_2_renewed_after_forty_minutes", cookies_of({kSecret}), "198.51.100.100",
                "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 0x5CF7A871, Sender::Proven,
                "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
           Case{"a_3_reserved_octets_set", cookies_of({kSecret}), "203.0.113.203",
                "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 0x5CF78F71 + 60, Sender::Proven,
                "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5"},
           Case{"a_3_too_old_by_now", cookies_of({kSecret}), "203.0.113.203",
                "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 0x5CF7A9AC, Sender::HasCookies,
                "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
           Case{"a_4_ipv6_accepted_by_the_secret_before", cookies_of({kOther, kA4Secret}),
                "2001:db8:220:1:59de:d0f4:8769:82b8",
                "22681ab97d52c298010000005cf7c57926556bd0934c72f8", 0x5CF7C579 + 60, Sender::Proven,
                "22681ab97d52c298010000005cf7c57926556bd0934c72f8"},
           Case{"a_4_ipv6_made_by_the_secret_now", cookies_of({kOther, kA4Secret}),
                "2001:db8:220:1:59de:d0f4:8769:82b8", "22681ab97d52c298", 0x5CF7C609,
                Sender::HasCookies, "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
       }) {
    SCOPED_TRACE(c.name);
    const auto judged = c.cookies.judge(from_hex(c.query), *IpAddress::parse(c.client), c.now);
    EXPECT_EQ(judged.sender, c.sender);
    EXPECT_EQ(bytes_of(judged.reply.bytes()), from_hex(c.reply));
  }
}

TEST(Cookies, AreGoodForAnHour) {
  const Cookies cookies = cookies_of({kSecret});
  const Bytes cookie = made(cookies);
  struct Case {
    const char* name;
    int64_t age;
    Sender sender;
    bool renewed;
  };
  for (const Case& c :
       {Case{"new", 0, Sender::Proven, false}, Case{"half_an_hour", 1800, Sender::Proven, false},
        Case{"a_second_more", 1801, Sender::Proven, true},
        Case{"an_hour", 3600, Sender::Proven, true},
        Case{"over_an_hour", 3601, Sender::HasCookies, true},
        Case{"a_second_ahead", -1, Sender::Proven, true},
        Case{"five_minutes_ahead", -300, Sender::Proven, true},
        Case{"over_five_minutes_ahead", -301, Sender::HasCookies, true},
        Case{"half_the_clock", int64_t{1} << 31, Sender::HasCookies, true}}) {
    SCOPED_TRACE(c.name);
    const auto judged = cookies.judge(cookie, kClient, static_cast<uint32_t>(kNow + c.age));
    EXPECT_EQ(judged.sender, c.sender);
    EXPECT_EQ(bytes_of(judged.reply.bytes()) != cookie, c.renewed);
  }
}

TEST(Cookies, OutliveTheEndOfTheClock) {
  const Cookies cookies = cookies_of({kSecret});
  const auto before = cookies.judge(kClientPart, kClient, 0xFFFFFFF0);
  EXPECT_EQ(cookies.judge(before.reply.bytes(), kClient, 0x10).sender, Sender::Proven);
  EXPECT_EQ(cookies.judge(before.reply.bytes(), kClient, 0x2000).sender, Sender::HasCookies);
}

TEST(Cookies, AreTakenAsAWholeFromTheirOwner) {
  const Cookies cookies = cookies_of({kSecret});
  const Bytes cookie = made(cookies);
  for (size_t bit = 0; bit < cookie.size() * 8; ++bit) {
    Bytes changed = cookie;
    changed[bit / 8] ^= std::byte(1 << bit % 8);
    EXPECT_EQ(cookies.judge(changed, kClient, kNow).sender, Sender::HasCookies) << bit;
  }
  EXPECT_EQ(cookies.judge(cookie, *IpAddress::parse("198.51.100.101"), kNow).sender,
            Sender::HasCookies);
  EXPECT_EQ(cookies_of({kOther}).judge(cookie, kClient, kNow).sender, Sender::HasCookies);
}

TEST(Cookies, OfOtherServersAreAnsweredWithOurs) {
  const Cookies cookies = cookies_of({kSecret});
  for (const size_t size : {8, 16, 23, 25, 32, 40}) {
    Bytes cookie(size, std::byte{7});
    const auto judged = cookies.judge(cookie, kClient, kNow);
    EXPECT_EQ(judged.sender, Sender::HasCookies) << size;
    ASSERT_EQ(judged.reply.bytes().size(), kCookieSize);
    EXPECT_TRUE(std::ranges::equal(judged.reply.bytes().first(8), Bytes(8, std::byte{7})));
    EXPECT_EQ(cookies.judge(judged.reply.bytes(), kClient, kNow).sender, Sender::Proven);
  }
}

TEST(Cookies, SaveNoAnswerForWhoSendsNone) {
  const auto judged = cookies_of({kSecret}).judge({}, kClient, kNow);
  EXPECT_EQ(judged.sender, Sender::Unknown);
  EXPECT_TRUE(judged.reply.bytes().empty());
}

TEST(Cookies, AreNotSpokenWithoutASecret) {
  const Cookies off;
  EXPECT_FALSE(off.on());
  const auto judged = off.judge(kClientPart, kClient, kNow);
  EXPECT_EQ(judged.sender, Sender::Unknown);
  EXPECT_TRUE(judged.reply.bytes().empty());
}

// First everybody accepts the new secret, then everybody makes with it, then the old one goes.
TEST(Cookies, RollOverWithoutAClientNoticing) {
  const std::array steps = {cookies_of({kSecret}), cookies_of({kSecret, kOther}),
                            cookies_of({kOther, kSecret}), cookies_of({kOther})};
  Bytes cookie = made(steps.front());
  uint32_t now = kNow;
  for (const Cookies& server : steps) {
    now += 1801;  // Renewed at each step.
    const auto judged = server.judge(cookie, kClient, now);
    EXPECT_EQ(judged.sender, Sender::Proven);
    cookie = bytes_of(judged.reply.bytes());
  }
}

}  // namespace
}  // namespace rules
