#include "dataplane/dns/freshness.h"

#include <algorithm>
#include <limits>

#include "dataplane/dns/name.h"

namespace dns {
namespace {

using base::ByteView;
using base::Reader;

constexpr uint32_t kForEver = std::numeric_limits<uint32_t>::max();
constexpr size_t kMinimumSize = 4;  // The last field of an SOA. RFC 1035 §3.3.13.

/// Whether the octets at `reader` up to the end of a name were one.
bool step_over_name(ByteView reply, Reader& reader, NameWalk& walk) {
  const auto end = skip_name(reply, reader.position(), walk);
  if (end) reader.skip(*end - reader.position());
  return end && reader.ok();
}

/// How long the next record stays true; 0 if there is none.
uint32_t fresh_record(ByteView reply, Reader& reader, NameWalk& walk) {
  if (!step_over_name(reply, reader, walk)) return 0;
  const auto type = static_cast<Type>(reader.be16());
  reader.skip(sizeof(uint16_t));  // Class.
  const uint32_t ttl = reader.be32();
  const ByteView data = reader.take(reader.be16());
  if (!reader.ok()) return 0;
  if (type == Type::Opt) return kForEver;
  if (type != Type::Soa || data.size() < kMinimumSize) return ttl;
  return std::min(ttl, base::load_be32(data.last(kMinimumSize).data()));
}

}  // namespace

uint32_t fresh_for(ByteView reply) noexcept {
  Reader reader(reply);
  reader.skip(sizeof(uint16_t));
  const uint16_t flags = reader.be16();
  const uint16_t questions = reader.be16();
  uint32_t records = reader.be16();
  records += reader.be16();
  records += reader.be16();
  const auto rcode = static_cast<Rcode>(flags & flag::kRcodeMask);
  const bool lasts = rcode == Rcode::NoError || rcode == Rcode::NxDomain;
  if (!reader.ok() || !lasts || (flags & flag::kTc) != 0 || questions != 1) return 0;

  NameWalk walk;
  if (!step_over_name(reply, reader, walk)) return 0;
  reader.skip(kTypeAndClass);
  uint32_t fresh = kForEver;
  for (uint32_t i = 0; i < records && fresh > 0; ++i)
    fresh = std::min(fresh, fresh_record(reply, reader, walk));
  return fresh == kForEver ? 0 : fresh;
}

}  // namespace dns
