// One message of a resolver: parsed as the answer to whatever question it carries, given its
// lifetime, relayed to a client.
#include <algorithm>
#include <array>
#include <vector>

#include "dataplane/dns/answer.h"
#include "dataplane/dns/reply.h"
#include "tests/fuzz/invariant.h"

namespace {

using base::ByteView;
using fuzz::require;

/// The question that `message` carries if it can be read, so that damage behind it is looked at;
/// else some question.
dns::Question question_in(ByteView message) {
  base::Reader reader(message);
  reader.skip(dns::kHeaderSize);
  const ByteView name = dns::read_question_name(reader);
  const dns::Type type{reader.be16()};
  const dns::Class klass{reader.be16()};
  constexpr std::array<std::byte, 1> kRoot{};
  return dns::make_question(reader.ok() ? name : ByteView(kRoot), type, klass, dns::Wants::Plain,
                            dns::PoolId{0});
}

std::vector<std::byte> wire_of(const dns::Question& question) {
  std::vector<std::byte> wire(question.name.size() + dns::kTypeAndClass);
  base::Writer writer(wire);
  writer.bytes(question.name.wire());
  writer.be16(static_cast<uint16_t>(question.type));
  writer.be16(static_cast<uint16_t>(question.klass));
  return wire;
}

void check_kept(ByteView message, const dns::Answer& answer) {
  require(answer.records.data() >= message.data() &&
              answer.records.data() + answer.records.size() <= message.data() + message.size(),
          "the records are borrowed from the message");
  const size_t records = size_t{answer.answers} + answer.authorities + answer.additionals;
  require(answer.ttl_places.size() == records, "each record kept has a TTL");
  size_t end_of_last = 0;
  for (const uint16_t place : answer.ttl_places) {
    require(place >= end_of_last, "places of TTLs ascend and do not overlap");
    end_of_last = place + size_t{4};
  }
  require(end_of_last <= answer.records.size(), "TTLs lie within the records");
  require(!answer.has_soa || answer.soa_ttl_index < records, "the SOA is one of the records");
}

void check_lifetime(const dns::Answer& answer) {
  const dns::LifetimeLimits limits;
  const uint32_t life = dns::lifetime(answer, limits);
  require(life <= limits.max_ttl, "nothing lives longer than allowed");
  const bool failure = dns::is_failure(answer.rcode);
  for (size_t i = 0; i < answer.ttl_places.size(); ++i) {
    require(failure || life <= dns::kept_ttl(answer, i, limits), "no answer outlives its records");
  }
}

/// What may be missing of a reply that is said to be whole: sections that nobody asked for.
void check_sections(const dns::Answer& relayed, const dns::Answer& answer) {
  require(relayed.answers == answer.answers, "an answer is relayed whole");
  require(relayed.additionals == answer.additionals || relayed.additionals == 0,
          "the additional section is left out whole");
  require(relayed.authorities == answer.authorities ||
              (relayed.authorities == 0 && relayed.additionals == 0 && answer.answers > 0),
          "the authority section is left out whole, after the additional one");
  require(relayed.ttl_places.size() <= answer.ttl_places.size() &&
              std::ranges::equal(relayed.ttl_places,
                                 answer.ttl_places.first(relayed.ttl_places.size())),
          "the same records are relayed");
}

/// Relayed at `age`, the answer must be as good as it was: same records, every TTL aged.
void check_relayed(const dns::Question& question, const dns::Answer& answer, uint16_t udp_size,
                   uint32_t age) {
  const std::vector<std::byte> asked = wire_of(question);
  const dns::Asker asker{.head = {.id = 0x4321, .flags = dns::flag::kRd},
                         .question = asked,
                         .edns = {.udp_size = udp_size, .present = true}};
  std::vector<std::byte> buffer(dns::kMaxUdpSize);
  const dns::Reply reply = dns::compose_reply(buffer, asker,
                                              {.rcode = answer.rcode,
                                               .answers = answer.answers,
                                               .authorities = answer.authorities,
                                               .additionals = answer.additionals,
                                               .records = answer.records,
                                               .ttl_places = answer.ttl_places,
                                               .age = age,
                                               .ede = answer.ede});
  require(reply.size <= udp_size, "replies respect the limit");
  if (reply.written == dns::Written::Truncated) return;
  buffer.resize(reply.size);
  buffer.shrink_to_fit();
  dns::TtlPlaces places;
  const auto relayed = dns::parse_answer(buffer, question, places);
  require(relayed.has_value(), "what is relayed parses");
  require(relayed->rcode == answer.rcode, "the rcode is relayed");
  require(relayed->ede == answer.ede || reply.size + dns::kExtendedErrorSize > udp_size,
          "the extended error is relayed where it fits");
  check_sections(*relayed, answer);
  for (const uint16_t place : relayed->ttl_places) {
    const uint32_t stored = base::load_be32(&answer.records[place]);
    const uint32_t sent = base::load_be32(&relayed->records[place]);
    require(sent == stored - std::min(stored, age), "TTLs are aged");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::Input input(data, size);
  const dns::Question question = question_in(input.bytes());
  static dns::TtlPlaces places;  // As a worker does: one for all answers.
  const auto answer = dns::parse_answer(input.bytes(), question, places);
  if (!answer) return 0;
  check_kept(input.bytes(), *answer);
  check_lifetime(*answer);
  for (const uint32_t age : {0u, 1u, 0xC0C0u, 0xFFFFFFFFu}) {
    check_relayed(question, *answer, dns::kMaxUdpSize, age);
    check_relayed(question, *answer, dns::kMinUdpSize, age);
  }
  return 0;
}
