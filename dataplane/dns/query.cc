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
  return counts.questions <= 1 && counts.answers == 0 && counts.authorities == 0 &&
         counts.additionals <= 1;
}

/// RFC 7873 §4: a client cookie alone is 8 octets, with the server's 16 to 40.
bool good_cookie(ByteView value) {
  return value.size() == 8 || (value.size() >= 16 && value.size() <= 40);
}

/// RFC 7871 §6: a query says nothing of scope, has as many octets of address as its prefix needs,
/// and no bit beyond it. They are not read here; FORMERR tells the client's author.
bool good_client_subnet(ByteView value) {
  Reader reader(value);
  const uint16_t family = reader.be16();
  const uint8_t source = reader.u8();
  const uint8_t scope = reader.u8();
  const ByteView address = reader.take(reader.remaining());
  if (!reader.ok() || scope != 0 || address.size() != (source + size_t{7}) / 8) return false;
  if (source % 8 != 0 && (static_cast<uint8_t>(address.back()) & (0xFF >> source % 8)) != 0)
    return false;
  constexpr uint16_t kUnspecified = 0, kIpv4 = 1, kIpv6 = 2;  // IANA's address families.
  switch (family) {
    case kUnspecified:
      return source == 0;
    case kIpv4:
      return source <= 32;
    case kIpv6:
      return source <= 128;
    default:
      return false;  // There are no others, and BIND says FORMERR too.
  }
}

/// Notes one option. False if it cannot be what it says it is.
bool read_option(uint16_t code, ByteView value, Query& query) {
  switch (code) {
    case option::kClientSubnet:
      return good_client_subnet(value);
    case option::kCookie:
      if (!good_cookie(value)) return false;
      if (query.cookie.empty()) query.cookie = value;
      return true;
    case option::kKeepalive:
      if (query.edns.keepalive == AsksKeepalive::No) {
        query.edns.keepalive = value.empty() ? AsksKeepalive::Yes : AsksKeepalive::WithTimeout;
      }
      return true;
    case option::kPadding:
      query.edns.padded = true;
      return true;
    default:
      return true;  // RFC 6891 §6.1.2: what is not known is ignored.
  }
}

/// Whether `bytes` is exactly a list of at most kMaxOptions options. RFC 6891 §6.1.2.
bool read_options(ByteView bytes, Query& query) {
  Reader reader(bytes);
  for (size_t options = 0; !reader.at_end(); ++options) {
    const uint16_t code = reader.be16();
    const ByteView value = reader.take(reader.be16());
    if (!reader.ok() || options == kMaxOptions || !read_option(code, value, query)) return false;
  }
  return true;
}

/// Notes the OPT that `reader` stands at; leaves `present` unset if there is anything else.
void read_opt(Reader& reader, Query& query) {
  Edns& edns = query.edns;
  const uint8_t owner = reader.u8();  // The root, whose only form is one zero octet.
  const uint16_t type = reader.be16();
  edns.udp_size = reader.be16();
  (void)reader.u8();  // Extended rcode: has no meaning in a query.
  edns.version = reader.u8();
  edns.dnssec_ok = (reader.be16() & kDoBit) != 0;
  const ByteView options = reader.take(reader.be16());
  edns.present = reader.ok() && owner == 0 && type == static_cast<uint16_t>(Type::Opt) &&
                 read_options(options, query);
}

/// Without a question only a cookie makes sense.
QueryFault read_without_question(Reader& reader, const Counts& counts, Query& query) {
  if (counts.additionals == 0) return QueryFault::BadCount;
  read_opt(reader, query);
  if (!query.edns.present) return QueryFault::BadOpt;
  return query.cookie.empty() ? QueryFault::BadCount : QueryFault::NoQuestion;
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
  if (counts.questions == 0) return read_without_question(reader, counts, query);

  Reader question = reader;
  const ByteView name = read_question_name(reader);
  query.type = Type{reader.be16()};
  query.klass = Class{reader.be16()};
  if (!reader.ok()) return QueryFault::BadName;
  query.question = question.take(name.size() + kTypeAndClass);

  if (counts.additionals == 1) {
    read_opt(reader, query);
    if (!query.edns.present) return QueryFault::BadOpt;
  }
  return std::nullopt;
}

}  // namespace

Result<Query, Malformed> parse_query(ByteView payload) noexcept {
  Result<Query, Malformed> result;
  if (const auto fault = read_query(payload, *result)) {
    Malformed malformed{*fault, result->head, result->question, {}, {}};
    if (*fault == QueryFault::NoQuestion) {
      malformed.edns = result->edns;
      malformed.cookie = result->cookie;
    }
    result = base::fail(malformed);
  }
  return result;
}

}  // namespace dns
