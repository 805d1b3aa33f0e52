// The cheap resolver's answers, judged by the parser that dotline judges every resolver's with.
#include "perf/responder/answers.h"

#include <gtest/gtest.h>

#include <array>

#include "dataplane/dns/answer.h"
#include "dataplane/dns/upstream_query.h"
#include "tests/message_builder.h"

namespace responder {
namespace {

using tests::a_query;
using tests::Bytes;

TEST(Responder, AnswersWhatDotlineAsks) {
  const dns::Question question =
      dns::make_question(tests::wire_name("www.example."), dns::Type::A, dns::Class::In,
                         dns::Wants::Plain, dns::PoolId{0});
  std::array<std::byte, dns::kMaxUpstreamQuery> query;
  const size_t size = dns::build_upstream_query(query, question, 0x1234, dns::Keepalive::Ask);
  Bytes answers;
  ASSERT_TRUE(append_answer(base::ByteView(query).first(size), answers));
  ASSERT_EQ(base::load_be16(answers.data()), answers.size() - 2);
  dns::TtlPlaces places;
  const base::ByteView message = base::ByteView(answers).subspan(2);
  EXPECT_EQ(base::load_be16(message.data()), 0x1234);
  const auto parsed = dns::parse_answer(message, question, places);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->rcode, dns::Rcode::NoError);
  EXPECT_EQ(parsed->answers, 1);
}

TEST(Responder, AppendsToWhatIsThere) {
  Bytes answers;
  ASSERT_TRUE(append_answer(a_query("a.example.").id(1).build(), answers));
  const size_t first = answers.size();
  ASSERT_TRUE(append_answer(a_query("b.example.", dns::Type::Aaaa).id(2).build(), answers));
  EXPECT_EQ(base::load_be16(&answers[2]), 1);
  EXPECT_EQ(base::load_be16(&answers[first + 2]), 2);
  EXPECT_EQ(base::load_be16(&answers[first + 8]), 0) << "no address for another type";
}

TEST(Responder, LeavesWhatIsNoQuery) {
  Bytes response = a_query("www.example.").build();
  response[2] |= std::byte{0x80};
  Bytes cut = a_query("www.example.").build();
  cut.resize(cut.size() - 1);
  Bytes pointer = a_query("www.example.").build();
  pointer[12] = std::byte{0xC0};
  for (const Bytes& octets : {Bytes(), Bytes(11), Bytes(12), response, cut, pointer}) {
    Bytes answers;
    EXPECT_FALSE(append_answer(octets, answers)) << tests::hex(octets);
    EXPECT_TRUE(answers.empty());
  }
}

}  // namespace
}  // namespace responder
