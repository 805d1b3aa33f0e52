// Answers of resolvers: what is kept of good ones, what is wrong with bad ones, and for how long
// each may live.
#include "dataplane/dns/answer.h"

#include <gtest/gtest.h>

#include "tests/message_builder.h"

namespace dns {
namespace {

using tests::a_record;
using tests::an_answer;
using tests::Bytes;
using tests::bytes_of;
using tests::cname_record;
using tests::joined;
using tests::MessageBuilder;
using tests::Opt;
using tests::pointer_to;
using tests::pointer_to_question;
using tests::Record;
using tests::soa_record;
using tests::wire_name;

constexpr const char* kName = "www.example";
// Where the first record of an answer to kName starts: header, 13 octets of name, type, class.
constexpr size_t kRecordsAt = kHeaderSize + 13 + kTypeAndClass;

Question asked(Type type = Type::A) {
  return make_question(wire_name(kName), type, Class::In, Wants::Plain, PoolId{0});
}

/// Keeps what an Answer borrows.
struct Parsed {
  explicit Parsed(Bytes bytes, const Question& question = asked())
      : message(std::move(bytes)), result(parse_answer(message, question, places)) {}
  explicit Parsed(const MessageBuilder& builder, const Question& question = asked())
      : Parsed(builder.build(), question) {}

  [[nodiscard]] std::optional<AnswerFault> fault() const {
    return result ? std::nullopt : std::optional(result.error());
  }
  const Answer* operator->() const { return &result.value(); }
  const Answer& operator*() const { return result.value(); }

  Bytes message;
  TtlPlaces places;
  Result<Answer, AnswerFault> result;
};

Record usual_a(uint32_t ttl = 300) { return a_record(pointer_to_question(), ttl, {192, 0, 2, 1}); }

Record of_type(Type type, Bytes rdata) {
  return {.owner = pointer_to_question(), .type = type, .ttl = 60, .rdata = std::move(rdata)};
}

TEST(MessageId, IsTheFirstTwoOctets) {
  const Bytes message = an_answer(kName).id(0xABCD).build();
  EXPECT_EQ(message_id(message), std::optional<uint16_t>(0xABCD));
  EXPECT_EQ(message_id(base::ByteView(message).first(12)), std::optional<uint16_t>(0xABCD));
  EXPECT_EQ(message_id(base::ByteView(message).first(11)), std::nullopt);
  EXPECT_EQ(message_id({}), std::nullopt);
}

TEST(QuestionIn, IsWhatWasAsked) {
  EXPECT_EQ(question_in(an_answer("WWW.Example").build(), Wants::Plain, PoolId{0}), asked());
  EXPECT_NE(question_in(an_answer("mail.example").build(), Wants::Plain, PoolId{0}), asked());
  EXPECT_NE(question_in(an_answer(kName).build(), Wants::DnssecOk, PoolId{0}), asked());
  EXPECT_NE(question_in(an_answer(kName).build(), Wants::Plain, PoolId{1}), asked());
}

TEST(QuestionIn, NeedsExactlyOneWholeQuestion) {
  const Bytes whole = MessageBuilder().flags(0x8180).question(kName, Type::A).build();
  for (size_t size = 0; size < whole.size(); ++size) {
    const ByteView cut = ByteView(whole).first(size);
    EXPECT_FALSE(question_in(cut, Wants::Plain, PoolId{0})) << size;
  }
  EXPECT_TRUE(question_in(whole, Wants::Plain, PoolId{0}));
  const Bytes none = MessageBuilder().flags(0x8180).build();
  EXPECT_FALSE(question_in(none, Wants::Plain, PoolId{0}));
  const Bytes two =
      MessageBuilder().flags(0x8180).question(kName, Type::A).claim({2, 0, 0, 0}).build();
  EXPECT_FALSE(question_in(two, Wants::Plain, PoolId{0}));
}

TEST(ParseAnswer, KeepsRecordsAndThePlacesOfTheirTtls) {
  const auto builder = an_answer(kName)
                           .answer(cname_record(pointer_to_question(), 600, wire_name("a.example")))
                           .answer(a_record(wire_name("a.example"), 300, {192, 0, 2, 1}))
                           .authority(of_type(Type::Ns, wire_name("ns.example")))
                           .additional(a_record(wire_name("ns.example"), 90, {192, 0, 2, 2}));
  const Parsed answer(builder);
  ASSERT_EQ(answer.fault(), std::nullopt);
  EXPECT_EQ(answer->rcode, Rcode::NoError);
  EXPECT_EQ(answer->answers, 2);
  EXPECT_EQ(answer->authorities, 1);
  EXPECT_EQ(answer->additionals, 1);
  EXPECT_EQ(answer->min_ttl, 60u);
  EXPECT_FALSE(answer->authenticated);
  EXPECT_FALSE(answer->has_soa);
  EXPECT_TRUE(answer->has_asked_type);
  EXPECT_EQ(answer->keepalive, Answer::kNoKeepalive);
  EXPECT_EQ(bytes_of(answer->records),
            Bytes(answer.message.begin() + kRecordsAt, answer.message.end()));
  std::vector<uint32_t> ttls;
  for (const uint16_t place : answer->ttl_places) {
    ttls.push_back(base::load_be32(&answer->records[place]));
  }
  EXPECT_EQ(ttls, (std::vector<uint32_t>{600, 300, 60, 90}));
}

TEST(ParseAnswer, TakesTheOptOutAndReadsIt) {
  const Opt opt{.extended_rcode = 1,
                .flags = kDoBit,
                .options = {{option::kPadding, Bytes(40)},
                            {option::kKeepalive, bytes_of({0x01, 0x2C})},
                            {option::kCookie, Bytes(16)}}};
  const Parsed answer(an_answer(kName).answer(usual_a()).opt(opt));
  ASSERT_EQ(answer.fault(), std::nullopt);
  EXPECT_EQ(answer->rcode, Rcode::BadVers);
  EXPECT_EQ(answer->keepalive, 300);
  EXPECT_EQ(answer->additionals, 0);
  EXPECT_EQ(answer->records.size(), usual_a().wire().size());
  EXPECT_EQ(answer->min_ttl, 300u) << "an OPT has no TTL";
}

TEST(ParseAnswer, IgnoresAKeepaliveWithoutATimeout) {
  for (const size_t size : {0u, 1u, 3u}) {
    const Parsed answer(an_answer(kName).opt({.options = {{option::kKeepalive, Bytes(size)}}}));
    ASSERT_EQ(answer.fault(), std::nullopt);
    EXPECT_EQ(answer->keepalive, Answer::kNoKeepalive);
  }
}

TEST(ParseAnswer, DropsWhatFollowsTheOpt) {
  const Record glue = a_record(wire_name("ns.example"), 5, {192, 0, 2, 2});
  const Parsed answer(
      an_answer(kName).answer(usual_a()).additional(glue).opt({}).additional(glue).additional(
          glue));
  ASSERT_EQ(answer.fault(), std::nullopt);
  EXPECT_EQ(answer->additionals, 1);
  EXPECT_EQ(answer->ttl_places.size(), 2u);
  EXPECT_EQ(answer->records.size(), usual_a().wire().size() + glue.wire().size());
}

TEST(ParseAnswer, DropsTrailingOctets) {
  const Parsed answer(an_answer(kName).answer(usual_a()).trailing(Bytes(100, std::byte{7})));
  ASSERT_EQ(answer.fault(), std::nullopt);
  EXPECT_EQ(answer->records.size(), usual_a().wire().size());
}

TEST(ParseAnswer, ReadsAuthenticated) {
  EXPECT_TRUE(Parsed(an_answer(kName).flags(flag::kQr | flag::kAd))->authenticated);
}

TEST(ParseAnswer, IgnoresCaseOfTheQuestion) {
  EXPECT_EQ(Parsed(an_answer("wWw.EXAMple")).fault(), std::nullopt);
}

TEST(ParseAnswer, RefusesAnotherQuestion) {
  struct Case {
    const char* name;
    MessageBuilder answer;
  };
  for (const Case& c : {
           Case{"name", an_answer("wwx.example").answer(usual_a())},
           Case{"shorter_name", an_answer("example")},
           Case{"longer_name", an_answer("x.www.example")},
           Case{"type", an_answer(kName, Type::Aaaa)},
           Case{"class", MessageBuilder().flags(flag::kQr).question(kName, Type::A, 3)},
           Case{"even_if_truncated",
                MessageBuilder().flags(flag::kQr | flag::kTc).question("a", Type::A)},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Parsed(c.answer).fault(), AnswerFault::WrongQuestion);
  }
}

TEST(ParseAnswer, RefusesTruncation) {
  const auto cut = MessageBuilder().flags(flag::kQr | flag::kTc).question(kName, Type::A);
  EXPECT_EQ(Parsed(cut).fault(), AnswerFault::Truncated);
}

TEST(ParseAnswer, TakesErrorsWithoutTheQuestion) {
  for (unsigned rcode = 0; rcode < 16; ++rcode) {
    SCOPED_TRACE(rcode);
    const bool fine = rcode != 0 && rcode != 3;
    const Parsed bare(MessageBuilder().flags(static_cast<uint16_t>(flag::kQr | rcode)));
    EXPECT_EQ(bare.fault(), fine ? std::nullopt : std::optional(AnswerFault::Malformed));
    if (fine) {
      EXPECT_EQ(bare->rcode, Rcode{static_cast<uint16_t>(rcode)});
      EXPECT_TRUE(bare->records.empty());
    }
  }
}

TEST(ParseAnswer, KeepsNoRecordsWithoutTheQuestion) {
  const auto builder = MessageBuilder()
                           .flags(flag::kQr | 2)
                           .answer(a_record(wire_name(kName), 9, {1, 2, 3, 4}))
                           .authority(soa_record(wire_name("."), 9, 9))
                           .opt({.extended_rcode = 1});
  const Parsed answer(builder);
  ASSERT_EQ(answer.fault(), std::nullopt);
  EXPECT_EQ(answer->rcode, Rcode{0x12});
  EXPECT_TRUE(answer->records.empty());
  EXPECT_EQ(answer->answers + answer->authorities + answer->additionals, 0);
  EXPECT_FALSE(answer->has_soa);
}

TEST(ParseAnswer, NamesMalformedMessages) {
  struct Case {
    const char* name;
    Bytes message;
  };
  const MessageBuilder good = an_answer(kName).answer(usual_a());
  const auto with = [&good](const Record& record) {
    return MessageBuilder(good).answer(record).build();
  };
  Record owned_opt = tests::opt_record({});
  owned_opt.owner = wire_name("a");
  Record compressed_opt = tests::opt_record({});
  compressed_opt.owner = pointer_to(kHeaderSize + 12);  // The root at the question's end.
  Record stray_option = tests::opt_record({});
  stray_option.rdata = bytes_of({0, 11, 0, 2, 0});
  Record too_long = usual_a();
  too_long.rdata_length = 5;
  const size_t second_at = kRecordsAt + usual_a().wire().size();
  for (const Case& c : {
           Case{"nothing", {}},
           Case{"eleven_octets", Bytes(11, std::byte{0x80})},
           Case{"a_query", an_answer(kName).flags(flag::kRd).build()},
           Case{"another_opcode",
                an_answer(kName).flags(flag::kQr | 4 << flag::kOpcodeShift).build()},
           Case{"two_questions", an_answer(kName).question(kName, Type::A).build()},
           Case{"no_question_noerror", MessageBuilder().flags(flag::kQr).build()},
           Case{"question_missing", MessageBuilder().flags(flag::kQr).claim({1, 0, 0, 0}).build()},
           Case{"question_compressed",
                MessageBuilder().flags(flag::kQr).question(pointer_to(12), Type::A).build()},
           Case{"more_records_claimed", MessageBuilder(good).claim({1, 2, 0, 0}).build()},
           Case{"65535_records_claimed",
                MessageBuilder(good).claim({1, 65535, 65535, 65535}).build()},
           Case{"claim_reaches_into_trailing_octets",
                MessageBuilder(good).claim({1, 1, 1, 0}).trailing(Bytes(10)).build()},
           Case{"rdlength_beyond_the_message", with(too_long)},
           Case{"owner_points_to_itself", with(a_record(pointer_to(second_at), 1, {1, 2, 3, 4}))},
           Case{"owner_points_forward", with(a_record(pointer_to(second_at + 4), 1, {1, 2, 3, 4}))},
           Case{"owner_points_into_header", with(a_record(pointer_to(4), 1, {1, 2, 3, 4}))},
           Case{"owner_points_into_a_ttl",
                with(a_record(pointer_to(kRecordsAt + 6), 1, {1, 2, 3, 4}))},
           // The last octet of the question, 1, as the length of a label.
           Case{"owner_runs_on_beyond_the_records",
                an_answer(kName)
                    .answer({.owner = pointer_to(kRecordsAt - 1), .type = Type::Txt})
                    .trailing(Bytes(60))
                    .build()},
           Case{"owner_of_256", with(a_record(tests::name_of_size(256), 1, {1, 2, 3, 4}))},
           Case{"opt_among_answers", with(tests::opt_record({}))},
           Case{"opt_among_authorities",
                MessageBuilder(good).authority(tests::opt_record({})).build()},
           Case{"two_opts", MessageBuilder(good).opt({}).opt({}).build()},
           Case{"opt_with_owner", MessageBuilder(good).additional(owned_opt).build()},
           Case{"opt_with_compressed_owner",
                MessageBuilder(good).additional(compressed_opt).build()},
           Case{"opt_with_option_cut_short", MessageBuilder(good).additional(stray_option).build()},
           Case{"bad_record_after_the_opt",
                MessageBuilder(good).opt({}).additional(too_long).build()},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Parsed(c.message).fault(), AnswerFault::Malformed);
  }
}

TEST(ParseAnswer, NeedsEveryOctetOfEveryRecord) {
  const auto before_opt = an_answer(kName)
                              .answer(cname_record(pointer_to_question(), 1, wire_name("b")))
                              .authority(soa_record(wire_name("example"), 1, 1));
  const size_t opt_at = before_opt.size();
  const Bytes whole =
      MessageBuilder(before_opt).opt({.options = {{option::kPadding, Bytes(3)}}}).build();
  ASSERT_EQ(Parsed(whole).fault(), std::nullopt);
  for (size_t size = 0; size < whole.size(); ++size) {
    if (size == opt_at) continue;  // A count that is too large: see below.
    const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_EQ(Parsed(cut).fault(), AnswerFault::Malformed) << size;
  }
}

/// Some servers count an OPT that they do not send. Unbound and BIND take such answers.
TEST(ParseAnswer, TakesAnAdditionalCountThatIsTooLarge) {
  const Record glue = a_record(wire_name("ns.example"), 5, {192, 0, 2, 2});
  const MessageBuilder bare = an_answer(kName).answer(usual_a());
  for (const uint16_t claimed : std::initializer_list<uint16_t>{1, 2, 65535}) {
    SCOPED_TRACE(claimed);
    const Parsed answer(MessageBuilder(bare).claim({1, 1, 0, claimed}));
    ASSERT_EQ(answer.fault(), std::nullopt);
    EXPECT_EQ(answer->answers, 1);
    EXPECT_EQ(answer->ttl_places.size(), 1u);
  }
  const Parsed with_glue(
      MessageBuilder(bare).additional(glue).opt({.extended_rcode = 1}).claim({1, 1, 0, 3}));
  ASSERT_EQ(with_glue.fault(), std::nullopt);
  EXPECT_EQ(with_glue->rcode, Rcode::BadVers) << "an OPT that was there has been read";
  EXPECT_EQ(with_glue->additionals, 0) << "nobody knows what else is wrong";
  EXPECT_EQ(with_glue->records.size(), usual_a().wire().size());
  EXPECT_EQ(with_glue->ttl_places.size(), 1u);
  EXPECT_EQ(with_glue->min_ttl, 300u);
  EXPECT_EQ(Parsed(MessageBuilder(bare).claim({1, 1, 0, 1}).trailing(Bytes(10))).fault(),
            AnswerFault::Malformed)
      << "a part of a record is there";
  EXPECT_EQ(Parsed(MessageBuilder(bare).claim({1, 1, 1, 0})).fault(), AnswerFault::Malformed);
  EXPECT_EQ(Parsed(MessageBuilder(bare).claim({1, 2, 0, 0})).fault(), AnswerFault::Malformed);
}

Record signature_over_message(Type type) {
  Record record{.owner = wire_name("."), .type = type, .ttl = 0, .rdata = Bytes(60), .klass = 255};
  return record;
}

/// RFC 8945 §5.1, RFC 2931 §3: for this hop, and the last record. kdig and others call a message
/// malformed in which an OPT follows.
TEST(ParseAnswer, DropsASignatureOverTheMessage) {
  const Record glue = a_record(wire_name("ns.example"), 5, {192, 0, 2, 2});
  for (const Type type : {Type::Tsig, Type{24}}) {
    const Record signature = signature_over_message(type);
    for (const auto& builder :
         {an_answer(kName).answer(usual_a()).additional(glue).additional(signature),
          an_answer(kName).answer(usual_a()).additional(glue).additional(signature).opt({}),
          an_answer(kName).answer(usual_a()).additional(glue).opt({}).additional(signature)}) {
      const Parsed answer(builder);
      ASSERT_EQ(answer.fault(), std::nullopt);
      EXPECT_EQ(answer->additionals, 1);
      EXPECT_EQ(answer->min_ttl, 5u) << "a signature over a message has no TTL";
      EXPECT_EQ(answer->records.size(), usual_a().wire().size() + glue.wire().size());
    }
    EXPECT_EQ(Parsed(an_answer(kName).answer(signature)).fault(), AnswerFault::Malformed);
    EXPECT_EQ(Parsed(an_answer(kName).authority(signature)).fault(), AnswerFault::Malformed);
  }
}

TEST(ParseAnswer, KeepsAnOldSignatureOverRecords) {
  const Record over_a = of_type(Type{24}, joined({bytes_of({0, 1}), Bytes(30)}));
  const Parsed answer(an_answer(kName).answer(usual_a()).answer(over_a));
  ASSERT_EQ(answer.fault(), std::nullopt);
  EXPECT_EQ(answer->answers, 2);
}

TEST(ParseAnswer, TakesRecordsOfTheQuestionsClassOnly) {
  for (const uint16_t klass : std::initializer_list<uint16_t>{0, 2, 3, 4, 254, 255, 65535}) {
    SCOPED_TRACE(klass);
    Record other = usual_a();
    other.klass = klass;
    EXPECT_EQ(Parsed(an_answer(kName).answer(other)).fault(), AnswerFault::Malformed);
    EXPECT_EQ(Parsed(an_answer(kName).answer(usual_a()).authority(other)).fault(),
              AnswerFault::Malformed);
    const Parsed beside(an_answer(kName).answer(usual_a()).additional(other).additional(usual_a()));
    ASSERT_EQ(beside.fault(), std::nullopt) << "beside the answer it does no harm";
    EXPECT_EQ(beside->additionals, 0);
    EXPECT_EQ(beside->records.size(), usual_a().wire().size());
  }
}

TEST(ParseAnswer, TakesNoTypeThatIsNoData) {
  for (const uint16_t type :
       std::initializer_list<uint16_t>{128, 200, 249, 251, 252, 253, 254, 255}) {
    SCOPED_TRACE(type);
    const Record odd = of_type(Type{type}, bytes_of({1, 2, 3, 4}));
    EXPECT_EQ(Parsed(an_answer(kName).answer(odd)).fault(), AnswerFault::Malformed);
    EXPECT_EQ(Parsed(an_answer(kName).answer(usual_a()).additional(odd))->additionals, 0);
  }
}

TEST(ParseAnswer, RefusesMessagesThatNoLengthPrefixCanTell) {
  const MessageBuilder good = an_answer(kName).answer(usual_a());
  const size_t room = kMaxMessage - good.size();
  EXPECT_EQ(Parsed(MessageBuilder(good).trailing(Bytes(room))).fault(), std::nullopt);
  EXPECT_EQ(Parsed(MessageBuilder(good).trailing(Bytes(room + 1))).fault(), AnswerFault::Malformed);
}

TEST(ParseAnswer, TakesAsManyRecordsAsAMessageHolds) {
  Record smallest{.owner = wire_name("."), .type = Type::Txt, .ttl = 7};
  const size_t fitting = (kMaxMessage - kRecordsAt) / 11;
  MessageBuilder builder = an_answer(kName);
  Bytes records;
  const Bytes one = smallest.wire();
  for (size_t i = 0; i < fitting; ++i) records.insert(records.end(), one.begin(), one.end());
  builder.claim({1, static_cast<uint16_t>(fitting), 0, 0}).trailing(records);
  const Parsed answer(builder);
  ASSERT_EQ(answer.fault(), std::nullopt);
  EXPECT_EQ(answer->ttl_places.size(), fitting);
  EXPECT_EQ(answer->records.size(), fitting * 11);
}

TEST(ParseAnswer, ChecksTheFormOfKnownRdata) {
  struct Case {
    const char* name;
    uint16_t type;
    size_t before;
    int names;
    size_t after;
  };
  for (const Case& c : {
           Case{"A", 1, 4, 0, 0},    Case{"NS", 2, 0, 1, 0},     Case{"MD", 3, 0, 1, 0},
           Case{"MF", 4, 0, 1, 0},   Case{"CNAME", 5, 0, 1, 0},  Case{"SOA", 6, 0, 2, 20},
           Case{"MB", 7, 0, 1, 0},   Case{"MG", 8, 0, 1, 0},     Case{"MR", 9, 0, 1, 0},
           Case{"PTR", 12, 0, 1, 0}, Case{"MINFO", 14, 0, 2, 0}, Case{"MX", 15, 2, 1, 0},
           Case{"RP", 17, 0, 2, 0},  Case{"AFSDB", 18, 2, 1, 0}, Case{"RT", 21, 2, 1, 0},
           Case{"PX", 26, 2, 2, 0},  Case{"AAAA", 28, 16, 0, 0}, Case{"SRV", 33, 6, 1, 0},
           Case{"KX", 36, 2, 1, 0},  Case{"DNAME", 39, 0, 1, 0},
       }) {
    SCOPED_TRACE(c.name);
    const auto fault_with = [&c](const Bytes& name, size_t before, size_t after) {
      Bytes rdata(before, std::byte{1});
      for (int i = 0; i < c.names; ++i) rdata = joined({rdata, name});
      rdata = joined({rdata, Bytes(after)});
      // Something follows, so that only RDLENGTH ends the RDATA.
      return Parsed(an_answer(kName).answer(of_type(Type{c.type}, rdata)).answer(usual_a()))
          .fault();
    };
    const Bytes name = wire_name("ns.example");
    EXPECT_EQ(fault_with(name, c.before, c.after), std::nullopt);
    EXPECT_EQ(fault_with(pointer_to_question(), c.before, c.after), std::nullopt);
    EXPECT_EQ(fault_with(name, c.before, c.after + 1), AnswerFault::Malformed) << "an octet more";
    if (c.before > 0) {
      EXPECT_EQ(fault_with(name, c.before - 1, c.after), AnswerFault::Malformed) << "an octet less";
    }
    if (c.names == 0) continue;
    const size_t rdata_at = kRecordsAt + 12;
    EXPECT_EQ(fault_with(pointer_to(rdata_at + c.before), c.before, c.after),
              AnswerFault::Malformed);
    EXPECT_EQ(fault_with(pointer_to(0), c.before, c.after), AnswerFault::Malformed) << "header";
    EXPECT_EQ(fault_with(pointer_to(kRecordsAt + 6), c.before, c.after), AnswerFault::Malformed)
        << "its own TTL";
    EXPECT_EQ(fault_with(tests::name_of_size(256), c.before, c.after), AnswerFault::Malformed);
    EXPECT_EQ(fault_with(bytes_of({1, 'a'}), c.before, c.after), AnswerFault::Malformed)
        << "no end";
  }
}

TEST(ParseAnswer, LeavesOtherRdataAlone) {
  for (const unsigned type : {0u, 10u, 16u, 35u, 43u, 46u, 64u, 65u, 127u, 257u, 65535u}) {
    const Record odd =
        of_type(Type{static_cast<uint16_t>(type)}, bytes_of({0xC0, 0xFF, 0x80, 0xFF}));
    EXPECT_EQ(Parsed(an_answer(kName).answer(odd)).fault(), std::nullopt) << type;
  }
}

TEST(ParseAnswer, BoundsTheWorkOfPointers) {
  // A chain of 120 pointers, then as many records as fit that each walk all of it.
  Bytes chain = bytes_of({0});
  const size_t chain_at = kRecordsAt + 11;
  size_t target = chain_at;
  for (int i = 0; i < 120; ++i) {
    const size_t here = chain_at + chain.size();
    chain = joined({chain, pointer_to(target)});
    target = here;
  }
  MessageBuilder builder = an_answer(kName);
  builder.answer({.owner = wire_name("."), .type = Type::Txt, .ttl = 1, .rdata = chain});
  const Bytes one = Record{.owner = pointer_to(target), .type = Type::Txt, .ttl = 1}.wire();
  const auto with = [&](size_t records) {
    Bytes all;
    for (size_t i = 0; i < records; ++i) all.insert(all.end(), one.begin(), one.end());
    return Parsed(MessageBuilder(builder)
                      .claim({1, static_cast<uint16_t>(records + 1), 0, 0})
                      .trailing(all))
        .fault();
  };
  const size_t allowed = 4 * kMaxMessage / 121;  // 120 pointers and the one to them; each a step.
  EXPECT_EQ(with(allowed), std::nullopt);
  EXPECT_EQ(with(allowed + 1), AnswerFault::Malformed);
}

TEST(ParseAnswer, FindsTheSoaOfADenial) {
  const auto builder = an_answer(kName, Type::A, Rcode::NxDomain)
                           .answer(cname_record(pointer_to_question(), 60, wire_name("b.example")))
                           .authority(of_type(Type::Ns, wire_name("ns.example")))
                           .authority(soa_record(wire_name("example"), 900, 300))
                           .authority(soa_record(wire_name("other"), 1, 1));
  const Parsed answer(builder);
  ASSERT_EQ(answer.fault(), std::nullopt);
  EXPECT_TRUE(answer->has_soa);
  EXPECT_EQ(answer->negative_ttl, 300u);
  EXPECT_EQ(answer->soa_ttl_index, 2);
  EXPECT_FALSE(answer->has_asked_type);
}

TEST(ParseAnswer, TakesOnlyAnAuthoritysSoaForADenial) {
  const Parsed answer(an_answer(kName, Type::Soa).answer(soa_record(pointer_to_question(), 9, 9)),
                      asked(Type::Soa));
  ASSERT_EQ(answer.fault(), std::nullopt);
  EXPECT_FALSE(answer->has_soa);
  EXPECT_TRUE(answer->has_asked_type);
}

TEST(ParseAnswer, TakesAnyRecordForAnAnswerToAny) {
  const Parsed answer(an_answer(kName, Type::Any).answer(of_type(Type::Txt, bytes_of({1, 'x'}))),
                      asked(Type::Any));
  ASSERT_EQ(answer.fault(), std::nullopt);
  EXPECT_TRUE(answer->has_asked_type);
}

TEST(ParseAnswer, TellsWhetherSignaturesAreToBlameAndReadsTheFirstExtendedError) {
  struct Case {
    const char* name;
    std::vector<tests::Option> options;
    bool bogus;
    Ede ede = Ede::None;
  };
  for (const Case& c : {
           Case{"no_option", {}, false},
           Case{"bogus", {{.code = 15, .value = bytes_of({0, 6})}}, true, Ede{6}},
           Case{"expired_with_text", {{.code = 15, .value = bytes_of({0, 7, 'x'})}}, true, Ede{7}},
           Case{"nsec_missing", {{.code = 15, .value = bytes_of({0, 12})}}, true, Ede{12}},
           Case{"indeterminate", {{.code = 15, .value = bytes_of({0, 5})}}, false, Ede{5}},
           Case{"cached_error", {{.code = 15, .value = bytes_of({0, 13})}}, false, Ede{13}},
           Case{"second_of_two",
                {{.code = 15, .value = bytes_of({0, 22})}, {.code = 15, .value = bytes_of({0, 9})}},
                true,
                Ede{22}},
           Case{"code_0", {{.code = 15, .value = bytes_of({0, 0})}}, false, Ede::Other},
           Case{"private_use", {{.code = 15, .value = bytes_of({0xFF, 0xFE})}}, false, Ede{0xFFFE}},
           Case{"too_short_then_whole",
                {{.code = 15, .value = bytes_of({6})}, {.code = 15, .value = bytes_of({0, 22})}},
                false,
                Ede{22}},
           Case{"high_octet_counts", {{.code = 15, .value = bytes_of({1, 6})}}, false, Ede{0x106}},
           Case{"too_short", {{.code = 15, .value = bytes_of({6})}}, false},
           Case{"other_option", {{.code = 10, .value = bytes_of({0, 6})}}, false},
       }) {
    SCOPED_TRACE(c.name);
    const Parsed answer(an_answer(kName, Type::A, Rcode::ServFail).opt({.options = c.options}));
    ASSERT_EQ(answer.fault(), std::nullopt);
    EXPECT_EQ(answer->bogus, c.bogus);
    EXPECT_EQ(answer->ede, c.ede);
  }
}

TEST(Lifetime, FollowsTheKindOfAnswer) {
  const LifetimeLimits limits{
      .max_ttl = 1000, .min_ttl = 10, .max_negative_ttl = 200, .temporary_failure_ttl = 5};
  // A denial without an SOA lives less long than the least here; the next test is about those.
  const Record cname = cname_record(pointer_to_question(), 100, wire_name("b.example"));
  const auto soa = [](uint32_t ttl, uint32_t minimum) {
    return soa_record(wire_name("example"), ttl, minimum);
  };
  const auto nodata = an_answer(kName);
  const auto nxdomain = an_answer(kName, Type::A, Rcode::NxDomain);
  struct Case {
    const char* name;
    MessageBuilder answer;
    uint32_t lifetime;
  };
  for (const Case& c : {
           Case{"positive", MessageBuilder(nodata).answer(usual_a(300)), 300},
           Case{"smallest_of_all", MessageBuilder(nodata).answer(usual_a(300)).answer(usual_a(60)),
                60},
           Case{"smallest_is_in_additional",
                MessageBuilder(nodata).answer(usual_a(300)).additional(usual_a(40)), 40},
           Case{"capped", MessageBuilder(nodata).answer(usual_a(5000)), 1000},
           Case{"bit_31_is_very_large", MessageBuilder(nodata).answer(usual_a(0x80000000)), 1000},
           Case{"all_bits", MessageBuilder(nodata).answer(usual_a(0xFFFFFFFF)), 1000},
           Case{"zero", MessageBuilder(nodata).answer(usual_a(0)), 0},
           Case{"below_the_least", MessageBuilder(nodata).answer(usual_a(9)), 0},
           Case{"just_the_least", MessageBuilder(nodata).answer(usual_a(10)), 10},
           Case{"positive_with_soa_beside",
                MessageBuilder(nodata).answer(usual_a(300)).authority(soa(900, 20)), 300},
           Case{"nodata_by_minimum", MessageBuilder(nodata).authority(soa(150, 50)), 50},
           Case{"nodata_by_soa_ttl", MessageBuilder(nodata).authority(soa(40, 150)), 40},
           Case{"nodata_capped", MessageBuilder(nodata).authority(soa(5000, 5000)), 200},
           Case{"nodata_below_the_least", MessageBuilder(nodata).authority(soa(900, 9)), 0},
           Case{"nodata_without_soa", nodata, 0},
           Case{"nodata_with_ns_only",
                MessageBuilder(nodata).authority(of_type(Type::Ns, wire_name("n"))), 0},
           Case{"nxdomain", MessageBuilder(nxdomain).authority(soa(150, 50)), 50},
           Case{"nxdomain_without_soa", nxdomain, 0},
           Case{"nxdomain_behind_alias_without_soa", MessageBuilder(nxdomain).answer(cname), 0},
           Case{"nxdomain_behind_alias_by_soa",
                MessageBuilder(nxdomain).answer(cname).authority(soa(90, 50)), 50},
           Case{"nxdomain_behind_alias_by_alias",
                MessageBuilder(nxdomain).answer(cname).authority(soa(190, 190)), 100},
           Case{"alias_without_data_by_soa",
                MessageBuilder(nodata).answer(cname).authority(soa(900, 50)), 50},
           Case{"alias_without_data_without_soa", MessageBuilder(nodata).answer(cname), 100},
           Case{"alias_with_data_and_soa",
                MessageBuilder(nodata).answer(cname).answer(usual_a(80)).authority(soa(900, 50)),
                80},
           Case{"servfail", an_answer(kName, Type::A, Rcode::ServFail), 5},
           Case{"servfail_with_records",
                an_answer(kName, Type::A, Rcode::ServFail).answer(usual_a(600)), 5},
           Case{"refused", an_answer(kName, Type::A, Rcode::Refused), 5},
           Case{"formerr", an_answer(kName, Type::A, Rcode::FormErr), 5},
           Case{"notimp", an_answer(kName, Type::A, Rcode::NotImp), 5},
           Case{"yxdomain", an_answer(kName, Type::A, Rcode{6}).answer(usual_a(600)), 0},
           Case{"badvers", MessageBuilder(nodata).answer(usual_a(600)).opt({.extended_rcode = 1}),
                5},
       }) {
    SCOPED_TRACE(c.name);
    const Parsed answer(c.answer);
    ASSERT_EQ(answer.fault(), std::nullopt);
    EXPECT_EQ(lifetime(*answer, limits), c.lifetime);
  }
}

/// As resolvers that filter say it (Quad9: NXDOMAIN, RA=0, no SOA).
TEST(Lifetime, IsShortForADenialWithoutSoa) {
  const auto nodata = an_answer(kName);
  const auto nxdomain = an_answer(kName, Type::A, Rcode::NxDomain);
  const auto alias = cname_record(pointer_to_question(), 100, wire_name("b.example"));
  const auto ns = [](uint32_t ttl) {
    Record record = of_type(Type::Ns, wire_name("n"));
    record.ttl = ttl;
    return record;
  };
  const auto lives = [](const MessageBuilder& answer, const LifetimeLimits& limits = {}) {
    return lifetime(*Parsed(answer), limits);
  };
  EXPECT_EQ(lives(nodata), 5u);
  EXPECT_EQ(lives(nxdomain), 5u);
  EXPECT_EQ(lives(MessageBuilder(nxdomain).answer(alias)), 5u);
  EXPECT_EQ(lives(MessageBuilder(nodata).authority(ns(900))), 5u);
  EXPECT_EQ(lives(MessageBuilder(nodata).authority(ns(2))), 2u) << "never longer than a record";
  EXPECT_EQ(lives(nxdomain, {.max_negative_ttl = 3}), 3u);
  EXPECT_EQ(lives(nxdomain, {.max_negative_ttl = 0}), 0u);
  EXPECT_EQ(lives(nxdomain, {.max_ttl = 4}), 4u);
  EXPECT_EQ(lives(nxdomain, {.min_ttl = 6}), 0u);
}

TEST(KeptTtl, CapsTtlsAndTheSoaOfADenial) {
  const LifetimeLimits limits{.max_ttl = 1000, .max_negative_ttl = 700};
  const auto kept = [&limits](const MessageBuilder& builder) {
    const Parsed answer(builder);
    std::vector<uint32_t> ttls;
    for (size_t i = 0; i < answer->ttl_places.size(); ++i)
      ttls.push_back(kept_ttl(*answer, i, limits));
    return ttls;
  };
  const auto ns = of_type(Type::Ns, wire_name("ns.example"));
  const auto soa = [](uint32_t ttl, uint32_t minimum) {
    return soa_record(wire_name("example"), ttl, minimum);
  };
  using Ttls = std::vector<uint32_t>;
  EXPECT_EQ(kept(an_answer(kName).answer(usual_a(300)).answer(usual_a(5000))), (Ttls{300, 1000}));
  EXPECT_EQ(kept(an_answer(kName).answer(usual_a(0x80000001))), (Ttls{1000}));
  EXPECT_EQ(kept(an_answer(kName).authority(ns).authority(soa(900, 30))), (Ttls{60, 30}));
  EXPECT_EQ(kept(an_answer(kName).authority(soa(5000, 5000))), (Ttls{700}));
  EXPECT_EQ(kept(an_answer(kName).answer(usual_a(300)).authority(soa(900, 30))), (Ttls{300, 900}))
      << "not a denial";
}

}  // namespace
}  // namespace dns
