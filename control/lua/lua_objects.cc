#include "control/lua/lua_objects.h"

#include <string>

#include "control/draft/dnsdist_names.h"
#include "control/lua/stand_in.h"

namespace control {
namespace {

/// Upvalues: the methods, the type.
int find_method(lua_State* state) {
  if (lua_type(state, 2) != LUA_TSTRING) return 0;
  lua_pushvalue(state, 2);
  if (lua_rawget(state, lua_upvalueindex(1)) != LUA_TNIL) return 1;
  const std::string method = lua_tostring(state, 2);
  const NotCarried reason = why_not_carried(method);
  remark(state, reason.kind, lua_tostring(state, lua_upvalueindex(2)) + (":" + method), reason.why);
  push_quiet_stand_in(state, method);
  return 1;
}

}  // namespace

void make_object_type(lua_State* state, const char* type, std::initializer_list<luaL_Reg> methods) {
  luaL_newmetatable(state, type);
  lua_newtable(state);
  for (const luaL_Reg& method : methods) {
    push_guarded(state, method.name, method.func);
    lua_setfield(state, -2, method.name);
  }
  lua_pushstring(state, type);
  lua_pushcclosure(state, find_method, 2);
  lua_setfield(state, -2, "__index");
  lua_pushboolean(state, 0);
  lua_setfield(state, -2, "__metatable");
  lua_pop(state, 1);
}

void push_object(lua_State* state, const char* type, size_t index) {
  *static_cast<size_t*>(lua_newuserdatauv(state, sizeof(size_t), 0)) = index;
  luaL_setmetatable(state, type);
}

size_t object_at(lua_State* state, int index, const char* type) {
  return *static_cast<const size_t*>(luaL_checkudata(state, index, type));
}

bool is_object(lua_State* state, int index, const char* type) {
  return luaL_testudata(state, index, type) != nullptr;
}

}  // namespace control
