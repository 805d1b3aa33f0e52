// The load generator's arithmetic: when queries are due, which are drawn, what they look like on
// the wire, and which replies it takes for right. Frames are judged by the dataplane's own parser,
// and replies built by the tests' builder, so that neither side checks itself.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <set>

#include "dataplane/poll/frame.h"
#include "perf/load/draw.h"
#include "perf/load/flights.h"
#include "perf/load/latency.h"
#include "perf/load/pacing.h"
#include "perf/load/query_frames.h"
#include "perf/load/questions.h"
#include "perf/load/reply_check.h"
#include "tests/message_builder.h"
#include "tests/packet_builder.h"

namespace load {
namespace {

using tests::Bytes;

constexpr uint64_t kHertz = 2'100'000'000;

TEST(Pacing, GivesEveryQueryItsTime) {
  const Pacing pacing(1000, kHertz, 1'000'000);
  EXPECT_EQ(pacing.time_of(0), 1000);
  EXPECT_EQ(pacing.time_of(1), 1000 + 2100);
  EXPECT_EQ(pacing.time_of(1'000'000), 1000 + kHertz);
}

TEST(Pacing, DoesNotDriftWhenThePeriodIsNoWholeNumberOfCycles) {
  constexpr uint64_t kRate = 9'920'001;
  const Pacing pacing(0, kHertz, kRate);
  for (const uint64_t seconds : {1, 60, 3600}) {
    EXPECT_NEAR(static_cast<double>(pacing.time_of(kRate * seconds)),
                static_cast<double>(kHertz * seconds), static_cast<double>(seconds))
        << seconds;
  }
}

TEST(Latency, ReportsWithinOnePercentAboveWhatWasRecorded) {
  for (uint64_t cycles = 1; cycles < uint64_t{1} << 39; cycles += 1 + cycles / 61) {
    const uint64_t reported = Latency::largest_of(Latency::bucket_of(cycles));
    ASSERT_GE(reported, cycles);
    ASSERT_LE(static_cast<double>(reported - cycles), 0.01 * static_cast<double>(cycles)) << cycles;
  }
}

TEST(Latency, BucketsFollowEachOtherWithoutAGap) {
  for (size_t bucket = 0; bucket + 1 < Latency::kBuckets; ++bucket) {
    ASSERT_EQ(Latency::bucket_of(Latency::largest_of(bucket)), bucket);
    ASSERT_EQ(Latency::bucket_of(Latency::largest_of(bucket) + 1), bucket + 1);
  }
}

TEST(Latency, FindsPercentiles) {
  Latency latency;
  for (uint64_t cycles = 1; cycles <= 100; ++cycles) latency.record(cycles);
  EXPECT_EQ(latency.at(0.5), 50);
  EXPECT_EQ(latency.at(0.99), 99);
  EXPECT_EQ(latency.at(1), 100);
  EXPECT_DOUBLE_EQ(latency.mean(), 50.5);
  latency.record(~uint64_t{0});
  EXPECT_EQ(latency.largest(), ~uint64_t{0});
  EXPECT_EQ(latency.recorded(), 101);
}

TEST(Latency, OfNothingIsNothing) {
  const Latency latency;
  EXPECT_EQ(latency.at(0.5), 0);
  EXPECT_EQ(latency.mean(), 0);
}

std::vector<double> shares(const std::vector<uint32_t>& drawn, uint32_t names) {
  std::vector<double> share(names);
  for (const uint32_t name : drawn) share.at(name) += 1.0 / static_cast<double>(drawn.size());
  return share;
}

TEST(Draw, FollowsZipfsLaw) {
  constexpr uint32_t kNames = 1000;
  const auto share = shares(draw(kNames, 1'000'000, 1.0, 7), kNames);
  double harmonic = 0;
  for (uint32_t rank = 1; rank <= kNames; ++rank) harmonic += 1.0 / rank;
  for (const uint32_t rank : {1, 2, 3, 10, 30})
    EXPECT_NEAR(share[rank - 1] * rank * harmonic, 1.0, 0.05) << rank;
}

TEST(Draw, IsEvenWithoutAnExponent) {
  constexpr uint32_t kNames = 16;
  for (const double share : shares(draw(kNames, 1'000'000, std::nullopt, 7), kNames)) {
    EXPECT_NEAR(share * kNames, 1.0, 0.05);
  }
}

TEST(Draw, DrawsTheSameFromTheSameSeed) {
  EXPECT_EQ(draw(100, 1000, 0.9, 1), draw(100, 1000, 0.9, 1));
  EXPECT_NE(draw(100, 1000, 0.9, 1), draw(100, 1000, 0.9, 2));
}

class FlightBits : public testing::TestWithParam<unsigned> {};

TEST_P(FlightBits, EveryTicketLeadsBackToItsQuery) {
  Flights flights(GetParam(), 64, 12345);
  const uint32_t count = 1U << GetParam();
  std::vector<Ticket> tickets;
  for (uint32_t number = 0; number < count; ++number)
    tickets.push_back(flights.open(number, number + 1, number));
  for (uint32_t number = 0; number < count; ++number) {
    ASSERT_GE(tickets[number].port, 1024);
    ASSERT_LT(tickets[number].address, 64U);
    const Flight* flight = flights.find(tickets[number]);
    ASSERT_NE(flight, nullptr) << number;
    ASSERT_EQ(flight->name, number);
  }
}

INSTANTIATE_TEST_SUITE_P(Flights, FlightBits, testing::Values(16, 17, 19, 20));

TEST(Flights, KnowAForeignTicketAndALateOne) {
  Flights flights(16, 4, 1);
  const Ticket first = flights.open(0, 1, 0);
  EXPECT_EQ(flights.find({first.id, static_cast<uint16_t>(first.port ^ 1), first.address}),
            nullptr);
  EXPECT_EQ(flights.find({first.id, first.port, first.address ^ 1}), nullptr);
  EXPECT_EQ(flights.find({first.id, 53, first.address}), nullptr);
  const Ticket later = flights.open(1 << 16, 2, 0);  // In the same place.
  EXPECT_EQ(flights.find(first), nullptr);
  EXPECT_NE(flights.find(later), nullptr);
}

TEST(Flights, AnswerOnce) {
  Flights flights(16, 1, 1);
  const Ticket ticket = flights.open(3, 1, 0);
  flights.find(ticket)->round = Flight::kLanded;
  EXPECT_EQ(flights.find(ticket), nullptr);
}

TEST(Flights, SpreadOverPortsAndAddresses) {
  Flights flights(16, 16, 99);
  std::set<uint16_t> ports;
  std::set<uint32_t> addresses;
  for (uint64_t number = 0; number < 4096; ++number) {
    const Ticket ticket = flights.open(number, 1, 0);
    ports.insert(ticket.port);
    addresses.insert(ticket.address);
  }
  EXPECT_GT(ports.size(), 200);
  EXPECT_EQ(addresses.size(), 16);
}

TEST(Questions, AreMadeFromAPattern) {
  const auto questions = Questions::make("h#.bulk.example", 11);
  ASSERT_TRUE(questions);
  EXPECT_EQ(questions->size(), 11);
  EXPECT_EQ(tests::bytes_of((*questions)[10]),
            tests::joined({tests::wire_name("h10.bulk.example"), tests::bytes_of({0, 1, 0, 1})}));
}

struct BadPattern {
  const char* name;
  std::string pattern;
  uint32_t count;
};
class QuestionsPattern : public testing::TestWithParam<BadPattern> {};

TEST_P(QuestionsPattern, IsRefused) {
  EXPECT_FALSE(Questions::make(GetParam().pattern, GetParam().count));
}

INSTANTIATE_TEST_SUITE_P(Questions, QuestionsPattern,
                         testing::Values(BadPattern{"no_number", "example", 1},
                                         BadPattern{"none", "h#", 0},
                                         BadPattern{"too_many", "h#", Questions::kMost + 1},
                                         BadPattern{"empty_label", "h#..example", 1},
                                         BadPattern{"long_label", "#" + std::string(63, 'x'), 1},
                                         BadPattern{"long_name", "#" + std::string(254, '.'), 1}),
                         [](const auto& pattern) { return pattern.param.name; });

TEST(Questions, AreReadFromAFile) {
  const std::string path = testing::TempDir() + "questions";
  std::ofstream(path) << "; a comment\n\nwww.example. AAAA\nmail.example 15\nplain.example\n";
  const auto questions = Questions::read(path);
  ASSERT_TRUE(questions) << questions.error();
  ASSERT_EQ(questions->size(), 3);
  EXPECT_EQ(tests::bytes_of((*questions)[1]),
            tests::joined({tests::wire_name("mail.example."), tests::bytes_of({0, 15, 0, 1})}));
  std::ofstream(path) << "www.example. A\nwww.example. NOSUCH\n";
  EXPECT_EQ(Questions::read(path).error().find(path + ":2:"), 0);
}

struct Family {
  const char* name;
  const char* server;
  const char* clients;  // But for the number.
};

// One server, three names, four clients; over each of the two families.
class Wire : public testing::TestWithParam<Family> {
 protected:
  static constexpr uint32_t kAddresses = 4;

  Reply look_at(const tests::Packet& packet) { return check_.look_at(packet.build(), flights_); }

  [[nodiscard]] static base::IpAddress client(uint32_t number) {
    return tests::address(GetParam().clients + std::to_string(1 + number));
  }
  /// The right answer to the query with this ticket.
  [[nodiscard]] tests::MessageBuilder answer(const Ticket& ticket) const {
    return tests::an_answer(name_).id(ticket.id).answer(
        tests::a_record(tests::pointer_to_question(), 300, {192, 0, 2, 7}));
  }
  [[nodiscard]] static tests::Packet packet(const Ticket& ticket, const Bytes& payload) {
    tests::Packet packet;
    packet.source = {tests::address(GetParam().server), 53};
    packet.destination = {client(ticket.address), ticket.port};
    packet.payload = payload;
    return packet;
  }

  std::string name_ = "h2.odd.example";
  Questions questions_ = *Questions::make("h#.odd.example", 3);
  Route route_{.from_mac = tests::mac(2),
               .to_mac = tests::mac(1),
               .from = client(0),
               .to = tests::address(GetParam().server)};
  QueryFrames frames_{questions_, route_, Edns::Yes};
  ReplyCheck check_{questions_, route_, kAddresses, {}};
  Flights flights_{16, kAddresses, 5};
};

TEST_P(Wire, QueriesAreWhatClientsSend) {
  // Enough tickets to run through every carry that the checksums can have.
  for (uint64_t number = 0; number < 70'000; ++number) {
    const Ticket ticket = flights_.open(number, 1, 2);
    std::array<std::byte, QueryFrames::kMostSize> octets{};
    const base::ByteView frame(octets.data(), frames_.write(2, ticket, octets.data()));
    const auto parsed = poll::parse_frame(frame, {.mac = tests::mac(1)});
    ASSERT_TRUE(parsed) << tests::hex(frame);
    ASSERT_EQ(parsed->path.client.port, ticket.port);
    ASSERT_EQ(parsed->path.client.address, client(ticket.address));
    ASSERT_EQ(parsed->path.ours, (base::Endpoint{tests::address(GetParam().server), 53}));
    ASSERT_EQ(tests::bytes_of(frame.subspan(parsed->payload_at)),
              tests::a_query(name_).id(ticket.id).opt({}).build());
  }
}

TEST_P(Wire, TakesARightAnswer) {
  const Ticket ticket = flights_.open(1, 77, 2);
  const Reply reply = look_at(packet(ticket, answer(ticket).build()));
  EXPECT_EQ(reply.finding, Finding::Right);
  ASSERT_NE(reply.flight, nullptr);
  EXPECT_EQ(reply.flight->due, 77);
}

TEST_P(Wire, ToleratesPadding) {
  const Ticket ticket = flights_.open(1, 1, 2);
  tests::Packet padded = packet(ticket, answer(ticket).build());
  padded.padding = Bytes(9, std::byte{0xFF});
  EXPECT_EQ(look_at(padded).finding, Finding::Right);
}

TEST_P(Wire, FindsBadChecksums) {
  const Ticket ticket = flights_.open(1, 1, 2);
  tests::Packet bad_udp = packet(ticket, answer(ticket).build());
  bad_udp.udp_checksum = 0x1234;
  EXPECT_EQ(look_at(bad_udp).finding, Finding::BadUdpChecksum);
  tests::Packet bad_length = packet(ticket, answer(ticket).build());
  bad_length.udp_length = 20;
  EXPECT_EQ(look_at(bad_length).finding, Finding::BadUdpChecksum);
}

TEST_P(Wire, FindsABadHeaderChecksum) {
  const Ticket ticket = flights_.open(1, 1, 2);
  tests::Packet bad = packet(ticket, answer(ticket).build());
  bad.ip_checksum = 0x1234;  // IPv6 has none to get wrong.
  const bool is_v4 = bad.source.address.is_v4();
  EXPECT_EQ(look_at(bad).finding, is_v4 ? Finding::BadIpChecksum : Finding::Right);
}

TEST_P(Wire, DoesWithoutAChecksumOverIp4Only) {
  const Ticket ticket = flights_.open(1, 1, 2);
  tests::Packet bare = packet(ticket, answer(ticket).build());
  bare.udp_checksum = 0;
  const bool is_v4 = bare.source.address.is_v4();
  EXPECT_EQ(look_at(bare).finding, is_v4 ? Finding::Right : Finding::BadUdpChecksum);
}

TEST_P(Wire, LeavesOutWhatIsNotForIt) {
  const Ticket ticket = flights_.open(1, 1, 2);
  tests::Packet other_server = packet(ticket, answer(ticket).build());
  other_server.source.address = client(200);
  EXPECT_EQ(look_at(other_server).finding, Finding::NotForUs);
  tests::Packet other_client = packet(ticket, answer(ticket).build());
  other_client.destination.address = client(kAddresses);
  EXPECT_EQ(look_at(other_client).finding, Finding::NotForUs);
  tests::Packet other_protocol = packet(ticket, answer(ticket).build());
  other_protocol.protocol = 6;
  EXPECT_EQ(look_at(other_protocol).finding, Finding::NotForUs);
  tests::Packet other_family = packet(ticket, answer(ticket).build());
  const bool is_v4 = other_family.source.address.is_v4();
  other_family.source.address = tests::address(is_v4 ? "2001:db8::1" : "192.0.2.1");
  other_family.destination.address = tests::address(is_v4 ? "2001:db8::2" : "192.0.2.2");
  EXPECT_EQ(look_at(other_family).finding, Finding::NotForUs);
  EXPECT_EQ(check_.look_at(Bytes(13), flights_).finding, Finding::NotForUs);
}

TEST_P(Wire, FindsWrongAnswers) {
  const Ticket ticket = flights_.open(1, 1, 2);
  const auto finding = [&](const tests::MessageBuilder& message) {
    return look_at(packet(ticket, message.build())).finding;
  };
  EXPECT_EQ(finding(answer(ticket).id(static_cast<uint16_t>(ticket.id + 1))), Finding::Unexpected);
  EXPECT_EQ(finding(tests::an_answer("h1.odd.example").id(ticket.id)), Finding::WrongQuestion);
  EXPECT_EQ(finding(tests::an_answer(name_, dns::Type::A, dns::Rcode::ServFail).id(ticket.id)),
            Finding::WrongRcode);
  EXPECT_EQ(finding(tests::an_answer(name_).id(ticket.id)), Finding::Malformed);  // No record.
  EXPECT_EQ(finding(answer(ticket).flags(0x8380)), Finding::Malformed);           // Truncated.
  EXPECT_EQ(finding(tests::a_query(name_).id(ticket.id)), Finding::Malformed);    // No response.
  EXPECT_EQ(look_at(packet(ticket, Bytes(11))).finding, Finding::Malformed);
  EXPECT_EQ(finding(answer(ticket)), Finding::Right);  // None of these has landed the query.
}

TEST_P(Wire, TakesAnEchoIfToldSo) {
  const ReplyCheck echo(questions_, route_, kAddresses, {.echo = true});
  const Ticket ticket = flights_.open(1, 1, 2);
  const Bytes query = tests::a_query(name_).id(ticket.id).opt({}).build();
  EXPECT_EQ(echo.look_at(packet(ticket, query).build(), flights_).finding, Finding::Right);
  EXPECT_EQ(echo.look_at(packet(ticket, answer(ticket).build()).build(), flights_).finding,
            Finding::Malformed);
}

INSTANTIATE_TEST_SUITE_P(Load, Wire,
                         testing::Values(Family{"ip4", "198.18.1.1", "198.18.0."},
                                         Family{"ip6", "2001:db8:1::1", "2001:db8::"}),
                         [](const auto& family) { return family.param.name; });

}  // namespace
}  // namespace load
