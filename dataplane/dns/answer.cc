// Reads a resolver's answer record by record. Everything that could mislead a client is checked
// here, once, since what is kept goes out as it is: lengths, names and the pointers in them,
// wherever clients are going to follow them.
#include "dataplane/dns/answer.h"

#include <algorithm>

#include "dataplane/base/assert.h"
#include "dataplane/dns/name.h"

namespace dns {
namespace {

constexpr uint32_t kLargestTtl = 0x7FFFFFFF;

/// RFC 8767 §4: a TTL with bit 31 set is a very large one.
uint32_t read_ttl(uint32_t wire) { return std::min(wire, kLargestTtl); }

/// RDATA whose form clients rely on: `before` octets, `names` names, `after` octets, nothing else.
struct Layout {
  uint16_t type;
  uint8_t before;
  uint8_t names;
  uint8_t after;
};

/// The types in whose names compression is or was allowed (RFC 1035 §3.3, RFC 3597 §4), and plain
/// addresses. All other RDATA is opaque.
constexpr Layout kLayouts[] = {
    {1, 4, 0, 0},    // A
    {2, 0, 1, 0},    // NS
    {3, 0, 1, 0},    // MD
    {4, 0, 1, 0},    // MF
    {5, 0, 1, 0},    // CNAME
    {6, 0, 2, 20},   // SOA
    {7, 0, 1, 0},    // MB
    {8, 0, 1, 0},    // MG
    {9, 0, 1, 0},    // MR
    {12, 0, 1, 0},   // PTR
    {14, 0, 2, 0},   // MINFO
    {15, 2, 1, 0},   // MX
    {17, 0, 2, 0},   // RP
    {18, 2, 1, 0},   // AFSDB
    {21, 2, 1, 0},   // RT
    {26, 2, 2, 0},   // PX
    {28, 16, 0, 0},  // AAAA
    {33, 6, 1, 0},   // SRV
    {36, 2, 1, 0},   // KX
    {39, 0, 1, 0},   // DNAME
};

const Layout* layout_of(Type type) {
  const auto* found = std::find_if(
      std::begin(kLayouts), std::end(kLayouts),
      [type](const Layout& layout) { return layout.type == static_cast<uint16_t>(type); });
  return found == std::end(kLayouts) ? nullptr : found;
}

bool blames_signatures(Ede code) { return code >= Ede::DnssecBogus && code <= Ede::NsecMissing; }

constexpr Type kSig{24};  // RFC 2931: over a message, if it covers type 0.

/// Seconds for which a denial without an SOA is kept, as Unbound does. RFC 2308 §5 would not keep
/// it at all, lest servers pass it on to each other for ever; but resolvers that filter deny names
/// like this, and would be asked each time.
constexpr uint32_t kUnprovenDenialTtl = 5;

enum class Section : uint8_t { Answer, Authority, Additional };

struct Record {
  size_t owner_size = 0;
  size_t ttl_at = 0;
  size_t rdata_at = 0;
  size_t end = 0;
  Type type{};
  Class klass{};
  uint32_t ttl_field = 0;  // As on the wire; an OPT keeps other things there.
};

/// Types of RFC 6895 §3.1 that are asked for, or belong to a message, and are no data.
bool is_meta(Type type) {
  return static_cast<uint16_t>(type) >= 128 && static_cast<uint16_t>(type) <= 255;
}

/// Walks over one message from its first record on, and gathers what is kept.
class Walk {
 public:
  /// `start`: where the first record is.
  Walk(ByteView message, size_t start, const Question& asked, TtlPlaces& places)
      : message_(message),
        asked_(asked),
        places_(places.at.get()),
        start_(start),
        at_(start),
        kept_end_(start) {}

  Answer answer;

  /// From here on records are only checked.
  void keep_no_more() { keeps_ = false; }

  bool take_section(Section section, uint16_t count) {
    for (uint16_t i = 0; i < count; ++i) {
      if (!take_record(section)) return false;
    }
    return true;
  }
  /// The last section. Its count may be too large: then nothing of it is kept, since it is not
  /// known what else is wrong with it, and the answer stands.
  bool take_additional(uint16_t count) {
    const Mark before{ttls_, kept_end_, answer.min_ttl};
    for (uint16_t i = 0; i < count; ++i) {
      if (at_ == message_.size()) return go_back(before), true;
      if (!take_record(Section::Additional)) return false;
    }
    return true;
  }
  /// After the last section.
  void finish() {
    for (size_t i = 0; i < ttls_; ++i) places_[i] = static_cast<uint16_t>(places_[i] - start_);
    answer.ttl_places = {places_, ttls_};
    answer.records = message_.subspan(start_, kept_end_ - start_);
  }

 private:
  /// How much is kept at some point.
  struct Mark {
    size_t ttls;
    size_t kept_end;
    uint32_t min_ttl;
  };

  void go_back(const Mark& mark);
  bool take_record(Section section);
  std::optional<Record> read_record();
  bool signs_message(const Record& record) const;
  bool good_rdata(const Record& record);
  bool take_opt(const Record& record);
  void take_error(Ede code);
  void keep(const Record& record, Section section);
  void keep_soa(const Record& record, uint32_t ttl);

  ByteView message_;
  const Question& asked_;
  uint16_t* places_;  // Positions in the message; only `finish` makes them offsets into records.
  size_t start_;
  size_t at_;
  size_t kept_end_;
  size_t ttls_ = 0;
  NameWalk names_;
  bool keeps_ = true;
  bool has_opt_ = false;
};

std::optional<Record> Walk::read_record() {
  const std::optional<size_t> fixed_at = skip_name(message_, at_, names_);
  if (!fixed_at) return std::nullopt;
  Reader reader(message_.subspan(*fixed_at));
  Record record{
      .owner_size = *fixed_at - at_, .ttl_at = *fixed_at + 4, .rdata_at = *fixed_at + kRecordFixed};
  record.type = Type{reader.be16()};
  record.klass = Class{reader.be16()};
  record.ttl_field = reader.be32();
  const uint16_t rdata_size = reader.be16();
  reader.skip(rdata_size);
  if (!reader.ok()) return std::nullopt;
  record.end = record.rdata_at + rdata_size;
  return record;
}

bool Walk::take_record(Section section) {
  const std::optional<Record> record = read_record();
  if (!record) return false;
  at_ = record->end;
  const bool last_section = section == Section::Additional;
  if (record->type == Type::Opt) return last_section && take_opt(*record);
  // What is no data, or of another class, answers nothing; behind the answer it is left out, and
  // with it what follows, which would have to move.
  if (signs_message(*record) || is_meta(record->type) || record->klass != asked_.klass) {
    keep_no_more();
    return last_section;
  }
  // The record's own TTL has to be known before the names behind it are followed.
  if (keeps_) keep(*record, section);
  return good_rdata(*record);
}

void Walk::go_back(const Mark& mark) {
  ttls_ = mark.ttls;
  kept_end_ = mark.kept_end;
  answer.min_ttl = mark.min_ttl;
  answer.additionals = 0;
}

/// SIG(0), RFC 2931 §3: the same type as a signature over records, but it covers none. TSIG, which
/// is for this hop too, is a meta type.
bool Walk::signs_message(const Record& record) const {
  if (record.type != kSig) return false;
  Reader rdata(message_.subspan(record.rdata_at, record.end - record.rdata_at));
  return rdata.be16() == 0;
}

bool Walk::good_rdata(const Record& record) {
  const Layout* const layout = layout_of(record.type);
  if (layout == nullptr) return true;
  size_t at = record.rdata_at + layout->before;
  for (unsigned i = 0; i < layout->names; ++i) {
    const std::optional<size_t> end = skip_name(message_, at, names_);
    if (!end) return false;
    at = *end;
  }
  return at + layout->after == record.end;  // Whatever ran beyond the end cannot come back to it.
}

/// RFC 6891 §6.1.1: one at most, of the root, in the additional section.
bool Walk::take_opt(const Record& record) {
  // The root is the only name of one octet.
  if (has_opt_ || record.owner_size != 1) return false;
  has_opt_ = true;
  keep_no_more();
  const auto high_bits = static_cast<uint16_t>(record.ttl_field >> 24);
  answer.rcode = Rcode{static_cast<uint16_t>(high_bits << 4 | static_cast<uint16_t>(answer.rcode))};
  Reader options(message_.subspan(record.rdata_at, record.end - record.rdata_at));
  while (options.ok() && !options.at_end()) {
    const uint16_t code = options.be16();
    Reader value(options.take(options.be16()));
    if (code == option::kKeepalive && value.remaining() == 2) answer.keepalive = value.be16();
    if (code == option::kExtendedError && value.remaining() >= 2) take_error(Ede{value.be16()});
  }
  return options.ok();
}

void Walk::take_error(Ede code) {
  answer.bogus |= blames_signatures(code);
  if (answer.ede == Ede::None) answer.ede = code;
}

void Walk::keep(const Record& record, Section section) {
  const uint32_t ttl = read_ttl(record.ttl_field);
  answer.min_ttl = ttls_ == 0 ? ttl : std::min(answer.min_ttl, ttl);
  if (section == Section::Authority && record.type == Type::Soa && !answer.has_soa)
    keep_soa(record, ttl);
  if (section == Section::Answer && (record.type == asked_.type || asked_.type == Type::Any)) {
    answer.has_asked_type = true;
  }
  uint16_t* const counts[] = {&answer.answers, &answer.authorities, &answer.additionals};
  ++*counts[static_cast<size_t>(section)];
  ASSERT(ttls_ < kMaxRecords);
  places_[ttls_++] = static_cast<uint16_t>(record.ttl_at);
  names_.ttls = {places_, ttls_};
  kept_end_ = record.end;
}

/// MINIMUM is the last of the five numbers; that the RDATA has its right form is checked
/// afterwards.
void Walk::keep_soa(const Record& record, uint32_t ttl) {
  Reader minimum(message_.subspan(record.end - std::min<size_t>(4, record.end - record.rdata_at)));
  answer.has_soa = true;
  answer.negative_ttl = std::min(ttl, read_ttl(minimum.be32()));
  answer.soa_ttl_index = static_cast<uint16_t>(ttls_);
}

bool is_negative(const Answer& answer) {
  return answer.rcode == Rcode::NxDomain ||
         (answer.rcode == Rcode::NoError && !answer.has_asked_type);
}

/// What remains of a message after its flags.
struct Counts {
  uint16_t questions;
  uint16_t answers;
  uint16_t authorities;
  uint16_t additionals;
};

/// Whether there is room for as many records as a message says, those of its last section aside.
bool credible(const Counts& counts, size_t remaining) {
  return (size_t{counts.answers} + counts.authorities) * (1 + kRecordFixed) <= remaining;
}

/// Takes the question off `reader`. Fails the reader if it does not parse.
bool is_asked(Reader& reader, const Question& asked) {
  const ByteView name = read_question_name(reader);
  const Type type{reader.be16()};
  const Class klass{reader.be16()};
  return type == asked.type && klass == asked.klass && equal_ignoring_case(name, asked.name.wire());
}

}  // namespace

std::optional<uint16_t> message_id(ByteView message) {
  if (message.size() < kHeaderSize) return std::nullopt;
  return base::load_be16(message.data());
}

std::optional<Question> question_in(ByteView message, Wants wants, PoolId pool) {
  constexpr size_t kIdAndFlags = 4;
  Reader reader(message);
  reader.skip(kIdAndFlags);
  const uint16_t questions = reader.be16();
  reader.skip(kHeaderSize - kIdAndFlags - sizeof questions);
  const ByteView name = read_question_name(reader);
  const Type type{reader.be16()};
  const Class klass{reader.be16()};
  if (!reader.ok() || questions != 1) return std::nullopt;
  return make_question(name, type, klass, wants, pool);
}

Result<Answer, AnswerFault> parse_answer(ByteView message, const Question& asked,
                                         TtlPlaces& places) noexcept {
  if (message.size() > kMaxMessage) return base::fail(AnswerFault::Malformed);
  Reader reader(message);
  reader.skip(2);  // The id has led here.
  const uint16_t flags = reader.be16();
  const Counts counts{reader.be16(), reader.be16(), reader.be16(), reader.be16()};
  const bool right_kind = (flags & flag::kQr) != 0 && (flags & flag::kOpcodeMask) == 0;
  if (!reader.ok() || !right_kind || counts.questions > 1)
    return base::fail(AnswerFault::Malformed);
  if (counts.questions == 1) {
    const bool same = is_asked(reader, asked);
    if (!reader.ok()) return base::fail(AnswerFault::Malformed);
    if (!same) return base::fail(AnswerFault::WrongQuestion);
  }
  if ((flags & flag::kTc) != 0) return base::fail(AnswerFault::Truncated);
  if (!credible(counts, reader.remaining())) return base::fail(AnswerFault::Malformed);

  Walk walk(message, reader.position(), asked, places);
  // Without the question, records lie elsewhere than behind a client's question, so their pointers
  // would lead astray.
  if (counts.questions == 0) walk.keep_no_more();
  walk.answer.rcode = Rcode{static_cast<uint16_t>(flags & flag::kRcodeMask)};
  walk.answer.authenticated = (flags & flag::kAd) != 0;
  if (!walk.take_section(Section::Answer, counts.answers) ||
      !walk.take_section(Section::Authority, counts.authorities) ||
      !walk.take_additional(counts.additionals)) {
    return base::fail(AnswerFault::Malformed);
  }
  walk.finish();
  const Rcode rcode = walk.answer.rcode;
  const bool needs_question = rcode == Rcode::NoError || rcode == Rcode::NxDomain;
  if (counts.questions == 0 && needs_question) return base::fail(AnswerFault::Malformed);
  return walk.answer;
}

uint32_t lifetime(const Answer& answer, const LifetimeLimits& limits) {
  if (is_failure(answer.rcode)) return limits.temporary_failure_ttl;
  if (answer.rcode == Rcode::YxDomain) return 0;
  // An alias that leads nowhere lives on its own TTL if the resolver sent no SOA.
  const bool only_aliases = answer.rcode == Rcode::NoError && answer.answers > 0;
  const uint32_t own = answer.ttl_places.empty() ? kUnprovenDenialTtl : answer.min_ttl;
  uint32_t ttl = std::min(own, limits.max_ttl);
  if (is_negative(answer)) {
    if (answer.has_soa) ttl = std::min({ttl, answer.negative_ttl, limits.max_negative_ttl});
    if (!answer.has_soa && !only_aliases)
      ttl = std::min({ttl, kUnprovenDenialTtl, limits.max_negative_ttl});
  }
  return ttl < limits.min_ttl ? 0 : ttl;
}

uint32_t kept_ttl(const Answer& answer, size_t index, const LifetimeLimits& limits) {
  ASSERT(index < answer.ttl_places.size());
  const uint32_t wire = base::load_be32(&answer.records[answer.ttl_places[index]]);
  const uint32_t ttl = std::min(read_ttl(wire), limits.max_ttl);
  if (!answer.has_soa || index != answer.soa_ttl_index || !is_negative(answer)) return ttl;
  return std::min({ttl, answer.negative_ttl, limits.max_negative_ttl});
}

}  // namespace dns
