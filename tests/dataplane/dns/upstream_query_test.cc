// Queries to resolvers: nothing in them but the question and what it wants, and all of one of three
// sizes.
#include "dataplane/dns/upstream_query.h"

#include <gtest/gtest.h>

#include "dataplane/dns/query.h"
#include "tests/message_builder.h"

namespace dns {
namespace {

using tests::Bytes;
using tests::bytes_of;
using tests::wire_name;

Bytes built(const Question& question, Keepalive keepalive) {
  Bytes room(kMaxUpstreamQuery, std::byte{0xAA});
  room.resize(build_upstream_query(room, question, 0xCAFE, keepalive));
  return room;
}

Question question_of(const Bytes& name, Wants wants = Wants::Plain) {
  return make_question(name, Type::Aaaa, Class::In, wants, PoolId{0});
}

/// Codes and sizes of the OPT's options, in order.
std::vector<std::pair<uint16_t, size_t>> options_of(const Bytes& message, size_t name_size) {
  base::Reader reader(message);
  reader.skip(kHeaderSize + name_size + kTypeAndClass + kOptFixed - 2);
  std::vector<std::pair<uint16_t, size_t>> options;
  base::Reader list(reader.take(reader.be16()));
  while (list.ok() && !list.at_end()) {
    const uint16_t code = list.be16();
    options.emplace_back(code, list.take(list.be16()).size());
  }
  EXPECT_TRUE(list.ok() && reader.ok() && reader.at_end());
  return options;
}

TEST(BuildUpstreamQuery, AsksTheQuestionInLowerCase) {
  const Bytes message = built(question_of(wire_name("WWW.Example")), Keepalive::Leave);
  const auto query = parse_query(message);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->head.id, 0xCAFE);
  EXPECT_EQ(query->head.flags, flag::kRd | flag::kAd);
  EXPECT_EQ(bytes_of(query->name()), wire_name("www.example"));
  EXPECT_EQ(query->type, Type::Aaaa);
  EXPECT_EQ(query->klass, Class::In);
  EXPECT_TRUE(query->edns.present);
  EXPECT_FALSE(query->edns.dnssec_ok);
  EXPECT_EQ(query->edns.version, 0);
  EXPECT_EQ(query->edns.udp_size, kMaxUdpSize);
}

TEST(BuildUpstreamQuery, PassesOnWhatIsWanted) {
  for (const Wants wants : {Wants::Plain, Wants::DnssecOk, Wants::CheckingDisabled, Wants::Both}) {
    const Bytes message = built(question_of(wire_name("a"), wants), Keepalive::Leave);
    const auto query = parse_query(message);
    ASSERT_TRUE(query);
    EXPECT_EQ(query->wants(), wants);
  }
}

TEST(BuildUpstreamQuery, IsPaddedToWholeBlocksAtEverySize) {
  for (size_t size = 3; size <= kMaxName; ++size) {
    for (const Keepalive keepalive : {Keepalive::Leave, Keepalive::Ask}) {
      const Bytes message = built(question_of(tests::name_of_size(size)), keepalive);
      ASSERT_EQ(message.size() % kPaddingBlock, 0u) << size;
      ASSERT_LE(message.size(), kMaxUpstreamQuery);
      ASSERT_TRUE(parse_query(message)) << size;
    }
  }
}

TEST(BuildUpstreamQuery, CarriesPaddingAndKeepaliveIfAsked) {
  const Bytes name = wire_name("a");
  const auto plain = options_of(built(question_of(name), Keepalive::Leave), name.size());
  ASSERT_EQ(plain.size(), 1u);
  EXPECT_EQ(plain[0].first, option::kPadding);
  const auto asking = options_of(built(question_of(name), Keepalive::Ask), name.size());
  ASSERT_EQ(asking.size(), 2u);
  EXPECT_EQ(asking[0], (std::pair<uint16_t, size_t>{option::kKeepalive, 0}));
  EXPECT_EQ(asking[1], (std::pair<uint16_t, size_t>{option::kPadding, plain[0].second - 4}));
}

TEST(BuildUpstreamQuery, PadsWithZeros) {
  const Bytes message = built(question_of(wire_name("a")), Keepalive::Leave);
  const size_t padding_at = kHeaderSize + 3 + kTypeAndClass + kOptFixed + 4;
  for (size_t i = padding_at; i < message.size(); ++i) EXPECT_EQ(message[i], std::byte{0}) << i;
}

TEST(BuildUpstreamQuery, AddsNoBlockWhereNoneIsNeeded) {
  // 12 + name + 4 + 11 + 4 fills a block exactly with a name of 97.
  EXPECT_EQ(built(question_of(tests::name_of_size(97)), Keepalive::Leave).size(), kPaddingBlock);
  EXPECT_EQ(built(question_of(tests::name_of_size(98)), Keepalive::Leave).size(),
            2 * kPaddingBlock);
  EXPECT_EQ(built(question_of(tests::name_of_size(93)), Keepalive::Ask).size(), kPaddingBlock);
  EXPECT_EQ(built(question_of(tests::name_of_size(94)), Keepalive::Ask).size(), 2 * kPaddingBlock);
}

}  // namespace
}  // namespace dns
