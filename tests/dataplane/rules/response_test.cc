#include "dataplane/rules/response.h"

#include <gtest/gtest.h>

#include "dataplane/cache/reclaim.h"
#include "tests/dataplane/cache/made_entry.h"

namespace rules {
namespace {

using base::seconds;
using tests::kStart;
using tests::question;

class ResponseTest : public testing::Test {
 protected:
  const cache::Entry* keep(dns::Rcode rcode, dns::Ede ede = dns::Ede::None) {
    cache::Entry* entry = cache::make_entry({.question = question(1),
                                             .content = {.rcode = rcode, .ede = ede},
                                             .inserted = kStart,
                                             .expires = kStart + seconds{60}});
    cache_.insert(question(1), entry, kStart, reclaim_);
    return entry;
  }
  [[nodiscard]] Destination destination(uint32_t max_stale = 1000) const {
    return {.cache = &cache_, .staleness = {.max_stale = max_stale, .stale_ttl = 7}};
  }

  cache::Readers readers_{1};
  cache::Cache cache_{"main", 8};
  cache::Reclaim reclaim_{readers_};
};

TEST_F(ResponseTest, AHitIsTheEntryAndAKeptServfailSaysSo) {
  const Response good = respond_from(*keep(dns::Rcode::NoError), kStart);
  EXPECT_EQ(good.outcome, Outcome::Hit);
  EXPECT_EQ(good.content.ede, dns::Ede::None);
  const Response failed = respond_from(*keep(dns::Rcode::ServFail), kStart);
  EXPECT_EQ(failed.outcome, Outcome::Hit);
  EXPECT_EQ(failed.content.ede, dns::Ede::CachedError);
}

TEST_F(ResponseTest, WhatTheResolverSaysOfAnAnswerIsPassedOn) {
  for (const dns::Rcode rcode :
       {dns::Rcode::NoError, dns::Rcode::ServFail, dns::Rcode::NxDomain, dns::Rcode::Refused}) {
    const cache::Entry* kept = keep(rcode, dns::Ede::DnssecBogus);
    EXPECT_EQ(respond_from(*kept, kStart).content.ede, dns::Ede::DnssecBogus);
    EXPECT_EQ(respond_to_fill(*kept, kStart).content.ede, dns::Ede::DnssecBogus);
  }
}

TEST_F(ResponseTest, AStaleEntryIsCalledThatWhereverItComesFrom) {
  const cache::Entry* old = keep(dns::Rcode::NoError);
  const std::unique_ptr<cache::Entry, void (*)(cache::Entry*)> stale(
      cache::make_stale(question(1), *old, {}, kStart + seconds{61}), cache::destroy_entry);
  EXPECT_EQ(respond_from(*stale, kStart + seconds{62}).outcome, Outcome::Stale);
  EXPECT_EQ(respond_to_fill(*stale, kStart + seconds{62}).outcome, Outcome::Stale);
  EXPECT_EQ(respond_to_fill(*old, kStart).outcome, Outcome::Fill);
}

TEST_F(ResponseTest, AFillWithoutAnEntryIsAFailure) {
  const Response failed =
      respond_without_entry(dns::Rcode::ServFail, dns::Ede::NoReachableAuthority);
  EXPECT_EQ(failed.outcome, Outcome::ServFail);
  EXPECT_EQ(failed.content.rcode, dns::Rcode::ServFail);
  EXPECT_EQ(failed.content.ede, dns::Ede::NoReachableAuthority);
}

TEST_F(ResponseTest, AFillWithoutAnEntryMayDenyTheName) {
  const Response denied = respond_without_entry(dns::Rcode::NxDomain, dns::Ede::None);
  EXPECT_EQ(denied.outcome, Outcome::Fill);
  EXPECT_EQ(denied.content.rcode, dns::Rcode::NxDomain);
  EXPECT_EQ(denied.content.records.size(), 0u);
}

TEST_F(ResponseTest, WhatCannotBeAskedIsAnsweredFromWhatExpired) {
  keep(dns::Rcode::NoError);
  const Response said = respond_unasked(destination(), question(1), kStart + seconds{61});
  EXPECT_EQ(said.outcome, Outcome::Stale);
  EXPECT_EQ(said.content.rcode, dns::Rcode::NoError);
  EXPECT_EQ(said.content.ttl, 7u);
  EXPECT_EQ(said.content.age, 0u);
  EXPECT_EQ(said.content.ede, dns::Ede::StaleAnswer);
}

TEST_F(ResponseTest, WhatCannotBeAskedIsAFailureWithoutThat) {
  const auto outcome_of = [this](const Destination& to) {
    return respond_unasked(to, question(1), kStart + seconds{61}).outcome;
  };
  EXPECT_EQ(outcome_of(destination()), Outcome::ServFail);
  EXPECT_EQ(outcome_of({}), Outcome::ServFail);
  keep(dns::Rcode::NoError);
  EXPECT_EQ(outcome_of(destination(0)), Outcome::ServFail);
  keep(dns::Rcode::Refused);
  EXPECT_EQ(outcome_of(destination()), Outcome::ServFail);
}

}  // namespace
}  // namespace rules
