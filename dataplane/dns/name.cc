// Names are walked label by label; no octet of a label is looked at but its length. RFC 1035 §3.1,
// §4.1.4.
#include "dataplane/dns/name.h"

#include <algorithm>

#include "dataplane/base/assert.h"

namespace dns {
namespace {

constexpr uint8_t kPointerBits = 0xC0;

constexpr uint8_t lower(uint8_t octet) {
  const auto from_a = static_cast<uint8_t>(octet - 'A');
  return static_cast<uint8_t>(octet | (from_a < 26 ? 0x20 : 0));
}
constexpr uint8_t lower(std::byte octet) { return lower(static_cast<uint8_t>(octet)); }

/// Whether the octets [begin, end) share one with a TTL.
bool touches_ttl(std::span<const uint16_t> ttls, size_t begin, size_t end) {
  // The first TTL that ends after `begin` is the only one to look at: they are in order and do not
  // overlap.
  const auto first = std::partition_point(ttls.begin(), ttls.end(),
                                          [begin](uint16_t at) { return at + size_t{4} <= begin; });
  return first != ttls.end() && *first < end;
}

/// One run of labels that lie one after the other, up to the root or a pointer.
struct Run {
  size_t end = 0;  // After the root octet or the pointer.
  size_t labels = 0;
  size_t octets = 0;             // Of the name that it spells, root included.
  std::optional<size_t> target;  // If it ends in a pointer.
};

std::optional<Run> read_run(ByteView message, size_t start) {
  Reader reader(message.subspan(start));
  Run run;
  while (run.octets <= kMaxName) {
    const uint8_t length = reader.u8();
    if (length >= kPointerBits) {
      run.target = size_t{length & 0x3Fu} << 8 | reader.u8();
      break;
    }
    if (length > kMaxLabel)
      return std::nullopt;  // 0x40-0xBF: label types not in use (RFC 6891 §5).
    run.octets += 1u + length;
    if (length == 0) break;
    ++run.labels;
    reader.skip(length);
  }
  if (!reader.ok()) return std::nullopt;
  run.end = start + reader.position();
  return run;
}

}  // namespace

Name::Name(ByteView wire) : size_(static_cast<uint8_t>(wire.size())) {
  ASSERT(!wire.empty() && wire.size() <= kMaxName);
  lower_case(wire, octets_.data());
}

bool operator==(const Name& a, const Name& b) {
  return a.size_ == b.size_ && std::memcmp(a.octets_.data(), b.octets_.data(), a.size_) == 0;
}

ByteView read_question_name(Reader& reader) {
  const size_t start = reader.position();
  Reader whole = reader;
  Reader walk = reader;
  uint8_t length = walk.u8();
  while (length != 0 && length <= kMaxLabel && walk.position() - start < kMaxName) {
    walk.skip(length);
    length = walk.u8();
  }
  const size_t size = walk.position() - start;
  if (!walk.ok() || length != 0 || size > kMaxName) {
    reader.fail();
    return {};
  }
  reader = walk;
  return whole.take(size);
}

std::optional<size_t> skip_name(ByteView message, size_t at, NameWalk& walk) {
  if (at >= message.size()) return std::nullopt;
  std::optional<Run> run = read_run(message, at);
  if (!run) return std::nullopt;
  const size_t end = run->end;
  size_t octets = run->octets;
  size_t start = at;
  for (size_t hops = 0; run->target; ++hops) {
    const size_t target = *run->target;
    if (hops == kMaxPointers || target < kHeaderSize || target >= start) return std::nullopt;
    // Cut off where the name so far began: a name that ran on into itself would go through its own
    // record, whose TTL is not known yet.
    run = read_run(message.first(start), target);
    start = target;
    if (!run || touches_ttl(walk.ttls, start, run->end)) return std::nullopt;
    octets += run->octets;
    const size_t steps = run->labels + 1;
    if (steps > walk.steps_left) return std::nullopt;
    walk.steps_left -= steps;
  }
  if (octets > kMaxName) return std::nullopt;
  return end;
}

std::optional<size_t> skip_name(ByteView message, size_t at) {
  NameWalk walk;
  return skip_name(message, at, walk);
}

// Both loops below have neither a branch nor an early way out in their bodies, so that compilers
// turn them into vector code.

bool equal_ignoring_case(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  unsigned differences = 0;
  for (size_t i = 0; i < a.size(); ++i) differences |= unsigned{lower(a[i])} ^ lower(b[i]);
  return differences == 0;
}

void lower_case(ByteView wire, std::byte* into) {
  // Length octets pass unchanged: they are below 0x40, letters start at 0x41.
  for (size_t i = 0; i < wire.size(); ++i) into[i] = std::byte{lower(wire[i])};
}

}  // namespace dns
