#include "tls-workers/frontend/frame_carrier.h"

namespace frontend {

std::optional<Request> FrameCarrier::next() {
  const std::optional<base::ByteView> message = incoming_.next();
  if (!message) return std::nullopt;
  return Request{.message = *message};
}

void FrameCarrier::reply(uint32_t, base::ByteView message, const dns::Content&) {
  outgoing_.append(message);
}

}  // namespace frontend
