#include "tls-workers/questions/fills.h"

#include <bit>

namespace questions {

void Fills::fill(const Asker& asker, const cache::Entry* entry, dns::Ede ede) {
  push(asker, {.entry = entry, .ede = entry != nullptr ? dns::Ede::None : ede});
}

void Fills::deny(const Asker& asker) { push(asker, {.rcode = dns::Rcode::NxDomain}); }

void Fills::push(const Asker& asker, const exchange::Fill& message) {
  if (asker.ticket == exchange::kNobody) return;
  exchange::Fill addressed = message;
  addressed.ticket = asker.ticket;
  const cache::Entry* entry = message.entry;
  if (entry != nullptr) entry->pin();
  if (asker.core >= exchange_.cores())
    frontends_to_wake_ |= uint64_t{1} << (asker.core - exchange_.cores());
  if (exchange_.lane(asker.core, worker_).fill.push(addressed)) return;
  counters_.fills_lost.add();
  if (entry != nullptr) entry->unpin();
}

void Fills::fill_all(OpenQuestion& question, const cache::Entry* entry, dns::Ede ede) {
  questions_.release(question, [&](const Asker& asker) { fill(asker, entry, ede); });
}

void Fills::fill_overdue(OpenQuestion& question, const cache::Entry* entry, dns::Ede ede,
                         base::Time now) {
  questions_.release_overdue(question, now, [&](const Asker& asker) { fill(asker, entry, ede); });
}

void Fills::wake_frontends() {
  // Our own is awake: its turn is part of ours.
  frontends_to_wake_ &= ~(uint64_t{1} << worker_);
  for (; frontends_to_wake_ != 0; frontends_to_wake_ &= frontends_to_wake_ - 1)
    exchange_.doorbell(static_cast<unsigned>(std::countr_zero(frontends_to_wake_))).ring();
}

}  // namespace questions
