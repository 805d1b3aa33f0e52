#include "dataplane/poll/shape.h"

#include <netinet/in.h>

#include <algorithm>

#include "dataplane/base/bytes.h"
#include "dataplane/dns/protocol.h"

namespace poll {
namespace {

/// Fixes fields, front to back.
class Fields {
 public:
  explicit Fields(Shape& shape) : shape_(shape) {}

  Fields& skip(size_t octets) {
    at_ += octets;
    return *this;
  }
  Fields& fix(base::ByteView octets) {
    for (const std::byte octet : octets) fix(octet, std::byte{0xFF});
    return *this;
  }
  Fields& fix(std::byte octet, std::byte mask) {
    if (at_ < shape_.octets.size()) {
      shape_.octets[at_] = octet;
      shape_.mask[at_] = mask;
    }
    ++at_;
    return *this;
  }
  Fields& fix16(uint16_t value, uint16_t mask = 0xFFFF) {
    fix(static_cast<std::byte>(value >> 8), static_cast<std::byte>(mask >> 8));
    return fix(static_cast<std::byte>(value & 0xFF), static_cast<std::byte>(mask & 0xFF));
  }

 private:
  Shape& shape_;
  size_t at_ = 0;
};

// Not a fragment: neither More Fragments nor an offset.
constexpr uint16_t kFragment = 0x3FFF;
constexpr uint16_t kFixedFlags =
    dns::flag::kQr | dns::flag::kOpcodeMask | dns::flag::kTc | dns::flag::kRd;

Shape shape_of(const rules::Bind& bind, const MacAddress& mac) {
  Shape shape{.bind = &bind, .ipv6 = !bind.address.address.is_v4()};
  Fields fields(shape);
  // From a station, not a group (bit 0 of the first octet).
  fields.fix(mac).fix(std::byte{0}, std::byte{1}).skip(5);
  if (shape.ipv6) {
    fields.fix16(static_cast<uint16_t>(base::EtherType::Ipv6))
        .fix(std::byte{0x60}, std::byte{0xF0})
        .skip(5);
    fields.fix(std::byte{IPPROTO_UDP}, std::byte{0xFF}).skip(1 + 16);
  } else {
    fields.fix16(static_cast<uint16_t>(base::EtherType::Ipv4))
        .fix(std::byte{0x45}, std::byte{0xFF})
        .skip(5);
    fields.fix16(0, kFragment).skip(1).fix(std::byte{IPPROTO_UDP}, std::byte{0xFF}).skip(2 + 4);
  }
  fields.fix(bind.address.address.octets());
  fields.skip(2).fix16(bind.address.port).skip(2 + 2);
  // A query with RD: one question, nothing else but at most one additional record. What does not
  // fit any more, the hit path looks at by itself.
  fields.skip(2).fix16(dns::flag::kRd, kFixedFlags).fix16(1).fix16(0).fix16(0).fix16(0, 0xFFFE);
  return shape;
}

}  // namespace

std::vector<Shape> shapes_of(const rules::Policy& policy, const Acceptance& acceptance) {
  std::vector<Shape> shapes;
  if (acceptance.vlan != 0) return shapes;
  for (const rules::Bind& bind : policy.binds) {
    if (bind.to.cache != nullptr) shapes.push_back(shape_of(bind, acceptance.mac));
  }
  return shapes;
}

}  // namespace poll
