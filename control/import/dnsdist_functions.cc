#include "control/import/dnsdist_functions.h"

#include "control/draft/draft_tuning.h"
#include "control/lua/lua_sandbox.h"
#include "control/lua/lua_values.h"
#include "control/lua/stand_in.h"

namespace control {
namespace {

constexpr const char* kNumbers[] = {"setMaxTCPConnectionsPerClient",
                                    "setMaxTCPQueriesPerConnection",
                                    "setMaxTCPConnectionDuration",
                                    "setTCPRecvTimeout",
                                    "setTCPSendTimeout",
                                    "setTCPConnectionsOverloadThreshold",
                                    "setStaleCacheEntriesTTL",
                                    "setTCPDownstreamMaxIdleTime",
                                    "setDoHDownstreamMaxIdleTime"};

/// Upvalue: its name.
int set_number(lua_State* state) {
  const std::string name = lua_tostring(state, lua_upvalueindex(1));
  carry_number(draft_of(state), line_of(state), name, name, whole_number_at(state, 1));
  return 0;
}

void set_factor(lua_State* state, const char* function, const char* setting) {
  const Value factor = value_at(state, 1);
  if (factor.kind != Value::Kind::Number) luaL_error(state, "a number expected");
  carry_factor(draft_of(state), line_of(state), function, setting, factor.number);
}

int set_weighted_factor(lua_State* state) {
  set_factor(state, "setWeightedBalancingFactor", "weighted_balancing_factor");
  return 0;
}

int set_hashing_factor(lua_State* state) {
  set_factor(state, "setConsistentHashingBalancingFactor", "consistent_hashing_balancing_factor");
  return 0;
}

int set_verbose(lua_State* state) {
  draft_of(state).verbose = lua_toboolean(state, 1) != 0;
  return 0;
}

}  // namespace

void add_function(lua_State* state, const char* name, lua_CFunction function) {
  lua_pushstring(state, name);
  push_guarded(state, name, function);
  lua_rawset(state, -3);
}

void add_tuning_functions(lua_State* state) {
  for (const char* name : kNumbers) {
    lua_pushstring(state, name);
    lua_pushstring(state, name);
    lua_pushcclosure(state, set_number, 1);
    push_guarded(state, name);
    lua_rawset(state, -3);
  }
  add_function(state, "setWeightedBalancingFactor", set_weighted_factor);
  add_function(state, "setConsistentHashingBalancingFactor", set_hashing_factor);
  add_function(state, "setVerbose", set_verbose);
}

void add_dnsdist_functions(lua_State* state) {
  add_listening_functions(state);
  add_pool_functions(state);
  add_server_functions(state);
  add_rule_functions(state);
  add_tuning_functions(state);
}

size_t pool_of(lua_State* state, const std::string& name) {
  const auto pool = draft_of(state).pool_of(line_of(state), name);
  if (!pool) luaL_error(state, "there are too many pools");
  return pool.value_or(0);
}

}  // namespace control
