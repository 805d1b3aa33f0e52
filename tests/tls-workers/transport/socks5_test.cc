// What is said with a proxy, octet by octet, and every reply that must not be believed.
#include "tls-workers/transport/socks5.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/message_builder.h"

namespace tests {
namespace {

using backends::Progress;
using testing::HasSubstr;
using transport::Socks5;

backends::BackendSettings through_a_proxy() {
  backends::BackendSettings backend;
  backend.address = *base::Endpoint::parse("192.0.2.1:853", 853);
  backend.socks5 = {*base::Endpoint::parse("127.0.0.1:9050", 1080), "user", "word"};
  return backend;
}

Bytes text(std::string_view letters) { return bytes_of(std::as_bytes(std::span(letters))); }

Bytes said(Socks5& proxy) {
  Bytes octets = bytes_of(proxy.unsent());
  proxy.sent(octets.size());
  return octets;
}

/// Gives `proxy` the octets in pieces of at most `piece`, and never more than it wants.
backends::Step take(Socks5& proxy, const Bytes& octets, size_t piece = 300) {
  base::ByteView rest = octets;
  for (;;) {
    const base::ByteView part = rest.first(std::min({rest.size(), piece, proxy.wanted()}));
    backends::Step step = proxy.take(part);
    rest = rest.subspan(part.size());
    if (!step || *step == Progress::Done || rest.empty()) {
      EXPECT_TRUE(rest.empty() || !step) << "more was said than was wanted";
      return step;
    }
  }
}

const Bytes kNoLogin = bytes_of({5, 0});
const Bytes kLogin = bytes_of({5, 2});
const Bytes kWelcome = bytes_of({1, 0});
const Bytes kConnected = bytes_of({5, 0, 0, 1, 0, 0, 0, 0, 0, 0});

TEST(Socks5, OffersBothWays) {
  const backends::BackendSettings backend = through_a_proxy();
  Socks5 proxy(backend);
  EXPECT_EQ(said(proxy), bytes_of({5, 2, 0, 2}));
}

struct Target {
  const char* name;
  const char* address;
  const char* host;
  Bytes said;
};

class Socks5Connect : public testing::TestWithParam<Target> {};

TEST_P(Socks5Connect, SaysWhereTo) {
  backends::BackendSettings backend = through_a_proxy();
  backend.address = *base::Endpoint::parse(GetParam().address, 853);
  backend.host = GetParam().host;
  Socks5 proxy(backend);
  (void)said(proxy);
  EXPECT_EQ(take(proxy, kNoLogin), Progress::Wait);
  EXPECT_EQ(said(proxy), joined({bytes_of({5, 1, 0}), GetParam().said}));
  EXPECT_EQ(take(proxy, kConnected), Progress::Done);
}

INSTANTIATE_TEST_SUITE_P(
    Targets, Socks5Connect,
    testing::Values(
        Target{"v4", "192.0.2.1:853", "", bytes_of({1, 192, 0, 2, 1, 3, 0x55})},
        Target{"v6", "[2001:db8::1]:443", "",
               bytes_of({4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0xBB})},
        Target{"host", "[::]:853", "dns.example",
               joined({bytes_of({3, 11}), text("dns.example"), bytes_of({3, 0x55})})},
        Target{"longest_host", "[::]:853",
               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
               joined({bytes_of({3, 253}),
                       text("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                            "aa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                            "aaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                            "aaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                            "aaaaaaaaa"),
                       bytes_of({3, 0x55})})}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Socks5, LogsInWhenAsked) {
  const backends::BackendSettings backend = through_a_proxy();
  Socks5 proxy(backend);
  (void)said(proxy);
  EXPECT_EQ(take(proxy, kLogin), Progress::Wait);
  EXPECT_EQ(said(proxy), joined({bytes_of({1, 4}), text("user"), bytes_of({4}), text("word")}));
  EXPECT_EQ(take(proxy, kWelcome), Progress::Wait);
  EXPECT_EQ(said(proxy), bytes_of({5, 1, 0, 1, 192, 0, 2, 1, 3, 0x55}));
  EXPECT_EQ(take(proxy, kConnected), Progress::Done);
}

TEST(Socks5, LongestLoginFits) {
  backends::BackendSettings backend = through_a_proxy();
  backend.socks5->user = std::string(255, 'u');
  backend.socks5->password = std::string(255, 'p');
  Socks5 proxy(backend);
  (void)said(proxy);
  EXPECT_EQ(take(proxy, kLogin), Progress::Wait);
  EXPECT_EQ(said(proxy).size(), 3u + 255 + 255);
}

/// Every kind of address that a proxy may name as its own, in pieces of every size.
TEST(Socks5, RepliesMayBeCutAnywhere) {
  for (const Bytes& reply :
       {kConnected,
        bytes_of({5, 0, 0, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 80}),
        joined({bytes_of({5, 0, 0, 3, 11}), text("dns.example"), bytes_of({3, 0x55})}),
        joined({bytes_of({5, 0, 0, 3, 255}), Bytes(255), bytes_of({3, 0x55})}),
        bytes_of({5, 0, 0, 3, 0, 0, 80})}) {
    for (size_t piece = 1; piece <= 10; ++piece) {
      const backends::BackendSettings backend = through_a_proxy();
      Socks5 proxy(backend);
      (void)said(proxy);
      EXPECT_EQ(take(proxy, kLogin, piece), Progress::Wait);
      (void)said(proxy);
      EXPECT_EQ(take(proxy, kWelcome, piece), Progress::Wait);
      (void)said(proxy);
      EXPECT_EQ(take(proxy, reply, piece), Progress::Done) << hex(reply);
    }
  }
}

TEST(Socks5, WantsNoOctetThatMayBeTheResolvers) {
  const backends::BackendSettings backend = through_a_proxy();
  Socks5 proxy(backend);
  EXPECT_EQ(proxy.wanted(), 2u);
  (void)take(proxy, kNoLogin);
  EXPECT_EQ(proxy.wanted(), 4u);
  (void)take(proxy, bytes_of({5, 0, 0, 3}));
  EXPECT_EQ(proxy.wanted(), 1u);
  (void)take(proxy, bytes_of({255}));
  EXPECT_EQ(proxy.wanted(), 257u);
}

struct BadReply {
  const char* name;
  std::vector<Bytes> replies;  // The last one is bad.
  const char* said;
};

class Socks5BadReply : public testing::TestWithParam<BadReply> {};

TEST_P(Socks5BadReply, IsRefused) {
  const backends::BackendSettings backend = through_a_proxy();
  for (size_t piece : {size_t{1}, size_t{300}}) {
    Socks5 proxy(backend);
    backends::Step step = Progress::Wait;
    for (const Bytes& reply : GetParam().replies) {
      ASSERT_EQ(step, Progress::Wait);
      (void)said(proxy);
      step = take(proxy, reply, piece);
    }
    ASSERT_FALSE(step);
    EXPECT_EQ(step.error().kind, backends::Failure::Connect);
    EXPECT_THAT(step.error().text, HasSubstr(GetParam().said));
  }
}

std::vector<BadReply> bad_replies() {
  const auto refusal = [](int code) { return std::vector{kNoLogin, bytes_of({5, code, 0, 1})}; };
  return {
      {"method_version_4", {bytes_of({4, 0})}, "another version"},
      {"http", {text("HT")}, "another version"},
      {"method_not_offered", {bytes_of({5, 1})}, "not offered"},
      {"no_method", {bytes_of({5, 0xFF})}, "another kind of login"},
      {"login_version_5", {kLogin, bytes_of({5, 0})}, "another version of logins"},
      {"login_refused", {kLogin, bytes_of({1, 1})}, "refuses the login"},
      {"login_refused_loudly", {kLogin, bytes_of({1, 0xFF})}, "refuses the login"},
      {"connect_version_4", {kNoLogin, bytes_of({4, 0, 0, 1})}, "another version"},
      {"general_failure", refusal(1), "could not reach the resolver: general failure"},
      {"not_allowed", refusal(2), "rules"},
      {"network_unreachable", refusal(3), "network unreachable"},
      {"host_unreachable", refusal(4), "host unreachable"},
      {"connection_refused", refusal(5), "could not reach the resolver: connection refused"},
      {"ttl_expired", refusal(6), "time to live"},
      {"command_unknown", refusal(7), "CONNECT"},
      {"address_type_unknown", refusal(8), "kind of address"},
      {"code_unassigned", refusal(9), "reply 9"},
      {"code_255", refusal(255), "reply 255"},
      {"reserved_octet_used", {kNoLogin, bytes_of({5, 0, 1, 1})}, "reserved"},
      {"address_type_0", {kNoLogin, bytes_of({5, 0, 0, 0})}, "unknown kind of address"},
      {"address_type_2", {kNoLogin, bytes_of({5, 0, 0, 2})}, "unknown kind of address"},
      {"address_type_5", {kNoLogin, bytes_of({5, 0, 0, 5})}, "unknown kind of address"},
  };
}

INSTANTIATE_TEST_SUITE_P(Replies, Socks5BadReply, testing::ValuesIn(bad_replies()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Socks5, SaysWhatItWaitsFor) {
  const backends::BackendSettings backend = through_a_proxy();
  Socks5 proxy(backend);
  EXPECT_EQ(proxy.awaited(), "says nothing");
  (void)take(proxy, kLogin);
  EXPECT_EQ(proxy.awaited(), "does not answer the login");
  (void)take(proxy, kWelcome);
  EXPECT_EQ(proxy.awaited(), "does not reach the resolver in time");
  (void)take(proxy, bytes_of({5, 0, 0, 1}));
  EXPECT_EQ(proxy.awaited(), "does not reach the resolver in time");
}

TEST(Socks5, LoginsAreUnlikeOneAnother) {
  const std::string one = transport::random_login();
  EXPECT_EQ(one.size(), 32u);
  EXPECT_NE(one, transport::random_login());
}

}  // namespace
}  // namespace tests
