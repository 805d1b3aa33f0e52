// The functions of a dnsdist configuration that dotline has the like of. Each writes what it is
// given into the draft.
#pragma once

#include <lua.hpp>
#include <string>
#include <string_view>

#include "control/draft/dnsdist_draft.h"

namespace control {

/// Adds all of them to the table of globals at the top of the stack. stand_in_for_unknown_globals
/// has to have been called.
void add_dnsdist_functions(lua_State* state);

/// The groups that add_dnsdist_functions consists of.
void add_listening_functions(lua_State* state);  // addLocal, setACL, webserver ...
void add_pool_functions(lua_State* state);       // newPacketCache, getPool, policies ...
void add_server_functions(lua_State* state);     // newServer, getServer ...
void add_rule_functions(lua_State* state);       // addAction, as far as it chooses a pool
void add_tuning_functions(lua_State* state);     // Single numbers and words.

/// Sets a global function in the table at the top of the stack. An error in it is told at its line.
void add_function(lua_State* state, const char* name, lua_CFunction function);

/// The pool called `name`, which comes to be if there was none. A Lua error if there are too many.
[[nodiscard]] size_t pool_of(lua_State* state, const std::string& name);

inline constexpr const char* kPoolType = "pool";
inline constexpr const char* kCacheType = "cache";
inline constexpr const char* kServerType = "server";

}  // namespace control
