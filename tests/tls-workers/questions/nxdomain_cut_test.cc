#include "tls-workers/questions/nxdomain_cut.h"

#include "tests/tls-workers/questions/question_rig.h"

namespace tests {
namespace {

constexpr const char* kMissing = "gone.example.";
constexpr base::Time kStart = QuestionRig::kStart;

struct Row {
  const char* name;
  const char* asked;
  base::seconds left;  // Of what is known of kMissing.
  bool with_soa;
  bool is_wanted;
  bool is_missing;
};

class NxdomainCut : public testing::TestWithParam<Row> {};

TEST_P(NxdomainCut, TellsWhatLiesBelowAMissingName) {
  const Row& row = GetParam();
  QuestionRig rig;
  rig.settings[0].nxdomain_cut = row.is_wanted;
  MessageBuilder denial = an_answer(kMissing, dns::Type::A, dns::Rcode::NxDomain);
  if (row.with_soa) denial.authority(soa_record(wire_name("example."), 60, 60));
  rig.leave(kMissing, rig.answer(kMissing, denial), kStart + row.left);

  const exchange::Miss miss = QuestionRig::miss_for(row.asked);
  EXPECT_EQ(rig.nxdomain_cut.tell_missing(miss, QuestionRig::asker_of(miss), kStart),
            row.is_missing);
  EXPECT_EQ(rig.fill().has_value(), row.is_missing);
  EXPECT_EQ(rig.counters.below_missing.read(), row.is_missing ? 1u : 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, NxdomainCut,
    testing::Values(
        Row{"just_below", "a.gone.example.", base::seconds(9), true, true, true},
        Row{"eight_below", "a.b.c.d.e.f.g.h.gone.example.", base::seconds(9), true, true, true},
        Row{"nine_below", "a.b.c.d.e.f.g.h.i.gone.example.", base::seconds(9), true, true, false},
        Row{"beside_it", "here.example.", base::seconds(9), true, true, false},
        Row{"itself_is_the_caches", kMissing, base::seconds(9), true, true, false},
        Row{"expired", "a.gone.example.", base::seconds(0), true, true, false},
        Row{"a_filters_word", "a.gone.example.", base::seconds(9), false, true, false},
        Row{"switched_off", "a.gone.example.", base::seconds(9), true, false, false}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tests
