#include "tls-workers/transport/carrier.h"

#include "tls-workers/transport/doh_carrier.h"
#include "tls-workers/transport/dot_carrier.h"

namespace transport {

std::unique_ptr<Carrier> make_carrier(const backends::BackendSettings& settings) {
  if (settings.protocol == backends::Protocol::DoH) return std::make_unique<DohCarrier>(settings);
  return std::make_unique<DotCarrier>();
}

}  // namespace transport
