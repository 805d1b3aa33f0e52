// How many questions are open under each domain, so that names made up below one that none
// answers for cannot take every place there is (random subdomains, "water torture").
//
// A domain is counted by its last two labels and by its last three, as a registry's "co.uk" and an
// owner's "example.com" look alike. What exceeds the quota below three labels is counted there
// alone from then on, and leaves the room of its neighbours below two. Counts are kept by hash:
// domains that share a place share what is said here. Health goes by the same domains, of two
// labels (evidence.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dataplane/dns/question.h"

namespace questions {

class DomainQuota {
 public:
  DomainQuota() : counts_(kPlaces, 0) {}

  /// Where one question is counted.
  struct Place {
    uint16_t narrow = 0;  // By three labels.
    uint16_t wide = 0;    // By two.
    bool in_wide = false;
  };
  /// Counts the question; `leave` takes it back.
  [[nodiscard]] Place enter(const dns::Question& question);
  void leave(const Place& place);

  /// How many open questions it has around it, itself included.
  [[nodiscard]] uint32_t around(const Place& place) const {
    return std::max<uint32_t>(counts_[place.narrow], place.in_wide ? counts_[place.wide] : 0);
  }
  /// Whether those are more than a domain needs when nothing is wrong with it.
  [[nodiscard]] bool over_quota(const Place& place) const {
    return counts_[place.narrow] > kFairNarrow ||
           (place.in_wide && counts_[place.wide] > kFairWide);
  }

  static constexpr uint16_t kFairNarrow = 16;
  static constexpr uint16_t kFairWide = 32;

 private:
  static constexpr size_t kPlaces = 1u << 16;
  std::vector<uint16_t> counts_;  // Each is less than the questions that may be open.
};

}  // namespace questions
