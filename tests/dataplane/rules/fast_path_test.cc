#include "dataplane/rules/fast_path.h"

#include <gtest/gtest.h>

#include <initializer_list>

#include "dataplane/rules/decide.h"
#include "tests/message_builder.h"

namespace rules {
namespace {

dns::Question question(dns::Type type, dns::Class klass = dns::Class::In) {
  return dns::make_question(tests::wire_name("example."), type, klass, dns::Wants::Plain,
                            dns::PoolId{0});
}

TEST(FastPath, MayAnswerWhatTakesOnlyCopying) {
  for (const dns::Rcode rcode : {dns::Rcode::NoError, dns::Rcode::NxDomain, dns::Rcode::YxDomain}) {
    EXPECT_TRUE(fast_path_may_answer(question(dns::Type::A), {.rcode = rcode}));
  }
}

TEST(FastPath, MayNotSayWhatHasToBeExplained) {
  const dns::Question asked = question(dns::Type::A);
  for (const uint16_t code : std::initializer_list<uint16_t>{0, 6, 255, 0xFFFE}) {
    EXPECT_FALSE(fast_path_may_answer(asked, {.ede = dns::Ede{code}})) << code;
  }
  EXPECT_FALSE(fast_path_may_answer(asked, {.truncated = true}));
  EXPECT_FALSE(fast_path_may_answer(asked, {.recursion = false}));
  for (unsigned rcode = 0; rcode < 0x1000; ++rcode) {
    const auto code = static_cast<dns::Rcode>(rcode);
    EXPECT_EQ(fast_path_may_answer(asked, {.rcode = code}), !dns::is_failure(code)) << rcode;
  }
}

/// Every type, by what decide says of a query that is read: the flag has no list of its own.
TEST(FastPath, MayAnswerATypeOnlyIfDecideResolvesIt) {
  for (unsigned number = 0; number <= 0xFFFF; ++number) {
    const auto type = static_cast<dns::Type>(number);
    const tests::Bytes message = tests::a_query("example.", type).build();
    const Decision decision = decide(dns::parse_query(message), Admission::Allowed, Transport::Udp);
    EXPECT_EQ(fast_path_may_answer(question(type), {}), decision.action == Action::Resolve)
        << number;
  }
  EXPECT_FALSE(fast_path_may_answer(question(dns::Type::Any), {})) << "RFC 8482";
  EXPECT_FALSE(fast_path_may_answer(question(dns::Type::Axfr), {}));
  EXPECT_FALSE(fast_path_may_answer(question(dns::Type::A, dns::Class{3}), {})) << "CH";
}

}  // namespace
}  // namespace rules
