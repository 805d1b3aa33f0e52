// Pools, their caches and policies, in Lua or in YAML, as parts of the draft; and the rules that
// choose among pools, as far as dotline has the means: `domains` of a pool for names, `pool` of a
// bind for the address and port that were asked.
#pragma once

#include <optional>
#include <string>

#include "control/draft/parameters.h"

namespace control {

/// A cache with `size` entries and what `given` says about it: its index in the draft. Nothing if
/// there are too many, which is told.
[[nodiscard]] std::optional<size_t> add_cache(const std::string& what, int64_t size,
                                              Parameters& given);

/// Whether `policy` is one that dotline has; another one is told.
[[nodiscard]] bool is_policy(Draft& draft, unsigned line, const std::string& policy);

/// What a query has to be like for a rule.
struct Selector {
  bool is_known = false;  // Else only `spoken` says something: dotline has no like of it.
  bool all = false;
  std::vector<std::string> names;          // At or below one of them,
  std::vector<uint16_t> ports;             // or asked at one of these,
  std::vector<base::Prefix> destinations;  // or at one of these.
  std::string spoken;

  [[nodiscard]] size_t size() const { return names.size() + ports.size() + destinations.size(); }
};

inline constexpr size_t kMostNames = 100'000;  // In all selectors together.

[[nodiscard]] Selector unknown_selector(std::string spoken);
[[nodiscard]] Selector all_selector();
[[nodiscard]] Selector names_selector(std::vector<std::string> names);
/// Blocks of addresses, of the client or of ourselves.
[[nodiscard]] Selector blocks_selector(const std::vector<std::string>& blocks, bool is_source);
[[nodiscard]] Selector ports_selector(int64_t port);
/// Names, or blocks of clients' addresses, as dnsdist tells them apart.
[[nodiscard]] Selector guessed_selector(const std::vector<std::string>& texts);
[[nodiscard]] Selector any_of(const std::vector<Selector>& selectors);

/// A rule that sends to `pool` what fits `selector`.
void add_pool_rule(Draft& draft, unsigned line, const std::string& what, const Selector& selector,
                   const std::string& pool, bool is_last);

/// When all rules and binds are known: rules become domains of pools and pools of binds.
void apply_rules(Draft& draft);

}  // namespace control
