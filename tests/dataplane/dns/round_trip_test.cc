// Properties that hold for every message: what is built is read back, what is relayed says what was
// answered, and no damage to a message does more than make it refused.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "dataplane/dns/answer.h"
#include "dataplane/dns/query.h"
#include "dataplane/dns/reply.h"
#include "dataplane/dns/upstream_query.h"
#include "tests/message_builder.h"

namespace dns {
namespace {

using tests::Bytes;
using tests::bytes_of;
using tests::joined;
using tests::MessageBuilder;
using tests::Record;

rc::Gen<Bytes> octets(size_t least, size_t most) {
  return rc::gen::exec([least, most] {
    const auto size = *rc::gen::inRange<size_t>(least, most + 1);
    const auto values =
        *rc::gen::container<std::vector<uint8_t>>(size, rc::gen::arbitrary<uint8_t>());
    return bytes_of(std::as_bytes(std::span(values)));
  });
}

/// Up to five labels of any octets.
rc::Gen<Bytes> any_name() {
  return rc::gen::exec([] {
    Bytes name;
    const auto labels = *rc::gen::inRange(0, 6);
    for (int i = 0; i < labels; ++i) {
      const Bytes label = *octets(1, 12);
      name = joined({name, bytes_of({static_cast<int>(label.size())}), label});
    }
    return joined({name, bytes_of({0})});
  });
}

/// Letters of `name` in a case that nobody chose.
Bytes mixed_case(Bytes name) {
  for (std::byte& octet : name) {
    const auto value = static_cast<uint8_t>(octet);
    const bool letter = (value >= 'A' && value <= 'Z') || (value >= 'a' && value <= 'z');
    if (letter && *rc::gen::arbitrary<bool>()) octet ^= std::byte{0x20};
  }
  return name;
}

Question any_question() {
  return make_question(
      *any_name(), Type{*rc::gen::arbitrary<uint16_t>()}, Class{*rc::gen::arbitrary<uint16_t>()},
      Wants{*rc::gen::inRange<uint8_t>(0, 4)}, PoolId{*rc::gen::arbitrary<uint8_t>()});
}

/// A record as resolvers send them; its owner and the names in it may be compressed.
Record any_internet_record() {
  const Bytes owner = *rc::gen::element(0, 1) == 0 ? *any_name() : tests::pointer_to_question();
  const auto ttl = *rc::gen::arbitrary<uint32_t>();
  switch (*rc::gen::inRange(0, 5)) {
    case 0:
      return tests::a_record(owner, ttl, {192, 0, 2, 1});
    case 1:
      return tests::cname_record(owner, ttl, *any_name());
    case 2:
      return tests::cname_record(owner, ttl, tests::pointer_to_question());
    case 3:
      return tests::soa_record(owner, ttl, *rc::gen::arbitrary<uint32_t>());
    default:
      return {.owner = owner, .type = Type::Txt, .ttl = ttl, .rdata = *octets(0, 40)};
  }
}

Record any_record(Class klass) {
  Record record = any_internet_record();
  record.klass = static_cast<uint16_t>(klass);
  return record;
}

/// An answer and what must be kept of it.
struct Made {
  Bytes message;
  std::vector<Record> kept;
  std::array<unsigned, 3> counts{};
};

/// An answer to `question` with up to six records, the OPT (if any) anywhere in the additional
/// section.
Made any_answer(const Question& question) {
  Made made;
  MessageBuilder builder;
  builder.flags(flag::kQr | flag::kRa);
  builder.question(mixed_case(bytes_of(question.name.wire())), question.type,
                   static_cast<uint16_t>(question.klass));
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
    builder.answer(made.kept.emplace_back(any_record(question.klass)));
    ++made.counts[0];
  }
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
    builder.authority(made.kept.emplace_back(any_record(question.klass)));
    ++made.counts[1];
  }
  const int additionals = *rc::gen::inRange(0, 3);
  const int opt_before = *rc::gen::inRange(0, 5);
  for (int i = 0; i <= additionals; ++i) {
    if (i == opt_before) builder.opt({.options = {{option::kPadding, *octets(0, 20)}}});
    if (i == additionals) break;
    const Record record = any_record(question.klass);
    builder.additional(record);
    if (i >= opt_before) continue;
    made.kept.push_back(record);
    ++made.counts[2];
  }
  builder.trailing(*octets(0, 9));
  made.message = builder.build();
  return made;
}

std::vector<uint32_t> ttls_of(const Answer& answer) {
  std::vector<uint32_t> ttls;
  for (const uint16_t place : answer.ttl_places)
    ttls.push_back(base::load_be32(&answer.records[place]));
  return ttls;
}

/// The records with zeros in place of their TTLs.
Bytes without_ttls(const Answer& answer) {
  Bytes records = bytes_of(answer.records);
  for (const uint16_t place : answer.ttl_places) base::store_be32(&records[place], 0);
  return records;
}

RC_GTEST_PROP(LowerCase, IsIdempotent, ()) {
  const Bytes octets_given = *octets(0, 300);
  Bytes once(octets_given.size());
  lower_case(octets_given, once.data());
  Bytes twice(once.size());
  lower_case(once, twice.data());
  RC_ASSERT(once == twice);
  RC_ASSERT(equal_ignoring_case(octets_given, once));
}

RC_GTEST_PROP(EqualIgnoringCase, IsSymmetricAndIgnoresCase, ()) {
  const Bytes a = *octets(0, 64);
  const Bytes b = *rc::gen::element(0, 1) == 0 ? *octets(0, 64) : mixed_case(a);
  RC_ASSERT(equal_ignoring_case(a, b) == equal_ignoring_case(b, a));
  RC_ASSERT(equal_ignoring_case(a, mixed_case(a)));
}

RC_GTEST_PROP(MakeQuestion, IgnoresCaseAndNothingElse, ()) {
  const Bytes name = *any_name();
  const Bytes other = *rc::gen::element(0, 1) == 0 ? *any_name() : mixed_case(name);
  const auto of = [](const Bytes& wire) {
    return make_question(wire, Type::A, Class::In, Wants::Plain, PoolId{0});
  };
  RC_ASSERT((of(name) == of(other)) == equal_ignoring_case(name, other));
}

RC_GTEST_PROP(ParseQuery, ReadsWhatWasBuilt, (uint16_t id, uint16_t type, uint16_t klass)) {
  const Bytes name = *any_name();
  const auto flags = static_cast<uint16_t>(*rc::gen::arbitrary<uint16_t>() &
                                           ~(flag::kQr | flag::kOpcodeMask | flag::kTc));
  MessageBuilder builder;
  builder.id(id).flags(flags).question(name, Type{type}, klass);
  const bool with_opt = *rc::gen::arbitrary<bool>();
  const auto udp_size = *rc::gen::arbitrary<uint16_t>();
  const auto version = *rc::gen::arbitrary<uint8_t>();
  const bool dnssec_ok = *rc::gen::arbitrary<bool>();
  if (with_opt) {
    builder.opt({.udp_size = udp_size,
                 .version = version,
                 .flags = dnssec_ok ? kDoBit : uint16_t{0},
                 .options = {{100, *octets(0, 30)}}});
  }
  const Bytes payload = builder.trailing(*octets(0, 9)).build();
  const auto query = parse_query(payload);
  RC_ASSERT(query.has_value());
  RC_ASSERT(query->head.id == id && query->head.flags == flags);
  RC_ASSERT(bytes_of(query->name()) == name);
  RC_ASSERT(query->type == Type{type} && query->klass == Class{klass});
  RC_ASSERT(query->edns.present == with_opt);
  if (!with_opt) return;
  RC_ASSERT(query->edns.udp_size == udp_size && query->edns.version == version);
  RC_ASSERT(query->edns.dnssec_ok == dnssec_ok);
}

RC_GTEST_PROP(BuildUpstreamQuery, IsReadBackAsTheQuestion, (uint16_t id)) {
  const Question question = any_question();
  std::array<std::byte, kMaxUpstreamQuery> room;
  const auto keepalive = *rc::gen::element(Keepalive::Leave, Keepalive::Ask);
  const size_t size = build_upstream_query(room, question, id, keepalive);
  RC_ASSERT(size % kPaddingBlock == 0);
  const auto query = parse_query(base::ByteView(room).first(size));
  RC_ASSERT(query.has_value());
  const Question read =
      make_question(query->name(), query->type, query->klass, query->wants(), question.pool);
  RC_ASSERT(read == question);
  RC_ASSERT(query->head.id == id);
}

RC_GTEST_PROP(ParseAnswer, KeepsExactlyTheRecordsBeforeTheOpt, ()) {
  const Question question = any_question();
  const Made made = any_answer(question);
  TtlPlaces places;
  const auto answer = parse_answer(made.message, question, places);
  RC_ASSERT(answer.has_value());
  RC_ASSERT((std::array<unsigned, 3>{answer->answers, answer->authorities, answer->additionals}) ==
            made.counts);
  Bytes records;
  uint32_t min_ttl = made.kept.empty() ? 0 : 0x7FFFFFFF;
  for (const Record& record : made.kept) {
    records = joined({records, record.wire()});
    min_ttl = std::min(min_ttl, record.ttl);
  }
  RC_ASSERT(bytes_of(answer->records) == records);
  RC_ASSERT(answer->ttl_places.size() == made.kept.size());
  RC_ASSERT(answer->min_ttl == min_ttl);
}

RC_GTEST_PROP(ComposeReply, RelaysRecordsWithTheirTtlsAged, (uint16_t id, uint32_t age)) {
  const Question question = any_question();
  const Made made = any_answer(question);
  TtlPlaces places;
  const auto answer = parse_answer(made.message, question, places);
  RC_ASSERT(answer.has_value());

  Bytes asked = mixed_case(bytes_of(question.name.wire()));
  asked.resize(asked.size() + kTypeAndClass);
  base::store_be16(&asked[asked.size() - 4], static_cast<uint16_t>(question.type));
  base::store_be16(&asked[asked.size() - 2], static_cast<uint16_t>(question.klass));
  const Asker asker{.head = {id, flag::kRd},
                    .question = asked,
                    .edns = {.udp_size = 1232, .present = *rc::gen::arbitrary<bool>()}};
  Bytes message(kMaxUdpSize);
  const Reply reply = compose_reply(message, asker,
                                    {.rcode = answer->rcode,
                                     .answers = answer->answers,
                                     .authorities = answer->authorities,
                                     .additionals = answer->additionals,
                                     .records = answer->records,
                                     .ttl_places = answer->ttl_places,
                                     .age = age});
  RC_ASSERT(reply.size <= udp_limit(asker.edns));
  message.resize(reply.size);
  RC_ASSERT(std::equal(asked.begin(), asked.end(), message.begin() + kHeaderSize));
  TtlPlaces relayed_places;
  const auto relayed = parse_answer(message, question, relayed_places);
  if (reply.written == Written::Truncated) {
    RC_ASSERT(!relayed && relayed.error() == AnswerFault::Truncated);
    return;
  }
  RC_ASSERT(relayed.has_value());
  // Only what nobody asked for may be missing, from behind, and only of what does not fit.
  const Bytes all = without_ttls(*answer);
  const Bytes said = without_ttls(*relayed);
  const size_t frame = kHeaderSize + asked.size() + (asker.edns.present ? kOptFixed : 0);
  RC_ASSERT(relayed->answers == answer->answers);
  RC_ASSERT(said.size() <= all.size() && std::equal(said.begin(), said.end(), all.begin()));
  RC_ASSERT(said == all || frame + all.size() > udp_limit(asker.edns));
  std::vector<uint32_t> expected = ttls_of(*answer);
  expected.resize(relayed->ttl_places.size());
  for (uint32_t& ttl : expected) ttl -= std::min(ttl, age);
  RC_ASSERT(ttls_of(*relayed) == expected);
}

RC_GTEST_PROP(Lifetime, NeverExceedsAnyLimit, (uint16_t rcode)) {
  const Question question = any_question();
  Made made = any_answer(question);
  base::store_be16(&made.message[2], static_cast<uint16_t>(flag::kQr | (rcode % 6)));
  TtlPlaces places;
  const auto answer = parse_answer(made.message, question, places);
  RC_ASSERT(answer.has_value());
  const LifetimeLimits limits{.max_ttl = *rc::gen::inRange<uint32_t>(0, 100'000),
                              .min_ttl = *rc::gen::inRange<uint32_t>(0, 100),
                              .max_negative_ttl = *rc::gen::inRange<uint32_t>(0, 10'000),
                              .temporary_failure_ttl = *rc::gen::inRange<uint32_t>(1, 301)};
  const uint32_t life = lifetime(*answer, limits);
  if (is_failure(answer->rcode)) {
    RC_ASSERT(life == limits.temporary_failure_ttl);
    return;
  }
  RC_ASSERT(life == 0 || (life >= limits.min_ttl && life <= limits.max_ttl));
  // No record that is served may claim to live on when the answer itself has ended.
  for (size_t i = 0; i < answer->ttl_places.size(); ++i) {
    const uint32_t kept = kept_ttl(*answer, i, limits);
    RC_ASSERT(kept <= limits.max_ttl);
    RC_ASSERT(life <= kept);
  }
}

RC_GTEST_PROP(AnyMessage, CutShortOrDamagedIsAtMostRefused, ()) {
  const Question question = any_question();
  Bytes message = any_answer(question).message;
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) {
    const auto at = *rc::gen::inRange<size_t>(0, message.size());
    message[at] = static_cast<std::byte>(*rc::gen::arbitrary<uint8_t>());
  }
  message.resize(*rc::gen::inRange<size_t>(0, message.size() + 1));
  TtlPlaces places;
  const auto answer = parse_answer(message, question, places);
  if (answer) {
    RC_ASSERT(answer->ttl_places.size() ==
              size_t{answer->answers} + answer->authorities + answer->additionals);
    for (const uint16_t place : answer->ttl_places) {
      RC_ASSERT(place + size_t{4} <= answer->records.size());
    }
  }
  const auto query = parse_query(message);
  if (query) RC_ASSERT(query->question.size() <= kMaxQuestion);
}

}  // namespace
}  // namespace dns
