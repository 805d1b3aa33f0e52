#include "dataplane/cache/entry.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/dataplane/cache/made_entry.h"
#include "tests/message_builder.h"

namespace cache {
namespace {

using base::seconds;
using tests::Bytes;
using tests::kStart;
using tests::question;

struct Destroy {
  void operator()(Entry* entry) const { destroy_entry(entry); }
};
using Owned = std::unique_ptr<Entry, Destroy>;

/// Two records that live 60 and 300 seconds, for a minute from kStart on.
Owned an_entry(dns::Rcode rcode = dns::Rcode::NoError) {
  const Bytes records =
      tests::joined({tests::a_record(tests::pointer_to_question(), 60, {192, 0, 2, 1}).wire(),
                     tests::a_record(tests::pointer_to_question(), 300, {192, 0, 2, 2}).wire()});
  const std::array<uint16_t, 2> places = {6, 22};
  return Owned(make_entry({.question = question(1),
                           .content = {.rcode = rcode,
                                       .authenticated = true,
                                       .answers = 2,
                                       .records = records,
                                       .ttl_places = places},
                           .inserted = kStart,
                           .expires = kStart + seconds{60}}));
}

std::vector<uint32_t> ttls_of(const Entry& entry, Time now) {
  const dns::Content content = entry.content(now);
  std::vector<uint32_t> ttls;
  for (const uint16_t place : content.ttl_places)
    ttls.push_back(base::load_be32(&content.records[place]));
  return ttls;
}

Owned explained(const dns::Question& asked, dns::Ede ede) {
  const Bytes record = tests::a_record(tests::pointer_to_question(), 60, {192, 0, 2, 1}).wire();
  const std::array<uint16_t, 1> places = {6};
  return Owned(
      make_entry({.question = asked,
                  .content = {.answers = 1, .records = record, .ttl_places = places, .ede = ede},
                  .inserted = kStart,
                  .expires = kStart + seconds{60}}));
}

TEST(Entry, KeepsEveryExtendedErrorBesideItsRecords) {
  for (const unsigned number : {1u, 10u, 100u}) {  // Names whose octets are odd and even in number.
    for (const uint16_t code : std::initializer_list<uint16_t>{0, 6, 255, 256, 0xFFFE}) {
      const Owned entry = explained(question(number), dns::Ede{code});
      EXPECT_EQ(entry->content(kStart).ede, dns::Ede{code});
      EXPECT_TRUE(entry->answers(question(number)));
      EXPECT_EQ(ttls_of(*entry, kStart), std::vector<uint32_t>{60});
      EXPECT_EQ(entry->content(kStart).records.size(), 16u);
    }
    const Owned plain = explained(question(number), dns::Ede::None);
    EXPECT_EQ(plain->content(kStart).ede, dns::Ede::None);
  }
}

TEST(Entry, IsForTheFastPathIfItsMakerSaysSo) {
  for (const bool fast_path : {false, true}) {
    const Owned entry(make_entry({.question = question(1),
                                  .content = {},
                                  .inserted = kStart,
                                  .expires = kStart + seconds{60},
                                  .fast_path = fast_path}));
    EXPECT_EQ(entry->fast_path(), fast_path);
  }
}

TEST(StaleEntry, SaysThatItIsStaleWhateverWasSaidOfIt) {
  const Owned old = explained(question(1), dns::Ede{4});
  EXPECT_EQ(old->stale_content({}).ede, dns::Ede::StaleAnswer);
  const Owned copy(make_stale(question(1), *old, {}, kStart + seconds{1000}));
  EXPECT_EQ(copy->content(kStart).ede, dns::Ede::StaleAnswer);
  EXPECT_EQ(ttls_of(*copy, kStart), std::vector<uint32_t>{30});
}

TEST(StaleEntry, SaysTheSameForAnotherThirtySeconds) {
  const Owned old = an_entry();
  const Time now = kStart + seconds{1000};
  const Owned copy(make_stale(question(1), *old, {}, now));
  ASSERT_NE(copy, nullptr);
  EXPECT_TRUE(copy->stale());
  EXPECT_FALSE(copy->fast_path()) << "it says that it is stale";
  EXPECT_TRUE(copy->answers(question(1)));
  EXPECT_EQ(copy->expires(), now + seconds{30});
  EXPECT_EQ(copy->fresh_until(), kStart + seconds{60});
  EXPECT_EQ(ttls_of(*copy, now), (std::vector<uint32_t>{30, 30}));
  EXPECT_EQ(copy->content(now + seconds{29}).age, 0u);
  EXPECT_EQ(copy->content(now).answers, 2);
  EXPECT_TRUE(copy->content(now).authenticated);
  EXPECT_EQ(copy->content(now).ede, dns::Ede::StaleAnswer);
}

TEST(StaleEntry, OfAStaleEntryKeepsTheTimeThatItWasFreshUntil) {
  const Owned old = an_entry();
  const Staleness day{.max_stale = 86400, .stale_ttl = 7};
  const Owned first(make_stale(question(1), *old, day, kStart + seconds{1000}));
  const Time near_the_end = kStart + seconds{60 + 86400 - 5};
  ASSERT_TRUE(first->may_be_served_stale(near_the_end, day));
  const Owned second(make_stale(question(1), *first, day, near_the_end));
  EXPECT_EQ(second->fresh_until(), kStart + seconds{60});
  EXPECT_EQ(second->expires(), near_the_end + seconds{5});
  EXPECT_FALSE(second->may_be_served_stale(second->expires(), day));
  EXPECT_EQ(ttls_of(*second, near_the_end), (std::vector<uint32_t>{7, 7}));
}

TEST(StaleEntry, NamesADenialAsOne) {
  const Owned old = an_entry(dns::Rcode::NxDomain);
  const Owned copy(make_stale(question(1), *old, {}, kStart + seconds{1000}));
  EXPECT_EQ(copy->content(kStart).rcode, dns::Rcode::NxDomain);
  EXPECT_EQ(copy->content(kStart).ede, dns::Ede::StaleNxDomain);
}

TEST(StaleEntry, IsNeverMadeOfAFailure) {
  for (const uint16_t rcode : std::initializer_list<uint16_t>{1, 2, 4, 5, 6, 9, 16, 19, 23}) {
    EXPECT_FALSE(an_entry(dns::Rcode{rcode})->may_be_served_stale(kStart + seconds{61}, {}))
        << rcode;
  }
  EXPECT_TRUE(an_entry()->may_be_served_stale(kStart + seconds{61}, {}));
  EXPECT_TRUE(an_entry(dns::Rcode::NxDomain)->may_be_served_stale(kStart + seconds{61}, {}));
}

Owned living(base::Duration lifetime, bool prefetch) {
  return Owned(make_entry({.question = question(1),
                           .content = {},
                           .inserted = kStart,
                           .expires = kStart + lifetime,
                           .prefetch = prefetch}));
}

TEST(DueEntry, IsInTheLastTenthOfItsLifeAndOnce) {
  const Owned entry = living(seconds{100}, true);
  EXPECT_FALSE(entry->due(kStart));
  EXPECT_FALSE(entry->due(kStart + seconds{90} - base::Duration{1}));
  EXPECT_TRUE(entry->due(kStart + seconds{90}));
  EXPECT_TRUE(entry->due(kStart + seconds{100} - base::Duration{1}));
  EXPECT_TRUE(entry->claim());
  EXPECT_FALSE(entry->claim());
  EXPECT_FALSE(entry->due(kStart + seconds{95}));
  entry->touch();
  entry->clear_touch();
  EXPECT_FALSE(entry->due(kStart + seconds{95})) << "one mark is not the other";
}

TEST(DueEntry, IsNoneThatLivesForLessThanTenSecondsOrIsNotToBeFetched) {
  EXPECT_FALSE(living(seconds{10} - base::Duration{1}, true)->due(kStart + seconds{9}));
  EXPECT_TRUE(living(seconds{10}, true)->due(kStart + seconds{9}));
  EXPECT_FALSE(living(seconds{100}, false)->due(kStart + seconds{95}));
}

}  // namespace
}  // namespace cache
