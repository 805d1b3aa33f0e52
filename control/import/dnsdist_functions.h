// The functions of a dnsdist configuration that dotline has the like of. Each writes what it is
// given into the draft.
#pragma once

#include <lua.hpp>
#include <string>
#include <string_view>

#include "control/import/dnsdist_draft.h"

namespace control {

/// Adds all of them to the table of globals at the top of the stack. stand_in_for_unknown_globals
/// has to have been called.
void add_dnsdist_functions(lua_State* state);

/// The groups that add_dnsdist_functions consists of.
void add_listening_functions(lua_State* state);  // addLocal, setACL, webserver ...
void add_pool_functions(lua_State* state);       // newPacketCache, getPool, policies ...
void add_server_functions(lua_State* state);     // newServer, getServer
void add_rule_functions(lua_State* state);       // addAction, as far as it chooses a pool

/// Sets a global function in the table at the top of the stack.
void add_function(lua_State* state, const char* name, lua_CFunction function);

/// The index of the pool called `name`, which comes to be if there was none.
[[nodiscard]] size_t pool_of(lua_State* state, const std::string& name);

/// `text` as a name in dotline: 1-63 visible characters without spaces, quotes and backslashes.
[[nodiscard]] std::string label_of(std::string_view text);

/// A text as a YAML scalar, quoted where it has to be.
[[nodiscard]] std::string yaml_text(std::string_view text);

inline constexpr const char* kPoolType = "pool";
inline constexpr const char* kCacheType = "cache";
inline constexpr const char* kServerType = "server";

}  // namespace control
