#include "tls-workers/upstream/crowds.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/message_builder.h"

namespace tests {
namespace {

using tls::Crowds;

dns::Question question_of(const std::string& name, uint8_t pool = 0) {
  return dns::make_question(wire_name(name), dns::Type::A, dns::Class::In, dns::Wants::Plain,
                            dns::PoolId{pool});
}

std::string numbered(unsigned number, const std::string& domain) {
  return "n" + std::to_string(number) + "." + domain;
}

std::vector<Crowds::Place> enter_many(Crowds& crowds, unsigned count, const std::string& domain) {
  std::vector<Crowds::Place> places;
  for (unsigned i = 0; i < count; ++i)
    places.push_back(crowds.enter(question_of(numbered(i, domain))));
  return places;
}

TEST(Crowds, CountByTheLastTwoLabels) {
  Crowds crowds;
  for (const char* name :
       {"example.com", "a.example.com", "b.example.com", "b.b.example.com", "EXAMPLE.com"}) {
    const auto place = crowds.enter(question_of(name));
    EXPECT_FALSE(crowds.crowded(place)) << name;
  }
  EXPECT_EQ(crowds.around(crowds.enter(question_of("other.example.com"))), 6u);
  EXPECT_EQ(crowds.around(crowds.enter(question_of("a.example.org"))), 1u);
  EXPECT_EQ(crowds.around(crowds.enter(question_of("a.example.com", 1))), 1u) << "another pool";
}

TEST(Crowds, AreThereFromOneMoreThanTheShareOn) {
  Crowds crowds;
  const auto places = enter_many(crowds, Crowds::kFairWide, "victim.example");
  EXPECT_FALSE(crowds.crowded(places.back()));
  EXPECT_TRUE(crowds.crowded(crowds.enter(question_of("one.more.victim.example"))));
  EXPECT_FALSE(crowds.crowded(crowds.enter(question_of("www.other.example"))));
}

TEST(Crowds, BelowThreeLabelsLeaveRoomToTheirNeighbours) {
  Crowds crowds;
  const auto places = enter_many(crowds, 5000, "victim.co.uk");
  EXPECT_TRUE(crowds.crowded(places.back()));
  EXPECT_EQ(crowds.around(places.back()), 5000u);
  const auto neighbour = crowds.enter(question_of("www.shop.co.uk"));
  EXPECT_FALSE(crowds.crowded(neighbour));
  EXPECT_LE(crowds.around(neighbour), Crowds::kFairNarrow + 1u);
}

TEST(Crowds, AreGoneWhenEverybodyHasLeft) {
  Crowds crowds;
  for (const char* domain : {"victim.example", "victim.co.uk", "very.deep.victim.co.uk", "."}) {
    SCOPED_TRACE(domain);
    for (const auto& place : enter_many(crowds, 1000, domain)) crowds.leave(place);
    const auto place = crowds.enter(question_of(domain));
    EXPECT_EQ(crowds.around(place), 1u);
    crowds.leave(place);
  }
}

TEST(Crowds, TakeNamesOfAnyLength) {
  Crowds crowds;
  for (const std::string& name : {std::string("."), std::string("com"), std::string("a.b"),
                                  std::string("a.b.c"), std::string(63, 'x') + ".example"}) {
    EXPECT_EQ(crowds.around(crowds.enter(question_of(name))), 1u) << name;
  }
  std::string longest;
  for (int i = 0; i < 127; ++i) longest += "x.";
  EXPECT_EQ(crowds.around(crowds.enter(question_of(longest))), 1u);
}

}  // namespace
}  // namespace tests
