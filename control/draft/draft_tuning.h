// dnsdist's single numbers and words, each a function in Lua and a setting in YAML, as far as
// dotline has the like of them; and what `check` would say about some of them.
#pragma once

#include <string>
#include <string_view>

#include "control/draft/dnsdist_draft.h"

namespace control {

/// Whether dotline has the like of what dnsdist's Lua calls `function`.
[[nodiscard]] bool is_carried_number(std::string_view function);

/// Carries it over. `what`: as the file calls it.
void carry_number(Draft& draft, unsigned line, const std::string& what, std::string_view function,
                  int64_t value);

/// How much more than its share a server may have; 0: never mind. `setting`: of
/// `load_balancing_policies`.
void carry_factor(Draft& draft, unsigned line, const std::string& what, const std::string& setting,
                  double factor);

/// What `check` says about the `ciphers` or `ciphers_tls_13` of a bind, "" if nothing.
[[nodiscard]] std::string fault_of_ciphers(const std::string& setting, const std::string& value);

}  // namespace control
