#include "dataplane/poll/loop.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <new>
#include <random>
#include <thread>

#include "tests/dataplane/poll/loop_rig.h"
#include "tests/kept_entry.h"

namespace {

// Counts what the packet path must never do. Only this test's executable is built with it.
std::atomic<uint64_t> allocations{0};

}  // namespace

void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace poll {
namespace {

using base::milliseconds;
using tests::a_query;
using tests::Bytes;
using tests::Keep;
using tests::LoopRig;
using tests::message_in;
using tests::query_frame;

uint16_t id_of(const Bytes& message) { return base::load_be16(&message[0]); }
dns::Rcode rcode_of(const Bytes& message) {
  return dns::Rcode{static_cast<uint16_t>(static_cast<uint8_t>(message[3]) & 0xF)};
}

TEST(Loop, AMissIsParkedAskedOnceAndAnsweredToEveryAsker) {
  LoopRig rig;
  for (uint16_t i = 0; i < 3; ++i) {
    rig.receive(query_frame(a_query(i % 2 == 0 ? "wWw.Example." : "www.EXAMPLE.").id(i).build(),
                            static_cast<uint16_t>(5000 + i)));
  }
  rig.turn();
  EXPECT_TRUE(rig.sent().empty());
  EXPECT_EQ(rig.core->counters.parked.read(), 3u);
  EXPECT_EQ(rig.core->counters.merged.read(), 2u);
  EXPECT_EQ(rig.mbufs_in_use(), 0u) << "who is parked holds no mbuf";
  EXPECT_TRUE(rig.conserved());

  const std::vector<exchange::Miss> misses = rig.misses();
  ASSERT_EQ(misses.size(), 1u);
  EXPECT_EQ(tests::bytes_of(misses[0].question.name.wire()), tests::wire_name("www.example."));

  rig.answer(misses[0], Keep::No);
  rig.turn();
  const std::vector<Bytes> frames = rig.sent();
  ASSERT_EQ(frames.size(), 3u);
  for (uint16_t i = 0; i < 3; ++i) {
    const Bytes reply = message_in(frames[i]);
    const Bytes asked = a_query(i % 2 == 0 ? "wWw.Example." : "www.EXAMPLE.").build();
    EXPECT_EQ(id_of(reply), i);
    EXPECT_TRUE(std::equal(asked.begin() + 12, asked.end(), reply.begin() + 12))
        << "the question in the asker's own case";
    EXPECT_EQ(parse_frame(frames[i], {.mac = tests::mac(2)})->path.ours.port, 5000 + i);
  }
  EXPECT_EQ(rig.core->counters.replies[Outcome::Fill].read(), 3u);
  EXPECT_TRUE(rig.conserved());
  EXPECT_EQ(rig.mbufs_in_use(), 0u);
  rig.reclaim.collect();
  EXPECT_EQ(rig.reclaim.waiting(), 0u) << "the Fill's pin was given back";
}

TEST(Loop, AHitIsAnsweredInTheSameTurn) {
  LoopRig rig;
  rig.receive(query_frame(a_query("hit.example.").build()));
  rig.turn();
  const exchange::Miss miss = rig.misses().at(0);
  rig.answer(miss, Keep::Yes);
  rig.turn();
  (void)rig.sent();

  rig.receive(query_frame(a_query("HIT.example.").id(7).opt({}).build()));
  rig.turn();
  const std::vector<Bytes> frames = rig.sent();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(id_of(message_in(frames[0])), 7);
  EXPECT_TRUE(rig.misses().empty());
  EXPECT_EQ(rig.core->counters.replies[Outcome::Hit].read(), 1u);
  EXPECT_EQ(rig.core->counters.caches[0].hits.read(), 1u);
  EXPECT_EQ(rig.core->counters.caches[0].misses.read(), 1u);
  EXPECT_TRUE(rig.conserved());
}

/// Keeps an A record for `name` that lives 100 seconds, for `left` more.
void keep(LoopRig& rig, const char* name, base::Duration left) {
  const dns::Question question = dns::make_question(tests::wire_name(name), dns::Type::A,
                                                    dns::Class::In, dns::Wants::Plain, {});
  const Bytes record = tests::a_record(tests::pointer_to_question(), 100, {198, 18, 0, 7}).wire();
  const std::array<uint16_t, 1> places = {6};
  const base::Time now = base::Clock::now();
  rig.cache.insert(
      question,
      tests::kept_entry({.question = question,
                         .content = {.answers = 1, .records = record, .ttl_places = places},
                         .inserted = now + left - base::seconds{100},
                         .expires = now + left,
                         .prefetch = true}),
      now, rig.reclaim);
}

TEST(Loop, AHitAtTheEndOfALifeHasTheAnswerFetchedAnewOnce) {
  LoopRig rig;
  keep(rig, "young.example.", base::seconds{50});
  keep(rig, "old.example.", base::seconds{5});
  for (const char* name : {"young.example.", "old.example.", "OLD.example.", "old.example."}) {
    rig.receive(query_frame(a_query(name).build()));
    rig.turn();
    EXPECT_EQ(rig.sent().size(), 1u) << "nobody waits for it";
  }
  const std::vector<exchange::Miss> misses = rig.misses();
  ASSERT_EQ(misses.size(), 1u);
  EXPECT_EQ(misses[0].ticket, exchange::kNobody);
  EXPECT_EQ(tests::bytes_of(misses[0].question.name.wire()), tests::wire_name("old.example."));
  EXPECT_EQ(rig.core->counters.replies[Outcome::Hit].read(), 4u);
  EXPECT_EQ(rig.core->counters.caches[0].hits.read(), 4u);
  EXPECT_EQ(rig.core->counters.parked.read(), 0u);
  EXPECT_TRUE(rig.conserved());
}

TEST(Loop, MissesComeBeforeAnswersThatAreFetchedAnew) {
  LoopRig rig({.misses = 7});
  for (uint16_t i = 0; i < 3; ++i)
    rig.receive(query_frame(a_query("n" + std::to_string(i) + ".example.").build()));
  rig.turn();
  keep(rig, "old.example.", base::seconds{5});
  rig.receive(query_frame(a_query("old.example.").build()));
  rig.turn();
  EXPECT_EQ(rig.sent().size(), 1u);
  EXPECT_EQ(rig.misses().size(), 3u);
  EXPECT_EQ(rig.core->counters.prefetches_left.read(), 1u);
}

TEST(Loop, AnExpiredAnswerIsToldWhenEverythingIsFull) {
  LoopRig rig({.pending = {.questions = 1, .askers = 1}});
  keep(rig, "old.example.", base::seconds{-5});
  rig.receive(query_frame(a_query("new.example.").build()));
  rig.receive(query_frame(a_query("old.example.").opt({}).build()));
  rig.turn();
  const std::vector<Bytes> frames = rig.sent();
  ASSERT_EQ(frames.size(), 1u);
  const Bytes reply = message_in(frames[0]);
  EXPECT_EQ(rcode_of(reply), dns::Rcode::NoError);
  constexpr size_t kTtlAt = 12 + 13 + 4 + 6;
  EXPECT_EQ(base::load_be32(&reply[kTtlAt]), 30u);
  EXPECT_EQ(base::load_be16(&reply[reply.size() - 2]), 3) << "EDE: stale answer";
  EXPECT_EQ(rig.core->counters.replies[Outcome::Stale].read(), 1u);
  EXPECT_EQ(rig.core->counters.parked_full.read(), 1u);
  EXPECT_TRUE(rig.conserved());
}

TEST(Loop, AThousandAskersCostOneMissAndAreReleasedInPortions) {
  LoopRig rig;
  for (uint16_t i = 0; i < 1000; ++i)
    rig.receive(
        query_frame(a_query("crowd.example.").id(i).build(), static_cast<uint16_t>(1024 + i)));
  for (int i = 0; i < 40; ++i) rig.turn();
  const std::vector<exchange::Miss> misses = rig.misses();
  ASSERT_EQ(misses.size(), 1u);
  rig.answer(misses[0], Keep::No);
  rig.turn();
  const size_t first_portion = rig.sent().size();
  EXPECT_GT(first_portion, 0u);
  EXPECT_LT(first_portion, 1000u) << "one turn stays bounded";
  size_t total = first_portion;
  for (int i = 0; i < 20; ++i) {
    rig.turn();
    total += rig.sent().size();
  }
  EXPECT_EQ(total, 1000u);
  EXPECT_TRUE(rig.conserved());
  EXPECT_EQ(rig.core->counters.parked.read(), 0u);
}

TEST(Loop, ACoreThatFallsBehindWakesItsWorkerWhenItHasTime) {
  LoopRig rig;
  exchange::Doorbell& doorbell = rig.exchange.doorbell(0);
  uint64_t rings = 0;
  for (unsigned round = 0; round < 10; ++round) {
    doorbell.about_to_sleep();
    // More than a turn takes: whether this wakes the worker depends on when it was woken last.
    for (unsigned i = 0; i < 2 * poll::kReceiveBurst; ++i) {
      rig.receive(query_frame(a_query("m" + std::to_string(round) + ".example.").build()));
    }
    rig.turn();
    rig.turn();
    rig.turn();  // Nothing was left for this one.
    ASSERT_EQ(read(doorbell.fd(), &rings, sizeof rings), ssize_t{sizeof rings}) << round;
    EXPECT_EQ(rig.misses().size(), 1u);
    (void)rig.sent();
  }
}

TEST(Loop, AFailureIsToldAsServfail) {
  LoopRig rig;
  rig.receive(query_frame(a_query("dead.example.").id(9).opt({}).build()));
  rig.turn();
  rig.fill({.ticket = rig.misses().at(0).ticket, .ede = dns::Ede::NoReachableAuthority});
  rig.turn();
  const Bytes reply = message_in(rig.sent().at(0));
  EXPECT_EQ(rcode_of(reply), dns::Rcode::ServFail);
  EXPECT_EQ(base::load_be16(&reply[reply.size() - 2]), 22) << "the extended error's code";
  EXPECT_EQ(rig.core->counters.replies[Outcome::ServFail].read(), 1u);
}

TEST(Loop, NobodyWaitsForAWorkerThatNeverAnswers) {
  LoopRig rig({.pending = {.questions = 16, .askers = 16, .wait = milliseconds{120}}});
  rig.receive(query_frame(a_query("lost.example.").build()));
  rig.turn();
  const exchange::Miss miss = rig.misses().at(0);
  std::this_thread::sleep_for(milliseconds{130});
  rig.turn();
  EXPECT_EQ(rcode_of(message_in(rig.sent().at(0))), dns::Rcode::ServFail);
  EXPECT_TRUE(rig.conserved());

  rig.answer(miss, Keep::No);
  rig.turn();
  EXPECT_TRUE(rig.sent().empty()) << "never a second reply";
  EXPECT_EQ(rig.core->counters.late_fills.read(), 1u);
  rig.reclaim.collect();
  EXPECT_EQ(rig.reclaim.waiting(), 0u);
}

TEST(Loop, AFullRingIsToldAtOnce) {
  LoopRig rig({.misses = 3});
  for (uint16_t i = 0; i < 10; ++i)
    rig.receive(query_frame(a_query("n" + std::to_string(i) + ".example.").id(i).build()));
  rig.turn();
  EXPECT_EQ(rig.sent().size(), 10u - rig.misses().size());
  EXPECT_EQ(rig.core->counters.miss_ring_full.read(),
            rig.core->counters.replies[Outcome::ServFail].read());
  EXPECT_GT(rig.core->counters.miss_ring_full.read(), 0u);
  EXPECT_TRUE(rig.conserved());
}

TEST(Loop, AFullTableIsToldAtOnce) {
  LoopRig rig({.pending = {.questions = 4, .askers = 6, .per_client = 100}});
  for (uint16_t i = 0; i < 8; ++i)
    rig.receive(query_frame(a_query("n" + std::to_string(i) + ".example.").build()));
  rig.turn();
  EXPECT_EQ(rig.sent().size(), 4u);
  EXPECT_EQ(rig.core->counters.parked_full.read(), 4u);
  EXPECT_TRUE(rig.conserved());
}

TEST(Loop, AClientWithTooManyQuestionsIsToldAtOnce) {
  LoopRig rig({.pending = {.questions = 100, .askers = 100, .per_client = 5}});
  for (uint16_t i = 0; i < 8; ++i)
    rig.receive(query_frame(a_query("n" + std::to_string(i) + ".example.").build()));
  rig.turn();
  EXPECT_EQ(rig.sent().size(), 3u);
  EXPECT_EQ(rig.core->counters.client_full.read(), 3u);
}

TEST(Loop, ErrorRepliesAreRationed) {
  LoopRig rig;
  for (int i = 0; i < 1500; ++i) {
    rig.receive(query_frame(tests::MessageBuilder().flags(0x7800).build()));
    if (i % 30 == 0) rig.turn();
  }
  for (int i = 0; i < 60; ++i) rig.turn();
  EXPECT_GT(rig.core->counters.dropped[Drop::ErrorRateLimited].read(), 0u);
  EXPECT_GE(rig.core->counters.replies[Outcome::NotImp].read(), 1000u);
  EXPECT_TRUE(rig.conserved());
}

TEST(Loop, DropsWhatLiesInTwoBuffersAndFreesBoth) {
  LoopRig rig;
  const Bytes frame = query_frame(a_query("www.example.").opt({}).build());
  for (size_t first = 1; first < frame.size(); ++first) {
    rig.receive_in_two(frame, first);
    rig.turn();
  }
  EXPECT_EQ(rig.dropped(Drop::Segmented), frame.size() - 1);
  EXPECT_TRUE(rig.misses().empty());
  EXPECT_EQ(rig.mbufs_in_use(), 0u);
  EXPECT_TRUE(rig.conserved());
}

TEST(Loop, SaysNothingToWhatIsNotForIt) {
  LoopRig rig;
  tests::Packet elsewhere;
  elsewhere.destination.port = 5353;
  elsewhere.payload = a_query("a.example.").build();
  rig.receive(elsewhere.build());
  rig.receive(query_frame(tests::an_answer("a.example.").build()));
  rig.receive(query_frame(tests::bytes_of({1, 2, 3})));
  rig.turn();
  EXPECT_TRUE(rig.sent().empty());
  EXPECT_EQ(rig.core->counters.dropped[Drop::NotBound].read(), 1u);
  EXPECT_EQ(rig.core->counters.dropped[Drop::NotAQuery].read(), 1u);
  EXPECT_EQ(rig.core->counters.dropped[Drop::ShortQuery].read(), 1u);
  EXPECT_TRUE(rig.conserved());
}

TEST(Loop, TakesUpOtherRulesBetweenTwoTurns) {
  LoopRig rig;
  rig.receive(query_frame(a_query("hit.example.").build()));
  rig.turn();
  const exchange::Miss miss = rig.misses().at(0);
  const auto ask_again = [&] {
    rig.receive(query_frame(a_query("hit.example.").build()));
    rig.turn();
    return rig.sent();
  };

  // Whoever is parked is answered, whatever the rules have become.
  rules::Policy nobody = rig.rules->policy;
  nobody.acl = {};
  const Rules strict(std::move(nobody), rig.rules->ports);
  rig.published = &strict;
  rig.answer(miss, Keep::Yes);
  rig.turn();
  ASSERT_EQ(rig.sent().size(), 1u);

  EXPECT_EQ(rcode_of(message_in(ask_again().at(0))), dns::Rcode::Refused);
  rig.published = rig.rules.get();
  EXPECT_EQ(rcode_of(message_in(ask_again().at(0))), dns::Rcode::NoError);
  const Rules unbound(rules::Policy{.acl = rig.rules->policy.acl}, rig.rules->ports);
  rig.published = &unbound;
  EXPECT_TRUE(ask_again().empty());
  EXPECT_EQ(rig.dropped(Drop::NotBound), 1u);
  EXPECT_TRUE(rig.conserved());
}

TEST(Loop, RandomDamageIsAlwaysAccountedFor) {
  LoopRig rig;
  std::mt19937 random(20240229);
  const Bytes good = query_frame(a_query("www.example.").opt({.flags = dns::kDoBit}).build());
  for (int round = 0; round < 20'000; ++round) {
    Bytes frame = good;
    const unsigned changes = random() % 4;
    for (unsigned i = 0; i < changes; ++i)
      frame[random() % frame.size()] = static_cast<std::byte>(random());
    if (random() % 8 == 0) frame.resize(random() % frame.size() + 1);
    rig.receive(frame);
    if (round % 16 != 0) continue;
    rig.turn();
    for (const exchange::Miss& miss : rig.misses())
      rig.fill({.ticket = miss.ticket, .ede = dns::Ede::NetworkError});
    (void)rig.sent();
  }
  for (int i = 0; i < 10; ++i) rig.turn();
  (void)rig.misses();
  EXPECT_TRUE(rig.conserved());
  EXPECT_EQ(rig.core->counters.ports[0].received.read(), 20'000u);
}

TEST(Loop, AHundredThousandTurnsAllocateNothing) {
  LoopRig rig;
  const Bytes hit = query_frame(a_query("hit.example.").opt({}).build());
  const Bytes bad = query_frame(tests::MessageBuilder().flags(0x7800).build());
  rig.receive(hit);
  rig.turn();
  const exchange::Miss miss = rig.misses().at(0);
  rig.answer(miss, Keep::Yes);
  rig.turn();
  (void)rig.sent();
  const Bytes lost = query_frame(a_query("lost.example.").build());

  uint64_t allocated = 0;
  for (int i = 0; i < 100'000; ++i) {
    // Putting frames in and taking them out is the rig's business and may allocate; a turn may not.
    if (i % 10 == 0) rig.receive(i % 30 == 0 ? hit : i % 30 == 10 ? bad : lost);
    const uint64_t before = allocations;
    rig.turn();
    allocated += allocations - before;
    if (i % 10 == 1) {
      (void)rig.sent();
      for (const exchange::Miss& asked : rig.misses())
        rig.fill({.ticket = asked.ticket, .ede = dns::Ede::NetworkError});
    }
  }
  EXPECT_EQ(allocated, 0u);
  EXPECT_GE(rig.core->counters.replies[Outcome::Hit].read(), 3000u);
  EXPECT_GE(rig.core->counters.replies[Outcome::ServFail].read(), 3000u);
  EXPECT_TRUE(rig.conserved());
}

TEST(RunLcore, AnswersWhoIsParkedBeforeItStops) {
  LoopRig rig;
  rig.readers.leave(0);
  rig.receive(query_frame(a_query("last.example.").build()));
  std::thread lcore([&] { run_lcore(*rig.core); });
  while (rig.core->counters.parked.read() == 0) std::this_thread::yield();
  rig.core->request_stop();
  lcore.join();
  rig.readers.join(0);
  EXPECT_EQ(rcode_of(message_in(rig.sent().at(0))), dns::Rcode::ServFail);
  EXPECT_TRUE(rig.conserved());
  EXPECT_EQ(rig.core->counters.parked.read(), 0u);
}

}  // namespace
}  // namespace poll
