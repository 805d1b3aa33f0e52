#include "tls-workers/questions/fills.h"

#include <bit>

namespace questions {

void Fills::fill(const Asker& asker, const cache::Entry* entry, dns::Ede ede) {
  if (asker.ticket == exchange::kNobody) return;
  if (entry != nullptr) entry->pin();
  const exchange::Fill message{
      .ticket = asker.ticket, .entry = entry, .ede = entry != nullptr ? dns::Ede::None : ede};
  if (asker.core >= exchange_.cores())
    frontends_to_wake_ |= uint64_t{1} << (asker.core - exchange_.cores());
  if (exchange_.lane(asker.core, worker_).fill.push(message)) return;
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
