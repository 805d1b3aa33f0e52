// From an answer on the wire to an entry that can be shared: the records with the TTLs they are to
// be served with.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/cache/entry.h"
#include "dataplane/dns/answer.h"
#include "dataplane/dns/question.h"

namespace questions {

class EntryMaker {
 public:
  EntryMaker() : records_(dns::kMaxMessage) {}

  struct Keep {
    const dns::LifetimeLimits& limits;
    uint32_t lifetime;  // Seconds, as dns::lifetime said.
    bool prefetch;      // As in cache::NewEntry.
    base::Time now;
  };
  /// The caller owns the entry; nullptr when memory is out.
  [[nodiscard]] cache::Entry* make(const dns::Question& question, const dns::Answer& answer,
                                   const Keep& keep);

 private:
  std::vector<std::byte> records_;
};

}  // namespace questions
