// What the file holds in its hands of a draft: a pool, a cache, a server. To Lua an opaque thing
// with methods; to us its kind and its index.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <lua.hpp>

namespace control {

/// `type` is a name for Lua's registry, and what messages call it. A method that is not there is
/// told about and does nothing; so is an error in one that is there.
void make_object_type(lua_State* state, const char* type, std::initializer_list<luaL_Reg> methods);

void push_object(lua_State* state, const char* type, size_t index);

/// A Lua error if there is something else.
[[nodiscard]] size_t object_at(lua_State* state, int index, const char* type);
[[nodiscard]] bool is_object(lua_State* state, int index, const char* type);

}  // namespace control
