// Names that are answered here: what each kind says at its top and below, and that a switch is a
// switch.
#include "dataplane/rules/local_names.h"

#include <gtest/gtest.h>

#include <string>

#include "dataplane/dns/answer.h"
#include "dataplane/rules/deciding_name.h"
#include "dataplane/rules/policy.h"
#include "tests/message_builder.h"

namespace rules {
namespace {

using dns::Rcode;
using dns::Type;
using tests::Bytes;

LocalNames all() { return LocalNames(LocalNameSet().set()); }
LocalNames only(LocalName kind) {
  return LocalNames(LocalNameSet().set(static_cast<size_t>(kind)));
}

dns::Question question(const std::string& name, Type type) {
  return dns::make_question(tests::wire_name(name), type, dns::Class::In, dns::Wants::Plain,
                            dns::PoolId{0});
}

std::optional<dns::Content> answer(const LocalNames& names, const std::string& name, Type type) {
  return names.answer(question(name, type).name.wire(), type);
}

struct Case {
  LocalName kind;
  const char* name;
  Type type;
  Rcode rcode;
  uint16_t answers;
};

std::string reverse_of_zero_and(char last) {
  std::string name(1, last);
  for (int i = 0; i < 31; ++i) name += ".0";
  return name + ".ip6.arpa";
}
const std::string kLoopback6 = reverse_of_zero_and('1');
const std::string kAny6 = reverse_of_zero_and('0');

const Case kCases[] = {
    {LocalName::Onion, "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion", Type::A,
     Rcode::NxDomain, 0},
    {LocalName::Onion, "onion", Type::Soa, Rcode::NxDomain, 0},
    {LocalName::Onion, "a.b.ONION", Type::Https, Rcode::NxDomain, 0},
    {LocalName::Localhost, "localhost", Type::A, Rcode::NoError, 1},
    {LocalName::Localhost, "LocalHost", Type::Aaaa, Rcode::NoError, 1},
    {LocalName::Localhost, "app.localhost", Type::A, Rcode::NoError, 1},
    {LocalName::Localhost, "app.localhost", Type::Ns, Rcode::NoError, 0},
    {LocalName::Localhost, "localhost", Type::Mx, Rcode::NoError, 0},
    {LocalName::Localhost, "localhost", Type::Soa, Rcode::NoError, 1},
    {LocalName::Invalid, "anything.invalid", Type::A, Rcode::NxDomain, 0},
    {LocalName::Invalid, "invalid", Type::A, Rcode::NxDomain, 0},
    {LocalName::Local, "printer.local", Type::A, Rcode::NxDomain, 0},
    {LocalName::Local, "_ipp._tcp.local", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::HomeArpa, "nas.home.arpa", Type::Aaaa, Rcode::NxDomain, 0},
    {LocalName::HomeArpa, "home.arpa", Type::A, Rcode::NoError, 0},
    {LocalName::HomeArpa, "home.arpa", Type::Soa, Rcode::NoError, 1},
    {LocalName::HomeArpa, "home.arpa", Type::Ns, Rcode::NoError, 1},
    {LocalName::PrivateReverse, "4.3.2.10.in-addr.arpa", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::PrivateReverse, "10.in-addr.arpa", Type::Ptr, Rcode::NoError, 0},
    {LocalName::PrivateReverse, "1.0.16.172.in-addr.arpa", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::PrivateReverse, "1.0.31.172.in-addr.arpa", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::PrivateReverse, "1.1.168.192.in-addr.arpa", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::PrivateReverse, "1.1.254.169.in-addr.arpa", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::PrivateReverse, "1.0.64.100.in-addr.arpa", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::PrivateReverse, "1.0.127.100.in-addr.arpa", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::PrivateReverse, "1.2.0.192.in-addr.arpa", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::PrivateReverse, "1.100.51.198.in-addr.arpa", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::PrivateReverse, "1.113.0.203.in-addr.arpa", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::PrivateReverse, "255.255.255.255.in-addr.arpa", Type::Ptr, Rcode::NoError, 0},
    {LocalName::PrivateReverse, "1.0.0.127.in-addr.arpa", Type::Ptr, Rcode::NoError, 1},
    {LocalName::PrivateReverse, "0.0.127.in-addr.arpa", Type::Ptr, Rcode::NoError, 0},
    {LocalName::PrivateReverse, "2.0.0.127.in-addr.arpa", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::PrivateReverse, kLoopback6.c_str(), Type::Ptr, Rcode::NoError, 1},
    {LocalName::PrivateReverse, kAny6.c_str(), Type::Ptr, Rcode::NoError, 0},
    {LocalName::PrivateReverse, "1.0.0.0.d.f.ip6.arpa", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::PrivateReverse, "1.0.8.e.f.ip6.arpa", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::PrivateReverse, "1.0.b.e.f.ip6.arpa", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::PrivateReverse, "1.0.8.b.d.0.1.0.0.2.ip6.arpa", Type::Ptr, Rcode::NxDomain, 0},
    {LocalName::ResolverArpa, "_dns.resolver.arpa", Type{64}, Rcode::NoError, 0},
    {LocalName::ResolverArpa, "_dns.resolver.arpa", Type::Soa, Rcode::NoError, 0},
    {LocalName::ResolverArpa, "resolver.arpa", Type::Soa, Rcode::NoError, 1},
    {LocalName::ResolverArpa, "resolver.arpa", Type::A, Rcode::NoError, 0},
    {LocalName::UseApplicationDns, "use-application-dns.net", Type::A, Rcode::NxDomain, 0},
    {LocalName::Ipv4OnlyArpa, "ipv4only.arpa", Type::A, Rcode::NoError, 2},
    {LocalName::Ipv4OnlyArpa, "ipv4only.arpa", Type::Aaaa, Rcode::NoError, 0},
    {LocalName::Ipv4OnlyArpa, "x.ipv4only.arpa", Type::A, Rcode::NxDomain, 0},
    {LocalName::Ipv4OnlyArpa, "170.0.0.192.in-addr.arpa", Type::Ptr, Rcode::NoError, 1},
};

TEST(LocalNames, SayWhatTheirRfcHasThemSay) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const LocalNames names = only(c.kind);
    const auto content = answer(names, c.name, c.type);
    ASSERT_TRUE(content);
    EXPECT_EQ(content->rcode, c.rcode);
    EXPECT_EQ(content->answers, c.answers);
    EXPECT_EQ(content->authorities, c.answers == 0 ? 1 : 0);
    LocalNameSet others = LocalNameSet().set();
    others.reset(static_cast<size_t>(c.kind));
    EXPECT_FALSE(answer(LocalNames(others), c.name, c.type)) << "switched off";
  }
}

/// What is composed of them has to pass the reader of resolvers' answers, which checks everything.
TEST(LocalNames, ComposeToWellFormedMessages) {
  const LocalNames names = all();
  for (const Case& c : kCases) {
    for (const Type type : {c.type, Type::Soa, Type::Ns, Type::A, Type::Ptr}) {
      SCOPED_TRACE(c.name);
      const dns::Question asked = question(c.name, type);
      const auto content = names.answer(asked.name.wire(), type);
      ASSERT_TRUE(content);
      const Bytes octets =
          tests::joined({Bytes(asked.name.wire().begin(), asked.name.wire().end()),
                         tests::bytes_of({static_cast<uint8_t>(static_cast<uint16_t>(type) >> 8),
                                          static_cast<uint8_t>(type), 0, 1})});
      Bytes message(dns::kMaxUdpSize);
      const dns::Asker asker{.head = {1, dns::flag::kRd}, .question = octets, .edns = {}};
      message.resize(dns::compose_reply(message, asker, *content).size);
      dns::TtlPlaces places;
      const auto parsed = dns::parse_answer(message, asked, places);
      ASSERT_TRUE(parsed);
      EXPECT_EQ(parsed->rcode, content->rcode);
      EXPECT_EQ(dns::lifetime(*parsed, {}), content->answers > 0 ? 10'800u : 3'600u);
    }
  }
}

TEST(LocalNames, LeaveAllOtherNamesAlone) {
  const LocalNames names = all();
  for (const char* name :
       {"example.com", "local.example", "notlocal", "onions", "localhost.example", "arpa",
        "in-addr.arpa", "11.in-addr.arpa", "32.172.in-addr.arpa", "15.172.in-addr.arpa",
        "63.100.in-addr.arpa", "128.100.in-addr.arpa", "8.8.8.8.in-addr.arpa", "net",
        "c.f.ip6.arpa", "www.use-application-dns.network", "172.0.0.192.in-addr.arpa"}) {
    EXPECT_FALSE(answer(names, name, Type::A)) << name;
  }
  EXPECT_FALSE(names.answer(Bytes(1), Type::A)) << "the root";
}

/// RFC 8375 §4, RFC 4035 §3.1.4.1: the parent's word proves that such a zone is unsigned.
TEST(LocalNames, LeaveTheDsOfAPublicZoneToItsParent) {
  const LocalNames names = all();
  for (const char* name : {"home.arpa", "HOME.arpa", "10.in-addr.arpa", "168.192.in-addr.arpa",
                           "d.f.ip6.arpa", "resolver.arpa", "ipv4only.arpa"}) {
    EXPECT_FALSE(answer(names, name, Type::Ds)) << name;
    EXPECT_TRUE(answer(names, name, Type{48})) << name << ": DNSKEY is its own";
  }
  for (const char* name : {"nas.home.arpa", "1.10.in-addr.arpa", "0.0.127.in-addr.arpa", "onion",
                           "local", "localhost", "invalid", "use-application-dns.net"}) {
    EXPECT_TRUE(answer(names, name, Type::Ds)) << name;
  }
}

TEST(LocalNames, AreNotALabelsEnd) {
  // The octets of "local" in the middle of a label.
  const Bytes wire = tests::joined({tests::bytes_of({7, 'x'}), tests::wire_name("local")});
  EXPECT_FALSE(all().answer(wire, Type::A));
}

TEST(LocalNames, GiveWayToThePoolThatHasTheDomain) {
  const Destination pool{.pool = dns::PoolId{1}};
  Policy policy;
  policy.local = all();
  const auto domain = [](const char* name) { return dns::Name(tests::wire_name(name)); };
  policy.routes = Routes({{.domain = domain("10.in-addr.arpa"), .to = pool},
                          {.domain = domain("corp.home.arpa"), .to = pool},
                          {.domain = domain("arpa"), .to = pool}});
  const auto is_local = [&](const char* name) {
    return policy.local_answer(question(name, Type::Ptr)).has_value();
  };
  EXPECT_FALSE(is_local("1.2.3.10.in-addr.arpa")) << "the same domain";
  EXPECT_FALSE(is_local("www.corp.home.arpa")) << "a longer one";
  EXPECT_TRUE(is_local("nas.home.arpa")) << "a shorter one";
  EXPECT_TRUE(is_local("1.1.168.192.in-addr.arpa"));
  EXPECT_FALSE(is_local("1.1.1.1.in-addr.arpa"));
}

/// RFC 4035 §3.1.4.1: the zone above answers for DS, whoever has the zone itself.
TEST(DecidingName, SendsADsWhereTheNameAboveGoes) {
  const auto pool = [](uint8_t number) { return Destination{.pool = dns::PoolId{number}}; };
  const auto domain = [](const char* name) { return dns::Name(tests::wire_name(name)); };
  Policy policy;
  policy.local = all();
  policy.binds = {{.to = pool(0)}};
  policy.routes = Routes({{.domain = domain("corp.example"), .to = pool(1)},
                          {.domain = domain("lab.corp.example"), .to = pool(2)},
                          {.domain = domain("10.in-addr.arpa"), .to = pool(3)},
                          {.domain = domain("home.arpa"), .to = pool(4)},
                          {.domain = domain("den.home.arpa"), .to = pool(5)},
                          {.domain = domain("corp.local"), .to = pool(6)},
                          {.domain = domain("onion"), .to = pool(7)}});
  const auto pool_of = [&](const char* name, Type type) {
    const Bytes wire = tests::wire_name(name);
    const base::ByteView deciding = deciding_name(policy, wire, type);
    return static_cast<unsigned>(policy.destination(policy.binds[0], deciding).pool);
  };
  struct Row {
    const char* name;
    unsigned pool;
    unsigned pool_of_ds;
  };
  for (const Row& row :
       {Row{"corp.example", 1, 0}, Row{"CORP.example", 1, 0}, Row{"www.corp.example", 1, 1},
        Row{"lab.corp.example", 2, 1}, Row{"x.lab.corp.example", 2, 2},
        Row{"10.in-addr.arpa", 3, 0}, Row{"1.10.in-addr.arpa", 3, 3}, Row{"home.arpa", 4, 0},
        Row{"den.home.arpa", 5, 4},
        Row{"corp.local", 6, 6},  // Nobody is to hear of it but its own.
        Row{"onion", 7, 7}, Row{"other.example", 0, 0}, Row{"example", 0, 0}, Row{".", 0, 0}}) {
    EXPECT_EQ(pool_of(row.name, Type::A), row.pool) << row.name;
    EXPECT_EQ(pool_of(row.name, Type{48}), row.pool) << row.name << ": DNSKEY is its own";
    EXPECT_EQ(pool_of(row.name, Type::Ds), row.pool_of_ds) << row.name;
  }
}

}  // namespace
}  // namespace rules
