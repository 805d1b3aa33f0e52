// What came back: whether it is the whole and right answer to a query under way. Nothing of it is
// believed before it was checked, checksums included, and none of the code under load is used to
// check it.
#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"
#include "perf/load/flights.h"
#include "perf/load/query_frames.h"
#include "perf/load/questions.h"

namespace load {

enum class Finding : uint8_t {
  Right,
  NotForUs,  // Not UDP from the server to one of our addresses, by our family: not counted as a
             // reply.
  BadIpChecksum,
  BadUdpChecksum,
  Malformed,   // Too short for its own lengths, or not a response with one question.
  Unexpected,  // Nothing under way has this id, port and address: sent twice, or too late.
  WrongQuestion,
  WrongRcode,
};
inline constexpr size_t kFindings = 8;

/// What a right reply looks like.
struct Expectation {
  uint8_t rcode = 0;
  bool echo = false;  // The query itself comes back, as from a machine that swaps addresses.
};

struct Reply {
  Finding finding = Finding::NotForUs;
  Flight* flight = nullptr;  // Only of a right reply; the caller lands it.
};

class ReplyCheck {
 public:
  ReplyCheck(const Questions& questions, const Route& route, uint32_t addresses,
             Expectation expected)
      : questions_(questions), route_(route), addresses_(addresses), expected_(expected) {}

  /// `frame`: a received Ethernet frame without FCS, untrusted.
  [[nodiscard]] Reply look_at(base::ByteView frame, Flights& flights) const;

 private:
  [[nodiscard]] Finding look_at_message(base::ByteView message, const Flight& flight) const;

  const Questions& questions_;
  Route route_;
  uint32_t addresses_;
  Expectation expected_;
};

}  // namespace load
