// Every policy by what it does over many questions: how they are shared out, and what becomes of
// that when backends fail. Chance has fixed seeds.
#include "tls-workers/backends/policy.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/message_builder.h"

namespace tests {
namespace {

using backends::Candidate;
using backends::Policy;
using backends::Ranking;
using backends::Standing;
using base::milliseconds;

constexpr Policy kAll[] = {
    Policy::LeastOutstanding, Policy::FirstAvailable, Policy::RoundRobin, Policy::WRandom,
    Policy::WHashed,          Policy::CHashed,        Policy::P2c};

std::string text_of(const testing::TestParamInfo<Policy>& test) {
  return std::string(backends::kPolicyNames[static_cast<size_t>(test.param)]);
}

dns::Name name_of(size_t number) {
  const auto wire = wire_name("host" + std::to_string(number) + ".example");
  return dns::Name(wire);
}

/// Ready backends "a", "b", ... of these weights, all of order 1.
std::vector<Candidate> backends_of_weight(const std::vector<uint32_t>& weights) {
  std::vector<Candidate> candidates;
  for (uint32_t i = 0; i < weights.size(); ++i) {
    candidates.push_back(
        {.backend = i,
         .standing = Standing::Ready,
         .weight = weights[i],
         .identity = backends::identity_of(std::string(1, static_cast<char>('a' + i)))});
  }
  return candidates;
}

/// The backend that gets a question for `name`.
uint32_t chosen(Ranking& ranking, std::vector<Candidate>& candidates, const dns::Name& name) {
  ranking.rank(name, candidates);
  const auto best = choose(candidates, std::nullopt);
  EXPECT_TRUE(best.has_value());
  const uint32_t backend = candidates[best.value_or(0)].backend;
  ranking.sent(backend);
  return backend;
}

/// How many of `count` questions, each for another name, every backend gets.
std::vector<unsigned> shared_out(Ranking& ranking, std::vector<Candidate>& candidates,
                                 size_t count) {
  std::vector<unsigned> got(candidates.size());
  for (size_t i = 0; i < count; ++i) ++got.at(chosen(ranking, candidates, name_of(i)));
  return got;
}

/// Pearson's statistic of `got` against shares in proportion to `weights`.
double chi_square(const std::vector<unsigned>& got, const std::vector<uint32_t>& weights) {
  double total = 0, weight = 0, sum = 0;
  for (const unsigned count : got) total += count;
  for (const uint32_t one : weights) weight += one;
  for (size_t i = 0; i < got.size(); ++i) {
    const double expected = total * weights[i] / weight;
    if (expected > 0) sum += (got[i] - expected) * (got[i] - expected) / expected;
  }
  return sum;
}

/// Passed by chance alone once in a thousand times, with two degrees of freedom.
constexpr double kUnlikely = 13.8;
constexpr size_t kMany = 20000;

struct Tie {
  const char* name;
  std::vector<Candidate> candidates;
  uint32_t best;
};
class LeastOutstanding : public testing::TestWithParam<Tie> {};

TEST_P(LeastOutstanding, Ranks) {
  Ranking ranking({Policy::LeastOutstanding}, 1);
  std::vector<Candidate> candidates = GetParam().candidates;
  EXPECT_EQ(chosen(ranking, candidates, name_of(0)), GetParam().best);
}

INSTANTIATE_TEST_SUITE_P(
    Ties, LeastOutstanding,
    testing::Values(
        Tie{"fewest_outstanding",
            {{.backend = 0, .standing = Standing::Ready, .outstanding = 3},
             {.backend = 1, .standing = Standing::Ready, .outstanding = 2, .order = 9}},
            1},
        Tie{"then_lowest_order",
            {{.backend = 0, .standing = Standing::Ready, .order = 2, .latency = milliseconds(1)},
             {.backend = 1, .standing = Standing::Ready, .order = 1, .latency = milliseconds(9)}},
            1},
        Tie{"then_lowest_latency",
            {{.backend = 0, .standing = Standing::Ready, .latency = milliseconds(2)},
             {.backend = 1, .standing = Standing::Ready, .latency = milliseconds(1)}},
            1},
        Tie{"then_the_first",
            {{.backend = 4, .standing = Standing::Ready},
             {.backend = 3, .standing = Standing::Ready}},
            3}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(FirstAvailable, FollowsOrderAndNothingElse) {
  Ranking ranking({Policy::FirstAvailable}, 1);
  std::vector<Candidate> candidates = backends_of_weight({1, 1, 1});
  candidates[0].order = 3;
  candidates[1].order = 2;
  candidates[1].outstanding = 150;
  candidates[1].latency = milliseconds(900);
  candidates[2].order = 2;
  EXPECT_EQ(chosen(ranking, candidates, name_of(0)), 1u);
  candidates[1].standing = Standing::Full;
  EXPECT_EQ(chosen(ranking, candidates, name_of(0)), 2u);
  candidates[2].standing = Standing::Down;
  EXPECT_EQ(chosen(ranking, candidates, name_of(0)), 0u);
}

TEST(RoundRobin, GoesAroundInTheOrderOfTheConfiguration) {
  Ranking ranking({Policy::RoundRobin}, 1);
  std::vector<Candidate> candidates = backends_of_weight({1, 1, 1});
  std::vector<uint32_t> turns;
  for (size_t i = 0; i < 7; ++i) turns.push_back(chosen(ranking, candidates, name_of(i)));
  EXPECT_EQ(turns, (std::vector<uint32_t>{0, 1, 2, 0, 1, 2, 0}));
}

TEST(RoundRobin, SharesOutEvenlyWhatAFailedBackendWouldHaveGot) {
  Ranking ranking({Policy::RoundRobin}, 1);
  std::vector<Candidate> candidates = backends_of_weight({1, 1, 1});
  candidates[1].standing = Standing::Failing;
  EXPECT_EQ(shared_out(ranking, candidates, 1000), (std::vector<unsigned>{500, 0, 500}));
}

TEST(WRandom, FollowsTheWeights) {
  Ranking ranking({Policy::WRandom}, 7);
  const std::vector<uint32_t> weights = {1, 2, 5};
  std::vector<Candidate> candidates = backends_of_weight(weights);
  EXPECT_LT(chi_square(shared_out(ranking, candidates, kMany), weights), kUnlikely);
}

TEST(WRandom, KeepsTheProportionsOfThoseThatAreLeft) {
  Ranking ranking({Policy::WRandom}, 7);
  std::vector<Candidate> candidates = backends_of_weight({1, 2, 5});
  candidates[2].standing = Standing::Down;
  const std::vector<unsigned> got = shared_out(ranking, candidates, kMany);
  EXPECT_EQ(got[2], 0u);
  EXPECT_LT(chi_square({got[0], got[1]}, {1, 2}), kUnlikely);
}

class Hashed : public testing::TestWithParam<Policy> {};
INSTANTIATE_TEST_SUITE_P(Policies, Hashed, testing::Values(Policy::WHashed, Policy::CHashed),
                         text_of);

TEST_P(Hashed, FollowsTheWeights) {
  Ranking ranking({GetParam()}, 1);
  const std::vector<uint32_t> weights = {100, 200, 500};
  std::vector<Candidate> candidates = backends_of_weight(weights);
  EXPECT_LT(chi_square(shared_out(ranking, candidates, kMany), weights), kUnlikely);
}

TEST_P(Hashed, GivesANameToTheSameBackendInEveryWorkerWhateverElseIsGoingOn) {
  Ranking one({GetParam()}, 1), other({GetParam()}, 2);
  std::vector<Candidate> here = backends_of_weight({1, 1, 1});
  std::vector<Candidate> there = here;
  std::ranges::reverse(there);
  there[0].outstanding = 99;
  there[1].latency = milliseconds(500);
  for (size_t i = 0; i < 1000; ++i)
    EXPECT_EQ(chosen(one, here, name_of(i)), chosen(other, there, name_of(i)));
}

/// Were this to change, an upgrade would send every name to another resolver, whose cache is cold
/// for it.
TEST_P(Hashed, GivesANameToTheSameBackendInEveryVersion) {
  Ranking ranking({GetParam()}, 1);
  std::vector<Candidate> candidates = backends_of_weight({1, 1, 1});
  std::string winners;
  for (size_t i = 0; i < 24; ++i)
    winners += static_cast<char>('a' + chosen(ranking, candidates, name_of(i)));
  EXPECT_EQ(winners, "cbacbbbacababccbaaccbbbb");
}

TEST_P(Hashed, IgnoresCase) {
  Ranking ranking({GetParam()}, 1);
  std::vector<Candidate> candidates = backends_of_weight({1, 1, 1, 1, 1, 1, 1});
  const auto lower = wire_name("www.example.org"), upper = wire_name("WWW.Example.ORG");
  EXPECT_EQ(chosen(ranking, candidates, dns::Name(lower)),
            chosen(ranking, candidates, dns::Name(upper)));
}

TEST_P(Hashed, MovesOnlyTheNamesOfABackendThatGoesAndOverAllOthers) {
  Ranking ranking({GetParam()}, 1);
  std::vector<Candidate> candidates = backends_of_weight({1, 1, 1, 1});
  std::map<size_t, uint32_t> before;
  for (size_t i = 0; i < kMany; ++i) before[i] = chosen(ranking, candidates, name_of(i));
  candidates[3].standing = Standing::Down;
  std::vector<unsigned> inherited(4);
  for (size_t i = 0; i < kMany; ++i) {
    const uint32_t now = chosen(ranking, candidates, name_of(i));
    if (before[i] == 3) {
      ++inherited[now];
    } else {
      EXPECT_EQ(now, before[i]);
    }
  }
  EXPECT_EQ(inherited[3], 0u);
  EXPECT_LT(chi_square({inherited[0], inherited[1], inherited[2]}, {1, 1, 1}), kUnlikely);
}

TEST_P(Hashed, MovesNamesOnlyToABackendThatGainsWeight) {
  const Policy policy = GetParam();
  EXPECT_TRUE(rc::check([policy] {
    auto weights = *rc::gen::container<std::vector<uint32_t>>(5, rc::gen::inRange(1u, 1000u));
    Ranking ranking({policy}, 1);
    std::vector<Candidate> before = backends_of_weight(weights);
    const auto heavier = *rc::gen::inRange<size_t>(0, weights.size());
    weights[heavier] *= 3;
    std::vector<Candidate> after = backends_of_weight(weights);
    const dns::Name name = name_of(*rc::gen::arbitrary<uint32_t>());
    const uint32_t had = chosen(ranking, before, name);
    const uint32_t has = chosen(ranking, after, name);
    RC_ASSERT(has == had || has == heavier);
  }));
}

TEST_P(Hashed, AsksAnotherBackendWhileTheWantedOneHasNoSessionButWantsOne) {
  Ranking ranking({GetParam()}, 1);
  std::vector<Candidate> candidates = backends_of_weight({1, 1, 1});
  const uint32_t wanted = chosen(ranking, candidates, name_of(0));
  candidates[wanted].standing = Standing::Closed;
  const uint32_t instead = chosen(ranking, candidates, name_of(0));
  EXPECT_NE(instead, wanted);
  EXPECT_TRUE(preferred(candidates[wanted], candidates[instead]));
  EXPECT_EQ(choose_to_open(candidates), wanted);
}

class BoundedLoad : public testing::TestWithParam<Policy> {};
INSTANTIATE_TEST_SUITE_P(Policies, BoundedLoad,
                         testing::Values(Policy::WRandom, Policy::WHashed, Policy::CHashed),
                         [](const auto& test) {
                           return "policy_" + std::to_string(static_cast<int>(test.param));
                         });

/// One name that everybody asks for, or a thousand that happen to belong to one backend.
TEST_P(BoundedLoad, KeepsEveryBackendNearItsShare) {
  constexpr double kFactor = 1.25;
  Ranking ranking({GetParam(), kFactor}, 1);
  const std::vector<uint32_t> weights = {1, 2, 5};
  std::vector<Candidate> candidates = backends_of_weight(weights);
  for (unsigned sent = 1; sent <= 800; ++sent) {
    const uint32_t backend = chosen(ranking, candidates, name_of(0));
    ++candidates[backend].outstanding;
    const double share = sent * weights[backend] / 8.0;
    ASSERT_LE(candidates[backend].outstanding, kFactor * share + 1) << "after " << sent;
  }
}

TEST_P(BoundedLoad, IsOffWithoutAFactor) {
  Ranking ranking({GetParam()}, 1);
  std::vector<Candidate> candidates = backends_of_weight({1, 1});
  candidates[0].outstanding = 190;
  const std::vector<unsigned> got = shared_out(ranking, candidates, 1000);
  EXPECT_GT(got[0], 400u);
}

TEST_P(BoundedLoad, CountsOnlyThoseThatHaveSessions) {
  Ranking ranking({GetParam(), 1.1}, 1);
  std::vector<Candidate> candidates = backends_of_weight({1, 1, 1});
  candidates[0].outstanding = 10;
  candidates[1].outstanding = 10;
  candidates[2].standing = Standing::Down;
  // Half of all each: neither is over its share, though both would be over a third.
  ranking.rank(name_of(0), candidates);
  EXPECT_FALSE(candidates[0].rank.over_share);
  EXPECT_FALSE(candidates[1].rank.over_share);
}

TEST_P(BoundedLoad, LeavesSomebodyWithinItsShareAlways) {
  const Policy policy = GetParam();
  EXPECT_TRUE(rc::check([policy] {
    const auto weights =
        *rc::gen::nonEmpty(rc::gen::container<std::vector<uint32_t>>(rc::gen::inRange(1u, 1000u)));
    std::vector<Candidate> candidates = backends_of_weight(weights);
    for (Candidate& candidate : candidates) candidate.outstanding = *rc::gen::inRange(0u, 400u);
    Ranking ranking({policy, 1.0}, 1);
    ranking.rank(name_of(0), candidates);
    RC_ASSERT(std::ranges::any_of(
        candidates, [](const Candidate& candidate) { return !candidate.rank.over_share; }));
  }));
}

TEST(P2c, SharesOutEvenlyAmongEquals) {
  Ranking ranking({Policy::P2c}, 3);
  std::vector<Candidate> candidates = backends_of_weight({1, 1, 1});
  for (Candidate& candidate : candidates) candidate.latency = milliseconds(10);
  EXPECT_LT(chi_square(shared_out(ranking, candidates, kMany), {1, 1, 1}), kUnlikely);
}

TEST(P2c, NeverTakesTheWorstOfThree) {
  Ranking ranking({Policy::P2c}, 3);
  std::vector<Candidate> candidates = backends_of_weight({1, 1, 1});
  candidates[0].latency = milliseconds(10);
  candidates[0].outstanding = 20;             // 210 ms of work,
  candidates[1].latency = milliseconds(200);  // 200 ms,
  candidates[2].latency = milliseconds(30);
  candidates[2].outstanding = 2;  // 90 ms.
  const std::vector<unsigned> got = shared_out(ranking, candidates, kMany);
  EXPECT_EQ(got[0], 0u);
  // The second best wins only when it meets the worst.
  EXPECT_LT(chi_square({got[1], got[2]}, {1, 2}), kUnlikely);
}

TEST(P2c, TriesWhomItDoesNotKnowAsMuchAsTheBest) {
  Ranking ranking({Policy::P2c}, 3);
  std::vector<Candidate> candidates = backends_of_weight({1, 1, 1});
  candidates[0].latency = milliseconds(10);
  candidates[1].latency = milliseconds(50);
  EXPECT_GT(shared_out(ranking, candidates, 900)[2], 300u);
  // Until it has answered once, it is not given everything.
  candidates[2].outstanding = 1;
  EXPECT_LT(shared_out(ranking, candidates, 900)[2], 400u);
}

TEST(P2c, OpensASessionToABackendThatHasNone) {
  Ranking ranking({Policy::P2c}, 3);
  std::vector<Candidate> candidates = backends_of_weight({1, 1, 1});
  for (Candidate& candidate : candidates) candidate.latency = milliseconds(10);
  candidates[2].standing = Standing::Closed;
  candidates[2].latency = {};
  unsigned wanted = 0;
  for (size_t i = 0; i < 100; ++i) {
    const uint32_t backend = chosen(ranking, candidates, name_of(i));
    EXPECT_NE(backend, 2u);
    wanted += preferred(candidates[2], candidates[backend]) ? 1 : 0;
  }
  EXPECT_GT(wanted, 30u);
}

class EveryPolicy : public testing::TestWithParam<Policy> {};
INSTANTIATE_TEST_SUITE_P(All, EveryPolicy, testing::ValuesIn(kAll), text_of);

std::vector<Candidate> arbitrary_candidates() {
  std::vector<Candidate> candidates =
      backends_of_weight(*rc::gen::container<std::vector<uint32_t>>(rc::gen::inRange(1u, 100u)));
  for (Candidate& candidate : candidates) {
    candidate.standing = *rc::gen::element(Standing::Ready, Standing::OnTrial, Standing::Full,
                                           Standing::Closed, Standing::Failing, Standing::Down);
    candidate.outstanding = *rc::gen::inRange(0u, 200u);
    candidate.order = *rc::gen::inRange(0u, 4u);
    candidate.latency = milliseconds(*rc::gen::inRange(0, 300));
    candidate.opening = *rc::gen::arbitrary<bool>();
  }
  return candidates;
}

Standing best_standing(const std::vector<Candidate>& candidates) {
  Standing best = Standing::Down;
  for (const Candidate& candidate : candidates) best = std::min(best, candidate.standing);
  return best;
}

TEST_P(EveryPolicy, AsksOneThatCanAnswerIfThereIsOne) {
  const Policy policy = GetParam();
  EXPECT_TRUE(rc::check([policy] {
    std::vector<Candidate> candidates = arbitrary_candidates();
    Ranking ranking({policy, *rc::gen::element(0.0, 1.0, 1.5)}, *rc::gen::arbitrary<uint64_t>());
    ranking.rank(name_of(*rc::gen::arbitrary<uint32_t>()), candidates);
    const auto best = choose(candidates, std::nullopt);
    const Standing standing = best_standing(candidates);
    const bool anybody = !candidates.empty() && standing <= Standing::OnTrial;
    RC_ASSERT(best.has_value() == anybody);
    if (best) RC_ASSERT(candidates[*best].standing == standing);
  }));
}

TEST_P(EveryPolicy, AsksAnotherThanTheOneThatFailed) {
  const Policy policy = GetParam();
  EXPECT_TRUE(rc::check([policy] {
    std::vector<Candidate> candidates = arbitrary_candidates();
    Ranking ranking({policy}, *rc::gen::arbitrary<uint64_t>());
    ranking.rank(name_of(0), candidates);
    const auto first = choose(candidates, std::nullopt);
    RC_PRE(first.has_value());
    const auto second = choose(candidates, candidates[*first].backend);
    RC_ASSERT(second != first);
    const auto able = std::ranges::count_if(candidates, [](const Candidate& candidate) {
      return candidate.standing <= Standing::OnTrial;
    });
    RC_ASSERT(second.has_value() == (able > 1));
  }));
}

TEST_P(EveryPolicy, GivesEverythingToTheOnlyOneThatIsLeft) {
  Ranking ranking({GetParam(), 1.1}, 1);
  std::vector<Candidate> candidates = backends_of_weight({1, 1, 1});
  candidates[0].standing = Standing::Down;
  candidates[2].standing = Standing::Failing;
  candidates[1].order = 9;
  candidates[1].outstanding = 150;
  candidates[1].latency = milliseconds(1400);
  EXPECT_EQ(shared_out(ranking, candidates, 100), (std::vector<unsigned>{0, 100, 0}));
}

TEST_P(EveryPolicy, UsesABackendAgainThatHasComeBack) {
  Ranking ranking({GetParam()}, 1);
  std::vector<Candidate> candidates = backends_of_weight({1, 1, 1});
  candidates[0].standing = Standing::Down;
  EXPECT_EQ(shared_out(ranking, candidates, 100)[0], 0u);
  candidates[0].standing = Standing::Ready;
  EXPECT_GT(shared_out(ranking, candidates, 100)[0], 10u);
}

}  // namespace
}  // namespace tests
