#include "dataplane/cache/cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/dataplane/cache/made_entry.h"
#include "tests/message_builder.h"

namespace cache {
namespace {

using base::seconds;
using tests::kStart;
using tests::made_entry;
using tests::question;
using tests::wire_name;

class CacheTest : public ::testing::Test {
 protected:
  void insert(Cache& cache, const dns::Question& q, uint64_t generation = 0, Time now = kStart) {
    cache.insert(q, made_entry(q, generation, now), now, reclaim_);
  }

  Readers readers_{4};
  Reclaim reclaim_{readers_};
};

TEST_F(CacheTest, FindsWhatWasInsertedAndNothingElse) {
  Cache cache("main", 1000);
  insert(cache, question(1));
  ASSERT_NE(cache.find(question(1), kStart), nullptr);
  EXPECT_TRUE(tests::whole(*cache.find(question(1), kStart), question(1)));
  EXPECT_EQ(cache.find(question(2), kStart), nullptr);
}

TEST_F(CacheTest, TellsQuestionsApartThatDifferInOnePart) {
  Cache cache("main", 1000);
  const dns::Question base = question(1);
  insert(cache, base);
  const auto wire = base.name.wire();
  const dns::Question others[] = {
      dns::make_question(wire, dns::Type::Aaaa, base.klass, base.wants, base.pool),
      dns::make_question(wire, base.type, dns::Class{3}, base.wants, base.pool),
      dns::make_question(wire, base.type, base.klass, dns::Wants::DnssecOk, base.pool),
      dns::make_question(wire, base.type, base.klass, dns::Wants::CheckingDisabled, base.pool),
      dns::make_question(wire, base.type, base.klass, base.wants, dns::PoolId{1}),
  };
  for (const dns::Question& other : others) EXPECT_EQ(cache.find(other, kStart), nullptr);
}

TEST_F(CacheTest, ComparesInFullWhenHashesCollide) {
  Cache cache("main", 64);
  std::vector<dns::Question> colliding;
  for (unsigned i = 0; i < 8; ++i) {
    colliding.push_back(question(i));
    colliding.back().hash = 42;
    insert(cache, colliding.back(), i);
  }
  for (const dns::Question& q : colliding) {
    ASSERT_NE(cache.find(q, kStart), nullptr);
    EXPECT_TRUE(cache.find(q, kStart)->answers(q));
  }
  dns::Question absent = question(99);
  absent.hash = 42;
  EXPECT_EQ(cache.find(absent, kStart), nullptr);
}

TEST_F(CacheTest, FindsAnswersWhoseTagWouldBeThatOfAnEmptySlot) {
  Cache cache("main", 64);
  dns::Question untagged = question(1);
  untagged.hash &= ~uint64_t{0xFFFF};
  EXPECT_EQ(cache.find(untagged, kStart), nullptr);
  insert(cache, untagged);
  ASSERT_NE(cache.find(untagged, kStart), nullptr);
  EXPECT_TRUE(cache.find(untagged, kStart)->answers(untagged));
}

TEST_F(CacheTest, AnEntryIsGoneTheMomentItExpires) {
  Cache cache("main", 8);
  insert(cache, question(1));
  EXPECT_NE(cache.find(question(1), kStart + seconds{60} - base::Duration{1}), nullptr);
  EXPECT_EQ(cache.find(question(1), kStart + seconds{60}), nullptr);
}

TEST_F(CacheTest, AnExpiredEntryIsTellableForAsLongAsTheOperatorSays) {
  Cache cache("main", 8);
  insert(cache, question(1));
  const Time end = kStart + seconds{60};
  const Staleness staleness{.max_stale = 100};
  EXPECT_NE(cache.find_tellable(question(1), end, staleness), nullptr);
  EXPECT_NE(cache.find_tellable(question(1), end + seconds{100} - base::Duration{1}, staleness),
            nullptr);
  EXPECT_EQ(cache.find_tellable(question(1), end + seconds{100}, staleness), nullptr);
  EXPECT_EQ(cache.find_tellable(question(1), end, {.max_stale = 0}), nullptr);
  EXPECT_EQ(cache.find_tellable(question(2), end, staleness), nullptr);
}

TEST_F(CacheTest, WhatIsHeldMayBeReplacedOnlyWhileItIsThere) {
  Cache cache("main", 8);
  EXPECT_EQ(cache.hold(question(1)), nullptr);
  insert(cache, question(1), 1);
  const Entry* held = cache.hold(question(1));
  ASSERT_NE(held, nullptr);
  EXPECT_TRUE(held->pinned());
  insert(cache, question(1), 2);
  Entry* late = made_entry(question(1), 3);
  EXPECT_FALSE(cache.replace(question(1), held, late, reclaim_));
  held->unpin();
  held = cache.hold(question(1));
  EXPECT_TRUE(cache.replace(question(1), held, late, reclaim_));
  held->unpin();
  EXPECT_EQ(cache.find(question(1), kStart), late);
  EXPECT_EQ(cache.counters().entries.load(), 1u);
  EXPECT_EQ(cache.counters().bytes.load(), late->footprint());
}

TEST_F(CacheTest, WhatIsHeldIsThereThoughOthersFlushAllTheTime) {
  Cache cache("main", 8);
  std::atomic<bool> done{false};
  std::thread operator_([&] {
    Reclaim reclaim(readers_);
    while (!done) {
      cache.flush({}, reclaim);
      reclaim.collect();
    }
  });
  unsigned replaced = 0;
  for (uint64_t i = 0; i < 20'000; ++i) {
    insert(cache, question(1), i);
    const Entry* held = cache.hold(question(1));
    if (held == nullptr) continue;
    EXPECT_TRUE(tests::whole(*held, question(1)));
    Entry* copy = made_entry(question(1), i);
    copy->pin();
    if (cache.replace(question(1), held, copy, reclaim_)) {
      ++replaced;
      copy->unpin();
    } else {
      copy->unpin();
      reclaim_.retire(copy);
    }
    held->unpin();
    reclaim_.collect();
  }
  done = true;
  operator_.join();
  EXPECT_GT(replaced, 0u);
}

TEST_F(CacheTest, RemovesOneQuestionAndNoOther) {
  Cache cache("main", 8);
  insert(cache, question(1));
  insert(cache, question(2));
  cache.remove(question(1), reclaim_);
  cache.remove(question(3), reclaim_);
  EXPECT_EQ(cache.find(question(1), kStart), nullptr);
  EXPECT_NE(cache.find(question(2), kStart), nullptr);
  EXPECT_EQ(cache.counters().entries.load(), 1u);
}

TEST_F(CacheTest, WhatExpiredFirstLeavesFirst) {
  // As many as one bucket holds, and all in it.
  Cache cache("main", 8);
  for (unsigned i = 0; i < 8; ++i) {
    dns::Question q = question(i);
    cache.insert(q, made_entry(q, 0, kStart, seconds{60 + (i + 3) % 8}), kStart, reclaim_);
  }
  insert(cache, question(100), 0, kStart + seconds{80});
  const Staleness staleness;
  for (unsigned i = 0; i < 8; ++i) {
    const bool there = cache.find_tellable(question(i), kStart + seconds{80}, staleness) != nullptr;
    EXPECT_EQ(there, i != 5) << i << " (5 lived for a minute, the shortest time)";
  }
  EXPECT_EQ(cache.counters().evictions.load(), 0u);
}

TEST_F(CacheTest, AgesInWholeSeconds) {
  const dns::Question q = question(1);
  Entry* entry = made_entry(q);
  EXPECT_EQ(entry->content(kStart).age, 0u);
  EXPECT_EQ(entry->content(kStart + base::milliseconds{1999}).age, 1u);
  EXPECT_EQ(entry->content(kStart + seconds{59}).age, 59u);
  EXPECT_EQ(entry->content(kStart - seconds{1}).age, 0u);
  destroy_entry(entry);
}

TEST_F(CacheTest, ANewAnswerReplacesTheOld) {
  Cache cache("main", 8);
  insert(cache, question(1), 1);
  const Entry* before = cache.find(question(1), kStart);
  insert(cache, question(1), 2);
  const Entry* after = cache.find(question(1), kStart);
  EXPECT_NE(before, after);
  EXPECT_EQ(cache.counters().entries, 1u);
  EXPECT_EQ(cache.counters().evictions, 0u);
  EXPECT_EQ(reclaim_.waiting(), 1u);
}

TEST_F(CacheTest, NeverRefusesAndNeverExceedsItsSize) {
  Cache cache("main", 100);
  EXPECT_EQ(cache.capacity(), 100u);
  for (unsigned i = 0; i < 10'000; ++i) {
    insert(cache, question(i));
    ASSERT_NE(cache.find(question(i), kStart), nullptr) << i;
    reclaim_.collect();
  }
  EXPECT_LE(cache.counters().entries, 100u);
  EXPECT_EQ(cache.counters().inserts, 10'000u);
  EXPECT_EQ(cache.counters().evictions, 10'000u - cache.counters().entries);
}

TEST_F(CacheTest, HoldsNearlyAsManyAsItHasRoomFor) {
  Cache cache("main", 8000);
  for (unsigned i = 0; i < 7200; ++i) insert(cache, question(i));
  EXPECT_LE(cache.counters().evictions, 72u)
      << "nine tenths full, less than one in a hundred had to go";
}

TEST_F(CacheTest, CountsBytesOfWhatItHolds) {
  Cache cache("main", 8);
  const uint64_t one = [&] {
    insert(cache, question(1));
    return cache.counters().bytes.load();
  }();
  EXPECT_GT(one, 0u);
  insert(cache, question(1), 2);
  EXPECT_EQ(cache.counters().bytes, one);
}

TEST_F(CacheTest, PrefersExpiredVictimsThenUntouchedOnes) {
  Cache cache("main", 8);  // One bucket.
  for (unsigned i = 0; i < 8; ++i)
    insert(cache, question(i), 0, i == 5 ? kStart - seconds{60} : kStart);
  insert(cache, question(100));
  EXPECT_EQ(cache.counters().evictions, 0u) << "the expired one had to go";
  for (unsigned i = 0; i < 8; ++i) {
    if (i != 5 && i != 3) (void)cache.find(question(i), kStart);
  }
  (void)cache.find(question(100), kStart);
  insert(cache, question(101));
  EXPECT_EQ(cache.counters().evictions, 1u);
  EXPECT_EQ(cache.find(question(3), kStart), nullptr) << "the only one nobody had asked for";
}

dns::Question asked(const char* name, dns::Type type = dns::Type::A) {
  return dns::make_question(wire_name(name), type, dns::Class::In, dns::Wants::Plain,
                            dns::PoolId{});
}

struct Flushing {
  const char* name;
  Selection selection;
  std::vector<const char*> gone;
};

class CacheFlushTest : public CacheTest, public ::testing::WithParamInterface<Flushing> {};

TEST_P(CacheFlushTest, TakesWhatIsSelectedAndLeavesTheRest) {
  Cache cache("main", 1000);
  const std::vector<const char*> names = {"example.", "www.example.", "a.www.example.",
                                          "ww.example.", "xample."};
  for (const char* name : names) {
    insert(cache, asked(name));
    insert(cache, asked(name, dns::Type::Aaaa));
  }
  const auto is_gone = [&](const char* name) {
    return std::ranges::find(GetParam().gone, std::string_view(name)) != GetParam().gone.end();
  };
  const bool every_type = !GetParam().selection.type;
  EXPECT_EQ(cache.flush(GetParam().selection, reclaim_),
            GetParam().gone.size() * (every_type ? 2 : 1));
  for (const char* name : names) {
    EXPECT_EQ(cache.find(asked(name), kStart) == nullptr, is_gone(name)) << name;
    EXPECT_EQ(cache.find(asked(name, dns::Type::Aaaa), kStart) == nullptr,
              every_type && is_gone(name))
        << name;
  }
  EXPECT_EQ(cache.counters().entries, 10 - reclaim_.waiting());
  EXPECT_EQ(cache.counters().bytes, 128 * cache.counters().entries);
}

INSTANTIATE_TEST_SUITE_P(
    Selections, CacheFlushTest,
    ::testing::Values(
        Flushing{"everything",
                 {},
                 {"example.", "www.example.", "a.www.example.", "ww.example.", "xample."}},
        Flushing{"one_name", {.name = dns::Name(wire_name("www.example."))}, {"www.example."}},
        Flushing{"one_name_below_none", {.name = dns::Name(wire_name("example."))}, {"example."}},
        Flushing{"a_suffix",
                 {.name = dns::Name(wire_name("www.example.")), .below = true},
                 {"www.example.", "a.www.example."}},
        Flushing{"a_suffix_by_labels",
                 {.name = dns::Name(wire_name("example.")), .below = true},
                 {"example.", "www.example.", "a.www.example.", "ww.example."}},
        Flushing{"the_root",
                 {.name = dns::Name(wire_name(".")), .below = true},
                 {"example.", "www.example.", "a.www.example.", "ww.example.", "xample."}},
        Flushing{"one_type",
                 {.name = dns::Name(wire_name("example.")), .below = true, .type = dns::Type::A},
                 {"example.", "www.example.", "a.www.example.", "ww.example."}},
        Flushing{"a_name_that_is_not_there", {.name = dns::Name(wire_name("absent."))}, {}}),
    [](const auto& flushing) { return flushing.param.name; });

TEST_F(CacheTest, ReadersOnlyEverSeeWholeEntriesWhileWritersReplaceThem) {
  Cache cache("main", 64);
  std::atomic<bool> stop{false};
  std::atomic<unsigned> torn{0};
  std::atomic<uint64_t> seen{0};
  std::vector<std::thread> threads;
  for (unsigned reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&, reader] {
      readers_.join(reader);
      while (!stop) {
        for (unsigned i = 0; i < 32; ++i) {
          const Entry* entry = cache.find(question(i), kStart);
          if (entry == nullptr) continue;
          if (!tests::whole(*entry, question(i))) ++torn;
          ++seen;
        }
        readers_.quiescent(reader);
      }
      readers_.leave(reader);
    });
  }
  for (unsigned writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&, writer] {
      Reclaim own(readers_);
      for (uint64_t generation = 0; generation < 20'000; ++generation) {
        const dns::Question q = question(static_cast<unsigned>(generation * (writer + 3)) % 200);
        cache.insert(q, made_entry(q, generation), kStart, own);
        if (generation % 1000 == 0) (void)cache.flush({}, own);
        own.collect();
        if (generation % 512 == 0) std::this_thread::yield();
      }
      // What still waits may be in a reader's hands: it goes only after they have left.
      while (own.waiting() > 0) {
        own.collect();
        std::this_thread::yield();
      }
    });
  }
  for (size_t i = 2; i < 4; ++i) threads[i].join();
  stop = true;
  for (size_t i = 0; i < 2; ++i) threads[i].join();
  EXPECT_EQ(torn, 0u);
  EXPECT_GT(seen, 0u);
}

}  // namespace
}  // namespace cache
