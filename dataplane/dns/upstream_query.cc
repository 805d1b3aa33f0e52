// One layout for every query to a resolver: header, question, OPT with keepalive at will and
// padding to the block.
#include "dataplane/dns/upstream_query.h"

#include "dataplane/base/assert.h"

namespace dns {
namespace {

constexpr size_t kOptionHead = 4;  // Code and length.

constexpr size_t round_up_to_block(size_t size) {
  return (size + kPaddingBlock - 1) / kPaddingBlock * kPaddingBlock;
}
static_assert(round_up_to_block(kHeaderSize + kMaxQuestion + kOptFixed + 2 * kOptionHead) ==
              kMaxUpstreamQuery);

}  // namespace

size_t build_upstream_query(base::ByteSpan into, const Question& question, uint16_t id,
                            Keepalive keepalive) {
  ASSERT(into.size() >= kMaxUpstreamQuery);
  const size_t keepalive_size = keepalive == Keepalive::Ask ? kOptionHead : 0;
  const size_t bare =
      kHeaderSize + question.name.size() + kTypeAndClass + kOptFixed + keepalive_size + kOptionHead;
  const size_t padding = round_up_to_block(bare) - bare;

  base::Writer writer(into);
  writer.be16(id);
  writer.be16(flag::kRd | flag::kAd |
              (has(question.wants, Wants::CheckingDisabled) ? flag::kCd : 0));
  writer.be16(1);  // QDCOUNT
  writer.be32(0);  // ANCOUNT, NSCOUNT
  writer.be16(1);  // ARCOUNT: the OPT.
  writer.bytes(question.name.wire());
  writer.be16(static_cast<uint16_t>(question.type));
  writer.be16(static_cast<uint16_t>(question.klass));

  writer.u8(0);  // Owner: the root.
  writer.be16(static_cast<uint16_t>(Type::Opt));
  writer.be16(kMaxUdpSize);  // Without meaning on a stream, but some value has to be there.
  writer.be16(0);            // Extended rcode and version.
  writer.be16(has(question.wants, Wants::DnssecOk) ? kDoBit : 0);
  writer.be16(static_cast<uint16_t>(keepalive_size + kOptionHead + padding));
  if (keepalive == Keepalive::Ask) {
    writer.be16(option::kKeepalive);
    writer.be16(0);
  }
  writer.be16(option::kPadding);
  writer.be16(static_cast<uint16_t>(padding));
  writer.zeros(padding);
  ASSERT(writer.ok());
  return writer.size();
}

}  // namespace dns
