// Serve stale: what the cache still has is told in the place of a failure, though its time is over,
// if it has not been for too long. RFC 8767.
//
// Not so if signatures are what failed: then the old answer may be the one that an attacker wants
// to be believed.
#pragma once

#include "dataplane/base/clock.h"
#include "dataplane/cache/cache.h"
#include "dataplane/cache/reclaim.h"
#include "dataplane/dns/question.h"
#include "tls-workers/questions/configuration.h"
#include "tls-workers/questions/fills.h"
#include "tls-workers/questions/questions.h"

namespace questions {

class StaleAnswers {
 public:
  /// What it borrows outlives it.
  StaleAnswers(const Pools& pools, const Questions& questions, Fills& fills,
               cache::Reclaim& reclaim)
      : pools_(pools), questions_(questions), fills_(fills), reclaim_(reclaim) {}

  // All of these: the worker's thread, at the turn's `now`.

  /// What the cache has for `question` though it could not be found out just now, with a pin that
  /// is the caller's; nullptr: nothing. If its time is over, it is published anew, to be told for
  /// 30 s without asking.
  [[nodiscard]] const cache::Entry* hold(const dns::Question& question, base::Time now);
  /// Tells `asker`; false if there is nothing to tell.
  [[nodiscard]] bool tell(const dns::Question& question, const Asker& asker, base::Time now);
  /// Tells all askers of `question`, if there is something to tell.
  void tell_all(OpenQuestion& question, base::Time now);

 private:
  const Pools& pools_;
  const Questions& questions_;
  Fills& fills_;
  cache::Reclaim& reclaim_;
};

}  // namespace questions
