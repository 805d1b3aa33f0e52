// The key of a question: equal only if everything is, and every part moves the hash.
#include "dataplane/dns/question.h"

#include <gtest/gtest.h>

#include <set>

#include "dataplane/base/keyed_hash.h"
#include "tests/message_builder.h"

namespace dns {
namespace {

using tests::wire_name;

Question usual() {
  return make_question(wire_name("www.example"), Type::A, Class::In, Wants::Plain, PoolId{0});
}

TEST(MakeQuestion, KeepsWhatItIsGiven) {
  const Question question =
      make_question(wire_name("WWW.example"), Type::Aaaa, Class{3}, Wants::Both, PoolId{7});
  EXPECT_EQ(tests::bytes_of(question.name.wire()), wire_name("www.example"));
  EXPECT_EQ(question.type, Type::Aaaa);
  EXPECT_EQ(question.klass, Class{3});
  EXPECT_EQ(question.wants, Wants::Both);
  EXPECT_EQ(question.pool, PoolId{7});
}

TEST(MakeQuestion, IgnoresCase) {
  const Question other =
      make_question(wire_name("wWw.EXAMPLE"), Type::A, Class::In, Wants::Plain, PoolId{0});
  EXPECT_EQ(other, usual());
  EXPECT_EQ(other.hash, usual().hash);
}

TEST(MakeQuestion, TellsApartEveryPart) {
  base::draw_hash_secret();
  struct Case {
    const char* name;
    Question question;
  };
  const auto www = wire_name("www.example");
  for (const Case& c : {
           Case{"name", make_question(wire_name("www.examplf"), Type::A, Class::In, Wants::Plain,
                                      PoolId{0})},
           Case{"labels", make_question(wire_name("ww.wexample"), Type::A, Class::In, Wants::Plain,
                                        PoolId{0})},
           Case{"type", make_question(www, Type::Aaaa, Class::In, Wants::Plain, PoolId{0})},
           Case{"high_octet_of_type",
                make_question(www, Type{0x101}, Class::In, Wants::Plain, PoolId{0})},
           Case{"class", make_question(www, Type::A, Class{3}, Wants::Plain, PoolId{0})},
           Case{"do", make_question(www, Type::A, Class::In, Wants::DnssecOk, PoolId{0})},
           Case{"cd", make_question(www, Type::A, Class::In, Wants::CheckingDisabled, PoolId{0})},
           Case{"pool", make_question(www, Type::A, Class::In, Wants::Plain, PoolId{1})},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_FALSE(c.question == usual());
    EXPECT_NE(c.question.hash, usual().hash);
  }
}

TEST(MakeQuestion, GivesEveryPartItsOwnPlaceInTheHash) {
  base::draw_hash_secret();
  std::set<uint64_t> hashes;
  for (const unsigned type : {0u, 1u, 256u}) {
    for (const unsigned klass : {0u, 1u, 256u}) {
      for (const unsigned wants : {0u, 1u, 2u, 3u}) {
        for (const unsigned pool : {0u, 1u, 2u, 128u}) {
          const Question question =
              make_question(wire_name("a"), Type{static_cast<uint16_t>(type)},
                            Class{static_cast<uint16_t>(klass)}, Wants{static_cast<uint8_t>(wants)},
                            PoolId{static_cast<uint8_t>(pool)});
          hashes.insert(question.hash);
        }
      }
    }
  }
  EXPECT_EQ(hashes.size(), size_t{144});
}

TEST(Question, IsNotIdentifiedByItsHash) {
  Question forged =
      make_question(wire_name("victim.example"), Type::A, Class::In, Wants::Plain, PoolId{0});
  forged.hash = usual().hash;
  EXPECT_FALSE(forged == usual());
}

}  // namespace
}  // namespace dns
