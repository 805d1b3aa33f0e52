// Entries as a worker makes them: flagged for the fast path if the rules say so.
#pragma once

#include "dataplane/cache/entry.h"
#include "dataplane/rules/fast_path.h"

namespace tests {

inline cache::Entry* kept_entry(cache::NewEntry from) {
  from.fast_path = rules::fast_path_may_answer(from.question, from.content);
  return cache::make_entry(from);
}

}  // namespace tests
