#include "tls-workers/upstream/carrier.h"

#include "tls-workers/upstream/dot_carrier.h"

namespace tls {

std::unique_ptr<Carrier> make_carrier(const BackendSettings&) {
  return std::make_unique<DotCarrier>();
}

}  // namespace tls
