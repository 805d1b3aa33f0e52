// A poll core allocates nothing for a packet: a hundred thousand turns of hits, misses, fills and
// bad frames, and not one call of operator new.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/dataplane/poll/loop_rig.h"
#include "tests/kept_entry.h"

namespace {

std::atomic<uint64_t> allocations{0};

void* counted(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace tests {
namespace {

constexpr unsigned kTurns = 100'000;

Bytes query_for(const std::string& name) {
  return query_frame(
      MessageBuilder().flags(dns::flag::kRd).question(name, dns::Type::A).opt({}).build());
}

TEST(PollCore, AllocatesNothing) {
  LoopRig rig({.domains = {{.name = "corp.example.", .pool = dns::PoolId{1}}}});
  const base::Time now = base::Clock::now();
  const Bytes record = a_record(pointer_to_question(), 3600, {198, 18, 0, 1}).wire();
  const auto entry_for = [&](const dns::Question& question) {
    return kept_entry({.question = question,
                       .content = {.answers = 1, .records = record},
                       .inserted = now,
                       .expires = now + base::seconds{3600}});
  };
  const dns::Question known = dns::make_question(wire_name("known.example."), dns::Type::A,
                                                 dns::Class::In, dns::Wants::Plain, {});
  rig.cache.insert(known, entry_for(known), now, rig.reclaim);

  const Bytes hit = query_for("known.example.");
  const Bytes longer = query_for(std::string(60, 'a') + ".example.");  // Not for the hit path.
  Bytes bad = hit;
  bad.back() ^= std::byte{1};
  std::vector<Bytes> misses;
  for (unsigned i = 0; i < 16; ++i)
    misses.push_back(query_for("m" + std::to_string(i) + ".example."));

  uint64_t in_turns = 0;
  for (unsigned i = 0; i < kTurns; ++i) {
    rig.receive(hit);
    rig.receive(misses[i % misses.size()]);
    if (i % 8 == 0) rig.receive(bad);
    if (i % 16 == 0) rig.receive(longer);
    const uint64_t before = allocations;
    rig.turn();
    in_turns += allocations - before;
    if (i % 4 != 0) continue;
    for (const exchange::Miss& miss : rig.misses()) {
      cache::Entry* entry = entry_for(miss.question);
      entry->pin();
      rig.fill({.ticket = miss.ticket, .entry = entry});
      rig.reclaim.retire(entry);
    }
    (void)rig.sent();
    rig.reclaim.collect();
  }
  EXPECT_EQ(in_turns, 0u);
  EXPECT_GT(rig.core->counters.replies[rules::Outcome::Hit].read(), kTurns / 2);
  EXPECT_GT(rig.core->counters.replies[rules::Outcome::Fill].read(), kTurns / 4);
  EXPECT_GT(rig.core->counters.dropped[rules::Drop::UdpChecksum].read(), kTurns / 16);
}

}  // namespace
}  // namespace tests
