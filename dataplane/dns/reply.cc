// Writes a reply front to back: header, question, records, OPT. What fits is decided before the
// first octet is written, and each part is copied whole; records are looked at only if they do not
// fit.
#include "dataplane/dns/reply.h"

#include <algorithm>
#include <optional>

#include "dataplane/base/assert.h"

namespace dns {
namespace {

using base::Writer;

constexpr size_t kKeepaliveSize = kOptionFixed + 2;

/// RFC 6891 §6.1.3: without an OPT there is no room for more than four bits.
bool expressible(Rcode rcode, const Edns& edns) {
  return edns.present || static_cast<uint16_t>(rcode) <= flag::kRcodeMask;
}

/// Errors in the asking itself, where nothing of the query beyond its head is to be trusted.
bool is_askers_fault(Rcode rcode) { return rcode == Rcode::FormErr || rcode == Rcode::NotImp; }

/// Everything of the flags word but TC.
uint16_t reply_flags(const Asker& asker, Rcode rcode, const Content& content) {
  const uint16_t low_rcode = static_cast<uint16_t>(rcode) & flag::kRcodeMask;
  const auto echoed = static_cast<uint16_t>(asker.head.flags & (flag::kOpcodeMask | flag::kRd));
  const auto base = static_cast<uint16_t>(flag::kQr | echoed | low_rcode);
  if (is_askers_fault(rcode)) return base;
  const bool tell = content.authenticated && (asker.head.has(flag::kAd) || asker.edns.dnssec_ok);
  return static_cast<uint16_t>(base | (content.recursion ? flag::kRa : 0) |
                               (asker.head.flags & flag::kCd) | (tell ? flag::kAd : 0));
}

constexpr uint32_t pair(uint16_t first, uint16_t second) { return uint32_t{first} << 16 | second; }

/// `records` is where those of `content` were copied to.
void set_ttls(ByteSpan records, const Content& content) {
  for (const uint16_t place : content.ttl_places) {
    ASSERT(place + size_t{4} <= content.records.size());
    const uint32_t ttl = base::load_be32(&content.records[place]);
    const uint32_t aged = ttl - std::min(ttl, content.age);
    base::store_be32(&records[place], content.ttl != 0 ? content.ttl : aged);
  }
}

/// Octets of the options that are there whatever the reply says.
size_t options_size(const Options& options) {
  return (options.cookie.empty() ? 0 : kOptionFixed + options.cookie.size()) +
         (options.keepalive == 0 ? 0 : kKeepaliveSize);
}

/// Octets of the padding option behind `size` octets; 0: none. RFC 7830 §4: never beyond the limit.
size_t padding_size(size_t size, size_t block, size_t limit) {
  if (block == 0 || size + kOptionFixed > limit) return 0;
  return std::min((size + kOptionFixed + block - 1) / block * block, limit) - size;
}

void write_options(Writer& writer, Ede ede, const Options& options, size_t padding) {
  if (ede != Ede::None) {
    writer.be32(pair(option::kExtendedError, 2));
    writer.be16(static_cast<uint16_t>(ede));
  }
  if (!options.cookie.empty()) {
    writer.be32(pair(option::kCookie, static_cast<uint16_t>(options.cookie.size())));
    writer.bytes(options.cookie);
  }
  if (options.keepalive != 0) {
    writer.be32(pair(option::kKeepalive, 2));
    writer.be16(options.keepalive);
  }
  if (padding != 0) {
    writer.be32(pair(option::kPadding, static_cast<uint16_t>(padding - kOptionFixed)));
    writer.zeros(padding - kOptionFixed);
  }
}

void write_opt(Writer& writer, Rcode rcode, const Asker& asker, Ede ede, size_t limit) {
  const size_t options =
      options_size(asker.options) + (ede != Ede::None ? kExtendedErrorSize : size_t{0});
  const size_t padding =
      padding_size(writer.size() + kOptFixed + options, asker.options.padding_block, limit);
  writer.u8(0);  // Owner: the root.
  writer.be32(pair(static_cast<uint16_t>(Type::Opt), uint16_t{kMaxUdpSize}));
  writer.u8(static_cast<uint8_t>(static_cast<uint16_t>(rcode) >> 4));
  writer.u8(0);  // Version.
  writer.be16(asker.edns.dnssec_ok ? kDoBit : uint16_t{0});
  writer.be16(static_cast<uint16_t>(options + padding));
  write_options(writer, ede, asker.options, padding);
}

// ---------------------------------------------------------------- what may be left out

/// Of what kind the record is whose TTL lies at `ttl_at` of `records`: its type, or for an RRSIG
/// the one that it covers.
Type kind_of_record(ByteView records, size_t ttl_at) {
  Reader reader(records);
  reader.skip(ttl_at - kTypeAndClass);
  const Type type{reader.be16()};
  if (type != Type::Rrsig) return type;
  reader.skip(kRecordFixed - sizeof(uint16_t));
  return Type{reader.be16()};
}

bool authority_has_only(const Content& content, Type type) {
  const auto places = content.ttl_places.subspan(content.answers, content.authorities);
  return std::ranges::all_of(
      places, [&](uint16_t at) { return kind_of_record(content.records, at) == type; });
}

/// The first `count` records.
std::optional<ByteView> first_records(const Content& content, size_t count) {
  if (count == 0) return ByteView{};
  Reader reader(content.records);
  reader.skip(content.ttl_places[count - 1] + sizeof(uint32_t));
  reader.skip(reader.be16());
  if (!reader.ok()) return std::nullopt;
  return content.records.first(reader.position());
}

/// `content` without what was not asked for, if that makes it fit into `room` octets: first without
/// the additional section, then also without the servers that an answer comes from. RFC 2181 §9
/// demands that such is left out whole before TC is set. Not so for what proves something (NSEC,
/// an SOA), and not for the addresses in a referral (RFC 9471 §3).
std::optional<Content> shortened(const Content& content, size_t room) {
  const size_t before_additional = size_t{content.answers} + content.authorities;
  // A resolver's answer has a TTL in each record; what we have made up ourselves has no extras.
  if (content.ttl_places.size() != before_additional + content.additionals) return std::nullopt;
  const bool is_answer = content.answers > 0;
  const bool only_servers = authority_has_only(content, Type::Ns);
  if (!is_answer && only_servers) return std::nullopt;
  Content shorter = content;
  const auto keep = [&](size_t count) {
    const std::optional<ByteView> records = first_records(content, count);
    if (!records || records->size() > room) return false;
    shorter.records = *records;
    shorter.ttl_places = content.ttl_places.first(count);
    return true;
  };
  shorter.additionals = 0;
  if (keep(before_additional)) return shorter;
  shorter.authorities = 0;
  if (is_answer && only_servers && keep(content.answers)) return shorter;
  return std::nullopt;
}

// ---------------------------------------------------------------- writing

/// Octets beside the records that a reply to `asker` has.
size_t frame_size(const Asker& asker) {
  const size_t opt = asker.edns.present ? kOptFixed + options_size(asker.options) : 0;
  return kHeaderSize + asker.question.size() + opt;
}

/// Writes `content` whole, or nothing of its records and TC=1 if it does not fit.
Reply write(ByteSpan into, const Asker& asker, const Content& content) {
  const bool tellable = expressible(content.rcode, asker.edns);
  const Rcode rcode = tellable ? content.rcode : Rcode::ServFail;
  const size_t frame = frame_size(asker);
  const bool fits = !content.truncated && frame + content.records.size() <= into.size();
  const bool whole = fits || !tellable;
  const bool with_records = fits && tellable;
  const ByteView records = with_records ? content.records : ByteView{};
  const bool explain = frame + records.size() + kExtendedErrorSize <= into.size();

  // After this point everything fits; the id and flags are taken from `asker`, the query in `into`
  // is overwritten.
  Writer writer(into);
  const uint16_t flags = reply_flags(asker, rcode, content);
  writer.be32(pair(asker.head.id, static_cast<uint16_t>(flags | (whole ? 0 : flag::kTc))));
  writer.be32(pair(asker.question.empty() ? 0 : 1, with_records ? content.answers : 0));
  const auto additionals =
      static_cast<uint16_t>((with_records ? content.additionals : 0) + asker.edns.present);
  writer.be32(pair(with_records ? content.authorities : 0, additionals));
  writer.bytes(asker.question);
  const size_t records_at = writer.size();
  writer.bytes(records);
  if (with_records && (content.age != 0 || content.ttl != 0))
    set_ttls(into.subspan(records_at, records.size()), content);
  if (asker.edns.present)
    write_opt(writer, rcode, asker, explain ? content.ede : Ede::None, into.size());
  ASSERT(writer.ok() && writer.size() <= into.size());
  return Reply{writer.size(), whole ? Written::Whole : Written::Truncated};
}

/// What does not fit as it is.
Reply write_long(ByteSpan into, const Asker& asker, const Content& content) {
  if (asker.limit != 0) {
    Asker blunt = asker;
    blunt.options.cookie = {};
    blunt.options.keepalive = 0;
    if (frame_size(blunt) + content.records.size() <= into.size())
      return write(into, blunt, content);
  }
  const std::optional<Content> shorter = shortened(content, into.size() - frame_size(asker));
  return write(into, asker, shorter ? *shorter : content);
}

}  // namespace

size_t udp_limit(const Edns& edns) {
  if (!edns.present) return kMinUdpSize;
  return std::clamp<size_t>(edns.udp_size, kMinUdpSize, kMaxUdpSize);
}

Reply compose_reply(ByteSpan into, const Asker& asker, const Content& content) noexcept {
  const size_t limit = asker.limit != 0 ? asker.limit : udp_limit(asker.edns);
  ASSERT(into.size() >= limit && limit >= kMinUdpSize && asker.question.size() <= kMaxQuestion);
  const bool is_long = frame_size(asker) + content.records.size() > limit;
  if (is_long && !content.truncated) [[unlikely]]
    return write_long(into.first(limit), asker, content);
  return write(into.first(limit), asker, content);
}

}  // namespace dns
