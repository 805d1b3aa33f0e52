// DNS over HTTPS against the server's end of nghttp2, and against one that does not keep to the
// rules.
#include "tls-workers/transport/doh_carrier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "dataplane/dns/query.h"
#include "tests/tls-workers/http2_peer.h"

namespace tests {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

backends::BackendSettings backend() {
  backends::BackendSettings settings;
  settings.name = "doh";
  settings.address = *base::Endpoint::parse("192.0.2.1:443", 443);
  settings.protocol = backends::Protocol::DoH;
  settings.subject_name = "dns.example";
  return settings;
}

dns::Question question_for(const std::string& name) {
  return dns::make_question(wire_name(name), dns::Type::A, dns::Class::In, dns::Wants::Plain,
                            dns::PoolId{});
}

Bytes answer_to(const Bytes& query) {
  const auto parsed = dns::parse_query(query);
  EXPECT_TRUE(parsed.has_value());
  return MessageBuilder()
      .id(parsed->head.id)
      .flags(0x8180)
      .question(bytes_of(parsed->name()), parsed->type)
      .answer(a_record(pointer_to_question(), 300, {192, 0, 2, 1}))
      .build();
}

/// What became of a query, with copies of what the carrier only lends.
struct Ended {
  uint16_t id = 0;
  Bytes message;
  std::optional<backends::Fault> fault;
  base::seconds age{0};
};

class Conversation {
 public:
  explicit Conversation(const backends::BackendSettings& settings = backend(),
                        uint32_t streams = 100, uint32_t window = 65535)
      : settings_(settings), carrier(settings_), peer(streams, window) {
    carrier.open();
  }

  uint16_t ask(const std::string& name = "www.example.") {
    carrier.ask(question_for(name), next_id_);
    return next_id_++;
  }
  /// Both say all they have to say; the carrier gets it in pieces of `piece` octets.
  void talk(size_t piece = 16384) {
    for (int round = 0; round < 20; ++round) {
      speak();
      if (!listen(piece)) return;
    }
  }
  void speak() {
    const Bytes said = bytes_of(carrier.unsent());
    carrier.sent(said.size());
    EXPECT_TRUE(peer.hear(said));
  }
  /// Whether there was anything to hear.
  bool listen(size_t piece = 16384) {
    const Bytes said = peer.take_output();
    size_t at = 0;
    while (at < said.size() && !carrier.fault()) {
      const base::ByteSpan room = carrier.room();
      const size_t size = std::min({piece, room.size(), said.size() - at});
      std::copy_n(said.begin() + static_cast<ptrdiff_t>(at), size, room.begin());
      heard_answers = carrier.filled(size) == transport::Carrier::Came::Answers || heard_answers;
      at += size;
      while (const auto outcome = carrier.next()) {
        ended.push_back({outcome->id, bytes_of(outcome->message),
                         outcome->fault != nullptr ? std::optional(*outcome->fault) : std::nullopt,
                         outcome->age});
      }
    }
    return !said.empty();
  }

 private:
  backends::BackendSettings settings_;
  uint16_t next_id_ = 65533;  // Ids run over soon.

 public:
  transport::DohCarrier carrier;
  Http2Peer peer;
  std::vector<Ended> ended;
  bool heard_answers = false;
};

TEST(DohCarrier, AsksWithAPostThatSaysNothingOfItsSender) {
  Conversation talk;
  talk.ask("www.example.");
  talk.talk();
  const std::vector<HttpRequest> requests = talk.peer.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_THAT(
      requests[0].headers,
      ElementsAre(Pair(":method", "POST"), Pair(":scheme", "https"),
                  Pair(":authority", "dns.example"), Pair(":path", "/dns-query"),
                  Pair("accept", "application/dns-message"),
                  Pair("content-type", "application/dns-message"), Pair("content-length", "128")));
  const auto query = dns::parse_query(requests[0].body);
  ASSERT_TRUE(query.has_value());
  EXPECT_EQ(query->head.id, 0);
  EXPECT_EQ(requests[0].body.size() % dns::kPaddingBlock, 0u);
  EXPECT_EQ(bytes_of(query->name()), wire_name("www.example."));
  EXPECT_EQ(talk.peer.client_settings().at(NGHTTP2_SETTINGS_ENABLE_PUSH), 0u);
}

TEST(DohCarrier, NamesTheHostThatTheCertificateIsFor) {
  struct Host {
    const char* name;
    const char* address;
    const char* subject_name;
    const char* subject_address;
    const char* authority;
  };
  for (const Host& host : {Host{"name", "192.0.2.1:443", "dns.example", "", "dns.example"},
                           Host{"port", "192.0.2.1:8443", "dns.example", "", "dns.example:8443"},
                           Host{"v4", "192.0.2.1:443", "", "192.0.2.1", "192.0.2.1"},
                           Host{"v6", "192.0.2.1:8443", "", "2001:db8::1", "[2001:db8::1]:8443"},
                           Host{"pins", "192.0.2.1:443", "", "", "192.0.2.1"}}) {
    backends::BackendSettings settings = backend();
    settings.address = *base::Endpoint::parse(host.address, 443);
    settings.subject_name = host.subject_name;
    settings.subject_address = host.subject_address;
    settings.path = "/custom";
    Conversation talk(settings);
    talk.ask();
    talk.talk();
    const std::vector<HttpRequest> requests = talk.peer.take_requests();
    ASSERT_EQ(requests.size(), 1u) << host.name;
    EXPECT_EQ(requests[0].header(":authority"), host.authority) << host.name;
    EXPECT_EQ(requests[0].header(":path"), "/custom") << host.name;
  }
}

class DohPieces : public testing::TestWithParam<size_t> {};

TEST_P(DohPieces, AnswersInAnyOrderFindTheirIds) {
  Conversation talk;
  std::vector<uint16_t> ids;
  for (int i = 0; i < 8; ++i) ids.push_back(talk.ask("n" + std::to_string(i) + ".example."));
  talk.talk(GetParam());
  std::vector<HttpRequest> requests = talk.peer.take_requests();
  ASSERT_EQ(requests.size(), 8u);
  std::ranges::reverse(requests);
  for (const HttpRequest& request : requests)
    talk.peer.respond(request.stream, {.body = answer_to(request.body)});
  talk.talk(GetParam());
  ASSERT_EQ(talk.ended.size(), 8u);
  EXPECT_TRUE(talk.heard_answers);
  for (const Ended& ended : talk.ended) {
    EXPECT_FALSE(ended.fault);
    const auto index = static_cast<size_t>(static_cast<uint16_t>(ended.id - ids[0]));
    EXPECT_THAT(hex(ended.message),
                HasSubstr(hex(wire_name("n" + std::to_string(index) + ".example."))));
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, DohPieces, testing::Values(1, 2, 9, 100, 16384));

TEST(DohCarrier, TakesTheLongestMessageThereIs) {
  Conversation talk;
  talk.ask();
  talk.talk();
  talk.peer.respond(talk.peer.take_requests().at(0).stream, {.body = Bytes(dns::kMaxMessage)});
  talk.talk();
  ASSERT_EQ(talk.ended.size(), 1u);
  EXPECT_FALSE(talk.ended[0].fault);
  EXPECT_EQ(talk.ended[0].message.size(), dns::kMaxMessage);
}

/// More than the session's window all together: it has to be given back.
TEST(DohCarrier, TakesManyLongMessages) {
  Conversation talk;
  for (int i = 0; i < 60; ++i) {
    talk.ask();
    talk.talk();
    talk.peer.respond(talk.peer.take_requests().at(0).stream, {.body = Bytes(dns::kMaxMessage)});
    talk.talk();
  }
  EXPECT_EQ(talk.ended.size(), 60u);
  EXPECT_FALSE(talk.carrier.fault());
}

/// A response that fails the one query it is for.
struct BadResponse {
  const char* name;
  backends::Failure counted;
  std::string said;
  std::function<void(Http2Peer&, int32_t stream, const Bytes& query)> respond;
};

std::vector<BadResponse> bad_responses() {
  using backends::Failure;
  const auto status = [](const char* code) {
    return [code](Http2Peer& peer, int32_t stream, const Bytes& query) {
      peer.respond(stream, {.status = code, .body = answer_to(query)});
    };
  };
  const auto type = [](const char* media_type) {
    return [media_type](Http2Peer& peer, int32_t stream, const Bytes& query) {
      peer.respond(stream, {.content_type = media_type, .body = answer_to(query)});
    };
  };
  const auto body = [](size_t size) {
    return [size](Http2Peer& peer, int32_t stream, const Bytes&) {
      peer.respond(stream, {.body = Bytes(size)});
    };
  };
  return {
      {"status_202", Failure::Refused, "HTTP status 202", status("202")},
      {"status_301", Failure::Refused, "HTTP status 301", status("301")},
      {"status_403", Failure::Refused, "HTTP status 403", status("403")},
      {"status_429", Failure::Refused, "HTTP status 429", status("429")},
      {"status_500", Failure::Refused, "HTTP status 500", status("500")},
      {"status_503", Failure::Refused, "HTTP status 503", status("503")},
      {"content_type_html", Failure::Malformed, "something else", type("text/html")},
      {"content_type_json", Failure::Malformed, "something else", type("application/dns-json")},
      {"content_type_longer", Failure::Malformed, "something else",
       type("application/dns-messages")},
      {"no_content_type", Failure::Malformed, "something else", type("")},
      {"empty_body", Failure::Malformed, "too short", body(0)},
      {"body_of_11", Failure::Malformed, "too short", body(11)},
      {"body_of_65536", Failure::Malformed, "too long", body(65536)},
      {"body_without_end", Failure::Malformed, "too long", body(1'000'000)},
      {"content_length_lies", Failure::Malformed, "broken HTTP",
       [](Http2Peer& peer, int32_t stream, const Bytes& query) {
         peer.respond(stream, {.body = answer_to(query), .more = {{"content-length", "5"}}});
       }},
      {"reset", Failure::Reset, "INTERNAL_ERROR",
       [](Http2Peer& peer, int32_t stream, const Bytes&) {
         peer.reset(stream, NGHTTP2_INTERNAL_ERROR);
       }},
      {"refused_stream", Failure::Reset, "REFUSED_STREAM",
       [](Http2Peer& peer, int32_t stream, const Bytes&) {
         peer.reset(stream, NGHTTP2_REFUSED_STREAM);
       }},
      {"headers_flood", Failure::Malformed, "more HTTP headers",
       [](Http2Peer& peer, int32_t stream, const Bytes& query) {
         HttpResponse response{.body = answer_to(query)};
         for (int i = 0; i < 40; ++i)
           response.more.emplace_back("x-" + std::to_string(i), std::string(1000, 'h'));
         peer.respond(stream, response);
       }},
  };
}

class DohBadResponse : public testing::TestWithParam<BadResponse> {};

TEST_P(DohBadResponse, FailsItsQueryAlone) {
  Conversation talk;
  const uint16_t bad = talk.ask("bad.example.");
  const uint16_t good = talk.ask("good.example.");
  talk.talk();
  const std::vector<HttpRequest> requests = talk.peer.take_requests();
  ASSERT_EQ(requests.size(), 2u);
  GetParam().respond(talk.peer, requests[0].stream, requests[0].body);
  talk.talk();
  ASSERT_EQ(talk.ended.size(), 1u);
  EXPECT_EQ(talk.ended[0].id, bad);
  ASSERT_TRUE(talk.ended[0].fault);
  EXPECT_EQ(talk.ended[0].fault->kind, GetParam().counted);
  EXPECT_THAT(talk.ended[0].fault->text, HasSubstr(GetParam().said));
  talk.peer.respond(requests[1].stream, {.body = answer_to(requests[1].body)});
  talk.talk();
  ASSERT_EQ(talk.ended.size(), 2u);
  EXPECT_EQ(talk.ended[1].id, good);
  EXPECT_FALSE(talk.ended[1].fault);
  EXPECT_FALSE(talk.carrier.fault());
}

INSTANTIATE_TEST_SUITE_P(Responses, DohBadResponse, testing::ValuesIn(bad_responses()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(DohCarrier, MediaTypeMayHaveParametersAndCapitals) {
  for (const char* type : {"application/dns-message; charset=utf-8", "Application/DNS-Message"}) {
    Conversation talk;
    talk.ask();
    talk.talk();
    const std::vector<HttpRequest> requests = talk.peer.take_requests();
    talk.peer.respond(requests.at(0).stream,
                      {.content_type = type, .body = answer_to(requests[0].body)});
    talk.talk();
    ASSERT_EQ(talk.ended.size(), 1u);
    EXPECT_FALSE(talk.ended[0].fault) << type;
  }
}

TEST(DohCarrier, InformationBeforeTheAnswerIsPassedOver) {
  Conversation talk;
  talk.ask();
  talk.talk();
  const std::vector<HttpRequest> requests = talk.peer.take_requests();
  // HPACK without a table: literal ":status" (static index 8) with the value "103".
  talk.peer.raw(Http2Peer::frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, requests.at(0).stream,
                                 bytes_of({0x08, 3, '1', '0', '3'})));
  talk.peer.respond(requests[0].stream, {.body = answer_to(requests[0].body)});
  talk.talk();
  ASSERT_EQ(talk.ended.size(), 1u);
  EXPECT_FALSE(talk.ended[0].fault);
}

TEST(DohCarrier, TellsHowLongAnAnswerWasKeptOnTheWay) {
  struct Age {
    const char* value;
    int64_t seconds;
  };
  for (const Age& age : {Age{"0", 0}, Age{"250", 250}, Age{"", 0}, Age{"-1", 0}, Age{"1s", 0},
                         Age{"99999999999999999999999999", int64_t{1} << 31}}) {
    Conversation talk;
    talk.ask();
    talk.talk();
    talk.peer.respond(1, {.body = Bytes(20), .more = {{"age", age.value}}});
    talk.talk();
    ASSERT_EQ(talk.ended.size(), 1u);
    EXPECT_EQ(talk.ended[0].age.count(), age.seconds) << age.value;
  }
}

/// The frames of a response of 20 octets, made by hand so that they can be sent at any time.
Bytes response_by_hand(int32_t stream) {
  const std::string_view type = "application/dns-message";
  const Bytes head = joined({bytes_of({0x88, 0x0F, 0x10, static_cast<int>(type.size())}),
                             bytes_of(std::as_bytes(std::span(type)))});
  return joined({Http2Peer::frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, stream, head),
                 Http2Peer::frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream, Bytes(20))});
}

TEST(DohCarrier, SecondAnswerToAQueryIsNoOutcome) {
  Conversation talk;
  talk.ask();
  talk.ask();
  talk.talk();
  talk.peer.raw(response_by_hand(1));
  talk.peer.raw(response_by_hand(1));
  talk.peer.raw(response_by_hand(3));
  talk.listen();
  ASSERT_EQ(talk.ended.size(), 2u);
  EXPECT_NE(talk.ended[0].id, talk.ended[1].id);
  EXPECT_FALSE(talk.ended[1].fault);
  EXPECT_FALSE(talk.carrier.fault());
}

// ---------------------------------------------------------------- the whole session

/// What a server can say that ends the session.
struct Breach {
  const char* name;
  std::string said;
  std::function<Bytes(int32_t stream)> octets;
};

Bytes repeated(const Bytes& part, size_t times) {
  Bytes all;
  for (size_t i = 0; i < times; ++i) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::vector<Breach> breaches() {
  const auto flood = [](uint8_t type, uint8_t flags, size_t size) {
    return [=](int32_t stream) {
      const bool of_stream = type == NGHTTP2_DATA;
      return repeated(Http2Peer::frame(type, flags, of_stream ? stream : 0, Bytes(size)), 20000);
    };
  };
  return {
      {"not_http2", "",
       [](int32_t) {
         const std::string_view text = "HTTP/1.1 400 Bad Request\r\n\r\n";
         return bytes_of(std::as_bytes(std::span(text)));
       }},
      {"ping_flood", "", flood(NGHTTP2_PING, 0, 8)},
      {"settings_flood", "", flood(NGHTTP2_SETTINGS, 0, 0)},
      {"empty_data_flood", "without end",
       [](int32_t stream) {
         const Bytes head =
             Http2Peer::frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, stream, bytes_of({0x88}));
         return joined({head, repeated(Http2Peer::frame(NGHTTP2_DATA, 0, stream, {}), 20000)});
       }},
      {"padding_flood", "without end",
       [](int32_t stream) {
         const Bytes head =
             Http2Peer::frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, stream, bytes_of({0x88}));
         const Bytes padding =
             Http2Peer::frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, stream, bytes_of({0}));
         return joined({head, repeated(padding, 20000)});
       }},
      {"unknown_frames_flood", "without end", flood(0x42, 0, 0)},
      {"window_update_flood", "",
       [](int32_t) {
         return repeated(Http2Peer::frame(NGHTTP2_WINDOW_UPDATE, 0, 0, bytes_of({0, 0, 0, 1})),
                         20000);
       }},
      {"continuation_flood", "",
       [](int32_t stream) {
         const Bytes part = Http2Peer::frame(NGHTTP2_CONTINUATION, 0, stream, {});
         return joined({Http2Peer::frame(NGHTTP2_HEADERS, 0, stream, bytes_of({0x88})),
                        repeated(part, 20000)});
       }},
      {"push_promise", "",
       [](int32_t stream) {
         return Http2Peer::frame(NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, stream,
                                 bytes_of({0, 0, 0, 2, 0x82, 0x84, 0x87}));
       }},
      {"frame_too_long", "",
       [](int32_t stream) { return Http2Peer::frame(NGHTTP2_DATA, 0, stream, Bytes(16385)); }},
      {"broken_hpack", "",
       [](int32_t stream) {
         return Http2Peer::frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, stream,
                                 bytes_of({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}));
       }},
      {"data_on_stream_0", "",
       [](int32_t) { return Http2Peer::frame(NGHTTP2_DATA, 0, 0, Bytes(5)); }},
      {"stream_nobody_opened", "",
       [](int32_t) {
         return Http2Peer::frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 99, bytes_of({0x88}));
       }},
  };
}

class DohBreach : public testing::TestWithParam<Breach> {};

TEST_P(DohBreach, EndsTheSession) {
  Conversation talk;
  talk.ask();
  talk.talk();
  const int32_t stream = talk.peer.take_requests().at(0).stream;
  talk.peer.raw(GetParam().octets(stream));
  talk.listen();
  ASSERT_TRUE(talk.carrier.fault());
  EXPECT_EQ(talk.carrier.fault()->kind, backends::Failure::Malformed);
  EXPECT_THAT(talk.carrier.fault()->text, HasSubstr(GetParam().said));
  EXPECT_FALSE(talk.carrier.has_room());
}

INSTANTIATE_TEST_SUITE_P(Peers, DohBreach, testing::ValuesIn(breaches()),
                         [](const auto& test) { return std::string(test.param.name); });

/// Each response is much longer than the answer in it.
TEST(DohCarrier, WhatAnswersPayForIsNoFlood) {
  Conversation talk;
  const size_t responses = 200;
  for (size_t i = 0; i < responses; ++i) {
    talk.ask();
    talk.talk();
    const std::vector<HttpRequest> requests = talk.peer.take_requests();
    for (int ping = 0; ping < 10; ++ping) talk.peer.ping();
    const std::string fresh = std::to_string(i) + std::string(3000, 'h');
    talk.peer.respond(requests.at(0).stream,
                      {.body = answer_to(requests[0].body), .more = {{"x-fresh", fresh}}});
    talk.talk();
  }
  EXPECT_GT(responses * 3000, transport::DohCarrier::kOctetsAtFirst);
  EXPECT_EQ(talk.ended.size(), responses);
  EXPECT_FALSE(talk.carrier.fault());
}

TEST(DohCarrier, OnlyPartsOfAnswersAreSignsOfLife) {
  Conversation talk;
  talk.ask();
  talk.talk();
  talk.peer.ping();
  talk.talk();
  EXPECT_FALSE(talk.heard_answers);
  talk.peer.respond(talk.peer.take_requests().at(0).stream, {.body = Bytes(20)});
  talk.talk();
  EXPECT_TRUE(talk.heard_answers);
}

TEST(DohCarrier, RespectsTheServersLimitOfStreams) {
  Conversation talk(backend(), 3);
  talk.talk();
  std::vector<uint16_t> ids;
  while (talk.carrier.has_room()) ids.push_back(talk.ask());
  EXPECT_EQ(ids.size(), 3u);
  talk.talk();
  const std::vector<HttpRequest> requests = talk.peer.take_requests();
  ASSERT_EQ(requests.size(), 3u);
  talk.peer.respond(requests[1].stream, {.body = answer_to(requests[1].body)});
  talk.talk();
  EXPECT_TRUE(talk.carrier.has_room());
  talk.peer.set_max_concurrent_streams(1);
  talk.talk();
  EXPECT_FALSE(talk.carrier.has_room());
}

TEST(DohCarrier, AssumesAHundredStreamsUntilTold) {
  Conversation talk(backend(), 1000);
  unsigned asked = 0;
  for (; talk.carrier.has_room(); ++asked) talk.ask();
  EXPECT_EQ(asked, transport::DohCarrier::kStreamsAtFirst);
  talk.talk();
  for (; talk.carrier.has_room(); ++asked) talk.ask();
  EXPECT_EQ(asked, 1000u);
  talk.talk();
  EXPECT_EQ(talk.peer.take_requests().size(), 1000u);
}

/// The socket takes a little at a time, and never all that there is.
TEST(DohCarrier, QueriesLeaveInWhateverPieces) {
  Conversation talk(backend(), 2000);
  talk.talk();
  size_t said = 0;
  for (int i = 0; i < 2000; ++i) {
    talk.ask();
    const base::ByteView unsent = talk.carrier.unsent();
    const size_t piece = std::min<size_t>(unsent.size() - 1, 100);
    EXPECT_TRUE(talk.peer.hear(unsent.first(piece)));
    talk.carrier.sent(piece);
    said += piece;
  }
  EXPECT_GT(said, transport::DohCarrier::kMaxUnsent);
  talk.talk();
  EXPECT_EQ(talk.peer.take_requests().size(), 2000u);
}

TEST(DohCarrier, WaitsForTheServersWindow) {
  Conversation talk(backend(), 100, 50);  // Less than one query.
  talk.talk();
  talk.ask();
  talk.ask();
  talk.talk();
  const std::vector<HttpRequest> requests = talk.peer.take_requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].body.size(), 128u);
}

TEST(DohCarrier, AnswerBeforeTheWholeQueryIsTaken) {
  Conversation talk(backend(), 100, 0);
  talk.talk();
  talk.ask();
  talk.speak();
  talk.peer.respond(1, {.body = Bytes(20)});
  talk.listen();
  ASSERT_EQ(talk.ended.size(), 1u);
  EXPECT_FALSE(talk.ended[0].fault);
  talk.talk();
  EXPECT_THAT(talk.peer.cancelled(), ElementsAre(1));
  EXPECT_FALSE(talk.carrier.fault());
}

TEST(DohCarrier, GivesAStreamUpWithItsQuery) {
  Conversation talk(backend(), 1);
  talk.talk();
  const uint16_t id = talk.ask();
  talk.talk();
  EXPECT_FALSE(talk.carrier.has_room());
  EXPECT_FALSE(talk.carrier.give_up(id));
  EXPECT_TRUE(talk.carrier.has_room());
  talk.talk();
  EXPECT_THAT(talk.peer.cancelled(), ElementsAre(1));
  EXPECT_THAT(talk.ended, IsEmpty());
  talk.ask();
  talk.talk();
  EXPECT_EQ(talk.peer.take_requests().size(), 2u);
}

TEST(DohCarrier, LateAnswerIsStillTakenWhileStreamsAreFree) {
  Conversation talk(backend(), 2);
  talk.talk();
  const uint16_t id = talk.ask();
  talk.talk();
  EXPECT_TRUE(talk.carrier.give_up(id));
  talk.talk();
  EXPECT_THAT(talk.peer.cancelled(), IsEmpty());
  talk.peer.respond(1, {.body = Bytes(20)});
  talk.talk();
  ASSERT_EQ(talk.ended.size(), 1u);
  EXPECT_EQ(talk.ended[0].id, id);
}

TEST(DohCarrier, GoAwayFailsWhatWasNotLookedAt) {
  Conversation talk;
  const uint16_t below = talk.ask("below.example.");
  const uint16_t above = talk.ask("above.example.");
  talk.talk();
  const std::vector<HttpRequest> requests = talk.peer.take_requests();
  EXPECT_FALSE(talk.carrier.refuses_more());
  talk.peer.go_away(requests[0].stream);
  talk.listen();
  EXPECT_TRUE(talk.carrier.refuses_more());
  EXPECT_FALSE(talk.carrier.has_room());
  ASSERT_EQ(talk.ended.size(), 1u);
  EXPECT_EQ(talk.ended[0].id, above);
  ASSERT_TRUE(talk.ended[0].fault);
  EXPECT_EQ(talk.ended[0].fault->kind, backends::Failure::Eof);
  talk.peer.respond(requests[0].stream, {.body = answer_to(requests[0].body)});
  talk.listen();
  ASSERT_EQ(talk.ended.size(), 2u);
  EXPECT_EQ(talk.ended[1].id, below);
  EXPECT_FALSE(talk.ended[1].fault);
  EXPECT_FALSE(talk.carrier.fault());
}

TEST(DohCarrier, SaysGoodbye) {
  Conversation talk;
  talk.talk();
  talk.carrier.finish();
  talk.speak();
  EXPECT_TRUE(talk.peer.client_went_away());
}

TEST(DohCarrier, StartsAgainOnANewStream) {
  transport::DohCarrier carrier(backend());
  for (int i = 0; i < 3; ++i) {
    carrier.open();
    Http2Peer peer;
    carrier.ask(question_for("www.example."), static_cast<uint16_t>(i * 1000));
    const Bytes said = bytes_of(carrier.unsent());
    carrier.sent(said.size());
    EXPECT_TRUE(peer.hear(said));
    EXPECT_EQ(peer.take_requests().at(0).stream, 1);
    carrier.clear();
  }
}

}  // namespace
}  // namespace tests
