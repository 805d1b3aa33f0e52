#include "perf/responder/answers.h"

#include <array>

namespace responder {
namespace {

constexpr size_t kHeader = 12;
constexpr size_t kMostLabels = 128;
constexpr uint16_t kA = 1;
// Owner: the question's name. Type A, class IN, an hour, 192.0.2.9.
constexpr std::array<uint8_t, 16> kAddress = {0xC0, 12,   0, 1, 0,   1, 0, 0,
                                              0x0E, 0x10, 0, 4, 192, 0, 2, 9};
// A query with an OPT gets one back. RFC 6891 §6.1.1.
constexpr std::array<uint8_t, 11> kOpt = {0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0};

/// Name, type and class; empty if there is none.
base::ByteView question_of(base::ByteView query) {
  base::Reader reader(query);
  reader.skip(kHeader);
  for (size_t labels = 0; labels < kMostLabels; ++labels) {
    const uint8_t size = reader.u8();
    if (!reader.ok() || size > 63) return {};
    if (size == 0) break;
    reader.skip(size);
  }
  reader.skip(4);
  return reader.ok() ? query.subspan(kHeader, reader.position() - kHeader) : base::ByteView();
}

}  // namespace

bool append_answer(base::ByteView query, std::vector<std::byte>& into) {
  if (query.size() < kHeader) return false;
  const base::ByteView question = question_of(query);
  const bool is_query = (std::to_integer<uint8_t>(query[2]) & 0x80) == 0;
  if (question.empty() || !is_query || base::load_be16(&query[4]) != 1) return false;
  const bool has_address = base::load_be16(&question[question.size() - 4]) == kA;
  const bool has_opt = base::load_be16(&query[10]) != 0;
  const size_t size =
      kHeader + question.size() + (has_address ? kAddress.size() : 0) + (has_opt ? kOpt.size() : 0);

  const size_t begin = into.size();
  into.resize(begin + 2 + size);
  base::Writer writer(base::ByteSpan(into).subspan(begin));
  writer.be16(static_cast<uint16_t>(size));
  writer.bytes(query.first(2));
  writer.be16(0x8180);  // QR, RD, RA.
  writer.be16(1);
  writer.be16(has_address ? 1 : 0);
  writer.be16(0);
  writer.be16(has_opt ? 1 : 0);
  writer.bytes(question);
  if (has_address) writer.bytes(std::as_bytes(std::span(kAddress)));
  if (has_opt) writer.bytes(std::as_bytes(std::span(kOpt)));
  return writer.ok();
}

}  // namespace responder
