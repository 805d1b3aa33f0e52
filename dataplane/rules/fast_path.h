// What the fast path may answer by itself. It compares a query with an entry and asks no rule, so
// the rules are asked when the entry is made: this is the only source of the entry's flag.
#pragma once

#include "dataplane/dns/question.h"
#include "dataplane/dns/reply.h"

namespace rules {

/// Whether a plain query over UDP for `question` (RD=1, no OPT or a bare one) that finds `content`
/// is answered with it as it stands: `decide` has no rule of its own for it, and nothing in the
/// content takes more than copying (an extended error, an rcode beyond four bits, TC).
[[nodiscard]] bool fast_path_may_answer(const dns::Question& question,
                                        const dns::Content& content) noexcept;

}  // namespace rules
