#include "dataplane/rules/policy.h"

#include <gtest/gtest.h>

#include "tests/packet_builder.h"

namespace rules {
namespace {

AddressSet set_of(std::initializer_list<const char*> prefixes) {
  std::vector<base::Prefix> parsed;
  for (const char* prefix : prefixes) parsed.push_back(base::Prefix::parse(prefix).value());
  return AddressSet(parsed);
}

TEST(AddressSet, ContainsFirstAndLastOfEachPrefixAndNothingBeside) {
  const AddressSet set =
      set_of({"192.0.2.0/24", "10.1.0.0/16", "203.0.113.7", "2001:db8::/32", "fe80::/10"});
  for (const char* inside : {"192.0.2.0", "192.0.2.255", "10.1.0.0", "10.1.255.255", "203.0.113.7",
                             "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "febf::1"}) {
    EXPECT_TRUE(set.contains(tests::address(inside))) << inside;
  }
  for (const char* outside :
       {"192.0.1.255", "192.0.3.0", "10.0.255.255", "10.2.0.0", "203.0.113.6", "203.0.113.8",
        "2001:db7:ffff::", "2001:db9::", "fec0::", "::192.0.2.1"}) {
    EXPECT_FALSE(set.contains(tests::address(outside))) << outside;
  }
}

TEST(AddressSet, NestedPrefixesCountOnce) {
  const AddressSet set = set_of({"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "10.0.0.0/8"});
  EXPECT_TRUE(set.contains(tests::address("10.255.255.255")));
  EXPECT_TRUE(set.contains(tests::address("10.1.2.3")));
  EXPECT_FALSE(set.contains(tests::address("11.0.0.0")));
}

TEST(AddressSet, OfNothingContainsNothingAndOfEverythingAll) {
  EXPECT_FALSE(AddressSet().contains(tests::address("192.0.2.1")));
  const AddressSet all = set_of({"0.0.0.0/0", "::/0"});
  EXPECT_TRUE(all.contains(tests::address("255.255.255.255")));
  EXPECT_TRUE(all.contains(tests::address("::")));
  EXPECT_FALSE(set_of({"0.0.0.0/0"}).contains(tests::address("2001:db8::1")));
}

TEST(Policy, FindsABindByAddressAndPort) {
  Policy policy;
  policy.binds = {{.address = {tests::address("192.0.2.1"), 53}, .to = {.pool = dns::PoolId{1}}},
                  {.address = {tests::address("192.0.2.1"), 5353}, .to = {.pool = dns::PoolId{2}}}};
  EXPECT_EQ(policy.bind_at({tests::address("192.0.2.1"), 5353})->to.pool, dns::PoolId{2});
  EXPECT_EQ(policy.bind_at({tests::address("192.0.2.1"), 54}), nullptr);
  EXPECT_EQ(policy.bind_at({tests::address("192.0.2.3"), 53}), nullptr);
}

}  // namespace
}  // namespace rules
