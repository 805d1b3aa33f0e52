#include "dataplane/rules/decide.h"

#include <gtest/gtest.h>

#include <array>

namespace rules {
namespace {

using dns::Class;
using dns::Ede;
using dns::Query;
using dns::QueryFault;
using dns::Rcode;
using dns::Type;

Query query(Type type = Type::A) {
  return {.head = {.id = 1, .flags = dns::flag::kRd}, .type = type, .klass = Class::In};
}

TEST(Decide, ResolvesAnOrdinaryQuery) {
  for (const unsigned number : {0u, 1u, 28u, 65u, 127u, 256u, 1000u, 65280u, 65535u}) {
    const auto type = static_cast<uint16_t>(number);
    EXPECT_EQ(decide(query(Type{type}), Admission::Allowed, Transport::Udp).action, Action::Resolve)
        << type;
  }
}

struct Row {
  const char* name;
  Query query;
  Outcome outcome;
  Rcode rcode;
  Ede ede;
};

Query with(Query query, auto change) {
  change(query);
  return query;
}

TEST(Decide, RefusesATimeInAClientsKeepaliveOverStreamsOnly) {
  const Query asking = [] {
    Query made = query();
    made.edns = {.present = true, .keepalive = dns::AsksKeepalive::WithTimeout};
    return made;
  }();
  EXPECT_EQ(decide(asking, Admission::Allowed, Transport::Udp).action, Action::Resolve);
  for (const Transport stream : {Transport::Tcp, Transport::Dot, Transport::Doh})
    EXPECT_EQ(decide(asking, Admission::Allowed, stream).outcome, Outcome::FormErr);
}

TEST(Decide, AnswersItselfWhatIsNotForABackend) {
  const Row rows[] = {
      {"no_rd", with(query(), [](Query& q) { q.head.flags = 0; }), Outcome::Refused, Rcode::Refused,
       Ede::NotAuthoritative},
      {"chaos", with(query(Type::Txt), [](Query& q) { q.klass = Class{3}; }), Outcome::Refused,
       Rcode::Refused, Ede::NotSupported},
      {"class_any", with(query(), [](Query& q) { q.klass = Class{255}; }), Outcome::Refused,
       Rcode::Refused, Ede::NotSupported},
      {"class_0", with(query(), [](Query& q) { q.klass = Class{0}; }), Outcome::Refused,
       Rcode::Refused, Ede::NotSupported},
      {"axfr", query(Type::Axfr), Outcome::Refused, Rcode::Refused, Ede::NotSupported},
      {"ixfr", query(Type::Ixfr), Outcome::Refused, Rcode::Refused, Ede::NotSupported},
      {"any", query(Type::Any), Outcome::Truncated, Rcode::NoError, Ede::None},
      {"opt_as_type", query(Type::Opt), Outcome::FormErr, Rcode::FormErr, Ede::None},
      {"type_128", query(Type{128}), Outcome::FormErr, Rcode::FormErr, Ede::None},
      {"type_248", query(Type{248}), Outcome::FormErr, Rcode::FormErr, Ede::None},
      {"tkey", query(Type::Tkey), Outcome::FormErr, Rcode::FormErr, Ede::None},
      {"tsig", query(Type::Tsig), Outcome::FormErr, Rcode::FormErr, Ede::None},
      {"mailb", query(Type::MailB), Outcome::FormErr, Rcode::FormErr, Ede::None},
      {"maila", query(Type::MailA), Outcome::FormErr, Rcode::FormErr, Ede::None},
      {"edns_1", with(query(), [](Query& q) { q.edns = {.version = 1, .present = true}; }),
       Outcome::BadVers, Rcode::BadVers, Ede::None},
      {"edns_255_before_anything",
       with(query(Type::Any), [](Query& q) { q.edns = {.version = 255, .present = true}; }),
       Outcome::BadVers, Rcode::BadVers, Ede::None},
  };
  for (const Row& row : rows) {
    const Decision decision = decide(row.query, Admission::Allowed, Transport::Udp);
    ASSERT_EQ(decision.action, Action::Reply) << row.name;
    EXPECT_EQ(decision.outcome, row.outcome) << row.name;
    EXPECT_EQ(decision.content.rcode, row.rcode) << row.name;
    EXPECT_EQ(decision.content.ede, row.ede) << row.name;
    EXPECT_TRUE(decision.content.recursion) << row.name;
  }
  EXPECT_TRUE(decide(query(Type::Any), Admission::Allowed, Transport::Udp).content.truncated);
}

TEST(Decide, KnowsOneVersionOfEdns) {
  for (unsigned version = 0; version < 256; ++version) {
    Query asked = query();
    asked.edns = {.version = static_cast<uint8_t>(version), .present = true};
    const Decision decision = decide(asked, Admission::Allowed, Transport::Udp);
    EXPECT_EQ(decision.action, version == 0 ? Action::Resolve : Action::Reply) << version;
    EXPECT_EQ(decision.content.rcode, version == 0 ? Rcode::NoError : Rcode::BadVers) << version;
  }
}

TEST(Decide, RefusesEveryClassButOne) {
  for (unsigned number = 0; number < 65536; ++number) {
    Query asked = query();
    asked.klass = Class{static_cast<uint16_t>(number)};
    const Decision decision = decide(asked, Admission::Allowed, Transport::Udp);
    ASSERT_EQ(decision.content.rcode, number == 1 ? Rcode::NoError : Rcode::Refused) << number;
  }
}

dns::Result<Query, dns::Malformed> malformed(QueryFault fault) {
  return base::fail(dns::Malformed{.fault = fault});
}

TEST(Decide, SaysNothingToWhatIsNotAQuery) {
  EXPECT_EQ(decide(malformed(QueryFault::TooShort), Admission::Allowed, Transport::Udp).drop,
            Drop::ShortQuery);
  EXPECT_EQ(decide(malformed(QueryFault::NotAQuery), Admission::Allowed, Transport::Udp).drop,
            Drop::NotAQuery);
  EXPECT_EQ(decide(malformed(QueryFault::NotAQuery), Admission::Allowed, Transport::Udp).action,
            Action::Drop);
}

TEST(Decide, RationsRepliesToMistakes) {
  EXPECT_EQ(decide(malformed(QueryFault::BadOpcode), Admission::Allowed, Transport::Udp).outcome,
            Outcome::NotImp);
  for (const QueryFault fault :
       {QueryFault::Truncated, QueryFault::BadCount, QueryFault::BadName, QueryFault::BadOpt}) {
    const Decision decision = decide(malformed(fault), Admission::Allowed, Transport::Udp);
    EXPECT_EQ(decision.outcome, Outcome::FormErr);
    EXPECT_EQ(decision.rationed, Rationed::Yes);
  }
}

TEST(Decide, TellsAStrangerNoMoreThanRefused) {
  const Decision decision = decide(query(), Admission::Denied, Transport::Udp);
  EXPECT_EQ(decision.content.rcode, Rcode::Refused);
  EXPECT_EQ(decision.content.ede, Ede::Prohibited);
  EXPECT_FALSE(decision.content.recursion) << "that would be an open resolver's";
  EXPECT_EQ(decision.rationed, Rationed::Yes);
  EXPECT_EQ(decide(malformed(QueryFault::BadName), Admission::Denied, Transport::Udp).drop,
            Drop::AclDenied);
  EXPECT_EQ(decide(malformed(QueryFault::BadName), Admission::Denied, Transport::Udp).action,
            Action::Drop);
}

TEST(Decide, AnswersAQueryForACookieAlone) {
  const auto probe = malformed(QueryFault::NoQuestion);
  for (const CookieRule rule : {CookieRule::Pass, CookieRule::Missing}) {
    const Decision decision = decide(probe, Admission::Allowed, Transport::Udp, rule);
    EXPECT_EQ(decision.content.rcode, Rcode::NoError);
    EXPECT_EQ(decision.outcome, Outcome::Local);
    EXPECT_EQ(decision.rationed, Rationed::Yes);
  }
  EXPECT_EQ(decide(probe, Admission::Allowed, Transport::Udp).outcome, Outcome::FormErr)
      << "cookies are not spoken";
  EXPECT_EQ(decide(probe, Admission::Denied, Transport::Udp, CookieRule::Pass).drop,
            Drop::AclDenied);
}

TEST(Decide, DemandsAGoodCookieOverUdpAlone) {
  const Decision udp = decide(query(), Admission::Allowed, Transport::Udp, CookieRule::Missing);
  EXPECT_EQ(udp.action, Action::Reply);
  EXPECT_EQ(udp.content.rcode, Rcode::BadCookie);
  EXPECT_EQ(udp.outcome, Outcome::BadCookie);
  for (const Transport transport : {Transport::Tcp, Transport::Dot, Transport::Doh})
    EXPECT_EQ(decide(query(), Admission::Allowed, transport, CookieRule::Missing).action,
              Action::Resolve);
  EXPECT_EQ(decide(query(), Admission::Allowed, Transport::Udp, CookieRule::Pass).action,
            Action::Resolve);
  EXPECT_EQ(decide(query(), Admission::Denied, Transport::Udp, CookieRule::Missing).outcome,
            Outcome::Refused);
}

TEST(Decide, TakesNoTimeoutFromAClientOnAStream) {
  const Query asks = with(query(), [](Query& q) {
    q.edns = {.present = true, .keepalive = dns::AsksKeepalive::WithTimeout};
  });
  EXPECT_EQ(decide(asks, Admission::Allowed, Transport::Udp).action, Action::Resolve);
  for (const Transport transport : {Transport::Tcp, Transport::Dot, Transport::Doh})
    EXPECT_EQ(decide(asks, Admission::Allowed, transport).outcome, Outcome::FormErr);
  const Query usual = with(
      query(), [](Query& q) { q.edns = {.present = true, .keepalive = dns::AsksKeepalive::Yes}; });
  EXPECT_EQ(decide(usual, Admission::Allowed, Transport::Tcp).action, Action::Resolve);
}

TEST(Decide, ExplainsARationedErrorOnlyWhereTheQueryWasLongEnough) {
  const std::array<std::byte, 20> question{};
  const dns::Asker plain{.head = {}, .question = question, .edns = {}};
  const dns::Asker with_opt{.head = {}, .question = question, .edns = {.present = true}};
  const dns::Content refused{.rcode = Rcode::Refused, .ede = Ede::Prohibited};
  const size_t whole = dns::kHeaderSize + question.size() + dns::kOptFixed;
  EXPECT_EQ(trimmed(refused, with_opt, whole).ede, Ede::None);
  EXPECT_EQ(trimmed(refused, with_opt, whole + 5).ede, Ede::None);
  EXPECT_EQ(trimmed(refused, with_opt, whole + 6).ede, Ede::Prohibited);
  EXPECT_EQ(trimmed(refused, plain, whole).rcode, Rcode::Refused);
}

}  // namespace
}  // namespace rules
