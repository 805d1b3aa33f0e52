// The hit path against the general path, which is its reference: ten million queries, most of them
// usual, many bent in one or two places. What the hit path answers, the general path answers with
// the same octets; what it leaves, it leaves untouched. Once with one pool for all names, once with
// pools for domains.
#include "dataplane/poll/hit_path.h"

#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include <array>
#include <initializer_list>
#include <map>

#include "dataplane/base/sum.h"
#include "dataplane/poll/serve.h"
#include "tests/dataplane/poll/loop_rig.h"
#include "tests/kept_entry.h"

namespace tests {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kQueries = 500'000;  // Instrumented code is that much slower.
#else
constexpr uint64_t kQueries = 10'000'000;
#endif
constexpr unsigned kNames = 2000;

/// splitmix64: a test has to make its queries faster than they are answered.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}
  uint64_t roll() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  unsigned below(unsigned limit) { return static_cast<unsigned>(roll() % limit); }
  bool one_in(unsigned n) { return below(n) == 0; }

 private:
  uint64_t state_;
};

std::string name_of(unsigned number) {
  // Lengths of 10 to 66 octets, so that some are too long for the hit path and all parities occur.
  return "n" + std::to_string(number) + "." + std::string(1 + number % 57, 'x') + ".example.";
}

constexpr unsigned kPools = 4;

/// Of the names above, those with seven, nine, or eleven x, and below those with three, the names
/// with a number or two; the answers of pool 3 are not kept.
std::vector<RoutedDomain> domains() {
  return {{.name = "xxxxxxx.example.", .pool = dns::PoolId{1}},
          {.name = "xxxxxxxxx.example.", .pool = dns::PoolId{2}},
          {.name = "xxxxxxxxxxx.example.", .pool = dns::PoolId{3}, .cached = false},
          {.name = "xxx.example.", .pool = dns::PoolId{1}},
          {.name = "n2.xxx.example.", .pool = dns::PoolId{2}},
          {.name = "n59.xxx.example.", .pool = dns::PoolId{0}}};
}

enum class Horizons : uint8_t { One, Split };
struct Way {
  size_t path;  // Index in hit_paths().
  Horizons horizons;
};

class HitPathTest : public ::testing::TestWithParam<Way> {
 protected:
  HitPathTest()
      : rig_(GetParam().horizons == Horizons::One
                 ? LoopShape{.cache_entries = 4 * kNames}
                 : LoopShape{.cache_entries = 4 * kNames * kPools,
                             .cookies = rules::Cookies::Demand::Yes,
                             .domains = domains()}) {
    rig_.core->begin(base::Clock::now());
    // Each pool has answers of its own to every name, though only one is asked for it.
    const unsigned pools = GetParam().horizons == Horizons::One ? 1 : kPools;
    for (unsigned i = 0; i < kNames; ++i) {
      // Some are kept from streams, and not to be had over UDP (ANY); some have rules of their own.
      const dns::Type type = dice_.one_in(4) ? dns::Type::Aaaa : dns::Type::A;
      const Kept kept{dice_.one_in(64) ? any_type() : type,
                      static_cast<dns::Wants>(dice_.below(4))};
      kept_.push_back(kept);
      for (unsigned pool = 0; pool < pools; ++pool)
        keep(i, kept, dns::PoolId{static_cast<uint8_t>(pool)});
    }
    for (unsigned i = 0; i < kFrames; ++i) frames_.push_back(usual_frame());
  }

  /// With what decide has rules for as likely as all others together.
  dns::Type any_type() {
    constexpr std::array kRuled = {dns::Type::Any, dns::Type::Axfr, dns::Type::Ixfr,
                                   dns::Type::Opt, dns::Type::Ds,   dns::Type{249},
                                   dns::Type{128}, dns::Type{254},  dns::Type{256}};
    if (dice_.one_in(2)) return kRuled[dice_.below(kRuled.size())];
    return static_cast<dns::Type>(dice_.below(0x10000));
  }

  struct Kept {
    dns::Type type = dns::Type::A;
    dns::Wants wants = dns::Wants::Plain;
  };

  /// An answer of any shape: its records are made up, neither path looks at them.
  void keep(unsigned number, const Kept& kept, dns::PoolId pool) {
    const Bytes wire = wire_name(name_of(number));
    const dns::Question question =
        dns::make_question(wire, kept.type, dns::Class::In, kept.wants, pool);
    Bytes records(dice_.one_in(8) ? dice_.below(1300) : dice_.below(120));
    for (std::byte& octet : records) octet = static_cast<std::byte>(dice_.roll());
    std::vector<uint16_t> places;
    for (size_t at = dice_.below(9); at + 4 <= records.size() && places.size() < 9;
         at += 4 + dice_.below(30)) {
      places.push_back(static_cast<uint16_t>(at));
      if (dice_.one_in(2)) base::store_be32(&records[at], dice_.below(200));  // Some run out.
    }
    // Mostly what there is to tell, and all others, those of twelve bits too.
    constexpr std::array kRcodes = {dns::Rcode::NoError, dns::Rcode::NxDomain};
    const auto rcode = dice_.one_in(16) ? static_cast<dns::Rcode>(dice_.below(0x20))
                                        : kRcodes[dice_.below(16) / 13];
    const auto count = [&] { return static_cast<uint16_t>(dice_.below(20)); };
    const base::Time inserted = rig_.core->now - base::milliseconds{dice_.below(150'000)};
    cache::Entry* entry =
        kept_entry({.question = question,
                    .content = {.rcode = rcode,
                                .authenticated = dice_.one_in(2),
                                .answers = count(),
                                .authorities = count(),
                                .additionals = count(),
                                .records = records,
                                .ttl_places = places,
                                .ede = dice_.one_in(32) ? dns::Ede::DnssecBogus : dns::Ede::None},
                    .inserted = inserted,
                    .expires = inserted + base::seconds{dice_.one_in(10) ? 100 : 1000}});
    ASSERT_NE(entry, nullptr);
    rig_.cache.insert(question, entry, inserted, rig_.reclaim);
  }

  /// As a client sends it: its own case, EDNS or not, DO, CD and AD as it likes.
  Bytes usual_frame() {
    const unsigned number = dice_.below(kNames + kNames / 20);
    const Kept kept = number < kNames && !dice_.one_in(10) ? kept_[number] : Kept{};
    std::string name = name_of(number);
    for (char& letter : name) {
      if (dice_.one_in(3) && letter >= 'a' && letter <= 'z')
        letter = static_cast<char>(letter - 'a' + 'A');
    }
    MessageBuilder message;
    message.id(static_cast<uint16_t>(dice_.roll()));
    const uint16_t cd =
        dns::has(kept.wants, dns::Wants::CheckingDisabled) ? dns::flag::kCd : uint16_t{0};
    const uint16_t ad = dice_.one_in(2) ? dns::flag::kAd : uint16_t{0};
    message.flags(static_cast<uint16_t>(dns::flag::kRd | cd | ad));
    message.question(name, kept.type);
    const bool dnssec_ok = dns::has(kept.wants, dns::Wants::DnssecOk);
    if (dnssec_ok || !dice_.one_in(4)) {
      Opt opt{.udp_size = static_cast<uint16_t>(dice_.below(4096))};
      opt.flags = static_cast<uint16_t>((dnssec_ok ? dns::kDoBit : 0) |
                                        (dice_.one_in(8) ? dice_.below(0x8000) : 0));
      if (dice_.one_in(16)) opt.options = {{.code = 10, .value = Bytes(8)}};
      message.opt(opt);
    }
    Packet packet;
    packet.payload = message.build();
    packet.source.port = static_cast<uint16_t>(dice_.below(dice_.one_in(16) ? 500 : 65536));
    if (dice_.one_in(2)) {
      packet.source.address = address("2001:db8::" + std::to_string(1 + dice_.below(9999)));
      packet.destination.address = address("2001:db8::1");
    } else {
      packet.source.address = address("192.0.2." + std::to_string(dice_.below(256)));
      if (dice_.one_in(16)) packet.source.address = address("198.18.0.1");
      if (dice_.one_in(32)) packet.udp_checksum = 0;
    }
    if (dice_.one_in(64)) packet.payload.push_back(std::byte{0});
    if (dice_.one_in(16)) packet.padding.resize(dice_.below(40));
    return packet.build();
  }

  /// One octet becomes another, the UDP checksum sometimes right again: a bent query must not be
  /// refused for its sum alone.
  void bend(std::byte* octets, size_t size) {
    const size_t at = dice_.below(static_cast<unsigned>(size));
    octets[at] = dice_.one_in(2) ? octets[at] ^ static_cast<std::byte>(1 << dice_.below(8))
                                 : static_cast<std::byte>(dice_.roll());
    if (dice_.one_in(4)) return;
    const bool v4 = octets[12] == std::byte{0x08};
    const size_t udp_at = v4 ? 34 : 54;
    const size_t addresses_at = v4 ? 26 : 22;
    const size_t udp_size = base::load_be16(octets + udp_at + 4);
    if (udp_size < 8 || udp_at + udp_size > size) return;
    base::store_be16(octets + udp_at + 6, 0);
    uint64_t sum = base::sum_of({octets + addresses_at, udp_at + udp_size - addresses_at});
    sum += __builtin_bswap16(17) + uint64_t{__builtin_bswap16(static_cast<uint16_t>(udp_size))};
    const auto checksum = static_cast<uint16_t>(~base::folded(sum));
    std::memcpy(octets + udp_at + 6, &checksum, sizeof checksum);
    if (!v4) return;
    base::store_be16(octets + 24, 0);
    const auto ip_checksum = static_cast<uint16_t>(~base::folded(base::sum_of({octets + 14, 20})));
    std::memcpy(octets + 24, &ip_checksum, sizeof ip_checksum);
  }

  static Bytes bytes_in(const rte_mbuf* mbuf) {
    const auto* data = rte_pktmbuf_mtod(mbuf, const std::byte*);
    return {data, data + rte_pktmbuf_data_len(mbuf)};
  }
  rte_mbuf* mbuf_of(const Bytes& frame) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(rig_.pool);
    std::memcpy(rte_pktmbuf_append(mbuf, static_cast<uint16_t>(frame.size())), frame.data(),
                frame.size());
    return mbuf;
  }
  std::vector<Bytes> flushed() {
    poll::PortQueue& queue = rig_.core->queues[0];
    queue.transmit.flush(queue.port, queue.queue, rig_.core->counters.ports[0],
                         rig_.core->counters);
    return rig_.sent();
  }

  /// One burst through both. Returns how many the hit path answered.
  size_t compare_burst(poll::HitPath path) {
    poll::PortQueue& queue = rig_.core->queues[0];
    std::array<rte_mbuf*, poll::kReceiveBurst> mbufs;
    std::array<rte_mbuf*, poll::kReceiveBurst> others;
    std::map<const rte_mbuf*, Bytes> received;
    for (rte_mbuf*& mbuf : mbufs) {
      mbuf = mbuf_of(frames_[dice_.below(kFrames)]);
      auto* octets = rte_pktmbuf_mtod(mbuf, std::byte*);
      for (unsigned bends = dice_.below(4); bends > 1; --bends)
        bend(octets, rte_pktmbuf_data_len(mbuf));
      received[mbuf] = bytes_in(mbuf);
    }
    queue.acceptance.verify_checksum = !dice_.one_in(4);
    const unsigned left = path(*rig_.core, queue, mbufs, others.data());
    const std::vector<Bytes> replies = flushed();
    EXPECT_EQ(replies.size() + left, mbufs.size());

    for (unsigned i = 0; i < left; ++i) {
      EXPECT_EQ(bytes_in(others[i]), received[others[i]]) << "what is left must be as it came";
      received.erase(others[i]);
      rte_pktmbuf_free(others[i]);
    }
    std::vector<rte_mbuf*> again;
    for (rte_mbuf* mbuf : mbufs) {
      const auto frame = received.find(mbuf);
      if (frame != received.end()) again.push_back(mbuf_of(frame->second));
    }
    poll::serve_slowly(*rig_.core, queue, again);
    const std::vector<Bytes> expected = flushed();
    EXPECT_EQ(replies.size(), expected.size())
        << "some that the hit path answered, the general path does not";
    for (size_t i = 0; i < std::min(replies.size(), expected.size()); ++i) {
      if (replies[i] == expected[i]) continue;
      ADD_FAILURE() << "the hit path says\n"
                    << hex(replies[i]) << "\nand the general path\n"
                    << hex(expected[i]);
      break;
    }
    return replies.size();
  }

  static constexpr unsigned kFrames = 4096;
  Dice dice_{1};
  LoopRig rig_;
  std::vector<Kept> kept_;
  std::vector<Bytes> frames_;
};

TEST_P(HitPathTest, SendsTheOctetsThatTheGeneralPathSends) {
  const std::span<const poll::HitPathChoice> paths = poll::hit_paths();
  const auto [path, horizons] = GetParam();
  if (path >= paths.size()) return;  // This processor is narrower; its own sets are tested.
  const poll::HitPathChoice& choice = paths[path];
  const uint64_t queries = path == 0 && horizons == Horizons::One ? kQueries : kQueries / 10;
  uint64_t answered = 0;
  for (uint64_t done = 0; done < queries && !HasFailure(); done += poll::kReceiveBurst) {
    answered += compare_burst(choice.path);
  }
  EXPECT_GT(answered, queries / 4) << choice.name << " must answer enough of them to be compared";
  EXPECT_EQ(rig_.mbufs_in_use(), 0u);
  EXPECT_TRUE(rig_.misses().empty()) << "whatever the hit path answered was a hit";
}

INSTANTIATE_TEST_SUITE_P(EveryInstructionSet, HitPathTest,
                         ::testing::Values(Way{0, Horizons::One}, Way{1, Horizons::One},
                                           Way{2, Horizons::One}, Way{0, Horizons::Split},
                                           Way{1, Horizons::Split}, Way{2, Horizons::Split}),
                         [](const auto& test) {
                           return std::string(test.param.horizons == Horizons::One ? "one"
                                                                                   : "split") +
                                  "_horizon_" + std::to_string(test.param.path);
                         });

TEST(HitPath, AnswersEveryUsualHit) {
  LoopRig rig;
  rig.core->begin(base::Clock::now());
  const dns::Question question = dns::make_question(wire_name("www.example."), dns::Type::A,
                                                    dns::Class::In, dns::Wants::Plain, {});
  const Bytes record = a_record(pointer_to_question(), 300, {198, 18, 0, 1}).wire();
  const std::array<uint16_t, 1> places = {6};
  rig.cache.insert(question,
                   kept_entry({.question = question,
                               .content = {.answers = 1, .records = record, .ttl_places = places},
                               .inserted = rig.core->now - base::seconds{10},
                               .expires = rig.core->now + base::seconds{290}}),
                   rig.core->now, rig.reclaim);
  const auto query = [](const char* name) {
    return MessageBuilder().flags(dns::flag::kRd).question(name, dns::Type::A);
  };
  Packet ipv6;
  ipv6.source.address = address("2001:db8::2");
  ipv6.destination.address = address("2001:db8::1");
  ipv6.payload = query("www.EXAMPLE.").opt({}).build();
  for (const Bytes& frame : {query_frame(query("www.example.").build()),
                             query_frame(query("wWw.example.").opt({}).build()), ipv6.build()}) {
    for (const poll::HitPathChoice& choice : poll::hit_paths()) {
      rte_mbuf* mbuf = rte_pktmbuf_alloc(rig.pool);
      std::memcpy(rte_pktmbuf_append(mbuf, static_cast<uint16_t>(frame.size())), frame.data(),
                  frame.size());
      std::array<rte_mbuf*, poll::kReceiveBurst> others;
      EXPECT_EQ(choice.path(*rig.core, rig.core->queues[0], std::span(&mbuf, 1), others.data()), 0u)
          << choice.name;
    }
  }
}

rte_mbuf* mbuf_of(LoopRig& rig, const Bytes& frame) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(rig.pool);
  std::memcpy(rte_pktmbuf_append(mbuf, static_cast<uint16_t>(frame.size())), frame.data(),
              frame.size());
  return mbuf;
}

/// One cache, one name, an answer from each of two pools.
TEST(HitPath, AnswersFromThePoolOfTheDomain) {
  LoopRig rig({.domains = {{.name = "corp.example.", .pool = dns::PoolId{1}}}});
  rig.core->begin(base::Clock::now());
  const auto keep = [&](const char* name, uint8_t pool) {
    const dns::Question question = dns::make_question(wire_name(name), dns::Type::A, dns::Class::In,
                                                      dns::Wants::Plain, dns::PoolId{pool});
    const Bytes record = a_record(pointer_to_question(), 300, {198, 18, pool, 1}).wire();
    const std::array<uint16_t, 1> places = {6};
    rig.cache.insert(question,
                     kept_entry({.question = question,
                                 .content = {.answers = 1, .records = record, .ttl_places = places},
                                 .inserted = rig.core->now,
                                 .expires = rig.core->now + base::seconds{300}}),
                     rig.core->now, rig.reclaim);
  };
  struct Expected {
    const char* name;
    uint8_t pool;
  };
  constexpr std::array kExpected = {Expected{"corp.example.", 1},
                                    Expected{"CORP.Example.", 1},
                                    Expected{"a.corp.example.", 1},
                                    Expected{"www.a.corp.EXAMPLE.", 1},
                                    Expected{"notcorp.example.", 0},
                                    Expected{"example.", 0},
                                    Expected{"corp.example.com.", 0},
                                    Expected{"corp.", 0},
                                    Expected{".", 0}};
  for (const Expected& expected : kExpected) {
    keep(expected.name, 0);
    keep(expected.name, 1);
  }
  for (const Expected& expected : kExpected) {
    const Bytes frame = query_frame(
        MessageBuilder().flags(dns::flag::kRd).question(expected.name, dns::Type::A).build());
    const auto answered_by = [&](poll::HitPath path) {
      rte_mbuf* mbuf = mbuf_of(rig, frame);
      std::array<rte_mbuf*, poll::kReceiveBurst> others;
      poll::PortQueue& queue = rig.core->queues[0];
      EXPECT_EQ(path(*rig.core, queue, std::span(&mbuf, 1), others.data()), 0u) << expected.name;
      queue.transmit.flush(queue.port, queue.queue, rig.core->counters.ports[0],
                           rig.core->counters);
      const std::vector<Bytes> sent = rig.sent();
      return sent.size() == 1 ? static_cast<unsigned>(*(sent[0].end() - 2)) : 99;
    };
    for (const poll::HitPathChoice& choice : poll::hit_paths())
      EXPECT_EQ(answered_by(choice.path), expected.pool) << expected.name << " on " << choice.name;
  }
}

/// RFC 4035 §3.1.4.1: the zone above answers for DS, so the domain's own pool is not asked.
TEST(HitPath, LeavesTheDsOfADomain) {
  LoopRig rig({.domains = {{.name = "corp.example.", .pool = dns::PoolId{1}}}});
  rig.core->begin(base::Clock::now());
  for (const uint8_t pool : std::initializer_list<uint8_t>{0, 1}) {
    const dns::Question question =
        dns::make_question(wire_name("corp.example."), dns::Type::Ds, dns::Class::In,
                           dns::Wants::Plain, dns::PoolId{pool});
    const Bytes record = a_record(pointer_to_question(), 300, {198, 18, pool, 1}).wire();
    const std::array<uint16_t, 1> places = {6};
    rig.cache.insert(question,
                     kept_entry({.question = question,
                                 .content = {.answers = 1, .records = record, .ttl_places = places},
                                 .inserted = rig.core->now,
                                 .expires = rig.core->now + base::seconds{300}}),
                     rig.core->now, rig.reclaim);
  }
  const Bytes frame = query_frame(
      MessageBuilder().flags(dns::flag::kRd).question("corp.example.", dns::Type::Ds).build());
  for (const poll::HitPathChoice& choice : poll::hit_paths()) {
    rte_mbuf* mbuf = mbuf_of(rig, frame);
    std::array<rte_mbuf*, poll::kReceiveBurst> others;
    EXPECT_EQ(choice.path(*rig.core, rig.core->queues[0], std::span(&mbuf, 1), others.data()), 1u)
        << choice.name;
    rte_pktmbuf_free(mbuf);
  }
  rig.receive(frame);
  rig.turn();
  const std::vector<Bytes> sent = rig.sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(*(sent[0].end() - 2), std::byte{0}) << "from the pool above";
}

/// Whichever way a query goes, the same table says which source ports are never replied to.
TEST(HitPath, RepliesToTheSamePortsAsTheGeneralPath) {
  LoopRig rig;
  const Bytes query =
      MessageBuilder().flags(dns::flag::kRd).question("www.example.", dns::Type::A).build();
  rig.receive(query_frame(query));
  rig.turn();
  const std::vector<exchange::Miss> misses = rig.misses();
  ASSERT_EQ(misses.size(), 1u);
  rig.answer(misses[0], Keep::Yes);
  rig.turn();
  ASSERT_EQ(rig.sent().size(), 1u);

  for (const poll::HitPathChoice& choice : poll::hit_paths()) {
    rig.core->hit_path = choice.path;
    for (unsigned port = 0; port <= 0xFFFF; port += port < 2048 ? 1 : 509) {
      rig.receive(query_frame(query, static_cast<uint16_t>(port)));
      rig.turn();
      const bool never =
          std::ranges::find(poll::kNeverRepliedTo, port) != poll::kNeverRepliedTo.end();
      ASSERT_EQ(rig.sent().empty(), never) << port << " on " << choice.name;
    }
  }
  EXPECT_EQ(rig.dropped(rules::Drop::SourcePort),
            poll::kNeverRepliedTo.size() * poll::hit_paths().size());
}

/// What is kept nowhere goes the general way, and from there to the pool's worker.
TEST(HitPath, LeavesDomainsWithoutACache) {
  LoopRig rig({.domains = {{.name = "corp.example.", .pool = dns::PoolId{1}, .cached = false}}});
  rig.receive(query_frame(
      MessageBuilder().flags(dns::flag::kRd).question("www.Corp.example.", dns::Type::A).build()));
  rig.turn();
  const std::vector<exchange::Miss> misses = rig.misses();
  ASSERT_EQ(misses.size(), 1u);
  EXPECT_EQ(misses[0].question.pool, dns::PoolId{1});
  EXPECT_TRUE(rig.conserved());
}

}  // namespace
}  // namespace tests
