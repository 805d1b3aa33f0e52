// Replies to clients: every bit of the header, what fits and what gives way first, and writing over
// the query itself.
#include "dataplane/dns/reply.h"

#include <gtest/gtest.h>

#include "tests/message_builder.h"

namespace dns {
namespace {

using tests::a_query;
using tests::a_record;
using tests::Bytes;
using tests::bytes_of;
using tests::hex;
using tests::joined;
using tests::MessageBuilder;
using tests::pointer_to_question;
using tests::wire_name;

const Bytes kQuestion = joined({wire_name("WwW.example"), bytes_of({0, 1, 0, 1})});
const Bytes kRecord = a_record(pointer_to_question(), 300, {192, 0, 2, 1}).wire();
constexpr uint16_t kTtlPlace[] = {6};

Asker plain_asker() { return {.head = {0xBEEF, flag::kRd}, .question = kQuestion, .edns = {}}; }
Asker edns_asker(uint16_t udp_size = 1232) {
  Asker asker = plain_asker();
  asker.edns = {.udp_size = udp_size, .version = 0, .present = true, .dnssec_ok = false};
  return asker;
}
Content one_answer() { return {.answers = 1, .records = kRecord, .ttl_places = kTtlPlace}; }
/// `size` octets of records that nobody looks into.
Content answer_of(const Bytes& records) {
  return {.answers = 1, .records = records, .ttl_places = {}};
}

struct Composed {
  Composed(const Asker& asker, const Content& content)
      : message(std::max(kMaxUdpSize, asker.limit), std::byte{0xEE}) {
    const Reply reply = compose_reply(message, asker, content);
    written = reply.written;
    message.resize(reply.size);
  }
  [[nodiscard]] uint16_t flags() const { return base::load_be16(&message[2]); }
  [[nodiscard]] std::array<unsigned, 4> counts() const {
    return {base::load_be16(&message[4]), base::load_be16(&message[6]),
            base::load_be16(&message[8]), base::load_be16(&message[10])};
  }
  [[nodiscard]] Bytes from(size_t position) const {
    return Bytes(message.begin() + static_cast<ptrdiff_t>(position), message.end());
  }

  Bytes message;
  Written written{};
};

Bytes opt_of(uint8_t extended_rcode, uint16_t flags, Bytes ede = {}) {
  tests::Opt opt{.udp_size = 1232, .extended_rcode = extended_rcode, .flags = flags};
  if (!ede.empty()) opt.options.push_back({option::kExtendedError, std::move(ede)});
  return tests::opt_record(opt).wire();
}

using Counts = std::array<unsigned, 4>;

TEST(UdpLimit, StaysBetween512And1232) {
  struct Case {
    uint16_t udp_size;
    size_t limit;
  };
  for (const Case& c :
       {Case{0, 512}, Case{511, 512}, Case{512, 512}, Case{513, 513}, Case{1231, 1231},
        Case{1232, 1232}, Case{1233, 1232}, Case{4096, 1232}, Case{65535, 1232}}) {
    EXPECT_EQ(udp_limit({.udp_size = c.udp_size, .present = true}), c.limit) << c.udp_size;
    EXPECT_EQ(udp_limit({.udp_size = c.udp_size, .present = false}), 512u) << "without EDNS";
  }
}

TEST(ComposeReply, WritesHeaderQuestionAndRecords) {
  const Composed reply(plain_asker(), one_answer());
  const Bytes expected = MessageBuilder()
                             .id(0xBEEF)
                             .flags(flag::kQr | flag::kRd | flag::kRa)
                             .question("WwW.example", Type::A)
                             .answer(a_record(pointer_to_question(), 300, {192, 0, 2, 1}))
                             .build();
  EXPECT_EQ(hex(reply.message), hex(expected));
  EXPECT_EQ(reply.written, Written::Whole);
}

TEST(ComposeReply, KeepsTheCountsOfEachSection) {
  const Bytes records = joined({kRecord, kRecord, kRecord, kRecord, kRecord, kRecord});
  const Content content{.answers = 1, .authorities = 2, .additionals = 3, .records = records};
  EXPECT_EQ(Composed(plain_asker(), content).counts(), (Counts{1, 1, 2, 3}));
  EXPECT_EQ(Composed(edns_asker(), content).counts(), (Counts{1, 1, 2, 4}));
}

TEST(ComposeReply, SetsEveryBitOfTheHeader) {
  constexpr uint16_t kAllBits = 0x7FF0 & ~flag::kOpcodeMask;
  constexpr uint16_t kUsual = flag::kQr | flag::kRa;
  struct Case {
    const char* name;
    uint16_t asked;
    bool dnssec_ok;
    bool authenticated;
    Rcode rcode;
    uint16_t flags;
  };
  for (const Case& c : {
           Case{"nothing_asked", 0, false, false, Rcode::NoError, kUsual},
           Case{"rd_and_cd_copied", flag::kRd | flag::kCd, false, false, Rcode::NoError,
                kUsual | flag::kRd | flag::kCd},
           Case{"aa_tc_ra_z_not_copied", kAllBits, false, false, Rcode::NoError,
                kUsual | flag::kRd | flag::kCd},
           Case{"ad_unless_asked", 0, false, true, Rcode::NoError, kUsual},
           Case{"ad_if_asked_by_ad", flag::kAd, false, true, Rcode::NoError, kUsual | flag::kAd},
           Case{"ad_if_asked_by_do", 0, true, true, Rcode::NoError, kUsual | flag::kAd},
           Case{"ad_unless_authenticated", flag::kAd, true, false, Rcode::NoError, kUsual},
           Case{"rcode_of_query_not_copied", 0x000F, false, false, Rcode::NxDomain, kUsual | 3},
           Case{"servfail", flag::kRd | flag::kCd, false, false, Rcode::ServFail,
                kUsual | flag::kRd | flag::kCd | 2},
           Case{"refused", flag::kRd, false, false, Rcode::Refused, kUsual | flag::kRd | 5},
           Case{"formerr_is_bare", kAllBits, true, true, Rcode::FormErr, flag::kQr | flag::kRd | 1},
           Case{"notimp_echoes_opcode", kAllBits | 5 << flag::kOpcodeShift, true, true,
                Rcode::NotImp, flag::kQr | flag::kRd | 5 << flag::kOpcodeShift | 4},
       }) {
    SCOPED_TRACE(c.name);
    Asker asker = c.dnssec_ok ? edns_asker() : plain_asker();
    asker.edns.dnssec_ok = c.dnssec_ok;
    asker.head.flags = c.asked;
    const Composed reply(asker, {.rcode = c.rcode, .authenticated = c.authenticated});
    EXPECT_EQ(reply.flags(), c.flags);
  }
}

TEST(ComposeReply, SaysNothingOfRecursionToWhoMayNotHaveIt) {
  const Content refused{.rcode = Rcode::Refused, .recursion = false};
  EXPECT_EQ(Composed(plain_asker(), refused).flags(), flag::kQr | flag::kRd | 5);
  EXPECT_EQ(Composed(edns_asker(), refused).flags(), flag::kQr | flag::kRd | 5);
}

TEST(ComposeReply, LeavesOutAQuestionThatWasNotRead) {
  Asker asker = plain_asker();
  asker.question = {};
  const Composed reply(asker, {.rcode = Rcode::FormErr});
  EXPECT_EQ(reply.message.size(), kHeaderSize);
  EXPECT_EQ(reply.counts(), (Counts{0, 0, 0, 0}));
}

TEST(ComposeReply, WritesAnOptIffThereWasOne) {
  const size_t end = kHeaderSize + kQuestion.size() + kRecord.size();
  EXPECT_EQ(Composed(plain_asker(), one_answer()).message.size(), end);
  Asker asker = edns_asker(4096);
  asker.edns.version = 7;
  const Composed reply(asker, one_answer());
  EXPECT_EQ(hex(reply.from(end)), hex(opt_of(0, 0)));
  EXPECT_EQ(reply.counts(), (Counts{1, 1, 0, 1}));
}

TEST(ComposeReply, EchoesDo) {
  Asker asker = edns_asker();
  asker.edns.dnssec_ok = true;
  const Composed reply(asker, {});
  EXPECT_EQ(hex(reply.from(kHeaderSize + kQuestion.size())), hex(opt_of(0, kDoBit)));
}

TEST(ComposeReply, SplitsALongRcode) {
  const Composed reply(edns_asker(), {.rcode = Rcode::BadVers});
  EXPECT_EQ(reply.flags() & flag::kRcodeMask, 0);
  EXPECT_EQ(hex(reply.from(kHeaderSize + kQuestion.size())), hex(opt_of(1, 0)));
  const Composed largest(edns_asker(), {.rcode = Rcode{0xFFF}});
  EXPECT_EQ(largest.flags() & flag::kRcodeMask, 15);
  EXPECT_EQ(hex(largest.from(kHeaderSize + kQuestion.size())), hex(opt_of(255, 0)));
}

TEST(ComposeReply, TurnsALongRcodeWithoutOptIntoServfail) {
  Content content = one_answer();
  content.rcode = Rcode::BadVers;
  const Composed reply(plain_asker(), content);
  EXPECT_EQ(reply.flags(), flag::kQr | flag::kRd | flag::kRa | 2);
  EXPECT_EQ(reply.counts(), (Counts{1, 0, 0, 0}));
  EXPECT_EQ(reply.written, Written::Whole);
}

TEST(ComposeReply, TruncatesNoServfailOfItsOwnMaking) {
  const Bytes too_much(kMaxUdpSize);
  Content content = answer_of(too_much);
  content.rcode = Rcode::BadVers;
  const Composed reply(plain_asker(), content);
  EXPECT_EQ(reply.flags(), flag::kQr | flag::kRd | flag::kRa | 2);
  EXPECT_EQ(reply.written, Written::Whole);
}

TEST(ComposeReply, ExplainsItselfToWhoUnderstands) {
  const Content content{.rcode = Rcode::ServFail, .ede = Ede::NetworkError};
  const Composed reply(edns_asker(), content);
  const Bytes question_end = reply.from(kHeaderSize + kQuestion.size());
  EXPECT_EQ(hex(question_end), hex(opt_of(0, 0, bytes_of({0, 23}))));
  EXPECT_EQ(Composed(plain_asker(), content).message.size(), kHeaderSize + kQuestion.size());
  const Composed other(edns_asker(), {.ede = Ede::Other});
  EXPECT_EQ(hex(other.from(kHeaderSize + kQuestion.size())), hex(opt_of(0, 0, bytes_of({0, 0}))))
      << "code 0 is a code";
}

TEST(ComposeReply, AgesTtlsAndStopsAtZero) {
  struct Case {
    uint32_t stored;
    uint32_t age;
    uint32_t sent;
  };
  for (const Case& c : {Case{300, 0, 300}, Case{300, 1, 299}, Case{300, 300, 0}, Case{300, 301, 0},
                        Case{0, 5, 0}, Case{300, 0xFFFFFFFF, 0}, Case{0x7FFFFFFF, 1, 0x7FFFFFFE}}) {
    const Bytes records = joined({a_record(pointer_to_question(), c.stored, {1, 2, 3, 4}).wire(),
                                  a_record(pointer_to_question(), 77, {1, 2, 3, 5}).wire()});
    const Content content{.answers = 2, .records = records, .ttl_places = kTtlPlace, .age = c.age};
    const Composed reply(plain_asker(), content);
    const size_t ttl_at = kHeaderSize + kQuestion.size() + kTtlPlace[0];
    EXPECT_EQ(base::load_be32(&reply.message[ttl_at]), c.sent);
    EXPECT_EQ(base::load_be32(&reply.message[ttl_at + kRecord.size()]), 77u)
        << "no place, no change";
    EXPECT_EQ(base::load_be32(&records[kTtlPlace[0]]), c.stored) << "what is kept stays as it is";
  }
}

TEST(ComposeReply, TruncatesAtTheClientsLimit) {
  const size_t before_records = kHeaderSize + kQuestion.size();
  struct Case {
    const char* name;
    Asker asker;
    size_t limit;
  };
  for (const Case& c :
       {Case{"plain", plain_asker(), 512}, Case{"says_0", edns_asker(0), 512},
        Case{"says_512", edns_asker(512), 512}, Case{"says_513", edns_asker(513), 513},
        Case{"says_1231", edns_asker(1231), 1231}, Case{"says_1232", edns_asker(1232), 1232},
        Case{"says_4096", edns_asker(4096), 1232}}) {
    SCOPED_TRACE(c.name);
    const size_t opt = c.asker.edns.present ? kOptFixed : 0;
    const size_t room = c.limit - before_records - opt;
    const Bytes filling(room, std::byte{0x55});
    const Composed whole(c.asker, answer_of(filling));
    EXPECT_EQ(whole.message.size(), c.limit) << "fills_the_limit";
    EXPECT_EQ(whole.written, Written::Whole);
    EXPECT_EQ(whole.flags() & flag::kTc, 0);

    const Bytes too_much(room + 1, std::byte{0x55});
    const Composed cut(c.asker, answer_of(too_much));
    EXPECT_EQ(cut.message.size(), before_records + opt) << "one_octet_over_the_limit";
    EXPECT_EQ(cut.written, Written::Truncated);
    EXPECT_EQ(cut.flags() & flag::kTc, flag::kTc);
    EXPECT_EQ(cut.counts(), (Counts{1, 0, 0, opt > 0 ? 1u : 0u}));
  }
}

TEST(ComposeReply, TruncatesTheLargestAnswerThereIs) {
  const Bytes largest(kMaxMessage - kHeaderSize - kQuestion.size());
  std::vector<uint16_t> places(5000);
  for (size_t i = 0; i < places.size(); ++i) places[i] = static_cast<uint16_t>(i * 12);
  const Content content{.answers = 5000, .records = largest, .ttl_places = places, .age = 3};
  const Composed reply(edns_asker(65535), content);
  EXPECT_EQ(reply.written, Written::Truncated);
  EXPECT_EQ(reply.message.size(), kHeaderSize + kQuestion.size() + kOptFixed);
}

TEST(ComposeReply, DropsTheExplanationBeforeAnythingElse) {
  const size_t before_records = kHeaderSize + kQuestion.size() + kOptFixed;
  const size_t room = kMaxUdpSize - before_records;
  for (size_t spare = 0; spare <= 7; ++spare) {
    const Bytes filling(room - spare, std::byte{0x55});
    Content content = answer_of(filling);
    content.ede = Ede::CachedError;
    const Composed reply(edns_asker(), content);
    EXPECT_EQ(reply.written, Written::Whole);
    EXPECT_EQ(reply.message.size(), kMaxUdpSize - spare + (spare >= 6 ? 6 : 0)) << spare;
  }
}

/// An answer of real records, the way a resolver sends it.
struct Records {
  Records& add(uint16_t Content::*section, const tests::Record& record, unsigned count = 1) {
    for (unsigned i = 0; i < count; ++i) {
      places.push_back(static_cast<uint16_t>(octets.size() + record.owner.size() + 4));
      octets = joined({octets, record.wire()});
      ++(counts.*section);
    }
    return *this;
  }
  [[nodiscard]] Content content() const {
    Content made = counts;
    made.records = octets;
    made.ttl_places = places;
    return made;
  }

  Bytes octets;
  std::vector<uint16_t> places;
  Content counts;
};

tests::Record of_type(Type type, Bytes rdata) {
  return {.owner = pointer_to_question(), .type = type, .ttl = 300, .rdata = std::move(rdata)};
}
const tests::Record kAddress = a_record(pointer_to_question(), 300, {192, 0, 2, 1});
const tests::Record kServer = of_type(Type::Ns, wire_name("a.gtld-servers.example"));
const tests::Record kGlue = a_record(wire_name("a.gtld-servers.example"), 300, {192, 0, 2, 9});
const tests::Record kProof = of_type(Type{47}, Bytes(30));
Bytes covering(Type type) { return joined({bytes_of({0, static_cast<int>(type)}), Bytes(90)}); }

/// RFC 2181 §9. The first case is what a resolver sends that tells its zone's servers with each
/// answer; stub resolvers of old never come back over TCP for that.
TEST(ComposeReply, LeavesOutWhatNobodyAskedForBeforeItTruncates) {
  const tests::Record short_server = of_type(Type::Ns, bytes_of({1, 'b', 0}));
  const tests::Record soa = tests::soa_record(wire_name("example"), 60, 60);
  const tests::Record signed_servers = of_type(Type::Rrsig, covering(Type::Ns));
  const tests::Record signed_proof = of_type(Type::Rrsig, covering(Type{47}));
  const tests::Record alias =
      tests::cname_record(pointer_to_question(), 60, wire_name("a.example"));
  constexpr Counts kTruncated = {1, 0, 0, 0};
  struct Case {
    const char* name;
    Records records;
    Counts counts;
  };
  const auto records = [](std::initializer_list<std::pair<tests::Record, unsigned>> answers,
                          std::initializer_list<std::pair<tests::Record, unsigned>> authorities,
                          unsigned glue) {
    Records made;
    for (const auto& [record, count] : answers) made.add(&Content::answers, record, count);
    for (const auto& [record, count] : authorities) made.add(&Content::authorities, record, count);
    return made.add(&Content::additionals, kGlue, glue);
  };
  for (const Case& c : {
           Case{"glue", records({{kAddress, 1}}, {{short_server, 13}}, 26), {1, 1, 13, 0}},
           Case{"glue_and_servers", records({{kAddress, 1}}, {{kServer, 13}}, 26), {1, 1, 0, 0}},
           Case{"servers_alone", records({{kAddress, 1}}, {{kServer, 13}}, 0), {1, 1, 0, 0}},
           Case{"signed_servers",
                records({{kAddress, 1}}, {{kServer, 9}, {signed_servers, 2}}, 0),
                {1, 1, 0, 0}},
           Case{"not_a_proof", records({{kAddress, 1}}, {{kServer, 12}, {kProof, 2}}, 0),
                kTruncated},
           Case{"not_a_signature_over_one",
                records({{kAddress, 1}}, {{kServer, 9}, {signed_proof, 2}}, 0), kTruncated},
           Case{"glue_beside_a_proof", records({{kAddress, 1}}, {{kProof, 4}}, 26), {1, 1, 4, 0}},
           Case{"glue_beside_a_denial", records({}, {{soa, 1}}, 26), {1, 0, 1, 0}},
           Case{"not_a_denial", records({{alias, 1}}, {{soa, 1}, {kServer, 13}}, 0), kTruncated},
           Case{"not_a_referrals_glue", records({}, {{kServer, 2}}, 26), kTruncated},
           Case{"not_an_answer", records({{kAddress, 40}}, {}, 0), kTruncated},
           Case{"glue_beside_too_long_an_answer", records({{kAddress, 40}}, {}, 3), kTruncated},
           Case{"nothing_but_glue", records({}, {}, 26), kTruncated},
       }) {
    SCOPED_TRACE(c.name);
    const Composed reply(plain_asker(), c.records.content());
    EXPECT_EQ(reply.counts(), c.counts);
    const bool truncated = c.counts == kTruncated;
    EXPECT_EQ(reply.flags() & flag::kTc, truncated ? flag::kTc : 0);
    EXPECT_EQ(reply.written, truncated ? Written::Truncated : Written::Whole);
    EXPECT_LE(reply.message.size(), kMinUdpSize);
    if (truncated) continue;
    const Bytes said = reply.from(kHeaderSize + kQuestion.size());
    EXPECT_LT(said.size(), c.records.octets.size());
    EXPECT_TRUE(std::equal(said.begin(), said.end(), c.records.octets.begin()))
        << "what is left is the front of what was there";
  }
}

TEST(ComposeReply, AgesWhatIsLeft) {
  Records usual;
  usual.add(&Content::answers, kAddress).add(&Content::additionals, kGlue, 26);
  Content content = usual.content();
  content.age = 100;
  const Composed reply(plain_asker(), content);
  EXPECT_EQ(reply.counts(), (Counts{1, 1, 0, 0}));
  EXPECT_EQ(base::load_be32(&reply.message[kHeaderSize + kQuestion.size() + 6]), 200u);
}

TEST(ComposeReply, LeavesExtrasOutAtEveryLimitAndKeepsTheOpt) {
  Records usual;
  usual.add(&Content::answers, kAddress).add(&Content::additionals, kGlue, 1);
  const size_t whole = kHeaderSize + kQuestion.size() + kOptFixed + usual.octets.size();
  const Bytes cookie(24, std::byte{0xC0});
  for (const uint16_t size : {uint16_t{512}, uint16_t{700}, uint16_t{1232}}) {
    SCOPED_TRACE(size);
    Records filled = usual;
    // As much more in its additional section as fits to the octet, and an octet more.
    const size_t spare = size - whole - of_type(Type::Txt, {}).wire().size();
    filled.add(&Content::additionals, of_type(Type::Txt, Bytes(spare)));
    const Composed full(edns_asker(size), filled.content());
    EXPECT_EQ(full.counts(), (Counts{1, 1, 0, 3}));
    EXPECT_EQ(full.message.size(), size);
    Records above = usual;
    above.add(&Content::additionals, of_type(Type::Txt, Bytes(spare + 1)));
    const Composed reply(edns_asker(size), above.content());
    EXPECT_EQ(reply.counts(), (Counts{1, 1, 0, 1}));
    EXPECT_EQ(hex(reply.from(kHeaderSize + kQuestion.size() + kRecord.size())), hex(opt_of(0, 0)));
    Asker with_cookie = edns_asker(size);
    with_cookie.options.cookie = cookie;
    const Composed reply_with(with_cookie, filled.content());
    EXPECT_EQ(reply_with.counts(), (Counts{1, 1, 0, 1})) << "extras go before the cookie";
    EXPECT_EQ(reply_with.written, Written::Whole);
  }
}

/// 65,535 octets are the end, and TC=1 leads nowhere on a stream.
TEST(ComposeReply, OnAStreamOptionsGiveWayToTheAnswer) {
  const Bytes cookie(24, std::byte{0xC0});
  const size_t rest = kHeaderSize + kQuestion.size() + kOptFixed;
  for (const Options& options :
       {Options{.cookie = cookie}, Options{.keepalive = 300},
        Options{.padding_block = kReplyPaddingBlock}, Options{cookie, 300, kReplyPaddingBlock}}) {
    Asker asker = edns_asker();
    asker.limit = kMaxMessage;
    asker.options = options;
    for (size_t spare = 0; spare < 40; ++spare) {
      SCOPED_TRACE(spare);
      const Bytes records(kMaxMessage - rest - spare, std::byte{0x55});
      const Composed reply(asker, answer_of(records));
      EXPECT_EQ(reply.written, Written::Whole);
      EXPECT_EQ(reply.counts(), (Counts{1, 1, 0, 1}));
      EXPECT_LE(reply.message.size(), kMaxMessage);
      EXPECT_GE(reply.message.size(), rest + records.size());
    }
  }
  Asker udp = edns_asker();
  udp.options.cookie = cookie;
  EXPECT_EQ(Composed(udp, answer_of(Bytes(kMaxUdpSize - rest))).written, Written::Truncated)
      << "over UDP a client may take a reply without its cookie for forged";
}

TEST(ComposeReply, TruncatesOnRequest) {
  Content content = one_answer();
  content.truncated = true;
  const Composed reply(edns_asker(), content);
  EXPECT_EQ(reply.written, Written::Truncated);
  EXPECT_EQ(reply.flags(), flag::kQr | flag::kRd | flag::kRa | flag::kTc);
  EXPECT_EQ(reply.counts(), (Counts{1, 0, 0, 1}));
}

TEST(ComposeReply, OnAStreamTheWholeAnswerFits) {
  Asker asker = plain_asker();
  asker.limit = kMaxMessage;
  const Bytes largest(kMaxMessage - kHeaderSize - kQuestion.size(), std::byte{0x55});
  const Composed whole(asker, answer_of(largest));
  EXPECT_EQ(whole.written, Written::Whole);
  EXPECT_EQ(whole.message.size(), kMaxMessage);

  asker.edns.present = true;  // Now the OPT does not fit any more.
  const Composed cut(asker, answer_of(largest));
  EXPECT_EQ(cut.written, Written::Truncated);
  EXPECT_EQ(cut.message.size(), kHeaderSize + kQuestion.size() + kOptFixed);
}

TEST(ComposeReply, AddsCourtesiesToTheOptInOneOrder) {
  const Bytes cookie(24, std::byte{0xC0});
  Asker asker = edns_asker();
  asker.options = {.cookie = cookie, .keepalive = 300, .padding_block = 128};
  Content content = one_answer();
  content.ede = Ede::CachedError;
  const Composed reply(asker, content);
  const size_t opt_at = kHeaderSize + kQuestion.size() + kRecord.size();
  const size_t options = 6 + 28 + 6;
  EXPECT_EQ(reply.message.size(), 128u);
  const size_t padding = 128 - opt_at - kOptFixed - options - 4;
  const tests::Opt opt{.udp_size = 1232,
                       .options = {{option::kExtendedError, bytes_of({0, 13})},
                                   {option::kCookie, cookie},
                                   {option::kKeepalive, bytes_of({1, 44})},
                                   {option::kPadding, Bytes(padding)}}};
  EXPECT_EQ(hex(reply.from(opt_at)), hex(tests::opt_record(opt).wire()));

  asker.edns.present = false;
  EXPECT_EQ(Composed(asker, one_answer()).message.size(), opt_at) << "no OPT, no options";
}

TEST(ComposeReply, PadsToWholeBlocksAndNeverBeyondTheLimit) {
  Asker asker = edns_asker();
  asker.limit = kMaxMessage;
  asker.options.padding_block = kReplyPaddingBlock;
  const size_t rest = kHeaderSize + kQuestion.size() + kOptFixed;
  const auto size_with = [&](size_t records) {
    return Composed(asker, answer_of(Bytes(records))).message.size();
  };
  EXPECT_EQ(size_with(0), 468u);
  EXPECT_EQ(size_with(468 - 4 - rest), 468u) << "an empty padding option fills the block";
  EXPECT_EQ(size_with(468 - 3 - rest), 936u) << "no room for its header: the next block";
  EXPECT_EQ(size_with(kMaxMessage - rest - 5), kMaxMessage) << "less than a block is left";
  EXPECT_EQ(size_with(kMaxMessage - rest - 3), kMaxMessage - 3) << "no room for an option";
}

TEST(ComposeReply, FitsTheLongestQuestionIntoTheLeastLimit) {
  const Bytes question = joined({tests::name_of_size(255), bytes_of({0, 1, 0, 1})});
  Asker asker = edns_asker(512);
  asker.question = question;
  const Composed reply(asker, {.rcode = Rcode::ServFail, .ede = Ede::Other});
  EXPECT_EQ(reply.message.size(), kHeaderSize + kMaxQuestion + kOptFixed + 6);
}

TEST(ComposeReply, WritesOverTheQueryInPlace) {
  // The query has an OPT with options and trailing octets, all of which must be gone.
  Bytes buffer =
      a_query("WwW.example")
          .id(0xBEEF)
          .opt({.udp_size = 1232, .flags = kDoBit, .options = {{10, Bytes(8, std::byte{9})}}})
          .trailing(Bytes(50, std::byte{0xDD}))
          .build();
  const size_t query_size = buffer.size();
  buffer.resize(kMaxUdpSize, std::byte{0xDD});
  const auto query = parse_query(base::ByteView(buffer).first(query_size));
  ASSERT_TRUE(query);
  const Asker in_place{.head = query->head, .question = query->question, .edns = query->edns};

  Asker elsewhere = in_place;
  elsewhere.question = kQuestion;
  Content content = one_answer();
  content.age = 17;
  content.ede = Ede::Other;
  const Composed expected(elsewhere, content);
  const Reply reply = compose_reply(buffer, in_place, content);
  EXPECT_EQ(hex(base::ByteView(buffer).first(reply.size)), hex(expected.message));
}

TEST(ComposeReply, WritesNoOctetBehindItsRoom) {
  Bytes buffer(kMaxUdpSize + 64, std::byte{0xA5});
  const Bytes records(kMaxUdpSize - kHeaderSize - kQuestion.size() - kOptFixed);
  (void)compose_reply(base::ByteSpan(buffer).first(kMaxUdpSize), edns_asker(), answer_of(records));
  for (size_t i = kMaxUdpSize; i < buffer.size(); ++i) ASSERT_EQ(buffer[i], std::byte{0xA5});
}

}  // namespace
}  // namespace dns
