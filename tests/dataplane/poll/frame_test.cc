#include "dataplane/poll/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>

#include "tests/packet_builder.h"

namespace poll {
namespace {

using tests::Bytes;
using tests::Packet;

Acceptance acceptance() { return {.mac = tests::mac(1), .vlan = 0, .verify_checksum = true}; }

Packet v6_packet() {
  Packet packet;
  packet.source = {tests::address("2001:db8::2"), 40000};
  packet.destination = {tests::address("2001:db8::1"), 53};
  return packet;
}

Bytes payload_in(const Bytes& frame, const Frame& at) {
  return {frame.begin() + at.payload_at, frame.begin() + at.payload_at + at.payload_size};
}

TEST(ParseFrame, FindsBothEndsAndThePayload) {
  for (const Packet& packet : {Packet{}, v6_packet()}) {
    const Bytes bytes = packet.build();
    const Result<Frame, NotTaken> frame = parse_frame(bytes, acceptance());
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->path.client, packet.source);
    EXPECT_EQ(frame->path.ours, packet.destination);
    EXPECT_EQ(frame->path.client_mac, packet.from);
    EXPECT_EQ(frame->path.our_mac, packet.to);
    EXPECT_FALSE(frame->path.tag.present);
    EXPECT_EQ(payload_in(bytes, *frame), packet.payload);
  }
}

struct Accepted {
  const char* name;
  std::function<void(Packet&)> change;
};

TEST(ParseFrame, AcceptsWhatIsOddButRight) {
  const Accepted cases[] = {
      {"padding_of_zeros", [](Packet& p) { p.padding = Bytes(18, std::byte{0}); }},
      {"padding_of_ones", [](Packet& p) { p.padding = Bytes(18, std::byte{0xFF}); }},
      {"hop_limit_0", [](Packet& p) { p.hop_limit = 0; }},
      {"hop_limit_1", [](Packet& p) { p.hop_limit = 1; }},
      {"empty_payload", [](Packet& p) { p.payload.clear(); }},
      {"odd_payload", [](Packet& p) { p.payload = Bytes(13, std::byte{0xAB}); }},
      {"priority_tag", [](Packet& p) { p.vlan_controls = {0xE000}; }},
      {"source_port_53", [](Packet& p) { p.source.port = 53; }},
      {"source_port_65535", [](Packet& p) { p.source.port = 65535; }},
  };
  for (const Accepted& c : cases) {
    for (Packet packet : {Packet{}, v6_packet()}) {
      c.change(packet);
      const Bytes bytes = packet.build();
      const Result<Frame, NotTaken> frame = parse_frame(bytes, acceptance());
      ASSERT_TRUE(frame) << c.name;
      EXPECT_EQ(payload_in(bytes, *frame), packet.payload) << c.name;
    }
  }
}

TEST(ParseFrame, AcceptsAnAbsentChecksumOverIpv4Only) {
  Packet packet;
  packet.udp_checksum = 0;
  EXPECT_TRUE(parse_frame(packet.build(), acceptance()));
  packet = v6_packet();
  packet.udp_checksum = 0;
  EXPECT_EQ(parse_frame(packet.build(), acceptance()).error().reason, Drop::UdpChecksum);
}

TEST(ParseFrame, ChecksTheTagAgainstThePort) {
  Packet tagged;
  tagged.vlan_controls = {0x2064};  // Priority 1, id 100.
  Acceptance on_vlan = acceptance();
  on_vlan.vlan = 100;
  const Result<Frame, NotTaken> frame = parse_frame(tagged.build(), on_vlan);
  ASSERT_TRUE(frame);
  EXPECT_TRUE(frame->path.tag.present);
  EXPECT_EQ(frame->path.tag.control, 0x2064);

  EXPECT_EQ(parse_frame(tagged.build(), acceptance()).error().reason, Drop::Vlan);
  EXPECT_EQ(parse_frame(Packet{}.build(), on_vlan).error().reason, Drop::Vlan);
  tagged.vlan_controls = {100, 7};
  EXPECT_EQ(parse_frame(tagged.build(), on_vlan).error().reason, Drop::EtherType);

  Packet provider;
  provider.ether_type = 0x88A8;  // IEEE 802.1ad
  EXPECT_EQ(parse_frame(provider.build(), acceptance()).error().reason, Drop::EtherType);
  tagged.vlan_controls = {100};
  const Bytes whole = tagged.build();
  for (const size_t size : {size_t{14}, size_t{15}, size_t{16}, size_t{17}}) {
    EXPECT_EQ(parse_frame(base::ByteView(whole).first(size), on_vlan).error().reason, Drop::Runt)
        << size;
  }
}

struct Dropped {
  const char* name;
  std::function<void(Packet&)> change;
  Drop reason;
};

void expect_drops(const Packet& good, std::initializer_list<Dropped> cases) {
  for (const Dropped& c : cases) {
    Packet packet = good;
    c.change(packet);
    const Bytes bytes = packet.build();
    const Result<Frame, NotTaken> frame = parse_frame(bytes, acceptance());
    ASSERT_FALSE(frame) << c.name;
    EXPECT_EQ(frame.error().reason, c.reason)
        << c.name << ": " << rules::kDropNames[static_cast<size_t>(frame.error().reason)];
  }
}

TEST(ParseFrame, DropsBadIpv4WithTheReason) {
  expect_drops(
      Packet{},
      {
          {"other_mac", [](Packet& p) { p.to = tests::mac(9); }, Drop::NotOurMac},
          {"broadcast_mac", [](Packet& p) { p.to.fill(std::byte{0xFF}); }, Drop::NotOurMac},
          {"group_source_mac", [](Packet& p) { p.from[0] = std::byte{0x03}; }, Drop::BadSource},
          {"own_source_mac", [](Packet& p) { p.from = p.to; }, Drop::BadSource},
          {"arp", [](Packet& p) { p.ether_type = 0x0806; }, Drop::EtherType},
          {"length_field", [](Packet& p) { p.ether_type = 60; }, Drop::EtherType},
          {"version_6_in_ipv4", [](Packet& p) { p.version_and_length = 0x65; }, Drop::IpHeader},
          {"header_length_4", [](Packet& p) { p.version_and_length = 0x44; }, Drop::IpHeader},
          {"total_beyond_frame", [](Packet& p) { p.ip_length = 1500; }, Drop::IpHeader},
          {"total_below_header", [](Packet& p) { p.ip_length = 19; }, Drop::IpHeader},
          {"no_operation_options", [](Packet& p) { p.ip_options = Bytes(4, std::byte{1}); },
           Drop::IpOptions},
          {"record_route",
           [](Packet& p) {
             p.ip_options = tests::bytes_of(std::string("\x07\x07\x04\0\0\0\0\0", 8));
           },
           Drop::IpOptions},
          {"ip_checksum", [](Packet& p) { p.ip_checksum = 0xBEEF; }, Drop::IpChecksum},
          {"first_fragment", [](Packet& p) { p.fragment = 0x2000; }, Drop::Fragment},
          {"middle_fragment", [](Packet& p) { p.fragment = 0x2001; }, Drop::Fragment},
          {"last_fragment", [](Packet& p) { p.fragment = 0x0001; }, Drop::Fragment},
          {"tcp", [](Packet& p) { p.protocol = 6; }, Drop::NotUdp},
          {"icmp", [](Packet& p) { p.protocol = 1; }, Drop::NotUdp},
          {"udp_length_7", [](Packet& p) { p.udp_length = 7; }, Drop::UdpLength},
          {"udp_length_short", [](Packet& p) { p.udp_length = 14; }, Drop::UdpLength},
          {"udp_length_long", [](Packet& p) { p.udp_length = 16; }, Drop::UdpLength},
          {"udp_length_65535", [](Packet& p) { p.udp_length = 65535; }, Drop::UdpLength},
          {"udp_checksum", [](Packet& p) { p.udp_checksum = 0xBEEF; }, Drop::UdpChecksum},
          {"from_ourselves", [](Packet& p) { p.source.address = p.destination.address; },
           Drop::BadSource},
          {"from_zero", [](Packet& p) { p.source.address = tests::address("0.1.2.3"); },
           Drop::BadSource},
          {"from_loopback", [](Packet& p) { p.source.address = tests::address("127.0.0.1"); },
           Drop::BadSource},
          {"from_multicast", [](Packet& p) { p.source.address = tests::address("224.0.0.1"); },
           Drop::BadSource},
          {"from_class_e", [](Packet& p) { p.source.address = tests::address("240.0.0.1"); },
           Drop::BadSource},
          {"from_broadcast",
           [](Packet& p) { p.source.address = tests::address("255.255.255.255"); },
           Drop::BadSource},
      });
}

TEST(ParseFrame, DropsBadIpv6WithTheReason) {
  expect_drops(
      v6_packet(),
      {
          {"version_4_in_ipv6", [](Packet& p) { p.version_and_length = 0x45; }, Drop::IpHeader},
          {"payload_beyond_frame", [](Packet& p) { p.ip_length = 1400; }, Drop::IpHeader},
          {"jumbo", [](Packet& p) { p.ip_length = 0; }, Drop::Runt},
          {"fragment", [](Packet& p) { p.protocol = 44; }, Drop::Fragment},
          {"hop_by_hop", [](Packet& p) { p.protocol = 0; }, Drop::ExtensionHeader},
          {"routing", [](Packet& p) { p.protocol = 43; }, Drop::ExtensionHeader},
          {"destination_options", [](Packet& p) { p.protocol = 60; }, Drop::ExtensionHeader},
          {"authentication", [](Packet& p) { p.protocol = 51; }, Drop::ExtensionHeader},
          {"encapsulation", [](Packet& p) { p.protocol = 50; }, Drop::ExtensionHeader},
          {"no_next", [](Packet& p) { p.protocol = 59; }, Drop::ExtensionHeader},
          {"tcp", [](Packet& p) { p.protocol = 6; }, Drop::NotUdp},
          {"udp_checksum", [](Packet& p) { p.udp_checksum = 0xBEEF; }, Drop::UdpChecksum},
          {"from_unspecified", [](Packet& p) { p.source.address = tests::address("::"); },
           Drop::BadSource},
          {"from_loopback", [](Packet& p) { p.source.address = tests::address("::1"); },
           Drop::BadSource},
          {"from_multicast", [](Packet& p) { p.source.address = tests::address("ff02::1"); },
           Drop::BadSource},
          {"from_ourselves", [](Packet& p) { p.source.address = p.destination.address; },
           Drop::BadSource},
      });
}

TEST(ParseFrame, RepliesToNoPortThatAnswersReplies) {
  constexpr std::array<uint16_t, 8> kAnswering = {0, 7, 13, 17, 19, 37, 69, 464};
  for (Packet packet : {Packet{}, v6_packet()}) {
    for (unsigned port = 0; port <= 1024; ++port) {
      packet.source.port = static_cast<uint16_t>(port);
      const Result<Frame, NotTaken> frame = parse_frame(packet.build(), acceptance());
      const bool answering =
          std::find(kAnswering.begin(), kAnswering.end(), port) != kAnswering.end();
      ASSERT_EQ(frame.has_value(), !answering) << port;
      if (!frame) {
        EXPECT_EQ(frame.error().reason, Drop::SourcePort) << port;
      }
    }
  }
}

/// Sixteen versions with sixteen header lengths each. Of these, IPv4 has one, and IPv6 any: what is
/// a length there is part of the traffic class here.
TEST(ParseFrame, TakesOneOfAllFirstOctets) {
  for (unsigned octet = 0; octet < 256; ++octet) {
    Packet v4;
    v4.version_and_length = static_cast<uint8_t>(octet);
    const Result<Frame, NotTaken> as_v4 = parse_frame(v4.build(), acceptance());
    ASSERT_EQ(as_v4.has_value(), octet == 0x45) << octet;
    if (octet < 0x45 || octet > 0x4F) {
      EXPECT_EQ(as_v4.error().reason, Drop::IpHeader) << octet;
    }
    Packet v6 = v6_packet();
    v6.version_and_length = static_cast<uint8_t>(octet);
    EXPECT_EQ(parse_frame(v6.build(), acceptance()).has_value(), octet >> 4 == 6) << octet;
  }
}

TEST(ParseFrame, DropsMappedAddressesOverIpv6) {
  Packet packet = v6_packet();
  Bytes bytes = packet.build();
  const auto mapped = tests::address("192.0.2.2").mapped();
  std::copy(mapped.begin(), mapped.end(), bytes.begin() + 14 + 8);
  EXPECT_EQ(parse_frame(bytes, acceptance()).error().reason, Drop::BadSource);
}

TEST(ParseFrame, AnswersLinkLocalClients) {
  Packet packet = v6_packet();
  packet.source.address = tests::address("fe80::1");
  EXPECT_TRUE(parse_frame(packet.build(), acceptance()));
}

TEST(ParseFrame, DropsEveryTruncationOfAGoodFrame) {
  for (const Packet& packet : {Packet{}, v6_packet()}) {
    const Bytes whole = packet.build();
    for (size_t size = 0; size < whole.size(); ++size) {
      // An allocation of its own, so that a read past the end is seen by the sanitizer.
      const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      const Result<Frame, NotTaken> frame = parse_frame(cut, acceptance());
      ASSERT_FALSE(frame) << size;
      EXPECT_TRUE(frame.error().reason == Drop::Runt || frame.error().reason == Drop::IpHeader)
          << size;
    }
  }
}

TEST(ParseFrame, IgnoresTheUdpChecksumWhereTheDriverHandsOverPartialOnes) {
  Packet packet;
  packet.udp_checksum = 0x1234;
  Acceptance unverified = acceptance();
  unverified.verify_checksum = false;
  EXPECT_TRUE(parse_frame(packet.build(), unverified));
}

TEST(WriteHeaders, SendsBackWhereItCameFrom) {
  for (Packet query : {Packet{}, v6_packet()}) {
    for (const bool tagged : {false, true}) {
      query.vlan_controls = tagged ? std::vector<uint16_t>{0x6000} : std::vector<uint16_t>{};
      const Frame frame = parse_frame(query.build(), acceptance()).value();
      const Bytes payload = tests::bytes_of("the reply, of odd size!");
      const size_t headers = header_size(frame.path);
      EXPECT_EQ(headers, frame.payload_at);
      Bytes reply(headers);
      reply.insert(reply.end(), payload.begin(), payload.end());
      write_headers(reply, frame.path, payload.size());

      Packet expected = query;
      std::swap(expected.from, expected.to);
      std::swap(expected.source, expected.destination);
      expected.payload = payload;
      Bytes wanted = expected.build();
      if (query.destination.address.is_v4()) {
        const size_t ip_at = tagged ? 18 : 14;
        wanted[ip_at + 4] = wanted[ip_at + 5] = std::byte{0};  // Our identification is 0.
        wanted[ip_at + 10] = wanted[ip_at + 11] = std::byte{0};
        const uint16_t checksum =
            tests::internet_checksum({wanted.begin() + static_cast<ptrdiff_t>(ip_at),
                                      wanted.begin() + static_cast<ptrdiff_t>(ip_at) + 20});
        wanted[ip_at + 10] = static_cast<std::byte>(checksum >> 8);
        wanted[ip_at + 11] = static_cast<std::byte>(checksum & 0xFF);
      }
      EXPECT_EQ(reply, wanted);
    }
  }
}

TEST(WriteHeaders, SendsAComputedZeroAsAllOnes) {
  // The payload's last word is chosen so that everything sums to 0xFFFF: the checksum comes out as
  // 0, which would mean "none".
  Packet probe;
  probe.payload = Bytes(8, std::byte{0});
  const Frame frame = parse_frame(probe.build(), acceptance()).value();
  Bytes reply(header_size(frame.path) + probe.payload.size());
  write_headers(reply, frame.path, probe.payload.size());
  const size_t checksum_at = header_size(frame.path) - 2;
  reply[reply.size() - 2] = reply[checksum_at];
  reply[reply.size() - 1] = reply[checksum_at + 1];
  write_headers(reply, frame.path, probe.payload.size());
  EXPECT_EQ(base::load_be16(&reply[checksum_at]), 0xFFFF);
}

}  // namespace
}  // namespace poll
