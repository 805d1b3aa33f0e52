// DNS over HTTPS for clients, against the client's end of nghttp2 and against one that keeps to no
// rules.
#include "tls-workers/frontend/doh_carrier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "tests/tls-workers/frontend/http2_client.h"

namespace tests {
namespace {

using frontend::DohCarrier;
using frontend::HttpRequest;
using frontend::Standing;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

const Bytes kQuery = a_query("www.example.").build();

Bytes reply_of(size_t records, uint32_t ttl = 300) {
  MessageBuilder builder = an_answer("www.example.");
  for (size_t i = 0; i < records; ++i)
    builder.answer(a_record(pointer_to_question(), ttl, {192, 0, 2, 1}));
  return builder.build();
}

/// A query as it came, with a copy of what the carrier only lends.
struct Asked {
  uint32_t stream = 0;
  Bytes message;
};

class Conversation {
 public:
  explicit Conversation(uint32_t window = 65535) : carrier(paths_), client(window) {}

  /// Both say all they have to say; the carrier hears it in pieces of `piece` octets.
  void talk(size_t piece = 16384) {
    for (int round = 0; round < 200; ++round) {
      const bool heard = carrier_hears(client.take_output(), piece);
      if (!client_hears() && !heard) return;
    }
  }
  bool carrier_hears(const Bytes& said, size_t piece = 16384) {
    size_t at = 0;
    while (at < said.size() && carrier.standing() == Standing::Open) {
      const base::ByteSpan room = carrier.room();
      const size_t size = std::min({piece, room.size(), said.size() - at});
      std::copy_n(said.begin() + static_cast<ptrdiff_t>(at), size, room.begin());
      carrier.filled(size);
      at += size;
      while (const auto request = carrier.next())
        asked.push_back({request->stream, bytes_of(request->message)});
    }
    return !said.empty();
  }
  bool client_hears() {
    const Bytes said = bytes_of(carrier.unsent());
    carrier.sent(said.size());
    EXPECT_TRUE(client.hear(said));
    return !said.empty();
  }
  void answer(uint32_t stream, const Bytes& message) { carrier.reply(stream, message, {}); }

 private:
  const DohCarrier::Paths paths_ =
      std::make_shared<const std::vector<std::string>>(1, "/dns-query");

 public:
  DohCarrier carrier;
  Http2Client client;
  std::vector<Asked> asked;
};

// ---------------------------------------------------------------- queries and replies

class FrontDohPieces : public testing::TestWithParam<size_t> {};

TEST_P(FrontDohPieces, RepliesInAnyOrderFindTheirStreams) {
  Conversation talk;
  std::vector<int32_t> streams;
  std::vector<Bytes> queries;
  for (int i = 0; i < 8; ++i) {
    queries.push_back(a_query("n" + std::to_string(i) + ".example.").build());
    streams.push_back(talk.client.post(queries.back()));
  }
  talk.talk(GetParam());
  ASSERT_EQ(talk.asked.size(), 8u);
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(hex(talk.asked[i].message), hex(queries[i]));
  EXPECT_FALSE(talk.carrier.is_amid_query());
  for (size_t i = 8; i-- > 0;) talk.answer(talk.asked[i].stream, reply_of(i));
  talk.talk(GetParam());
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(talk.client.reply(streams[i]).status(), "200");
    EXPECT_EQ(hex(talk.client.reply(streams[i]).body), hex(reply_of(i)));
    EXPECT_TRUE(talk.client.reply(streams[i]).whole);
  }
  EXPECT_EQ(talk.carrier.held(), 0u);
  EXPECT_EQ(talk.carrier.standing(), Standing::Open);
}

INSTANTIATE_TEST_SUITE_P(Octets, FrontDohPieces, testing::Values(1, 2, 7, 100, 16384));

TEST(FrontDoh, SaysWhatRfc8484AsksForAndNothingElse) {
  Conversation talk;
  const int32_t stream = talk.client.post(kQuery);
  talk.talk();
  ASSERT_EQ(talk.asked.size(), 1u);
  talk.answer(talk.asked[0].stream, reply_of(2, 77));
  talk.talk();
  EXPECT_THAT(talk.client.reply(stream).headers,
              ElementsAre(Pair(":status", "200"), Pair("content-type", "application/dns-message"),
                          Pair("content-length", std::to_string(reply_of(2).size())),
                          Pair("cache-control", "max-age=77")));
}

TEST(FrontDoh, TellsItsLimitsFirst) {
  Conversation talk;
  talk.talk();
  const auto& settings = talk.client.server_settings();
  EXPECT_EQ(settings.at(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS), DohCarrier::kMaxStreams);
  EXPECT_EQ(settings.at(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE), HttpRequest::kMaxHeaderList);
  EXPECT_EQ(settings.at(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE), HttpRequest::kMaxQuery + 1);
}

TEST(FrontDoh, TakesAGet) {
  Conversation talk;
  // RFC 8484 §4.1.1
  talk.client.get("/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB");
  talk.talk();
  ASSERT_EQ(talk.asked.size(), 1u);
  EXPECT_EQ(hex(talk.asked[0].message), hex(a_query("www.example.com.").id(0).build()));
}

TEST(FrontDoh, MayKeepNoFailure) {
  Conversation talk;
  const int32_t stream = talk.client.post(kQuery);
  talk.talk();
  ASSERT_EQ(talk.asked.size(), 1u);
  talk.answer(talk.asked[0].stream,
              an_answer("www.example.", dns::Type::A, dns::Rcode::ServFail).build());
  talk.talk();
  EXPECT_EQ(talk.client.reply(stream).status(), "200");
  EXPECT_EQ(talk.client.reply(stream).header("cache-control"), "max-age=0");
}

TEST(FrontDoh, CarriesTheLargestReply) {
  Conversation talk;
  const int32_t stream = talk.client.post(kQuery);
  talk.talk();
  ASSERT_EQ(talk.asked.size(), 1u);
  talk.answer(talk.asked[0].stream, Bytes(dns::kMaxMessage, std::byte{7}));
  talk.talk();
  EXPECT_EQ(talk.client.reply(stream).body.size(), dns::kMaxMessage);
  EXPECT_TRUE(talk.client.reply(stream).whole);
}

TEST(FrontDoh, HasAStatusForWhatHasNoReply) {
  Conversation talk;
  const int32_t stream = talk.client.post(kQuery);
  talk.talk();
  ASSERT_EQ(talk.asked.size(), 1u);
  talk.carrier.forgo(talk.asked[0].stream);
  talk.answer(talk.asked[0].stream, reply_of(1));  // Too late.
  talk.talk();
  EXPECT_EQ(talk.client.reply(stream).status(), "400");
  EXPECT_THAT(talk.client.reply(stream).body, IsEmpty());
}

TEST(FrontDoh, RefusesInTermsOfHttp) {
  Conversation talk;
  const int32_t elsewhere = talk.client.post(kQuery, "/elsewhere");
  const int32_t put = talk.client.request({{":method", "PUT"},
                                           {":scheme", "https"},
                                           {":authority", "dns.example"},
                                           {":path", "/dns-query"}},
                                          kQuery);
  talk.talk();
  EXPECT_THAT(talk.asked, IsEmpty());
  EXPECT_THAT(talk.client.reply(elsewhere).headers,
              ElementsAre(Pair(":status", "404"), Pair("content-length", "0")));
  EXPECT_THAT(
      talk.client.reply(put).headers,
      ElementsAre(Pair(":status", "405"), Pair("content-length", "0"), Pair("allow", "GET, POST")));
}

TEST(FrontDoh, RefusesWhenTheContentIsThere) {
  Conversation talk;
  const HttpHeaders headers = {{":method", "POST"},
                               {":scheme", "https"},
                               {":authority", "dns.example"},
                               {":path", "/elsewhere"}};
  const int32_t stream = talk.client.request(headers, Bytes(1000), Http2Client::Ends::Later);
  talk.talk();
  EXPECT_THAT(talk.client.reply(stream).headers, IsEmpty());
  talk.client.raw(Http2Client::frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream, {}));
  talk.talk();
  EXPECT_EQ(talk.client.reply(stream).status(), "404");
  EXPECT_FALSE(talk.client.reply(stream).was_reset);
}

TEST(FrontDoh, DoesNotListenToContentWithoutEnd) {
  Conversation talk;
  const HttpHeaders headers = {{":method", "POST"},
                               {":scheme", "https"},
                               {":authority", "dns.example"},
                               {":path", "/dns-query"},
                               {"content-type", "application/dns-message"}};
  const int32_t stream =
      talk.client.request(headers, Bytes(HttpRequest::kMaxContent + 1), Http2Client::Ends::Later);
  talk.talk();
  EXPECT_EQ(talk.client.reply(stream).status(), "413");
  EXPECT_TRUE(talk.client.reply(stream).was_reset);
  EXPECT_EQ(talk.client.reply(stream).error, static_cast<uint32_t>(NGHTTP2_NO_ERROR));
  EXPECT_FALSE(talk.carrier.is_amid_query());
}

TEST(FrontDoh, SaysOneResponseAtATime) {
  Conversation talk;
  const int32_t first = talk.client.post(kQuery);
  const int32_t second = talk.client.post(kQuery);
  talk.talk();
  for (const Asked& asked : talk.asked) talk.answer(asked.stream, reply_of(1));
  talk.client_hears();
  EXPECT_TRUE(talk.client.reply(first).whole);
  EXPECT_FALSE(talk.client.reply(second).whole);
  talk.client_hears();
  EXPECT_TRUE(talk.client.reply(second).whole);
}

TEST(FrontDoh, IsAmidAQueryUntilTheLastOctet) {
  Conversation talk;
  const int32_t stream = talk.client.request({{":method", "POST"},
                                              {":scheme", "https"},
                                              {":authority", "dns.example"},
                                              {":path", "/dns-query"},
                                              {"content-type", "application/dns-message"}},
                                             kQuery, Http2Client::Ends::Later);
  talk.talk();
  EXPECT_THAT(talk.asked, IsEmpty());
  EXPECT_TRUE(talk.carrier.is_amid_query());
  talk.client.raw(Http2Client::frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream, {}));
  talk.talk();
  EXPECT_EQ(talk.asked.size(), 1u);
  EXPECT_FALSE(talk.carrier.is_amid_query());
}

TEST(FrontDoh, TrailersChangeNothing) {
  Conversation talk;
  const int32_t stream = talk.client.request({{":method", "POST"},
                                              {":scheme", "https"},
                                              {":authority", "dns.example"},
                                              {":path", "/dns-query"},
                                              {"content-type", "application/dns-message"}},
                                             kQuery, Http2Client::Ends::Later);
  // content-type: text/html, as a literal with the name of HPACK's static entry 31.
  Bytes trailers = bytes_of({0x0F, 0x10, 9});
  for (const char letter : std::string_view("text/html"))
    trailers.push_back(static_cast<std::byte>(letter));
  talk.client.raw(Http2Client::frame(
      NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, stream, trailers));
  talk.talk();
  EXPECT_EQ(talk.asked.size(), 1u);
}

TEST(FrontDoh, ForgetsWhatTheClientGivesUp) {
  Conversation talk;
  const int32_t given_up = talk.client.post(kQuery);
  const int32_t kept = talk.client.post(kQuery);
  talk.talk();
  ASSERT_EQ(talk.asked.size(), 2u);
  talk.client.reset(given_up);
  talk.talk();
  for (const Asked& asked : talk.asked) talk.answer(asked.stream, reply_of(1));
  talk.talk();
  EXPECT_EQ(talk.client.reply(kept).status(), "200");
  EXPECT_THAT(talk.client.reply(given_up).headers, IsEmpty());
  EXPECT_EQ(talk.carrier.held(), 0u);
}

TEST(FrontDoh, GivesNoQueryThatWasGivenUpBefore) {
  Conversation talk;
  const int32_t stream = talk.client.post(kQuery);
  talk.client.reset(stream);
  talk.talk();
  EXPECT_THAT(talk.asked, IsEmpty());
}

// ---------------------------------------------------------------- the whole connection

TEST(FrontDoh, FinishesWhatItHasTaken) {
  Conversation talk;
  const int32_t before = talk.client.post(kQuery);
  talk.talk();
  talk.carrier.finish();
  talk.talk();
  EXPECT_TRUE(talk.client.server_went_away());
  EXPECT_EQ(talk.client.goodbye(), static_cast<uint32_t>(NGHTTP2_NO_ERROR));
  talk.client.raw(Http2Client::frame(NGHTTP2_HEADERS,
                                     NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, before + 2,
                                     bytes_of({0x82, 0x84, 0x87})));
  talk.talk();
  ASSERT_EQ(talk.asked.size(), 1u);
  talk.answer(talk.asked[0].stream, reply_of(1));
  talk.talk();
  EXPECT_EQ(talk.client.reply(before).status(), "200");
  EXPECT_NE(talk.carrier.standing(), Standing::Malformed);
}

TEST(FrontDoh, AnswersAClientThatAsksNoMore) {
  Conversation talk;
  const int32_t stream = talk.client.post(kQuery);
  talk.client.raw(Http2Client::frame(NGHTTP2_GOAWAY, 0, 0, Bytes(8)));
  talk.talk();
  EXPECT_EQ(talk.carrier.standing(), Standing::Finished);
  ASSERT_EQ(talk.asked.size(), 1u);
  talk.answer(talk.asked[0].stream, reply_of(1));
  talk.client_hears();
  EXPECT_EQ(talk.client.reply(stream).status(), "200");
}

TEST(FrontDoh, TellsOlderHttpWhichOneIsNeeded) {
  Conversation talk;
  const std::string_view text = "GET /dns-query HTTP/1.1\r\nhost: dns.example\r\n\r\n";
  EXPECT_TRUE(talk.carrier.unsent().empty()) << "nobody has spoken HTTP/2 yet";
  talk.carrier_hears(bytes_of(std::as_bytes(std::span(text))));
  EXPECT_EQ(talk.carrier.standing(), Standing::Http1);
  const base::ByteView unsent = talk.carrier.unsent();
  const std::string said(reinterpret_cast<const char*>(unsent.data()), unsent.size());
  EXPECT_THAT(said, testing::StartsWith("HTTP/1.1 505 "));
  EXPECT_THAT(said, HasSubstr("HTTP/2"));
  talk.carrier.finish();
  EXPECT_EQ(talk.carrier.unsent().size(), said.size());
  const size_t content = said.find("\r\n\r\n") + 4;
  EXPECT_THAT(said, HasSubstr("content-length: " + std::to_string(said.size() - content)));
}

TEST(FrontDoh, KnowsOlderHttpFromWhatIsNone) {
  struct Case {
    const char* first;
    Standing standing;
  };
  for (const Case& c :
       {Case{"GET / HTTP/1.0\r\n\r\n", Standing::Http1}, Case{"P", Standing::Open},
        Case{"POST /", Standing::Http1}, Case{"OPT", Standing::Http1},
        Case{" GET /", Standing::Malformed}, Case{"get /", Standing::Malformed},
        Case{"SSH-2.0-x", Standing::Malformed}, Case{"\x16\x03\x01", Standing::Malformed},
        Case{"\xff", Standing::Malformed}}) {
    SCOPED_TRACE(c.first);
    Conversation talk;
    talk.carrier_hears(bytes_of(std::as_bytes(std::span(std::string_view(c.first)))));
    EXPECT_EQ(talk.carrier.standing(), c.standing);
  }
  Conversation slow;
  slow.carrier_hears(bytes_of({'P'}));
  slow.carrier_hears(bytes_of({'U', 'T', ' '}));
  EXPECT_EQ(slow.carrier.standing(), Standing::Http1);
}

/// A GET whose URL has `size` octets, in as many frames as that needs.
Bytes long_get(int32_t stream, size_t size) {
  constexpr size_t kFrame = 16384;
  Bytes block =
      bytes_of({0x82, 0x87, 0x04, 0x7F});  // GET, https; `:path` as it is, RFC 7541 §6.2.2.
  size_t rest = size - 127;                // Its size, §5.1.
  for (; rest >= 128; rest /= 128) block.push_back(static_cast<std::byte>(rest % 128 + 128));
  block.push_back(static_cast<std::byte>(rest));
  const std::string start = "/dns-query?dns=";
  for (size_t i = 0; i < size; ++i)
    block.push_back(static_cast<std::byte>(i < start.size() ? start[i] : 'A'));
  Bytes all;
  for (size_t at = 0; at < block.size(); at += kFrame) {
    const auto first = block.begin() + static_cast<ptrdiff_t>(at);
    const size_t part = std::min(kFrame, block.size() - at);
    const bool last = at + part == block.size();
    const auto flags = static_cast<uint8_t>((last ? NGHTTP2_FLAG_END_HEADERS : 0) |
                                            (at == 0 ? NGHTTP2_FLAG_END_STREAM : 0));
    all = joined(
        {all, Http2Client::frame(at == 0 ? NGHTTP2_HEADERS : NGHTTP2_CONTINUATION, flags, stream,
                                 Bytes(first, first + static_cast<ptrdiff_t>(part)))});
  }
  return all;
}

TEST(FrontDoh, RefusesATooLongUrlAndGoesOn) {
  for (const auto& [size, status] :
       {std::pair{size_t{6000}, "414"}, std::pair{size_t{20'000}, "431"},
        std::pair{size_t{60'000}, "431"}}) {
    SCOPED_TRACE(size);
    Conversation talk;
    const int32_t other = talk.client.post(kQuery);
    const int32_t too_long = talk.client.get("/dns-query?dns=" + std::string(size, 'A'));
    talk.talk();
    EXPECT_EQ(talk.client.reply(too_long).status(), status);
    ASSERT_EQ(talk.asked.size(), 1u);
    talk.answer(talk.asked[0].stream, reply_of(1));
    talk.talk();
    EXPECT_EQ(talk.client.reply(other).status(), "200");
    EXPECT_EQ(talk.carrier.standing(), Standing::Open);
  }
}

/// No decoder of header fields takes one that has no end, and what is not decoded leaves both sides
/// with different tables: RFC 9113 §4.3 has the connection end.
TEST(FrontDoh, EndsAConnectionOverAFieldThatCannotBeDecoded) {
  Conversation talk;
  const int32_t other = talk.client.post(kQuery);
  talk.talk();
  talk.client.raw(long_get(other + 2, 87'000));
  talk.talk();
  EXPECT_EQ(talk.client.goodbye(), static_cast<uint32_t>(NGHTTP2_COMPRESSION_ERROR));
  EXPECT_EQ(talk.carrier.standing(), Standing::Malformed);
}

TEST(FrontDoh, HoldsNoMoreThanItsShareForAClosedWindow) {
  Conversation talk(0);
  for (int i = 0; i < 8; ++i) talk.client.post(kQuery);
  talk.talk();
  ASSERT_EQ(talk.asked.size(), 8u);
  for (const Asked& asked : talk.asked)
    talk.answer(asked.stream, Bytes(dns::kMaxMessage, std::byte{7}));
  talk.talk();
  EXPECT_LE(talk.carrier.held(), DohCarrier::kMaxHeld);
  EXPECT_GT(talk.carrier.held(), DohCarrier::kMaxHeld / 2);
  EXPECT_TRUE(talk.client.reply(static_cast<int32_t>(talk.asked[7].stream)).was_reset);
  EXPECT_EQ(talk.carrier.standing(), Standing::Open);
}

TEST(FrontDoh, TakesNoMoreRequestsAtOnceThanItSaid) {
  Conversation talk;
  for (uint32_t i = 0; i < DohCarrier::kMaxStreams + 10; ++i) talk.client.post(kQuery);
  talk.talk();
  EXPECT_EQ(talk.asked.size(), DohCarrier::kMaxStreams);
}

/// What a client can say that ends the connection.
struct Breach {
  const char* name;
  Standing standing;
  std::function<Bytes(int32_t stream)> octets;
};

class FrontDohBreach : public testing::TestWithParam<Breach> {};

Bytes repeated(const Bytes& part, size_t times) {
  Bytes all;
  for (size_t i = 0; i < times; ++i) all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// POST of nothing, from HPACK's static table: no content type.
Bytes headers_of(int32_t stream, uint8_t flags = NGHTTP2_FLAG_END_HEADERS) {
  return Http2Client::frame(NGHTTP2_HEADERS, flags, stream, bytes_of({0x83, 0x84, 0x87}));
}

std::vector<Breach> breaches() {
  const auto flood = [](uint8_t type, uint8_t flags, size_t size) {
    return [=](int32_t stream) {
      const bool of_stream = type == NGHTTP2_DATA || type == NGHTTP2_PRIORITY;
      return repeated(Http2Client::frame(type, flags, of_stream ? stream : 0, Bytes(size)), 60000);
    };
  };
  return {
      {"ping_flood", Standing::Abusive, flood(NGHTTP2_PING, 0, 8)},
      {"settings_flood", Standing::Abusive, flood(NGHTTP2_SETTINGS, 0, 0)},
      {"unknown_frames", Standing::Abusive, flood(0x42, 0, 100)},
      {"priorities", Standing::Abusive, flood(NGHTTP2_PRIORITY, 0, 5)},
      {"resets_all_it_asks", Standing::Abusive,
       [](int32_t stream) {
         Bytes all;
         for (int32_t i = 0; i < 2000; ++i) {
           all = joined({all, headers_of(stream + 2 * i),
                         Http2Client::frame(NGHTTP2_RST_STREAM, 0, stream + 2 * i, Bytes(4))});
         }
         return all;
       }},
      {"asks_what_is_not_there", Standing::Abusive,
       [](int32_t stream) {
         Bytes all;
         for (int32_t i = 0; i < 2000; ++i) {
           all = joined({all, headers_of(stream + 2 * i,
                                         NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM)});
         }
         return all;
       }},
      {"makes_us_reset_all_it_asks", Standing::Abusive,
       [](int32_t stream) {
         Bytes all;
         for (int32_t i = 0; i < 2000; ++i) {  // A window beyond 2^31 - 1: RFC 9113 §6.9.1.
           all = joined({all, headers_of(stream + 2 * i),
                         Http2Client::frame(NGHTTP2_WINDOW_UPDATE, 0, stream + 2 * i,
                                            bytes_of({0x7F, 0xFF, 0xFF, 0xFF}))});
         }
         return all;
       }},
      {"opens_its_window_by_nothing", Standing::Malformed,
       [](int32_t stream) {
         return joined(
             {headers_of(stream), Http2Client::frame(NGHTTP2_WINDOW_UPDATE, 0, stream, Bytes(4))});
       }},
      {"headers_without_end", Standing::Malformed,
       [](int32_t stream) {
         return joined(
             {headers_of(stream, 0),
              repeated(Http2Client::frame(NGHTTP2_CONTINUATION, 0, stream, Bytes(1)), 10000)});
       }},
      {"hpack_overrun", Standing::Malformed,
       [](int32_t stream) {
         return Http2Client::frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, stream,
                                   Bytes(8, std::byte{0xFF}));
       }},
      {"frame_too_long", Standing::Malformed,
       [](int32_t stream) { return Http2Client::frame(NGHTTP2_DATA, 0, stream, Bytes(16385)); }},
      {"data_on_stream_0", Standing::Malformed,
       [](int32_t) { return Http2Client::frame(NGHTTP2_DATA, 0, 0, Bytes(5)); }},
      {"stream_of_the_server", Standing::Malformed, [](int32_t) { return headers_of(2); }},
      {"push", Standing::Malformed,
       [](int32_t stream) {
         return Http2Client::frame(NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, stream,
                                   bytes_of({0, 0, 0, 2, 0x82, 0x84, 0x87}));
       }},
      {"setting_out_of_range", Standing::Malformed,
       [](int32_t) {
         return Http2Client::frame(NGHTTP2_SETTINGS, 0, 0, bytes_of({0, 2, 0, 0, 0, 2}));
       }},
  };
}

TEST_P(FrontDohBreach, EndsTheConnectionWithinItsBounds) {
  Conversation talk;
  const int32_t stream = talk.client.post(kQuery);
  talk.talk();
  ASSERT_EQ(talk.asked.size(), 1u);
  const Bytes said = GetParam().octets(stream + 2);
  for (size_t at = 0; at < said.size() && talk.carrier.standing() == Standing::Open; at += 1000) {
    const auto first = said.begin() + static_cast<ptrdiff_t>(at);
    talk.carrier_hears(
        Bytes(first, first + static_cast<ptrdiff_t>(std::min<size_t>(1000, said.size() - at))));
    EXPECT_LE(talk.carrier.held(), DohCarrier::kMaxHeld + 2 * DohCarrier::kMaxUnsent);
    talk.carrier.sent(talk.carrier.unsent().size());
  }
  EXPECT_EQ(talk.carrier.standing(), GetParam().standing);
  talk.answer(talk.asked[0].stream, reply_of(1));
  talk.carrier.finish();
  (void)talk.carrier.unsent();
}

INSTANTIATE_TEST_SUITE_P(Clients, FrontDohBreach, testing::ValuesIn(breaches()),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace tests
