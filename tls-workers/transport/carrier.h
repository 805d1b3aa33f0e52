// How DNS messages travel inside the TLS stream of a session: behind a length prefix (DotCarrier)
// or as HTTP/2 requests (DohCarrier). A carrier makes octets of queries, and of octets what became
// of queries. It touches no socket and knows no deadlines: those, and the ids, are the session's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/base/clock.h"
#include "dataplane/dns/question.h"
#include "tls-workers/backends/backend.h"
#include "tls-workers/backends/fault.h"

namespace transport {

/// What became of one query.
struct Outcome {
  uint16_t id = 0;
  base::ByteView message;                  // Its answer.
  base::seconds age{0};                    // How long the answer has lain in a cache on the way.
  const backends::Fault* fault = nullptr;  // If set: there is none, and why. The session goes on.
};

class Carrier {
 public:
  Carrier() = default;
  virtual ~Carrier() = default;
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

  /// A new stream stands. Until then, and after `clear`, nothing else is called.
  virtual void open() = 0;
  /// Gives back what the stream needed.
  virtual void clear() = 0;

  // Out.

  /// Whether the peer lets one more query be under way.
  [[nodiscard]] virtual bool has_room() const = 0;
  /// A query for `question` leaves with the next octets. Only if `has_room`. Ids go up by one.
  virtual void ask(const dns::Question& question, uint16_t id) = 0;
  /// The query `id` is overdue. Whether its answer may still come; if not, it is no longer under
  /// way.
  [[nodiscard]] virtual bool give_up(uint16_t id) = 0;
  /// The peer owes answers and has been quiet for a while: reminds it, if there is a way to.
  virtual void remind() = 0;
  /// The stream will be closed after the next octets.
  virtual void finish() = 0;
  /// Octets for the stream. Good until the next call of anything but `sent`.
  [[nodiscard]] virtual base::ByteView unsent() = 0;
  /// The first `size` of them are on their way.
  virtual void sent(size_t size) = 0;

  // In.

  enum class Came : uint8_t { Answers, Nothing };
  /// Where the next octets of the stream belong; never empty. Ends the life of messages that `next`
  /// returned. Not once there is a `fault`.
  [[nodiscard]] virtual base::ByteSpan room() = 0;
  /// `size` octets were put at the front of `room()`. Whether parts of answers were among them.
  virtual Came filled(size_t size) = 0;
  /// What became of the next query, if that is known.
  [[nodiscard]] virtual std::optional<Outcome> next() = 0;
  /// The peer takes no further queries on this stream.
  [[nodiscard]] virtual bool refuses_more() const = 0;
  /// Why nothing that is still to come on this stream can be trusted.
  [[nodiscard]] virtual const std::optional<backends::Fault>& fault() const = 0;
};

/// The one for the backend's protocol. `settings` outlives it.
[[nodiscard]] std::unique_ptr<Carrier> make_carrier(const backends::BackendSettings& settings);

}  // namespace transport
