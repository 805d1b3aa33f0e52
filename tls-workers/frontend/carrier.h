// How DNS messages travel on a client's connection: behind a length prefix (FrameCarrier, for TCP
// and DNS over TLS) or inside HTTP/2. A carrier makes queries of octets, and octets of replies. It
// touches no socket, knows nothing of TLS and keeps no time: those are the connection's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/dns/reply.h"

namespace frontend {

/// One query as it came.
struct Request {
  uint32_t stream = 0;     // What its reply is addressed to: HTTP/2's stream; 0 behind a prefix.
  base::ByteView message;  // Good until the next call of `room` or `next`.
};

/// Whether more may come from this client.
enum class Standing : uint8_t {
  Open,
  Finished,   // It has said that it will ask no more: answered to the end, then closed.
  Malformed,  // Out of step with what it speaks: nothing after this means anything.
  Abusive,    // Costs more than a client may: closed as well.
  Http1,      // Speaks HTTP/1.1, has been told that it must not, and is closed.
};

class Carrier {
 public:
  Carrier() = default;
  virtual ~Carrier() = default;
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

  // In.

  /// Where the next octets of the stream belong; never empty. Only while `standing` is Open.
  [[nodiscard]] virtual base::ByteSpan room() = 0;
  /// `size` octets were put at the front of `room()`.
  virtual void filled(size_t size) = 0;
  /// The next whole query. Each one returned is answered by one `reply` or `forgo`, at any time and
  /// in any order, unless the connection ends before.
  [[nodiscard]] virtual std::optional<Request> next() = 0;
  /// Some octets of a query are there and others are not: its time runs.
  [[nodiscard]] virtual bool is_amid_query() const = 0;
  [[nodiscard]] virtual Standing standing() const = 0;
  /// Whether it is to be read from even while no query is taken, since replies wait for what the
  /// client says between its queries (HTTP/2's windows). Such a one bounds by itself what it keeps.
  [[nodiscard]] virtual bool reads_on() const { return false; }

  // Out.

  /// `message` says `content` and leaves with the next octets; both are the caller's. Nothing
  /// happens if the client has given the stream up.
  virtual void reply(uint32_t stream, base::ByteView message, const dns::Content& content) = 0;
  /// There will be no reply.
  virtual void forgo(uint32_t stream) = 0;
  /// No further query will be taken: says so if there is a way to.
  virtual void finish() = 0;
  /// Octets for the stream; empty if there are none, or if the client lets none come. Good until
  /// the next call of anything but `sent`.
  [[nodiscard]] virtual base::ByteView unsent() = 0;
  /// The first `size` of them are on their way.
  virtual void sent(size_t size) = 0;
  /// Octets of replies, at least, that are held for the client.
  [[nodiscard]] virtual size_t held() const = 0;
};

}  // namespace frontend
