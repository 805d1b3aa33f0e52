#include "tls-workers/backends/chooser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tests {
namespace {

using backends::Candidate;
using backends::Standing;

struct Choice {
  const char* name;
  std::vector<Candidate> candidates;
  std::optional<uint32_t> avoid;
  std::optional<size_t> chosen;
};

class Choose : public testing::TestWithParam<Choice> {};

TEST_P(Choose, TakesTheBest) {
  EXPECT_EQ(choose(GetParam().candidates, GetParam().avoid), GetParam().chosen);
}

INSTANTIATE_TEST_SUITE_P(
    Choices, Choose,
    testing::Values(
        Choice{"nobody", {}, {}, {}},
        Choice{"best_rank",
               {{.backend = 0, .standing = Standing::Ready, .rank = {.score = 3}},
                {.backend = 1, .standing = Standing::Ready, .rank = {.score = 2, .order = 9}}},
               {},
               1},
        Choice{"one_with_no_more_than_its_share",
               {{.backend = 0, .standing = Standing::Ready, .rank = {.over_share = true}},
                {.backend = 1, .standing = Standing::Ready, .rank = {.score = 9}}},
               {},
               1},
        Choice{"over_its_share_if_it_is_all_there_is",
               {{.backend = 0, .standing = Standing::Ready, .rank = {.over_share = true}},
                {.backend = 1, .standing = Standing::OnTrial}},
               {},
               0},
        Choice{"not_on_trial_while_another_is_ready",
               {{.backend = 0, .standing = Standing::OnTrial},
                {.backend = 1, .standing = Standing::Ready, .rank = {.score = 99}}},
               {},
               1},
        Choice{"on_trial_if_it_is_all_there_is",
               {{.backend = 0, .standing = Standing::OnTrial},
                {.backend = 1, .standing = Standing::Full}},
               {},
               0},
        Choice{"none_without_room",
               {{.backend = 0, .standing = Standing::Full},
                {.backend = 1, .standing = Standing::Closed},
                {.backend = 2, .standing = Standing::Failing},
                {.backend = 3, .standing = Standing::Down}},
               {},
               {}},
        Choice{"never_the_one_that_failed",
               {{.backend = 5, .standing = Standing::Ready},
                {.backend = 6, .standing = Standing::OnTrial, .rank = {.score = 50}}},
               5,
               1},
        Choice{"who_has_failed_least",
               {{.backend = 0, .standing = Standing::Ready, .in_vain = 1},
                {.backend = 1, .standing = Standing::Ready, .rank = {.score = 50}}},
               {},
               1},
        Choice{"who_has_failed_before_who_is_silent",
               {{.backend = 0, .standing = Standing::OnTrial},
                {.backend = 1, .standing = Standing::Ready, .in_vain = 1}},
               {},
               1},
        Choice{"who_has_failed_if_nobody_else_has_room",
               {{.backend = 0, .standing = Standing::Ready, .in_vain = 1},
                {.backend = 1, .standing = Standing::Closed}},
               {},
               0},
        Choice{"never_who_is_spent",
               {{.backend = 0, .standing = Standing::Ready, .spent = true}},
               {},
               {}},
        Choice{"not_even_if_it_is_the_only_one",
               {{.backend = 5, .standing = Standing::Ready}},
               5,
               {}}),
    [](const auto& test) { return std::string(test.param.name); });

class ChooseToOpen : public testing::TestWithParam<Choice> {};

TEST_P(ChooseToOpen, TakesTheBest) {
  EXPECT_EQ(choose_to_open(GetParam().candidates), GetParam().chosen);
}

INSTANTIATE_TEST_SUITE_P(
    Choices, ChooseToOpen,
    testing::Values(
        Choice{"closed_before_failing",
               {{.backend = 0, .standing = Standing::Failing},
                {.backend = 1, .standing = Standing::Closed, .rank = {.order = 7}}},
               {},
               1},
        Choice{"best_rank",
               {{.backend = 0, .rank = {.order = 2}}, {.backend = 1, .rank = {.order = 1}}},
               {},
               1},
        Choice{"not_one_that_is_opening",
               {{.backend = 0, .opening = true}, {.backend = 1, .rank = {.order = 5}}},
               {},
               1},
        Choice{"not_one_that_backs_off", {{.backend = 0, .standing = Standing::Down}}, {}, {}},
        Choice{"not_one_with_sessions",
               {{.backend = 0, .standing = Standing::Ready},
                {.backend = 1, .standing = Standing::Full}},
               {},
               {}},
        Choice{"one_that_has_not_failed",
               {{.backend = 0, .in_vain = 1}, {.backend = 1, .rank = {.order = 5}}},
               {},
               1},
        Choice{"not_one_that_is_spent", {{.backend = 0, .spent = true}}, {}, {}}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tests
