#include "control/draft/draft_pools.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "control/config/config.h"
#include "control/draft/draft_binds.h"
#include "control/text/dns_text.h"
#include "control/yaml/values.h"
#include "dataplane/ports/settings.h"
#include "dataplane/rules/client_counters.h"
#include "tls-workers/backends/policy.h"

namespace control {
namespace {

constexpr auto kToDo = Remark::Kind::ToDo;
constexpr auto kNote = Remark::Kind::Note;
constexpr int64_t kMostEntries = 1'000'000'000;
constexpr size_t kLongestName = 300;    // More than any is: it is told as none.
constexpr size_t kLongestSpoken = 200;  // Of a selector, which may have others in it.

struct CacheNumber {
  const char* parameter;
  const char* setting;
  int64_t least;
  int64_t most;
};
constexpr CacheNumber kCacheNumbers[] = {
    {"maxTTL", "max_ttl", 1, INT32_MAX},
    {"minTTL", "min_ttl", 0, INT32_MAX},
    {"maxNegativeTTL", "max_negative_ttl", 0, INT32_MAX},
    {"temporaryFailureTTL", "temporary_failure_ttl", 1, 300},
    {"staleTTL", "stale_ttl", 1, 3600},
};

void carry_cache_numbers(Parameters& given, DraftCache& cache) {
  std::optional<int64_t> least;
  int64_t most = 86'400;
  for (const CacheNumber& number : kCacheNumbers) {
    const auto value = given.whole_number(number.parameter);
    if (!value) continue;
    const int64_t nearest = std::clamp(*value, number.least, number.most);
    if (nearest != *value) {
      given.tell(kToDo, number.parameter,
                 std::to_string(*value) + " is not possible; " + std::to_string(nearest) +
                     " is the nearest");
    }
    if (std::string_view(number.setting) == "max_ttl") most = nearest;
    if (std::string_view(number.setting) == "min_ttl") least = nearest;
    put(cache.settings, number.setting, std::to_string(nearest));
  }
  if (!least || *least <= most) return;
  given.tell(kToDo, "minTTL", "it is more than maxTTL; it is the same here");
  put(cache.settings, "min_ttl", std::to_string(most));
}

std::string without_dot(std::string name) {
  if (name.size() > 1 && name.ends_with('.')) name.pop_back();
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return name;
}

bool is_domain(const std::string& name) { return !name.empty() && wire_form(name).has_value(); }

bool holds(const base::Prefix& block, const base::IpAddress& address) {
  return block.network.is_v4() == address.is_v4() && block.network <= address &&
         address <= block.last();
}

/// Walks the rules in their order, and knows what those before have decided.
class RuleWalk {
 public:
  explicit RuleWalk(Draft& draft) : draft_(draft) {}

  void apply(const DraftRule& rule) {
    if (all_) {
      return draft_.note(rule.line, rule.what,
                         "it is never reached: all queries are sent elsewhere in line " +
                             std::to_string(all_->line));
    }
    for (const std::string& name : rule.names) apply_name(rule, name);
    if (!rule.ports.empty() || !rule.destinations.empty()) apply_address(rule);
    if (rule.all) apply_all(rule);
  }

 private:
  [[nodiscard]] DraftPool& pool_of(const DraftRule& rule) {
    return *std::ranges::find(draft_.pools, rule.pool, &DraftPool::name);
  }

  void apply_name(const DraftRule& rule, const std::string& name) {
    const DraftRule* earlier = first_for(name);
    if (earlier != nullptr && earlier->pool == rule.pool) return;
    if (earlier != nullptr) {
      return draft_.note(
          rule.line, rule.what + " " + name,
          "it is never reached: line " + std::to_string(earlier->line) + " comes first");
    }
    if (pool_of(rule).domains.size() >= kMaxDomains) {
      if (!full_.insert(rule.pool).second) return;
      return draft_.to_do(rule.line, rule.what,
                          "a pool has at most " + std::to_string(kMaxDomains) +
                              " domains; those from " + name + " on are left out");
    }
    for (const DraftRule* address : addresses_) {
      if (address->pool == rule.pool) continue;
      draft_.to_do(rule.line, rule.what,
                   "dotline looks at names first, also at the addresses of line " +
                       std::to_string(address->line) + ", which comes first in dnsdist");
    }
    domains_.emplace(name, &rule);
    pool_of(rule).domains.push_back(name);
  }

  /// The first rule that is about `name` or a name above it.
  [[nodiscard]] const DraftRule* first_for(const std::string& name) const {
    const DraftRule* first = nullptr;
    for (size_t at = 0; at < name.size();) {
      const auto found = domains_.find(name.substr(at));
      // They lie in one list, in their order.
      if (found != domains_.end() && (first == nullptr || found->second < first))
        first = found->second;
      const size_t dot = name.find('.', at);
      at = dot == std::string::npos ? name.size() : dot + 1;
    }
    return first;
  }

  [[nodiscard]] static bool fits(const DraftRule& rule, const base::Endpoint& address) {
    if (std::ranges::find(rule.ports, address.port) != rule.ports.end()) return true;
    return std::ranges::any_of(rule.destinations, [&](const base::Prefix& block) {
      return holds(block, address.address);
    });
  }

  /// An address that only the rule names: a wildcard answers there.
  void add_destinations(const DraftRule& rule) {
    for (const base::Prefix& block : rule.destinations) {
      if (block.network != block.last()) continue;
      const auto is_there = [&](const DraftBind& bind) {
        return bind.address.address == block.network;
      };
      if (std::ranges::any_of(draft_.binds, is_there)) continue;
      const size_t count = draft_.binds.size();
      for (size_t i = 0; i < count && draft_.binds.size() < ports::kMaxBinds; ++i) {
        DraftBind bind = draft_.binds[i];
        const base::IpAddress& any = bind.address.address;
        if (!is_wildcard(any) || any.is_v4() != block.network.is_v4()) continue;
        bind.address.address = block.network;
        draft_.binds.push_back(std::move(bind));
      }
    }
  }

  void apply_address(const DraftRule& rule) {
    add_destinations(rule);
    addresses_.push_back(&rule);
    bool is_used = false;
    for (DraftBind& bind : draft_.binds) {
      if (!fits(rule, bind.address)) continue;
      is_used = true;
      if (!bind.pool) bind.pool = rule.pool;
    }
    if (!is_used)
      draft_.to_do(rule.line, rule.what,
                   "no address that is answered at fits it; write `pool: " + yaml_text(rule.pool) +
                       "` into those of `binds` that should");
  }

  void apply_all(const DraftRule& rule) {
    all_ = &rule;
    for (DraftBind& bind : draft_.binds) {
      if (!bind.pool) bind.pool = rule.pool;
    }
  }

  Draft& draft_;
  std::unordered_map<std::string, const DraftRule*> domains_;
  std::set<std::string> full_;  // Pools.
  std::vector<const DraftRule*> addresses_;
  const DraftRule* all_ = nullptr;
};

}  // namespace

std::optional<size_t> add_cache(const std::string& what, int64_t size, Parameters& given) {
  Draft& draft = given.draft();
  if (draft.caches.size() >= rules::kMaxCaches) {
    given.pass_over();
    draft.to_do(given.line(), what,
                "there are more than " + std::to_string(rules::kMaxCaches) +
                    " caches; this one is left out");
    return std::nullopt;
  }
  DraftCache cache{.line = given.line(), .name = {}, .settings = {}};
  const int64_t entries = std::clamp<int64_t>(size, 1, kMostEntries);
  if (entries != size) draft.to_do(cache.line, what, "a cache has 1 to 1000000000 entries");
  cache.settings.emplace_back("size", std::to_string(entries));
  carry_cache_numbers(given, cache);
  given.tell_rest(why_no_parameter_of_cache);
  draft.caches.push_back(std::move(cache));
  return draft.caches.size() - 1;
}

bool is_policy(Draft& draft, unsigned line, const std::string& policy) {
  const bool is_known =
      std::ranges::find(backends::kPolicyNames, policy) != std::end(backends::kPolicyNames);
  if (is_known) return true;
  draft.to_do(line, "policy " + (policy.empty() ? "of another kind" : policy),
              "dotline has no such policy; `policy` in the manual lists those it has");
  return false;
}

Selector unknown_selector(std::string spoken) {
  Selector selector;
  selector.spoken = std::move(spoken);
  return selector;
}

Selector all_selector() {
  Selector selector = unknown_selector("AllRule()");
  selector.is_known = selector.all = true;
  return selector;
}

Selector names_selector(std::vector<std::string> names) {
  Selector selector = unknown_selector("names");
  selector.is_known = true;
  for (std::string& name : names) {
    name = without_dot(name.substr(0, kLongestName));
    if (name == ".") selector.all = true;  // The root: every name is below it.
  }
  std::erase(names, ".");
  selector.names = std::move(names);
  return selector;
}

Selector blocks_selector(const std::vector<std::string>& blocks, bool is_source) {
  std::string list;
  for (const std::string& block : blocks) {
    if (list.size() < kLongestSpoken) list += (list.empty() ? "" : ", ") + block;
  }
  Selector selector = unknown_selector((is_source ? "clients " : "addresses ") + list);
  if (is_source) return selector;
  for (const std::string& text : blocks) {
    const auto block = block_of(text);
    if (!block) return selector;
    selector.destinations.push_back(*block);
  }
  selector.is_known = true;
  return selector;
}

Selector ports_selector(int64_t port) {
  Selector selector = unknown_selector("port " + std::to_string(port));
  if (port < 1 || port > 65'535) return selector;
  selector.is_known = true;
  selector.ports = {static_cast<uint16_t>(port)};
  return selector;
}

Selector guessed_selector(const std::vector<std::string>& texts) {
  const auto is_block = [](const std::string& text) { return block_of(text).has_value(); };
  if (!texts.empty() && std::ranges::all_of(texts, is_block)) return blocks_selector(texts, true);
  return names_selector(texts);
}

Selector any_of(const std::vector<Selector>& selectors) {
  Selector all = unknown_selector({});
  all.is_known = !selectors.empty();
  for (const Selector& selector : selectors) {
    all.is_known = all.is_known && selector.is_known;
    all.all = all.all || selector.all;
    if (all.spoken.size() < kLongestSpoken)
      all.spoken += (all.spoken.empty() ? "" : " or ") + selector.spoken;
    if (all.size() + selector.size() > kMostNames) all.is_known = false;
    if (!all.is_known) continue;
    all.names.insert(all.names.end(), selector.names.begin(), selector.names.end());
    all.ports.insert(all.ports.end(), selector.ports.begin(), selector.ports.end());
    all.destinations.insert(all.destinations.end(), selector.destinations.begin(),
                            selector.destinations.end());
  }
  return all;
}

void add_pool_rule(Draft& draft, unsigned line, const std::string& what, const Selector& selector,
                   const std::string& pool, bool is_last) {
  if (!selector.is_known) {
    return draft.to_do(line, what + "(" + selector.spoken + ", PoolAction())",
                       "dotline chooses a pool by the name that is asked for (`pools[].domains`), "
                       "or by the address that was asked (`binds[].pool`); not by anything else");
  }
  if (!is_last) {
    draft.to_do(line, what + "(" + selector.spoken + ", PoolAction())",
                "the rules behind it do not count for it in dotline, as they do there");
  }
  const auto index = draft.pool_of(line, pool);
  if (!index) return;
  DraftRule rule{.line = line,
                 .what = what,
                 .all = selector.all,
                 .names = {},
                 .ports = selector.ports,
                 .destinations = selector.destinations,
                 .pool = draft.pools[*index].name,
                 .is_last = is_last};
  for (const std::string& name : selector.names) {
    if (is_domain(name)) {
      rule.names.push_back(name);
    } else {
      draft.to_do(line, what + " " + name,
                  "it is not a domain of letters, digits, hyphens and underscores, as those of "
                  "`pools[].domains` are; it is left out");
    }
  }
  draft.rules.push_back(std::move(rule));
}

void apply_rules(Draft& draft) {
  RuleWalk walk(draft);
  const std::vector<DraftRule> rules = std::move(draft.rules);
  for (const DraftRule& rule : rules) walk.apply(rule);
}

}  // namespace control
