// What a run gave, as one line of JSON for programs and as a table for people.
#pragma once

#include <string>

#include "perf/load/generator.h"

namespace load {

/// Times in nanoseconds, rates in queries a second, `loss` as a share of what was sent.
[[nodiscard]] std::string as_json(const Plan& plan, const Result& result,
                                  uint64_t cycles_per_second);
[[nodiscard]] std::string as_table(const Plan& plan, const Result& result,
                                   uint64_t cycles_per_second);

}  // namespace load
