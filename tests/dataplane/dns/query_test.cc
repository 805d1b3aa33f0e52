// Queries of clients: what is read from good ones, and which fault each bad one has.
#include "dataplane/dns/query.h"

#include <gtest/gtest.h>

#include "tests/message_builder.h"

namespace dns {
namespace {

using tests::a_query;
using tests::a_record;
using tests::Bytes;
using tests::bytes_of;
using tests::joined;
using tests::MessageBuilder;
using tests::Opt;
using tests::Option;
using tests::Record;
using tests::wire_name;

std::optional<QueryFault> fault_of(const Bytes& payload) {
  const auto query = parse_query(payload);
  if (query) return std::nullopt;
  return query.error().fault;
}

TEST(ParseQuery, ReadsAPlainQuery) {
  const Bytes payload = a_query("WWW.example", Type::Aaaa).id(0xBEEF).build();
  const auto query = parse_query(payload);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->head.id, 0xBEEF);
  EXPECT_TRUE(query->head.has(flag::kRd));
  EXPECT_EQ(bytes_of(query->name()), wire_name("WWW.example"));
  EXPECT_EQ(query->question.data(), payload.data() + kHeaderSize) << "borrowed, not copied";
  EXPECT_EQ(query->question.size(), payload.size() - kHeaderSize);
  EXPECT_EQ(query->type, Type::Aaaa);
  EXPECT_EQ(query->klass, Class::In);
  EXPECT_FALSE(query->edns.present);
  EXPECT_EQ(query->wants(), Wants::Plain);
}

TEST(ParseQuery, ReadsAnOpt) {
  const Opt opt{.udp_size = 4096, .extended_rcode = 9, .version = 3, .flags = kDoBit};
  const Bytes payload = a_query("www.example").opt(opt).build();
  const auto query = parse_query(payload);
  ASSERT_TRUE(query);
  EXPECT_TRUE(query->edns.present);
  EXPECT_EQ(query->edns.udp_size, 4096);
  EXPECT_EQ(query->edns.version, 3) << "recorded; refusing it is not the parser's business";
  EXPECT_TRUE(query->edns.dnssec_ok);
  EXPECT_EQ(query->wants(), Wants::DnssecOk);
}

TEST(ParseQuery, ReadsCheckingDisabled) {
  const auto both =
      a_query("www.example").flags(flag::kRd | flag::kCd).opt({.flags = kDoBit}).build();
  EXPECT_EQ(parse_query(both)->wants(), Wants::Both);
  const auto cd = a_query("www.example").flags(flag::kCd).opt({.flags = 0x7FFF}).build();
  EXPECT_EQ(parse_query(cd)->wants(), Wants::CheckingDisabled);
}

TEST(ParseQuery, AcceptsWhatIsUnusual) {
  struct Case {
    const char* name;
    Bytes payload;
  };
  const uint16_t odd_bits = flag::kAa | flag::kRa | 0x0040 | flag::kAd | flag::kRcodeMask;
  for (const Case& c : {
           Case{"root", a_query(".").build()},
           Case{"name_of_255",
                MessageBuilder().question(tests::name_of_size(255), Type::A).build()},
           Case{"aa_ra_z_ad_and_rcode_set", a_query("a").flags(odd_bits).build()},
           Case{"type_zero", a_query("a", Type{0}).build()},
           Case{"type_65535", a_query("a", Type{65535}).build()},
           Case{"axfr", a_query("a", Type::Axfr).build()},
           Case{"any", a_query("a", Type::Any).build()},
           Case{"chaos", MessageBuilder().question("version.bind", Type::Txt, 3).build()},
           Case{"one_octet_behind", a_query("a").trailing(Bytes(1)).build()},
           Case{"1200_octets_behind_an_opt", a_query("a").opt({}).trailing(Bytes(1200)).build()},
           Case{"largest_payload", a_query("a").trailing(Bytes(65535 - 19)).build()},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(fault_of(c.payload), std::nullopt);
  }
}

TEST(ParseQuery, NeedsAWholeHeader) {
  const Bytes whole = a_query("www.example").build();
  for (size_t size = 0; size < kHeaderSize; ++size) {
    const auto query = parse_query(base::ByteView(whole).first(size));
    ASSERT_FALSE(query);
    EXPECT_EQ(query.error().fault, QueryFault::TooShort);
    EXPECT_EQ(query.error().head.id, 0);
  }
}

TEST(ParseQuery, TakesNoResponseForAQuery) {
  for (unsigned rest = 0; rest < 0x8000; rest += 0x0101) {
    const Bytes payload = a_query("a").flags(static_cast<uint16_t>(flag::kQr | rest)).build();
    ASSERT_EQ(fault_of(payload), QueryFault::NotAQuery);
  }
  EXPECT_EQ(fault_of(MessageBuilder().flags(flag::kQr).build()), QueryFault::NotAQuery);
}

TEST(ParseQuery, KnowsOneOpcode) {
  for (unsigned opcode = 1; opcode < 16; ++opcode) {
    const Bytes payload =
        a_query("a").flags(static_cast<uint16_t>(opcode << flag::kOpcodeShift)).build();
    const auto query = parse_query(payload);
    ASSERT_FALSE(query);
    EXPECT_EQ(query.error().fault, QueryFault::BadOpcode);
    EXPECT_EQ(query.error().head.opcode(), opcode);
  }
}

TEST(ParseQuery, NamesTheFirstFault) {
  struct Case {
    const char* name;
    Bytes payload;
    QueryFault fault;
  };
  const uint16_t update = 5 << flag::kOpcodeShift;
  const MessageBuilder two = a_query("a").question("b", Type::A);
  for (const Case& c : {
           Case{"qr_before_opcode", a_query("a").flags(flag::kQr | update).build(),
                QueryFault::NotAQuery},
           Case{"opcode_before_tc", a_query("a").flags(update | flag::kTc).build(),
                QueryFault::BadOpcode},
           Case{"opcode_in_a_bare_header", MessageBuilder().flags(update).build(),
                QueryFault::BadOpcode},
           Case{"tc_before_counts", MessageBuilder(two).flags(flag::kTc).build(),
                QueryFault::Truncated},
           Case{"no_question", MessageBuilder().build(), QueryFault::BadCount},
           Case{"no_question_but_an_opt", MessageBuilder().opt({}).build(), QueryFault::BadCount},
           Case{"two_questions", two.build(), QueryFault::BadCount},
           Case{"65535_questions", a_query("a").claim({65535, 0, 0, 0}).build(),
                QueryFault::BadCount},
           Case{"an_answer", a_query("a").answer(a_record(wire_name("a"), 1, {1, 2, 3, 4})).build(),
                QueryFault::BadCount},
           Case{"an_authority",
                a_query("a").authority(tests::soa_record(wire_name("a"), 1, 1)).build(),
                QueryFault::BadCount},
           Case{"opt_among_answers", a_query("a").answer(tests::opt_record({})).build(),
                QueryFault::BadCount},
           Case{"two_opts", a_query("a").opt({}).opt({}).build(), QueryFault::BadCount},
           Case{"counts_before_name", MessageBuilder().claim({1, 1, 0, 0}).build(),
                QueryFault::BadCount},
           Case{"question_claimed_but_absent", MessageBuilder().claim({1, 0, 0, 0}).build(),
                QueryFault::BadName},
           Case{"pointer_in_question",
                MessageBuilder().question(tests::pointer_to(12), Type::A).build(),
                QueryFault::BadName},
           Case{"pointer_to_header_in_question",
                MessageBuilder().question(tests::pointer_to(0), Type::A).build(),
                QueryFault::BadName},
           Case{"name_of_256", MessageBuilder().question(tests::name_of_size(256), Type::A).build(),
                QueryFault::BadName},
           Case{"name_before_opt",
                MessageBuilder()
                    .question(tests::pointer_to(12), Type::A)
                    .claim({1, 0, 0, 1})
                    .build(),
                QueryFault::BadName},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(fault_of(c.payload), c.fault);
  }
}

TEST(ParseQuery, NeedsEveryOctetOfTheQuestion) {
  const Bytes whole = a_query("www.example").build();
  for (size_t size = kHeaderSize; size < whole.size(); ++size) {
    EXPECT_EQ(fault_of(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size))),
              QueryFault::BadName)
        << size;
  }
}

TEST(ParseQuery, NeedsEveryOctetOfTheOpt) {
  const size_t question_end = a_query("www.example").size();
  const Bytes whole = a_query("www.example").opt({.options = {{100, bytes_of({1, 2})}}}).build();
  for (size_t size = question_end; size < whole.size(); ++size) {
    const auto query = parse_query(base::ByteView(whole).first(size));
    ASSERT_FALSE(query);
    EXPECT_EQ(query.error().fault, QueryFault::BadOpt) << size;
    EXPECT_EQ(query.error().question.size(), question_end - kHeaderSize) << "was read before";
  }
}

TEST(ParseQuery, TakesNothingButAnOptForOne) {
  struct Case {
    const char* name;
    Record record;
  };
  const Record good = tests::opt_record({});
  Record owned = good;
  owned.owner = wire_name("a");
  Record not_quite_root = good;
  not_quite_root.owner = bytes_of({1});
  Record by_pointer = good;
  by_pointer.owner = tests::pointer_to(14);  // The root of "a".
  Record tsig = good;
  tsig.type = Type::Tsig;
  Record rdata_too_long = good;
  rdata_too_long.rdata_length = 1;
  Record rdata_huge = good;
  rdata_huge.rdata_length = 65535;
  for (const Case& c :
       {Case{"owner_not_root", owned}, Case{"owner_of_one_octet", not_quite_root},
        Case{"owner_compressed", by_pointer}, Case{"tsig", tsig},
        Case{"address", a_record(wire_name("."), 0, {1, 2, 3, 4})},
        Case{"rdlength_one_beyond", rdata_too_long}, Case{"rdlength_65535", rdata_huge}}) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(fault_of(a_query("a").additional(c.record).build()), QueryFault::BadOpt);
  }
  EXPECT_EQ(fault_of(a_query("a").additional(good).build()), std::nullopt);
}

TEST(ParseQuery, WantsOptionsToFillTheirRecord) {
  struct Case {
    const char* name;
    Bytes rdata;
    bool good;
  };
  for (const Case& c : {
           Case{"none", {}, true},
           Case{"one_empty", bytes_of({0, 100, 0, 0}), true},
           Case{"one_of_two_octets", bytes_of({0, 100, 0, 2, 7, 7}), true},
           Case{"one_stray_octet", bytes_of({0}), false},
           Case{"two_stray_octets", bytes_of({0, 100}), false},
           Case{"three_stray_octets", bytes_of({0, 100, 0, 0, 1, 1, 1}), false},
           Case{"overruns_by_one", bytes_of({0, 100, 0, 3, 7, 7}), false},
           Case{"overruns_by_far", bytes_of({0, 100, 0xFF, 0xFF}), false},
           Case{"second_overruns", bytes_of({0, 100, 0, 0, 0, 101, 0, 1}), false},
       }) {
    SCOPED_TRACE(c.name);
    Record opt = tests::opt_record({});
    opt.rdata = c.rdata;
    // What follows must not be taken for the rest of an option.
    const Bytes payload = a_query("a").additional(opt).trailing(Bytes(300)).build();
    EXPECT_EQ(fault_of(payload), c.good ? std::nullopt : std::optional(QueryFault::BadOpt));
  }
}

TEST(ParseQuery, TakesOneHundredOptions) {
  Opt opt;
  opt.options.assign(kMaxOptions, Option{100, {}});
  EXPECT_EQ(fault_of(a_query("a").opt(opt).build()), std::nullopt);
  opt.options.push_back(Option{100, {}});
  EXPECT_EQ(fault_of(a_query("a").opt(opt).build()), QueryFault::BadOpt);
  opt.options.assign(16'000, Option{3, {}});
  EXPECT_EQ(fault_of(a_query("a").opt(opt).build()), QueryFault::BadOpt);
}

TEST(ParseQuery, ChecksTheLengthOfACookie) {
  for (size_t size = 0; size <= 48; ++size) {
    const bool good = size == 8 || (size >= 16 && size <= 40);
    const Bytes payload = a_query("a").opt({.options = {{option::kCookie, Bytes(size)}}}).build();
    EXPECT_EQ(fault_of(payload), good ? std::nullopt : std::optional(QueryFault::BadOpt)) << size;
  }
}

TEST(ParseQuery, ChecksAClientSubnet) {
  struct Case {
    const char* name;
    Bytes value;
    bool good;
  };
  for (const Case& c : {
           Case{"ipv4_24", bytes_of({0, 1, 24, 0, 192, 0, 2}), true},
           Case{"ipv4_25", bytes_of({0, 1, 25, 0, 192, 0, 2, 128}), true},
           Case{"ipv4_32", bytes_of({0, 1, 32, 0, 192, 0, 2, 1}), true},
           Case{"ipv6_56", bytes_of({0, 2, 56, 0, 0x20, 1, 0xD, 0xB8, 0, 0, 0}), true},
           Case{"no_address_wanted", bytes_of({0, 1, 0, 0}), true},
           Case{"no_family", bytes_of({0, 0, 0, 0}), true},
           Case{"family_3", bytes_of({0, 3, 0, 0}), false},
           Case{"unknown_family", bytes_of({0, 9, 8, 0, 1}), false},
           Case{"empty", {}, false},
           Case{"three_octets", bytes_of({0, 1, 0}), false},
           Case{"no_family_but_an_address", bytes_of({0, 0, 8, 0, 10}), false},
           Case{"ipv4_33", bytes_of({0, 1, 33, 0, 192, 0, 2, 1, 0}), false},
           Case{"ipv6_129", joined({bytes_of({0, 2, 129, 0}), Bytes(17)}), false},
           Case{"scope_set", bytes_of({0, 1, 24, 24, 192, 0, 2}), false},
           Case{"bit_beyond_prefix", bytes_of({0, 1, 23, 0, 192, 0, 3}), false},
           Case{"one_octet_short", bytes_of({0, 1, 24, 0, 192, 0}), false},
           Case{"one_octet_long", bytes_of({0, 1, 24, 0, 192, 0, 2, 0}), false},
       }) {
    SCOPED_TRACE(c.name);
    const auto payload = a_query("a").opt({.options = {{option::kClientSubnet, c.value}}}).build();
    EXPECT_EQ(fault_of(payload), c.good ? std::nullopt : std::optional(QueryFault::BadOpt));
  }
}

TEST(ParseQuery, ReadsTheOptionsItKnows) {
  const Bytes cookie = bytes_of({1, 2, 3, 4, 5, 6, 7, 8});
  const Bytes payload = a_query("a")
                            .opt({.options = {{option::kKeepalive, {}},
                                              {option::kPadding, Bytes(300)},
                                              {option::kCookie, cookie}}})
                            .build();
  const auto query = parse_query(payload);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->edns.keepalive, AsksKeepalive::Yes);
  EXPECT_TRUE(query->edns.padded);
  EXPECT_EQ(bytes_of(query->cookie), cookie);

  const Bytes bare = a_query("a").opt({}).build();
  const auto without = parse_query(bare);
  ASSERT_TRUE(without);
  EXPECT_EQ(without->edns.keepalive, AsksKeepalive::No);
  EXPECT_FALSE(without->edns.padded);
  EXPECT_TRUE(without->cookie.empty());
}

TEST(ParseQuery, NotesAKeepaliveWithATimeout) {
  for (const size_t size : {1, 2, 3}) {
    const Bytes payload =
        a_query("a").opt({.options = {{option::kKeepalive, Bytes(size)}}}).build();
    EXPECT_EQ(parse_query(payload)->edns.keepalive, AsksKeepalive::WithTimeout) << size;
  }
}

TEST(ParseQuery, TakesTheFirstOfEqualOptions) {
  const Bytes first = joined({bytes_of({1}), Bytes(7)});
  const Bytes payload = a_query("a")
                            .opt({.options = {{option::kCookie, first},
                                              {option::kKeepalive, Bytes(2)},
                                              {option::kCookie, Bytes(40)},
                                              {option::kKeepalive, {}},
                                              {option::kCookie, Bytes(8)}}})
                            .build();
  const auto query = parse_query(payload);
  ASSERT_TRUE(query);
  EXPECT_EQ(bytes_of(query->cookie), first);
  EXPECT_EQ(query->edns.keepalive, AsksKeepalive::WithTimeout);
}

TEST(ParseQuery, KnowsAQueryForACookieAlone) {
  const Option cookie{option::kCookie, Bytes(8)};
  const Bytes payload = MessageBuilder().opt({.flags = kDoBit, .options = {cookie}}).build();
  const auto query = parse_query(payload);
  ASSERT_FALSE(query);
  EXPECT_EQ(query.error().fault, QueryFault::NoQuestion);
  EXPECT_TRUE(query.error().edns.present);
  EXPECT_TRUE(query.error().edns.dnssec_ok);
  EXPECT_EQ(query.error().cookie.size(), 8);
  EXPECT_TRUE(query.error().question.empty());

  const Bytes bad = MessageBuilder().opt({.options = {{option::kCookie, Bytes(9)}}}).build();
  EXPECT_EQ(fault_of(bad), QueryFault::BadOpt);
  const Bytes no_opt =
      MessageBuilder().additional(a_record(wire_name("."), 0, {1, 2, 3, 4})).build();
  EXPECT_EQ(fault_of(no_opt), QueryFault::BadOpt);
}

TEST(ParseQuery, TellsNothingOfTheOptionsOfABadQuery) {
  const Opt opt{.options = {{option::kCookie, Bytes(8)}, {option::kCookie, Bytes(9)}}};
  const Bytes payload = a_query("a").opt(opt).build();
  const auto query = parse_query(payload);
  ASSERT_FALSE(query);
  EXPECT_EQ(query.error().fault, QueryFault::BadOpt);
  EXPECT_FALSE(query.error().edns.present);
  EXPECT_TRUE(query.error().cookie.empty());
}

TEST(ParseQuery, IgnoresWhatOtherOptionsHold) {
  const Opt opt{.options = {{3, Bytes(5)},    // NSID
                            {9, Bytes(4)},    // EXPIRE
                            {100, Bytes(7)},  // Nobody's.
                            {option::kPadding, Bytes(300)},
                            {option::kPadding, bytes_of({0xFF})},
                            {65535, {}}}};
  EXPECT_EQ(fault_of(a_query("a").opt(opt).build()), std::nullopt);
}

}  // namespace
}  // namespace dns
