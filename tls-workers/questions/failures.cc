#include "tls-workers/questions/failures.h"

#include <algorithm>

namespace questions {

uint32_t Failures::lifetime(uint64_t hash, uint32_t first, uint32_t longest, base::Time now) const {
  const Slot& slot = at(hash);
  const uint32_t before = remembered(slot, hash, now) ? slot.in_a_row : 0;
  const uint64_t doubled = uint64_t{first} << std::min(before, 16u);
  return static_cast<uint32_t>(std::min<uint64_t>(doubled, std::max(first, longest)));
}

void Failures::failed(uint64_t hash, uint32_t lifetime, base::Time now) {
  Slot& slot = at(hash);
  const uint32_t before = remembered(slot, hash, now) ? slot.in_a_row : 0;
  slot = {hash, now + base::seconds(lifetime), before + 1,
          generation_.load(std::memory_order_relaxed)};
}

}  // namespace questions
