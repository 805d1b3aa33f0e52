// What the queries of one backend have met lately, by domain and by client. A query that fails says
// something about the backend or about its name; a thousand names below one dead domain still say
// it about that domain alone, and so do all the names that one client makes up. So a domain has one
// place here, whatever is asked below it, and the last thing it met is what counts.
//
// A domain is the last two labels, as domain_quota.h has them. Where a registry gives out names
// below "co.uk", that is coarser than ownership, and errs on the safe side: fewer votes. A list of
// public suffixes errs on the other one (all names below one dynamic-DNS domain would be domains of
// their own), and is one more thing that gets old.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "dataplane/base/clock.h"

namespace backends {

/// Which client asked and for what, as keyed hashes: enough to tell one from another, but no name.
struct Source {
  uint16_t domain = 0;
  uint16_t client = 0;  // Its address, or IPv6 /64.
  friend bool operator==(const Source&, const Source&) = default;
};

class Evidence {
 public:
  void answered(Source source, base::Time now);
  /// A query that was asked at `asked` came to nothing. True if this is news: until now the tally
  /// was another.
  bool failed(Source source, base::Time asked, base::Time now);
  void forget() { *this = Evidence(); }

  /// When a query was answered last, whatever its domain: the proof of life.
  [[nodiscard]] base::Time last_answer() const { return last_answer_; }
  [[nodiscard]] base::Time last_failure() const { return last_failure_; }

  /// Domains asked for within kLife.
  struct Tally {
    uint32_t asked = 0;
    uint32_t failing = 0;        // What was asked for them last came to nothing, ...
    uint32_t failing_known = 0;  // ... of those that are known to have been answered before, ...
    uint32_t unbroken = 0;    // ... and of those, with no answer to any query since it was asked.
    bool of_several = false;  // Not all by one client, or there is no other one.
  };
  [[nodiscard]] Tally tally(base::Time now) const;

  /// What is older than this says nothing about now.
  static constexpr base::seconds kLife{60};
  static constexpr size_t kPlaces = 64;

 private:
  struct Place {
    base::Time answered{};  // Never, if zero; like the next.
    base::Time failed{};
    uint32_t run = 0;  // Of failures with no answer between them: the one it was part of last.
    Source source;

    [[nodiscard]] base::Time last() const { return std::max(answered, failed); }
    [[nodiscard]] bool failing() const { return failed > answered; }
  };
  static constexpr size_t kWays = 4;

  enum class Met : uint8_t { Answer, Failure };
  [[nodiscard]] Place* place_of(Source source, Met met, base::Time now);

  std::array<Place, kPlaces> places_{};
  base::Time last_answer_{};
  base::Time last_failure_{};
  uint32_t run_ = 1;
};

}  // namespace backends
