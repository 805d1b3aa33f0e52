#include "tls-workers/questions/domain_quota.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/message_builder.h"

namespace tests {
namespace {

using questions::DomainQuota;

dns::Question question_of(const std::string& name, uint8_t pool = 0) {
  return dns::make_question(wire_name(name), dns::Type::A, dns::Class::In, dns::Wants::Plain,
                            dns::PoolId{pool});
}

std::string numbered(unsigned number, const std::string& domain) {
  return "n" + std::to_string(number) + "." + domain;
}

std::vector<DomainQuota::Place> enter_many(DomainQuota& quota, unsigned count,
                                           const std::string& domain) {
  std::vector<DomainQuota::Place> places;
  for (unsigned i = 0; i < count; ++i)
    places.push_back(quota.enter(question_of(numbered(i, domain))));
  return places;
}

TEST(DomainQuota, CountByTheLastTwoLabels) {
  DomainQuota quota;
  for (const char* name :
       {"example.com", "a.example.com", "b.example.com", "b.b.example.com", "EXAMPLE.com"}) {
    const auto place = quota.enter(question_of(name));
    EXPECT_FALSE(quota.over_quota(place)) << name;
  }
  EXPECT_EQ(quota.around(quota.enter(question_of("other.example.com"))), 6u);
  EXPECT_EQ(quota.around(quota.enter(question_of("a.example.org"))), 1u);
  EXPECT_EQ(quota.around(quota.enter(question_of("a.example.com", 1))), 1u) << "another pool";
}

TEST(DomainQuota, AreThereFromOneMoreThanTheShareOn) {
  DomainQuota quota;
  const auto places = enter_many(quota, DomainQuota::kFairWide, "victim.example");
  EXPECT_FALSE(quota.over_quota(places.back()));
  EXPECT_TRUE(quota.over_quota(quota.enter(question_of("one.more.victim.example"))));
  EXPECT_FALSE(quota.over_quota(quota.enter(question_of("www.other.example"))));
}

TEST(DomainQuota, BelowThreeLabelsLeaveRoomToTheirNeighbours) {
  DomainQuota quota;
  const auto places = enter_many(quota, 5000, "victim.co.uk");
  EXPECT_TRUE(quota.over_quota(places.back()));
  EXPECT_EQ(quota.around(places.back()), 5000u);
  const auto neighbour = quota.enter(question_of("www.shop.co.uk"));
  EXPECT_FALSE(quota.over_quota(neighbour));
  EXPECT_LE(quota.around(neighbour), DomainQuota::kFairNarrow + 1u);
}

TEST(DomainQuota, AreGoneWhenEverybodyHasLeft) {
  DomainQuota quota;
  for (const char* domain : {"victim.example", "victim.co.uk", "very.deep.victim.co.uk", "."}) {
    SCOPED_TRACE(domain);
    for (const auto& place : enter_many(quota, 1000, domain)) quota.leave(place);
    const auto place = quota.enter(question_of(domain));
    EXPECT_EQ(quota.around(place), 1u);
    quota.leave(place);
  }
}

TEST(DomainQuota, TakeNamesOfAnyLength) {
  DomainQuota quota;
  for (const std::string& name : {std::string("."), std::string("com"), std::string("a.b"),
                                  std::string("a.b.c"), std::string(63, 'x') + ".example"}) {
    EXPECT_EQ(quota.around(quota.enter(question_of(name))), 1u) << name;
  }
  std::string longest;
  for (int i = 0; i < 127; ++i) longest += "x.";
  EXPECT_EQ(quota.around(quota.enter(question_of(longest))), 1u);
}

}  // namespace
}  // namespace tests
