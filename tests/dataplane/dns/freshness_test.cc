#include "dataplane/dns/freshness.h"

#include <gtest/gtest.h>

#include "tests/message_builder.h"

namespace tests {
namespace {

Record a(uint32_t ttl) { return a_record(pointer_to_question(), ttl, {192, 0, 2, 1}); }

struct Case {
  const char* name;
  Bytes reply;
  uint32_t seconds;
};

class Freshness : public testing::TestWithParam<Case> {};

TEST_P(Freshness, IsHowLongAllOfItStaysTrue) {
  EXPECT_EQ(dns::fresh_for(GetParam().reply), GetParam().seconds);
}

std::vector<Case> cases() {
  const auto answer = [] { return an_answer("www.example."); };
  const auto nxdomain = [] {
    return an_answer("www.example.", dns::Type::A, dns::Rcode::NxDomain);
  };
  const Bytes owner = wire_name("example.");
  const Bytes whole = answer().answer(a(300)).build();
  return {
      {"one_record", answer().answer(a(300)).build(), 300},
      {"the_smallest_counts", answer().answer(a(300)).answer(a(7)).answer(a(60)).build(), 7},
      {"ttl_0", answer().answer(a(300)).answer(a(0)).build(), 0},
      {"authority_counts", answer().answer(a(300)).authority(a(20)).build(), 20},
      {"opt_has_no_ttl", answer().answer(a(300)).opt({}).build(), 300},
      {"opt_with_flags", answer().answer(a(300)).opt({.flags = 0x8000}).build(), 300},
      {"nodata_by_minimum", answer().authority(soa_record(owner, 3600, 90)).build(), 90},
      {"nodata_by_ttl", answer().authority(soa_record(owner, 80, 90)).build(), 80},
      {"nxdomain", nxdomain().authority(soa_record(owner, 3600, 90)).opt({}).build(), 90},
      {"cname_to_nowhere",
       nxdomain()
           .answer(cname_record(pointer_to_question(), 30, wire_name("hop.example.")))
           .authority(soa_record(owner, 3600, 90))
           .build(),
       30},
      {"no_records", answer().build(), 0},
      {"only_an_opt", answer().opt({}).build(), 0},
      {"badvers", answer().opt({.extended_rcode = 1}).build(), 0},
      {"servfail",
       an_answer("www.example.", dns::Type::A, dns::Rcode::ServFail).answer(a(300)).build(), 0},
      {"refused",
       an_answer("www.example.", dns::Type::A, dns::Rcode::Refused).answer(a(300)).build(), 0},
      {"truncated", answer().flags(0x8380).answer(a(300)).build(), 0},
      {"counts_lie", answer().answer(a(300)).claim({1, 2, 0, 0}).build(), 0},
      {"record_cut", Bytes(whole.begin(), whole.end() - 1), 0},
      {"header_cut", Bytes(whole.begin(), whole.begin() + 11), 0},
      {"question_cut", Bytes(whole.begin(), whole.begin() + 20), 0},
      {"empty", {}, 0},
  };
}

INSTANTIATE_TEST_SUITE_P(Replies, Freshness, testing::ValuesIn(cases()),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace tests
