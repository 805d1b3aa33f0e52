// Pools, the caches that they use, and how they choose among their servers.
#include <algorithm>
#include <array>

#include "control/draft/draft_pools.h"
#include "control/import/dnsdist_functions.h"
#include "control/lua/lua_objects.h"
#include "control/lua/lua_sandbox.h"
#include "control/lua/lua_values.h"
#include "control/lua/stand_in.h"

namespace control {
namespace {

constexpr auto kToDo = Remark::Kind::ToDo;
constexpr const char* kPolicies[] = {"leastOutstanding", "firstAvailable", "roundrobin",
                                     "wrandom",          "whashed",        "chashed",
                                     "orderedWrandUntag"};

/// newPacketCache(size, maxTTL, minTTL, ...), as it was before the table.
class OrderedParameters : public LuaParameters {
 public:
  explicit OrderedParameters(lua_State* state)
      : LuaParameters(state, lua_gettop(state) + 1, "newPacketCache"), state_(state) {}

 protected:
  [[nodiscard]] Value get(const std::string& key) override {
    const auto found = std::ranges::find(kOrder, key);
    if (found == kOrder.end()) return {};
    return value_at(state_, static_cast<int>(found - kOrder.begin()) + 2);
  }
  [[nodiscard]] std::vector<std::string> keys() override { return {kOrder.begin(), kOrder.end()}; }

 private:
  static constexpr std::array<std::string_view, 8> kOrder = {
      "maxTTL",  "minTTL",  "temporaryFailureTTL", "staleTTL",
      "dontAge", "shuffle", "numberOfShards",      "deferrableInsertLock"};
  lua_State* state_;
};

int new_packet_cache(lua_State* state) {
  constexpr const char* kFunction = "newPacketCache";
  const int64_t size = whole_number_at(state, 1);
  std::optional<size_t> cache;
  if (lua_istable(state, 2) || lua_isnoneornil(state, 2)) {
    LuaParameters given(state, 2, kFunction);
    cache = add_cache(kFunction, size, given);
  } else {
    OrderedParameters given(state);
    cache = add_cache(kFunction, size, given);
  }
  if (!cache) return 0;
  push_object(state, kCacheType, *cache);
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
  return is_policy(draft_of(state), line_of(state), name) ? name : std::string();
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
  for (const char* policy : kPolicies) {
    lua_pushstring(state, policy);
    push_quiet_stand_in(state, policy);
    lua_rawset(state, -3);
  }
}

}  // namespace control
