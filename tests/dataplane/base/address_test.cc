// Addresses, endpoints and blocks as an operator writes them, and back.
#include "dataplane/base/address.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace base {
namespace {

TEST(IpAddress, KnowsItsFamily) {
  const auto four = IpAddress::parse("192.0.2.1");
  const auto six = IpAddress::parse("2001:db8::1");
  ASSERT_TRUE(four && six);
  EXPECT_TRUE(four->is_v4());
  EXPECT_EQ(four->octets().size(), 4u);
  EXPECT_EQ(four->octets()[3], std::byte{1});
  EXPECT_FALSE(six->is_v4());
  EXPECT_EQ(six->octets().size(), 16u);
}

TEST(IpAddress, TakesTheMappedFormForIpv4) {
  EXPECT_EQ(IpAddress::parse("::ffff:192.0.2.1"), IpAddress::parse("192.0.2.1"));
}

TEST(IpAddress, RefusesEverythingElse) {
  for (const char* text : {"", "192.0.2", "192.0.2.256", "192.0.2.1 ", " ::1", "2001:db8::1::2",
                           "[::1]", "localhost", "192.0.2.1/32", "192.0.2.1:53", "fe80::1%eth0"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpAddress, OrdersLikeNumbers) {
  const std::set<IpAddress> ordered = {*IpAddress::parse("192.0.2.9"),
                                       *IpAddress::parse("192.0.2.1"),
                                       *IpAddress::parse("10.0.0.1")};
  EXPECT_EQ(ordered.begin()->text(), "10.0.0.1");
  EXPECT_EQ(ordered.rbegin()->text(), "192.0.2.9");
}

TEST(Endpoint, ParsesEveryWayToWriteOne) {
  struct Case {
    const char* name;
    const char* text;
    const char* normal;
  };
  for (const Case& c : {
           Case{"v4_with_port", "192.0.2.1:5353", "192.0.2.1:5353"},
           Case{"v4_without_port", "192.0.2.1", "192.0.2.1:53"},
           Case{"v6_in_brackets_with_port", "[2001:db8::1]:5353", "[2001:db8::1]:5353"},
           Case{"v6_in_brackets_without_port", "[2001:db8::1]", "[2001:db8::1]:53"},
           Case{"v6_bare", "2001:db8::1", "[2001:db8::1]:53"},
           Case{"last_port", "192.0.2.1:65535", "192.0.2.1:65535"},
       }) {
    SCOPED_TRACE(c.name);
    const auto endpoint = Endpoint::parse(c.text, 53);
    ASSERT_TRUE(endpoint);
    EXPECT_EQ(endpoint->text(), c.normal);
    EXPECT_EQ(Endpoint::parse(endpoint->text(), 1), endpoint);
  }
}

TEST(Endpoint, RefusesEverythingElse) {
  for (const char* text : {"", ":53", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536",
                           "192.0.2.1:-1", "192.0.2.1:53x", "[2001:db8::1", "[2001:db8::1]53",
                           "[2001:db8::1]:", "[]:53", "192.0.2.1:53:53", "host:53"}) {
    EXPECT_FALSE(Endpoint::parse(text, 53)) << text;
  }
}

TEST(Prefix, ParsesBlocksAndTellsTheirLastAddress) {
  struct Case {
    const char* name;
    const char* text;
    const char* normal;
    const char* last;
  };
  for (const Case& c : {
           Case{"v4", "192.0.2.0/24", "192.0.2.0/24", "192.0.2.255"},
           Case{"v4_inside_an_octet", "100.64.0.0/10", "100.64.0.0/10", "100.127.255.255"},
           Case{"v4_host", "192.0.2.1", "192.0.2.1/32", "192.0.2.1"},
           Case{"v4_all", "0.0.0.0/0", "0.0.0.0/0", "255.255.255.255"},
           Case{"v6", "2001:db8::/32", "2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
           Case{"v6_host", "::1", "::1/128", "::1"},
           Case{"v6_odd_length", "fe80::/10", "fe80::/10",
                "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
       }) {
    SCOPED_TRACE(c.name);
    const auto prefix = Prefix::parse(c.text);
    ASSERT_TRUE(prefix);
    EXPECT_EQ(prefix->text(), c.normal);
    EXPECT_EQ(prefix->last().text(), c.last);
  }
}

TEST(Prefix, RefusesHostBitsAndBadLengths) {
  for (const char* text :
       {"192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/x",
        "192.0.2.0/24/24", "2001:db8::1/64", "2001:db8::/129", "", "/8"}) {
    EXPECT_FALSE(Prefix::parse(text)) << text;
  }
}

RC_GTEST_PROP(IpAddress, TextParsesBackToTheAddress, (bool v4)) {
  const auto octets = *rc::gen::container<std::array<uint8_t, 16>>(rc::gen::arbitrary<uint8_t>());
  const auto* bytes = reinterpret_cast<const std::byte*>(octets.data());
  const IpAddress address = v4 ? IpAddress::v4(bytes) : IpAddress::v6(bytes);
  RC_ASSERT(IpAddress::parse(address.text()) == address);
}

RC_GTEST_PROP(Prefix, HoldsItsFirstAndItsLastAddressOnly, (uint32_t number)) {
  const auto length = *rc::gen::inRange<uint8_t>(0, 33);
  const uint32_t mask = length == 0 ? 0 : ~uint32_t{0} << (32 - length);
  std::array<std::byte, 4> first{};
  store_be32(first.data(), number & mask);
  std::array<std::byte, 4> last{};
  store_be32(last.data(), number | ~mask);
  const auto prefix =
      Prefix::parse(IpAddress::v4(first.data()).text() + "/" + std::to_string(length));
  RC_ASSERT(prefix);
  RC_ASSERT(prefix->network == IpAddress::v4(first.data()));
  RC_ASSERT(prefix->last() == IpAddress::v4(last.data()));
}

}  // namespace
}  // namespace base
