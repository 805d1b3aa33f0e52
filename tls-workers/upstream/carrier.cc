#include "tls-workers/upstream/carrier.h"

#include "tls-workers/upstream/doh_carrier.h"
#include "tls-workers/upstream/dot_carrier.h"

namespace tls {

std::unique_ptr<Carrier> make_carrier(const BackendSettings& settings) {
  if (settings.protocol == Protocol::DoH) return std::make_unique<DohCarrier>(settings);
  return std::make_unique<DotCarrier>();
}

}  // namespace tls
