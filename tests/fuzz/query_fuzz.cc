// One UDP payload of a client: parsed, answered in place, asked upstream.
#include <algorithm>
#include <array>
#include <vector>

#include "dataplane/dns/answer.h"
#include "dataplane/dns/query.h"
#include "dataplane/dns/reply.h"
#include "dataplane/dns/upstream_query.h"
#include "dataplane/rules/cookies.h"
#include "tests/fuzz/invariant.h"

namespace {

using base::ByteView;
using fuzz::require;

bool lies_in(ByteView part, ByteView whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

dns::Question question_of(const dns::Query& query) {
  return dns::make_question(query.name(), query.type, query.klass, query.wants(), dns::PoolId{0});
}

void check_upstream_query(const dns::Question& question, dns::Keepalive keepalive) {
  std::vector<std::byte> message(dns::kMaxUpstreamQuery);
  message.resize(dns::build_upstream_query(message, question, 0x1234, keepalive));
  require(message.size() % dns::kPaddingBlock == 0, "queries to resolvers are whole blocks");
  const auto query = dns::parse_query(message);
  require(query.has_value(), "queries to resolvers parse");
  require(question_of(*query) == question, "resolvers are asked what the client asked");
}

/// The options that were read are what the payload holds, and within their bounds.
void check_options(ByteView payload, const dns::Edns& edns, ByteView cookie) {
  require(cookie.empty() || lies_in(cookie, payload), "the cookie is borrowed from the payload");
  require(cookie.empty() || cookie.size() == 8 || (cookie.size() >= 16 && cookie.size() <= 40),
          "cookies are as long as RFC 7873 has them");
  require(edns.present || (cookie.empty() && !edns.padded), "no option without an OPT");
}

/// What a server that has a secret says to the cookie is taken by it again.
rules::ReplyCookie check_cookie(ByteView cookie) {
  constexpr std::array<rules::CookieSecret, 1> kSecrets{};
  constexpr uint32_t kNow = 1'700'000'000;
  const rules::Cookies cookies(kSecrets, rules::Cookies::Demand::Yes);
  const base::IpAddress client = *base::IpAddress::parse("192.0.2.1");
  const auto judged = cookies.judge(cookie, client, kNow);
  require(judged.reply.bytes().empty() == cookie.empty(), "a cookie is answered with a cookie");
  if (cookie.empty()) return judged.reply;
  require(std::equal(cookie.begin(), cookie.begin() + 8, judged.reply.octets.begin()),
          "the client's part comes back");
  const auto again = cookies.judge(judged.reply.bytes(), client, kNow);
  require(again.sender == rules::Sender::Proven && again.reply.octets == judged.reply.octets,
          "our own cookie is known");
  return judged.reply;
}

/// Composes over the query, where it fits, as a poll core does; beside it otherwise.
void check_reply(ByteView payload, const dns::Query& query, const dns::Content& content,
                 ByteView cookie = {}) {
  std::vector<std::byte> buffer(dns::kMaxUdpSize);
  const size_t in_place = std::min(payload.size(), buffer.size());
  std::copy_n(payload.begin(), in_place, buffer.begin());
  const std::vector<std::byte> asked(query.question.begin(), query.question.end());
  const dns::Asker asker{.head = query.head,
                         .question = ByteView(buffer).subspan(dns::kHeaderSize, asked.size()),
                         .edns = query.edns,
                         .options = {.cookie = cookie}};
  const dns::Reply reply = dns::compose_reply(buffer, asker, content);
  require(reply.size <= dns::udp_limit(query.edns), "replies respect the client's limit");
  require(std::equal(asked.begin(), asked.end(), buffer.begin() + dns::kHeaderSize),
          "replies carry the question as asked");
  dns::TtlPlaces places;
  const auto answer =
      dns::parse_answer(ByteView(buffer).first(reply.size), question_of(query), places);
  const bool truncated = reply.written == dns::Written::Truncated;
  require(answer.has_value() != truncated, "replies parse as answers to the query");
}

void check_query(ByteView payload, const dns::Query& query) {
  require(lies_in(query.question, payload), "the question is borrowed from the payload");
  require(query.question.size() <= dns::kMaxQuestion, "no question is longer than allowed");
  const dns::Question question = question_of(query);
  check_upstream_query(question, dns::Keepalive::Leave);
  check_upstream_query(question, dns::Keepalive::Ask);
  check_reply(payload, query, {});
  check_reply(payload, query, {.rcode = dns::Rcode::ServFail, .ede = dns::Ede::NetworkError});
  check_reply(payload, query, {.rcode = dns::Rcode::BadVers, .authenticated = true});
  check_reply(payload, query, {.truncated = true});
  check_options(payload, query.edns, query.cookie);
  const rules::ReplyCookie cookie = check_cookie(query.cookie);
  check_reply(payload, query, {}, cookie.bytes());
  check_reply(payload, query, {.rcode = dns::Rcode::BadCookie}, cookie.bytes());
}

void check_malformed(ByteView payload, const dns::Malformed& malformed) {
  using dns::QueryFault;
  if (malformed.fault == QueryFault::TooShort || malformed.fault == QueryFault::NotAQuery) return;
  require(malformed.question.empty() || lies_in(malformed.question, payload),
          "the question is borrowed from the payload");
  check_options(payload, malformed.edns, malformed.cookie);
  require((malformed.fault == QueryFault::NoQuestion) == malformed.edns.present,
          "what came before a fault is not trusted");
  (void)check_cookie(malformed.cookie);
  const bool unknown_opcode = malformed.fault == QueryFault::BadOpcode;
  std::vector<std::byte> buffer(dns::kMaxUdpSize);
  const dns::Reply reply = dns::compose_reply(
      buffer, {.head = malformed.head, .question = malformed.question, .edns = {}},
      {.rcode = unknown_opcode ? dns::Rcode::NotImp : dns::Rcode::FormErr});
  require(reply.size <= payload.size(), "error replies are no larger than what provoked them");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > dns::kMaxMessage) return 0;
  const fuzz::Input input(data, size);
  const auto query = dns::parse_query(input.bytes());
  if (query) {
    check_query(input.bytes(), *query);
  } else {
    check_malformed(input.bytes(), query.error());
  }
  return 0;
}
