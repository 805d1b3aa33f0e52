// The part of Lua's library that a configuration may use: what computes, and nothing that could
// reach outside, run code that was not in the file, or take for ever.
#pragma once

#include <lua.hpp>

namespace control {

/// Makes a new table of globals with only those functions in it, and lets it be the state's. A Lua
/// error if memory is out.
void make_safe_globals(lua_State* state);

}  // namespace control
