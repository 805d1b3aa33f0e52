// Reads a client's query straight down: header, the one question, at most one OPT. The first fault
// ends it.
#include "dataplane/dns/query.h"

#include <optional>

#include "dataplane/dns/name.h"

namespace dns {
namespace {

/// The four counts of a header.
struct Counts {
  uint16_t questions;
  uint16_t answers;
  uint16_t authorities;
  uint16_t additionals;
};

Counts read_counts(Reader& reader) {
  // Members of a braced list are read in their order.
  return Counts{reader.be16(), reader.be16(), reader.be16(), reader.be16()};
}

bool good_counts(const Counts& counts) {
  return counts.questions == 1 && counts.answers == 0 && counts.authorities == 0 &&
         counts.additionals <= 1;
}

/// RFC 7873 §4: a client cookie alone is 8 octets, with the server's 16 to 40. Nothing is said
/// about the rest.
bool good_length(uint16_t code, uint16_t length) {
  if (code != option::kCookie) return true;
  return length == 8 || (length >= 16 && length <= 40);
}

/// Whether `bytes` is exactly a list of at most kMaxOptions options. RFC 6891 §6.1.2.
bool good_options(ByteView bytes) {
  Reader reader(bytes);
  for (size_t options = 0; !reader.at_end(); ++options) {
    const uint16_t code = reader.be16();
    const uint16_t length = reader.be16();
    reader.skip(length);
    if (!reader.ok() || options == kMaxOptions || !good_length(code, length)) return false;
  }
  return true;
}

/// Fills `edns` from the OPT that `reader` stands at; leaves `present` unset if there is anything
/// else.
void read_opt(Reader& reader, Edns& edns) {
  const uint8_t owner = reader.u8();  // The root, whose only form is one zero octet.
  const uint16_t type = reader.be16();
  edns.udp_size = reader.be16();
  (void)reader.u8();  // Extended rcode: has no meaning in a query.
  edns.version = reader.u8();
  edns.dnssec_ok = (reader.be16() & kDoBit) != 0;
  const ByteView options = reader.take(reader.be16());
  edns.present = reader.ok() && owner == 0 && type == static_cast<uint16_t>(Type::Opt) &&
                 good_options(options);
}

/// Fills `query` as far as it is good. Returns the first fault, if there is one.
std::optional<QueryFault> read_query(ByteView payload, Query& query) {
  if (payload.size() < kHeaderSize) return QueryFault::TooShort;
  Reader reader(payload);
  query.head.id = reader.be16();
  query.head.flags = reader.be16();
  if (query.head.is_response()) return QueryFault::NotAQuery;
  if (query.head.opcode() != static_cast<uint8_t>(Opcode::Query)) return QueryFault::BadOpcode;
  if (query.head.has(flag::kTc)) return QueryFault::Truncated;
  const Counts counts = read_counts(reader);
  if (!good_counts(counts)) return QueryFault::BadCount;

  Reader question = reader;
  const ByteView name = read_question_name(reader);
  query.type = Type{reader.be16()};
  query.klass = Class{reader.be16()};
  if (!reader.ok()) return QueryFault::BadName;
  query.question = question.take(name.size() + kTypeAndClass);

  if (counts.additionals == 1) {
    read_opt(reader, query.edns);
    if (!query.edns.present) return QueryFault::BadOpt;
  }
  return std::nullopt;
}

}  // namespace

Result<Query, Malformed> parse_query(ByteView payload) noexcept {
  Result<Query, Malformed> result;
  if (const auto fault = read_query(payload, *result)) {
    const Malformed malformed{*fault, result->head, result->question};
    result = base::fail(malformed);
  }
  return result;
}

}  // namespace dns
