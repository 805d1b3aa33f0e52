#include "dataplane/poll/exception.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "tests/dataplane/poll/loop_rig.h"

namespace poll {
namespace {

using tests::a_query;
using tests::address;
using tests::Bytes;
using tests::bytes_of;
using tests::LoopRig;
using tests::mac;
using tests::Packet;
using tests::query_frame;

constexpr uint16_t kEtherArp = 0x0806;
constexpr uint8_t kTcp = 6, kIcmp = 1, kIcmp6 = 58, kOspf = 89;
const MacAddress kEverybody = {std::byte{0xFF}, std::byte{0xFF}, std::byte{0xFF},
                               std::byte{0xFF}, std::byte{0xFF}, std::byte{0xFF}};
const MacAddress kSolicitedNode = {std::byte{0x33}, std::byte{0x33}, std::byte{0xFF},
                                   std::byte{0},    std::byte{0},    std::byte{1}};

/// A change to a good query that makes it something else.
Packet with(void (*change)(Packet&)) {
  Packet packet;
  packet.payload = a_query("www.example.").build();
  change(packet);
  return packet;
}

void use_ipv6(Packet& packet) {
  packet.source.address = address("2001:db8::2");
  packet.destination.address = address("2001:db8::1");
}

Packet arp() {
  return with([](Packet& packet) {
    packet.to = kEverybody;
    packet.ether_type = kEtherArp;
  });
}

/// A solicitation in all that counts: ICMPv6, type 135, and the hop limit given.
Packet neighbour_solicitation(uint8_t hop_limit) {
  Packet packet = with([](Packet& made) {
    use_ipv6(made);
    made.to = kSolicitedNode;
    made.protocol = kIcmp6;
    made.source.port = 135 << 8;  // Where ICMPv6 has its type.
  });
  packet.hop_limit = hop_limit;
  return packet;
}

Packet ping() {
  return with([](Packet& packet) { packet.protocol = kIcmp; });
}

struct NotForUs {
  std::string name;
  Packet packet;
};

class HandsOver : public testing::TestWithParam<NotForUs> {};

TEST_P(HandsOver, TheFrameAsItIs) {
  LoopRig rig({.exception_path = true});
  const Bytes frame = GetParam().packet.build();
  rig.receive(frame);
  rig.turn();
  ASSERT_EQ(rig.handed_over(), std::vector<Bytes>{frame});
  EXPECT_EQ(rig.core->counters.dropped.total(), 0u);
  EXPECT_TRUE(rig.sent().empty());
  EXPECT_TRUE(rig.conserved());
  EXPECT_EQ(rig.mbufs_in_use(), 0u) << "the kernel gets a copy";
}

TEST_P(HandsOver, NothingWithoutAnExceptionPath) {
  LoopRig rig;
  rig.receive(GetParam().packet.build());
  rig.turn();
  EXPECT_TRUE(rig.handed_over().empty());
  EXPECT_EQ(rig.core->counters.dropped.total(), 1u);
  EXPECT_TRUE(rig.conserved());
}

template <typename Parameter>
std::string name_of(const testing::TestParamInfo<Parameter>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    Frames, HandsOver,
    testing::Values(
        NotForUs{"arp_to_everybody", arp()},
        NotForUs{"arp_to_us", with([](Packet& packet) { packet.ether_type = kEtherArp; })},
        NotForUs{"neighbour_solicitation", neighbour_solicitation(255)}, NotForUs{"ping", ping()},
        NotForUs{"tcp", with([](Packet& packet) { packet.protocol = kTcp; })},
        NotForUs{"tcp_ipv6", with([](Packet& packet) {
                   use_ipv6(packet);
                   packet.protocol = kTcp;
                 })},
        NotForUs{"multicast_routing", with([](Packet& packet) {
                   packet.to = mac(5);
                   packet.to[0] = std::byte{0x01};
                   packet.protocol = kOspf;
                 })},
        NotForUs{"udp_to_another_port",
                 with([](Packet& packet) { packet.destination.port = 5353; })},
        NotForUs{"udp_to_another_address",
                 with([](Packet& packet) { packet.destination.address = address("192.0.2.77"); })},
        NotForUs{"first_fragment", with([](Packet& packet) { packet.fragment = 0x2000; })},
        NotForUs{"last_fragment", with([](Packet& packet) { packet.fragment = 0x0010; })},
        NotForUs{"ip_options",
                 with([](Packet& packet) { packet.ip_options = Bytes(4, std::byte{1}); })},
        NotForUs{"hop_by_hop_options", with([](Packet& packet) {
                   use_ipv6(packet);
                   packet.protocol = 0;
                 })},
        NotForUs{"link_layer_discovery", with([](Packet& packet) {
                   packet.to = {std::byte{0x01}, std::byte{0x80}, std::byte{0xC2},
                                std::byte{0},    std::byte{0},    std::byte{0x0E}};
                   packet.ether_type = 0x88CC;
                 })}),
    name_of<NotForUs>);

struct Kept {
  std::string name;
  Packet packet;
  Drop reason;
};

class KeepsFromTheKernel : public testing::TestWithParam<Kept> {};

TEST_P(KeepsFromTheKernel, AndCountsWhy) {
  LoopRig rig({.exception_path = true});
  rig.receive(GetParam().packet.build());
  rig.turn();
  EXPECT_TRUE(rig.handed_over().empty());
  EXPECT_EQ(rig.dropped(GetParam().reason), 1u);
  EXPECT_EQ(rig.core->counters.dropped.total(), 1u);
  EXPECT_TRUE(rig.conserved());
  EXPECT_EQ(rig.mbufs_in_use(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Frames, KeepsFromTheKernel,
    testing::Values(
        Kept{"wrong_udp_checksum", with([](Packet& packet) { packet.udp_checksum = 1; }),
             Drop::UdpChecksum},
        Kept{"wrong_udp_length", with([](Packet& packet) { packet.udp_length = 9; }),
             Drop::UdpLength},
        Kept{"wrong_ip_checksum", with([](Packet& packet) { packet.ip_checksum = 1; }),
             Drop::IpChecksum},
        Kept{"wrong_ip_length", with([](Packet& packet) { packet.ip_length = 2000; }),
             Drop::IpHeader},
        Kept{"source_that_may_not_be",
             with([](Packet& packet) { packet.source.address = address("127.0.0.1"); }),
             Drop::BadSource},
        Kept{"source_port_that_answers_anything",
             with([](Packet& packet) { packet.source.port = 19; }), Drop::SourcePort},
        Kept{"payload_that_is_no_query",
             with([](Packet& packet) { packet.payload = bytes_of("short"); }), Drop::ShortQuery},
        Kept{"somebody_elses_mac", with([](Packet& packet) { packet.to = mac(9); }),
             Drop::NotOurMac},
        Kept{"broadcast_of_our_own_come_back", with([](Packet& packet) {
               packet.to = kEverybody;
               packet.from = mac(1);
             }),
             Drop::BadSource},
        Kept{"broadcast_from_a_group", with([](Packet& packet) {
               packet.to = kEverybody;
               packet.from = kSolicitedNode;
             }),
             Drop::BadSource},
        Kept{"another_vlan", with([](Packet& packet) { packet.vlan_controls = {5}; }), Drop::Vlan},
        Kept{"broadcast_of_another_vlan", with([](Packet& packet) {
               packet.to = kEverybody;
               packet.vlan_controls = {5};
             }),
             Drop::Vlan}),
    name_of<Kept>);

TEST(HandOver, DropsABroadcastThatEndsInItsTag) {
  LoopRig rig({.exception_path = true});
  Packet packet = arp();
  packet.vlan_controls = {0};
  Bytes frame = packet.build();
  frame.resize(17);
  rig.receive(frame);
  rig.turn();
  EXPECT_EQ(rig.dropped(Drop::Runt), 1u);
  EXPECT_TRUE(rig.handed_over().empty());
}

TEST(HandOver, TakesTheLargestFrameThatABufferHolds) {
  LoopRig rig({.exception_path = true});
  Bytes frame = ping().build();
  frame.resize(ExceptionFrame::kRoom);
  rig.receive(frame);
  rig.turn();
  EXPECT_EQ(rig.handed_over(), std::vector<Bytes>{frame});
}

TEST(HandOver, TakesThePortsTagOff) {
  LoopRig rig({.vlan = 42, .exception_path = true});
  Packet tagged = arp();
  tagged.vlan_controls = {0xE000 | 42};
  rig.receive(tagged.build());
  tagged = ping();
  tagged.vlan_controls = {42};
  rig.receive(tagged.build());
  rig.receive(arp().build());  // Untagged: not of this VLAN.
  rig.turn();
  EXPECT_EQ(rig.handed_over(), (std::vector<Bytes>{arp().build(), ping().build()}));
  EXPECT_EQ(rig.dropped(Drop::Vlan), 1u);
  EXPECT_TRUE(rig.conserved());
}

TEST(HandOver, LeavesQueriesAlone) {
  LoopRig rig({.exception_path = true});
  rig.receive(query_frame(a_query("www.example.").build()));
  rig.turn();
  EXPECT_TRUE(rig.handed_over().empty());
  EXPECT_EQ(rig.misses().size(), 1u);
  EXPECT_TRUE(rig.conserved());
}

/// Receives `count` frames in one burst of turns; gives how many were handed over.
size_t flood(LoopRig& rig, const Packet& packet, unsigned count) {
  const Bytes frame = packet.build();
  size_t handed_over = 0;
  for (unsigned i = 0; i < count; ++i) {
    rig.receive(frame);
    if (i % 16 != 15) continue;
    rig.turn();
    handed_over += rig.handed_over().size();
  }
  return handed_over;
}

TEST(HandOver, RationsWhatAFloodMayCostTheKernel) {
  LoopRig rig({.exception_path = true});
  constexpr unsigned kFlood = 48'000;
  const size_t handed_over = flood(rig, ping(), kFlood);
  EXPECT_GE(handed_over, 1'000u) << "the burst";
  EXPECT_LT(handed_over, kFlood);
  EXPECT_EQ(rig.dropped(Drop::ExceptionRateLimited), kFlood - handed_over);
  EXPECT_TRUE(rig.conserved());
  EXPECT_EQ(rig.mbufs_in_use(), 0u);
}

TEST(HandOver, KeepsNeighboursAndTcpOutOfAFloodOfPings) {
  LoopRig rig({.exception_path = true});
  // Forged from afar: a router on the way would have lowered the hop limit.
  (void)flood(rig, neighbour_solicitation(64), 16'000);
  (void)flood(rig, ping(), 16'000);
  ASSERT_GT(rig.dropped(Drop::ExceptionRateLimited), 0u);
  const std::vector<Bytes> precious = {
      arp().build(), neighbour_solicitation(255).build(),
      with([](Packet& packet) { packet.protocol = kTcp; }).build()};
  for (const Bytes& frame : precious) rig.receive(frame);
  rig.turn();
  EXPECT_EQ(rig.handed_over(), precious);
}

TEST(HandOver, DropsWhatTheThreadHasNoTimeFor) {
  LoopRig rig({.exception_path = true});
  // More than the ring holds, and not more of one kind than its ration lets through.
  for (unsigned i = 0; i < 600; ++i) {
    rig.receive(ping().build());
    rig.receive(with([](Packet& packet) { packet.protocol = kTcp; }).build());
  }
  for (int i = 0; i < 60; ++i) rig.turn();
  EXPECT_EQ(rig.dropped(Drop::ExceptionFull), 1200u - rig.to_kernel.ring.capacity());
  EXPECT_EQ(rig.dropped(Drop::ExceptionRateLimited), 0u);
  EXPECT_EQ(rig.handed_over().size(), rig.to_kernel.ring.capacity());
  EXPECT_TRUE(rig.conserved());
  EXPECT_EQ(rig.mbufs_in_use(), 0u);
}

bool rung(const exchange::Doorbell& doorbell) {
  uint64_t rings;
  return read(doorbell.fd(), &rings, sizeof rings) == sizeof rings;
}

TEST(HandOver, RingsOnlyForAThreadThatSleeps) {
  LoopRig rig({.exception_path = true});
  rig.receive(ping().build());
  rig.turn();
  EXPECT_FALSE(rung(rig.kernels_doorbell));
  rig.kernels_doorbell.about_to_sleep();
  rig.turn();
  EXPECT_FALSE(rung(rig.kernels_doorbell)) << "nothing came";
  rig.receive(ping().build());
  rig.turn();
  EXPECT_TRUE(rung(rig.kernels_doorbell));
}

TEST(FramesOfTheKernel, GoOutBesideReplies) {
  LoopRig rig({.exception_path = true});
  const Bytes frame = ping().build();
  rig.kernel_sends(frame);
  rig.turn();
  EXPECT_EQ(rig.sent(), std::vector<Bytes>{frame});
  EXPECT_EQ(rig.core->counters.ports[0].from_kernel.read(), 1u);
  EXPECT_EQ(rig.core->counters.ports[0].sent.read(), 0u) << "which counts replies";
  EXPECT_TRUE(rig.conserved());
  EXPECT_EQ(rig.mbufs_in_use(), 0u);
}

TEST(FramesOfTheKernel, GetThePortsTag) {
  LoopRig rig({.vlan = 42, .exception_path = true});
  Packet packet = ping();
  rig.kernel_sends(packet.build());
  rig.turn();
  packet.vlan_controls = {42};
  EXPECT_EQ(rig.sent(), std::vector<Bytes>{packet.build()});
}

TEST(FramesOfTheKernel, ArePaddedToTheShortestThatEthernetHas) {
  LoopRig rig({.exception_path = true});
  Bytes frame = arp().build();
  frame.resize(42);
  rig.kernel_sends(frame);
  rig.turn();
  frame.resize(60);
  EXPECT_EQ(rig.sent(), std::vector<Bytes>{frame});
}

TEST(FramesOfTheKernel, AreTakenABurstAtATime) {
  LoopRig rig({.exception_path = true});
  for (int i = 0; i < 100; ++i) rig.kernel_sends(ping().build());
  rig.turn();
  const size_t first = rig.sent().size();
  EXPECT_EQ(first, 32u);
  for (int i = 0; i < 3; ++i) rig.turn();
  EXPECT_EQ(first + rig.sent().size(), 100u);
}

TEST(FramesOfTheKernel, AreCountedWhenThePortTakesNone) {
  LoopRig rig({.exception_path = true});
  constexpr unsigned kFrames = 5'000;  // More than the port's ring, which nobody empties.
  for (unsigned i = 0; i < kFrames; ++i) {
    rig.kernel_sends(ping().build());
    rig.turn();
  }
  const size_t sent = rig.sent().size();
  EXPECT_LT(sent, kFrames);
  EXPECT_EQ(rig.core->counters.unsent[Unsent::TransmitFull].read(), kFrames - sent);
  EXPECT_EQ(rig.core->counters.ports[0].from_kernel.read(), sent);
  EXPECT_EQ(rig.mbufs_in_use(), 0u);
}

TEST(FramesOfTheKernel, AreCountedWhenThereIsNoBuffer) {
  LoopRig rig({.exception_path = true});
  std::vector<rte_mbuf*> hoard;
  while (rte_mbuf* mbuf = rte_pktmbuf_alloc(rig.pool)) hoard.push_back(mbuf);
  rig.kernel_sends(ping().build());
  rig.turn();
  EXPECT_TRUE(rig.sent().empty());
  EXPECT_EQ(rig.core->counters.unsent[Unsent::PoolEmpty].read(), 1u);
  for (rte_mbuf* mbuf : hoard) rte_pktmbuf_free(mbuf);
}

}  // namespace
}  // namespace poll
