// A worker whose backends speak DNS over HTTPS, well or badly.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/tls-workers/http2_peer.h"
#include "tests/tls-workers/worker/worker_rig.h"

namespace tests {
namespace {

using testing::Contains;
using testing::HasSubstr;

/// What a server does with the requests that have come in at once.
using Serve = std::function<void(Http2Peer&, std::vector<HttpRequest>)>;

Script over_https(Serve serve) {
  return [serve = std::move(serve)](Connection& connection) {
    Http2Peer peer(1000);
    connection.write(peer.take_output());
    while (const auto octets = connection.read_some()) {
      if (!peer.hear(*octets)) return;
      serve(peer, peer.take_requests());
      if (const Bytes said = peer.take_output(); !said.empty()) connection.write(said);
    }
  };
}

void answer(Http2Peer& peer, const HttpRequest& request) {
  peer.respond(request.stream, {.body = answer_to(request.body)});
}

void answer_each(Http2Peer& peer, const std::vector<HttpRequest>& requests) {
  for (const HttpRequest& request : requests) answer(peer, request);
}

Serve each(std::function<void(Http2Peer&, const HttpRequest&)> act) {
  return [act = std::move(act)](Http2Peer& peer, const std::vector<HttpRequest>& requests) {
    for (const HttpRequest& request : requests) act(peer, request);
  };
}

DotServerSettings https(Serve serve = answer_each) {
  return {.script = over_https(std::move(serve)), .alpn = "h2"};
}

backends::BackendSettings doh_at(const DotServer& server, const std::string& name = "backend") {
  backends::BackendSettings settings = backend_at(server.endpoint(), name);
  settings.protocol = backends::Protocol::DoH;
  return settings;
}

TEST(WorkerDoh, Answers) {
  DotServer server(good_identity(), https());
  WorkerRig rig({doh_at(server)});
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
  EXPECT_EQ(address_in(rig.resolve("two.example.")), "192.0.2.1");
  EXPECT_NE(rig.cached("www.example."), nullptr);
  EXPECT_EQ(server.connections(), 1u);
  EXPECT_EQ(rig.backend().failures.total(), 0u);
}

TEST(WorkerDoh, TimeInAnHttpCacheCountsAgainstTheTtl) {
  DotServer server(good_identity(), https(each([](Http2Peer& peer, const HttpRequest& request) {
                     peer.respond(request.stream,
                                  {.body = answer_to(request.body, 300), .more = {{"age", "250"}}});
                   })));
  WorkerRig rig({doh_at(server)});
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
  const cache::Entry* entry = rig.cached("www.example.");
  ASSERT_NE(entry, nullptr);
  EXPECT_GE(entry->content(base::Clock::now()).age, 250u);
}

/// Older than its TTL: told to who asked, and of no use to anybody else.
TEST(WorkerDoh, AnswerThatIsOlderThanItsTtlIsNotKept) {
  DotServer server(good_identity(), https(each([](Http2Peer& peer, const HttpRequest& request) {
                     peer.respond(request.stream, {.body = answer_to(request.body, 300),
                                                   .more = {{"age", "4000000000"}}});
                   })));
  WorkerRig rig({doh_at(server)});
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
  EXPECT_EQ(rig.cached("www.example."), nullptr);
}

TEST(WorkerDoh, ManyQuestionsAnsweredInReverseShareOneSession) {
  std::vector<HttpRequest> waiting;
  DotServer server(good_identity(), https([&](Http2Peer& peer, std::vector<HttpRequest> requests) {
                     waiting.insert(waiting.end(), requests.begin(), requests.end());
                     if (waiting.size() < 150) return;
                     std::ranges::reverse(waiting);
                     answer_each(peer, std::exchange(waiting, {}));
                   }));
  WorkerRig rig({doh_at(server)});
  std::vector<exchange::Ticket> tickets;
  for (int i = 0; i < 150; ++i) tickets.push_back(rig.ask("n" + std::to_string(i) + ".example."));
  for (int i = 0; i < 150; ++i) EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
  EXPECT_EQ(server.connections(), 1u);
  EXPECT_EQ(rig.backend().failures.total(), 0u);
}

TEST(WorkerDoh, AnswerToAnotherQuestionIsRefused) {
  DotServer server(
      good_identity(), https(each([](Http2Peer& peer, const HttpRequest& request) {
        const Bytes other =
            MessageBuilder().flags(0x8180).question("other.example.", dns::Type::A).build();
        peer.respond(request.stream, {.body = other});
      })));
  WorkerRig rig({doh_at(server)});
  EXPECT_EQ(rig.resolve("www.example.").entry, nullptr);
  EXPECT_GE(rig.failures(backends::Failure::Mismatch), 1u);
}

class DohWithoutH2 : public testing::TestWithParam<const char*> {};

TEST_P(DohWithoutH2, IsRefusedBeforeAnyQueryLeaves) {
  DotServer server(good_identity(), {.alpn = GetParam()});
  WorkerRig rig({doh_at(server)});
  EXPECT_EQ(rig.resolve("www.example.").ede, dns::Ede::NoReachableAuthority);
  EXPECT_GE(rig.failures(backends::Failure::Tls), 1u);
  EXPECT_EQ(rig.backend().queries.read(), 0u);
  EXPECT_EQ(server.octets(), 0u);
  // OpenSSL sees to it that nothing is selected that was not offered.
  EXPECT_THAT(rig.notices(),
              Contains(HasSubstr(*GetParam() == '\0' ? "does not agree to HTTP/2" : "TLS")));
}

INSTANTIATE_TEST_SUITE_P(Protocols, DohWithoutH2, testing::Values("", "http/1.1", "dot"),
                         [](const auto& test) {
                           std::string name = *test.param != '\0' ? test.param : "none";
                           std::erase_if(name, [](char c) { return std::isalnum(c) == 0; });
                           return name;
                         });

/// A response that fails its query and nothing else.
struct BadAnswer {
  const char* name;
  backends::Failure counted;
  std::function<void(Http2Peer&, const HttpRequest&)> respond;
};

std::vector<BadAnswer> bad_answers() {
  using backends::Failure;
  return {{"status_503", Failure::Refused,
           [](Http2Peer& peer, const HttpRequest& request) {
             peer.respond(request.stream, {.status = "503", .body = answer_to(request.body)});
           }},
          {"redirection", Failure::Refused,
           [](Http2Peer& peer, const HttpRequest& request) {
             peer.respond(request.stream,
                          {.status = "307", .more = {{"location", "https://elsewhere.example/"}}});
           }},
          {"content_type", Failure::Malformed,
           [](Http2Peer& peer, const HttpRequest& request) {
             peer.respond(request.stream,
                          {.content_type = "text/html", .body = answer_to(request.body)});
           }},
          {"too_long", Failure::Malformed,
           [](Http2Peer& peer, const HttpRequest& request) {
             peer.respond(request.stream, {.body = Bytes(100'000)});
           }},
          {"truncated", Failure::Malformed,
           [](Http2Peer& peer, const HttpRequest& request) {
             Bytes message = answer_to(request.body);
             message.resize(message.size() - 1);
             peer.respond(request.stream, {.body = message});
           }},
          {"reset", Failure::Reset,
           [](Http2Peer& peer, const HttpRequest& request) {
             peer.reset(request.stream, NGHTTP2_INTERNAL_ERROR);
           }},
          {"servfail", Failure::ServFail,
           [](Http2Peer& peer, const HttpRequest& request) {
             peer.respond(request.stream, {.body = rcode_to(request.body, dns::Rcode::ServFail)});
           }},
          {"silence", Failure::Deadline, [](Http2Peer&, const HttpRequest&) {}}};
}

class DohFailover : public testing::TestWithParam<BadAnswer> {};

TEST_P(DohFailover, OtherBackendAnswers) {
  DotServer bad(good_identity(), https(each(GetParam().respond)));
  DotServer good(good_identity());
  backends::BackendSettings second = backend_at(good.endpoint(), "good");
  second.order = 2;
  backends::BackendSettings first = doh_at(bad, "bad");
  first.query_timeout = base::milliseconds(300);
  WorkerRig rig({first, second});
  ASSERT_TRUE(eventually(
      [&] { return rig.backend(0).sessions.read() == 1 && rig.backend(1).sessions.read() == 1; }));
  EXPECT_EQ(address_in(rig.resolve("www.example.")), "192.0.2.1");
  EXPECT_EQ(rig.failures(GetParam().counted, 0), 1u);
  EXPECT_EQ(rig.backend(0).failures.total(), 1u);
  EXPECT_EQ(rig.backend(0).in_flight.read(), 0u);
}

TEST_P(DohFailover, AloneItFailsButAnswers) {
  DotServer bad(good_identity(), https(each(GetParam().respond)));
  backends::BackendSettings settings = doh_at(bad);
  settings.query_timeout = base::milliseconds(300);
  WorkerRig rig({settings});
  const exchange::Fill fill = rig.resolve("www.example.");
  EXPECT_EQ(fill.ede, fill.entry == nullptr ? dns::Ede::NetworkError : dns::Ede::None);
  EXPECT_GE(rig.failures(GetParam().counted), 1u);
  EXPECT_EQ(rig.backend().in_flight.read(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Servers, DohFailover, testing::ValuesIn(bad_answers()),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(WorkerDoh, BadResponseLeavesTheOthersOfItsSessionAlone) {
  DotServer server(good_identity(), https(each([](Http2Peer& peer, const HttpRequest& request) {
                     const Bytes odd = wire_name("odd.example.");
                     if (name_in(request.body) == odd) {
                       peer.reset(request.stream, NGHTTP2_INTERNAL_ERROR);
                     } else {
                       answer(peer, request);
                     }
                   })));
  WorkerRig rig({doh_at(server)});
  EXPECT_EQ(address_in(rig.resolve("one.example.")), "192.0.2.1");
  EXPECT_EQ(rig.resolve("odd.example.").entry, nullptr);
  EXPECT_EQ(address_in(rig.resolve("two.example.")), "192.0.2.1");
  EXPECT_EQ(server.connections(), 1u);
}

/// The server says that it will go, with two queries under way: one it still answers, one it has
/// not looked at.
TEST(WorkerDoh, GoAwayLosesNothing) {
  std::atomic<bool> gone{false};
  std::vector<HttpRequest> waiting;
  DotServer server(
      good_identity(), https([&](Http2Peer& peer, const std::vector<HttpRequest>& requests) {
        if (gone) return answer_each(peer, requests);
        waiting.insert(waiting.end(), requests.begin(), requests.end());
        if (waiting.size() < 2) return;
        gone = true;
        peer.go_away(waiting[0].stream);
        const Bytes late = answer_to(waiting[0].body);
        // The answer behind the announcement, by hand: HEADERS and DATA.
        Bytes head = bytes_of({0x88, 0x0F, 0x10});
        const std::string_view type = "application/dns-message";
        head.push_back(static_cast<std::byte>(type.size()));
        const Bytes value = bytes_of(std::as_bytes(std::span(type)));
        peer.raw(Http2Peer::frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, waiting[0].stream,
                                  joined({head, value})));
        peer.raw(Http2Peer::frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, waiting[0].stream, late));
      }));
  WorkerRig rig({doh_at(server)});
  rig.ask("one.example.");
  rig.ask("two.example.");
  EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
  EXPECT_EQ(address_in(rig.next_fill()), "192.0.2.1");
  EXPECT_GE(server.connections(), 2u);
  EXPECT_EQ(rig.failures(backends::Failure::Eof), 1u);
  EXPECT_EQ(rig.backend().failures.total(), 1u);
}

/// A server that always goes at once must not be run at.
TEST(WorkerDoh, GoAwayAtOnceIsAFailureOfTheSession) {
  DotServer server(good_identity(), {.script =
                                         [](Connection& connection) {
                                           Http2Peer peer;
                                           peer.go_away(0);
                                           connection.write(peer.take_output());
                                           while (connection.read_some()) {
                                           }
                                         },
                                     .alpn = "h2"});
  WorkerRig rig({doh_at(server)});
  EXPECT_EQ(rig.resolve("www.example.").entry, nullptr);
  EXPECT_GE(rig.failures(backends::Failure::Eof), 1u);
  EXPECT_LE(server.connections(), 5u);
}

TEST(WorkerDoh, SpeakerOfSomethingElseEndsTheSession) {
  DotServer server(good_identity(), {.script =
                                         [](Connection& connection) {
                                           connection.write(Bytes(2000, std::byte{0xFF}));
                                           while (connection.read_some()) {
                                           }
                                         },
                                     .alpn = "h2"});
  WorkerRig rig({doh_at(server)});
  EXPECT_EQ(rig.resolve("www.example.").entry, nullptr);
  EXPECT_GE(rig.failures(backends::Failure::Malformed), 1u);
}

}  // namespace
}  // namespace tests
