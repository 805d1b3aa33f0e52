#include "control/import/lua_values.h"

#include <algorithm>
#include <cmath>

#include "control/import/stand_in.h"

namespace control {
namespace {

std::string text_of(lua_State* state, int index, const char* what) {
  // A constant such as DNSQType.A stands for its own name.
  const std::string stand_in = name_of_stand_in(state, index);
  if (!stand_in.empty()) return stand_in.substr(stand_in.rfind('.') + 1);
  if (lua_type(state, index) != LUA_TSTRING && lua_type(state, index) != LUA_TNUMBER)
    luaL_error(state, "%s: a text expected, got %s", what, luaL_typename(state, index));
  lua_pushvalue(state, index);  // lua_tolstring would change a number in place.
  size_t size = 0;
  const char* text = lua_tolstring(state, -1, &size);
  if (size > kLongestText) luaL_error(state, "%s: a text of more than %d", what, int{kLongestText});
  std::string copy(text, size);
  lua_pop(state, 1);
  return copy;
}

std::vector<std::string> texts_of(lua_State* state, int index, const char* what) {
  if (!lua_istable(state, index)) return {text_of(state, index, what)};
  std::vector<std::string> texts;
  const size_t count = lua_rawlen(state, index);
  if (count > kMostItems) luaL_error(state, "%s: a list of more than %d", what, int{kMostItems});
  for (size_t i = 1; i <= count; ++i) {
    lua_rawgeti(state, index, static_cast<lua_Integer>(i));
    texts.push_back(text_of(state, lua_gettop(state), what));
    lua_pop(state, 1);
  }
  return texts;
}

}  // namespace

std::string text_at(lua_State* state, int index) { return text_of(state, index, "the argument"); }

std::vector<std::string> texts_at(lua_State* state, int index) {
  return texts_of(state, index, "the argument");
}

std::optional<int64_t> whole_number_at(lua_State* state, int index) {
  int is_number = 0;
  const lua_Integer number = lua_tointegerx(state, index, &is_number);
  if (is_number == 0) return std::nullopt;
  return number;
}

LuaParameters::LuaParameters(lua_State* state, int index) : state_(state), index_(index) {
  if (lua_isnoneornil(state, index)) return;
  luaL_checktype(state, index, LUA_TTABLE);
}

bool LuaParameters::push(const char* key) {
  known_.emplace_back(key);
  if (!lua_istable(state_, index_)) return false;
  lua_pushstring(state_, key);
  lua_rawget(state_, index_);
  if (!lua_isnil(state_, -1)) return true;
  lua_pop(state_, 1);
  return false;
}

std::optional<std::string> LuaParameters::text(const char* key) {
  if (!push(key)) return std::nullopt;
  std::string value = text_of(state_, lua_gettop(state_), key);
  lua_pop(state_, 1);
  return value;
}

std::optional<std::vector<std::string>> LuaParameters::texts(const char* key) {
  if (!push(key)) return std::nullopt;
  std::vector<std::string> values = texts_of(state_, lua_gettop(state_), key);
  lua_pop(state_, 1);
  return values;
}

std::optional<int64_t> LuaParameters::whole_number(const char* key) {
  if (!push(key)) return std::nullopt;
  const auto value = whole_number_at(state_, -1);
  if (!value)
    luaL_error(state_, "%s: a whole number expected, got %s", key, luaL_typename(state_, -1));
  lua_pop(state_, 1);
  return value;
}

std::optional<bool> LuaParameters::flag(const char* key) {
  if (!push(key)) return std::nullopt;
  const bool value = lua_toboolean(state_, -1) != 0;
  lua_pop(state_, 1);
  return value;
}

bool LuaParameters::wanted(const char* key) { return flag(key).value_or(false); }

std::vector<std::string> LuaParameters::unknown() const {
  std::vector<std::string> keys;
  if (!lua_istable(state_, index_)) return keys;
  lua_pushnil(state_);
  while (lua_next(state_, index_) != 0) {
    const bool is_off = (lua_isboolean(state_, -1) && lua_toboolean(state_, -1) == 0) ||
                        (lua_type(state_, -1) == LUA_TSTRING && lua_rawlen(state_, -1) == 0);
    lua_pop(state_, 1);
    if (is_off) continue;
    if (lua_type(state_, -1) == LUA_TSTRING) {
      std::string key = lua_tostring(state_, -1);
      if (std::ranges::find(known_, key) == known_.end()) keys.push_back(std::move(key));
    }
    if (keys.size() >= kMostItems) luaL_error(state_, "more than %d parameters", int{kMostItems});
  }
  std::ranges::sort(keys);
  return keys;
}

}  // namespace control
