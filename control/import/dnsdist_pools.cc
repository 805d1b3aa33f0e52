// Pools, the caches that they use, and how they choose among their servers.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "control/import/dnsdist_functions.h"
#include "control/import/lua_objects.h"
#include "control/import/lua_sandbox.h"
#include "control/import/lua_values.h"
#include "control/import/stand_in.h"

namespace control {
namespace {

constexpr auto kToDo = Remark::Kind::ToDo;
constexpr auto kNote = Remark::Kind::Note;
constexpr const char* kPolicies[] = {"leastOutstanding", "firstAvailable", "roundrobin",
                                     "wrandom",          "whashed",        "chashed"};
constexpr int64_t kMostEntries = 1'000'000'000;
constexpr size_t kMostCaches = 64;

/// A number of a cache's; the last three of dnsdist's positions are not told apart here.
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
// How dnsdist's cache is built inside, or what it keeps apart, which dotline's does by itself.
constexpr const char* kNeedless[] = {"numberOfShards", "deferrableInsertLock", "keepStaleData",
                                     "skipOptions",    "cookieHashing",        "payloadRanks",
                                     "truncatedTTL",   "maximumEntrySize"};

void carry_number(lua_State* state, const CacheNumber& number, int64_t value, DraftCache& cache) {
  const std::string what = std::string("newPacketCache.") + number.parameter;
  const int64_t fit = std::clamp(value, number.least, number.most);
  if (fit != value) {
    remark(state, kToDo, what,
           std::to_string(value) + " is not possible; " + std::to_string(fit) + " is the nearest");
  }
  cache.settings.emplace_back(number.setting, std::to_string(fit));
}

void carry_parameters(lua_State* state, DraftCache& cache) {
  LuaParameters given(state, 2);
  for (const CacheNumber& number : kCacheNumbers) {
    if (const auto value = given.whole_number(number.parameter))
      carry_number(state, number, *value, cache);
  }
  for (const char* needless : kNeedless) {
    if (given.wanted(needless))
      remark(state, kNote, std::string("newPacketCache.") + needless, "not needed in dotline");
  }
  for (const std::string& name : given.unknown())
    remark(state, kToDo, "newPacketCache." + name, "dotline has nothing of that name");
}

int new_packet_cache(lua_State* state) {
  Draft& draft = draft_of(state);
  const auto size = whole_number_at(state, 1);
  luaL_argcheck(state, size.has_value(), 1, "a number of entries expected");
  if (draft.caches.size() >= kMostCaches)
    luaL_error(state, "there are more than %d caches", static_cast<int>(kMostCaches));
  DraftCache cache{.line = line_of(state), .settings = {}};
  const int64_t entries = std::clamp<int64_t>(size.value_or(0), 1, kMostEntries);
  if (entries != size)
    remark(state, kToDo, "newPacketCache", "a cache has 1 to 1000000000 entries");
  cache.settings.emplace_back("size", std::to_string(entries));
  if (lua_isnumber(state, 2) != 0) {
    // newPacketCache(size, maxTTL, minTTL, ...), as it was before the table.
    const std::array<CacheNumber, 4> in_order = {kCacheNumbers[0], kCacheNumbers[1],
                                                 kCacheNumbers[3], kCacheNumbers[4]};
    for (size_t i = 0; i < in_order.size(); ++i) {
      if (const auto value = whole_number_at(state, static_cast<int>(i) + 2))
        carry_number(state, in_order[i], *value, cache);
    }
  } else {
    carry_parameters(state, cache);
  }
  draft.caches.push_back(std::move(cache));
  push_object(state, kCacheType, draft.caches.size() - 1);
  return 1;
}

int get_pool(lua_State* state) {
  push_object(state, kPoolType, pool_of(state, lua_isnoneornil(state, 1) ? "" : text_at(state, 1)));
  return 1;
}

int set_cache(lua_State* state) {
  const size_t pool = object_at(state, 1, kPoolType);
  draft_of(state).pools[pool].cache = object_at(state, 2, kCacheType);
  return 0;
}

int unset_cache(lua_State* state) {
  draft_of(state).pools[object_at(state, 1, kPoolType)].cache.reset();
  return 0;
}

int get_cache(lua_State* state) {
  const auto& cache = draft_of(state).pools[object_at(state, 1, kPoolType)].cache;
  if (!cache) return 0;
  push_object(state, kCacheType, *cache);
  return 1;
}

int set_ecs(lua_State* state) {
  if (lua_toboolean(state, 2) == 0) return 0;
  remark(state, kToDo, "setECS",
         "dotline sends no client subnet: resolvers answer as is best for its own address");
  return 0;
}

/// The policy at `index`, "" if dotline has none of that name.
std::string policy_at(lua_State* state, int index) {
  std::string name = name_of_stand_in(state, index);
  const bool known = std::ranges::find(kPolicies, name) != std::end(kPolicies);
  if (known) return name;
  remark(state, kToDo, "policy " + (name.empty() ? "of another kind" : name),
         "dotline has no such policy; `policy` in the manual lists those it has");
  return {};
}

int set_server_policy(lua_State* state) {
  const std::string policy = policy_at(state, 1);
  if (!policy.empty()) put(draft_of(state).policies, "default_policy", policy);
  return 0;
}

int set_pool_server_policy(lua_State* state) {
  const std::string policy = policy_at(state, 1);
  draft_of(state).pools[pool_of(state, text_at(state, 2))].policy = policy;
  return 0;
}

/// How much more than its share a server may have; 0: never mind.
void carry_factor(lua_State* state, const char* setting) {
  const double factor = luaL_checknumber(state, 1);
  const bool possible = factor == 0 || (factor >= 1 && factor <= 1000);
  if (!possible) return remark(state, kToDo, setting, "it is 0, or 1 to 1000 in dotline");
  put(draft_of(state).policies, setting, fmt::format("{}", factor));
}

int set_weighted_factor(lua_State* state) {
  carry_factor(state, "weighted_balancing_factor");
  return 0;
}

int set_hashing_factor(lua_State* state) {
  carry_factor(state, "consistent_hashing_balancing_factor");
  return 0;
}

}  // namespace

void add_pool_functions(lua_State* state) {
  make_object_type(state, kPoolType,
                   {{"setCache", set_cache},
                    {"unsetCache", unset_cache},
                    {"getCache", get_cache},
                    {"setECS", set_ecs}});
  make_object_type(state, kCacheType, {});
  add_function(state, "newPacketCache", new_packet_cache);
  add_function(state, "getPool", get_pool);
  add_function(state, "setServerPolicy", set_server_policy);
  add_function(state, "setPoolServerPolicy", set_pool_server_policy);
  add_function(state, "setWeightedBalancingFactor", set_weighted_factor);
  add_function(state, "setConsistentHashingBalancingFactor", set_hashing_factor);
  for (const char* policy : kPolicies) {
    lua_pushstring(state, policy);
    push_quiet_stand_in(state, policy);
    lua_rawset(state, -3);
  }
}

}  // namespace control
