#include "control/lua/lua_values.h"

#include <algorithm>

#include "control/lua/lua_sandbox.h"
#include "control/lua/stand_in.h"

namespace control {
namespace {

constexpr size_t kMostKeys = 1000;
constexpr int kMostNested = 4;  // Lists in lists; nothing of dnsdist's has more than two.

std::string copied_text(lua_State* state, int index) {
  lua_pushvalue(state, index);  // lua_tolstring would change a number in place.
  size_t size = 0;
  const char* text = lua_tolstring(state, -1, &size);
  if (size > kLongestText) luaL_error(state, "a text of more than %d", int{kLongestText});
  std::string copy(text, size);
  lua_pop(state, 1);
  return copy;
}

Value value_of(lua_State* state, int index, int nested);

Value list_of(lua_State* state, int index, int nested) {
  Value list{.kind = Value::Kind::List, .text = {}, .number = 0, .flag = false, .items = {}};
  const size_t count = lua_rawlen(state, index);
  if (count > kMostItems) luaL_error(state, "a list of more than %d", int{kMostItems});
  LuaSandbox::of(state).charge(state, count);
  for (size_t i = 1; i <= count; ++i) {
    lua_rawgeti(state, index, static_cast<lua_Integer>(i));
    list.items.push_back(value_of(state, lua_gettop(state), nested + 1));
    lua_pop(state, 1);
  }
  lua_pushnil(state);
  if (count == 0 && lua_next(state, index) != 0) {  // Names, not a list.
    lua_pop(state, 2);
    return {.kind = Value::Kind::Other, .text = "a table", .number = 0, .flag = false, .items = {}};
  }
  return list;
}

Value value_of(lua_State* state, int index, int nested) {
  Value value;
  const std::string stand_in = name_of_stand_in(state, index);
  if (!stand_in.empty()) {
    // A constant such as DNSQType.A stands for its own name.
    const size_t dot = stand_in.rfind('.');
    const bool is_constant = dot != std::string::npos && is_constants(stand_in.substr(0, dot));
    value.kind = is_constant ? Value::Kind::Text : Value::Kind::Other;
    value.text = is_constant ? stand_in.substr(dot + 1) : stand_in;
    return value;
  }
  luaL_checkstack(state, 8, "values");
  switch (lua_type(state, index)) {
    case LUA_TNIL:
    case LUA_TNONE:
      return value;
    case LUA_TBOOLEAN:
      value.kind = Value::Kind::Flag;
      value.flag = lua_toboolean(state, index) != 0;
      return value;
    case LUA_TNUMBER:
      value.kind = Value::Kind::Number;
      value.number = lua_tonumber(state, index);
      value.text = copied_text(state, index);
      return value;
    case LUA_TSTRING:
      value.kind = Value::Kind::Text;
      value.text = copied_text(state, index);
      return value;
    case LUA_TTABLE:
      if (nested < kMostNested) return list_of(state, index, nested);
      [[fallthrough]];
    default:
      value.kind = Value::Kind::Other;
      value.text = std::string("a ") + luaL_typename(state, index);
      return value;
  }
}

}  // namespace

Value value_at(lua_State* state, int index) {
  return value_of(state, lua_absindex(state, index), 0);
}

std::string text_at(lua_State* state, int index) {
  const Value value = value_at(state, index);
  if (value.kind == Value::Kind::Text || value.kind == Value::Kind::Number) return value.text;
  const std::string given =
      value.kind == Value::Kind::Other ? value.text : luaL_typename(state, index);
  luaL_error(state, "a text expected, got %s", given.c_str());
  return {};
}

std::vector<std::string> texts_at(lua_State* state, int index) {
  if (!lua_istable(state, index)) return {text_at(state, index)};
  std::vector<std::string> texts;
  for (const Value& item : value_at(state, index).items) {
    if (item.kind == Value::Kind::Text || item.kind == Value::Kind::Number) {
      texts.push_back(item.text);
    } else {
      const std::string given = item.text.empty() ? "something else" : item.text;
      luaL_error(state, "a list of texts expected, got %s in it", given.c_str());
    }
  }
  return texts;
}

int64_t whole_number_at(lua_State* state, int index) {
  const Value value = value_at(state, index);
  const auto number = value.whole_number();
  if (!number) {
    const std::string given = value.text.empty() ? luaL_typename(state, index) : value.text;
    luaL_error(state, "a whole number expected, got %s", given.c_str());
  }
  return number.value_or(0);
}

LuaParameters::LuaParameters(lua_State* state, int index, std::string subject)
    : Parameters(draft_of(state), control::line_of(state)),
      state_(state),
      index_(index),
      subject_(std::move(subject)) {}

Value LuaParameters::get(const std::string& key) {
  if (!lua_istable(state_, index_)) return {};
  lua_pushlstring(state_, key.data(), key.size());
  lua_rawget(state_, index_);
  Value value = value_at(state_, -1);
  lua_pop(state_, 1);
  return value;
}

std::vector<std::string> LuaParameters::keys() {
  std::vector<std::string> keys;
  if (!lua_istable(state_, index_)) return keys;
  lua_pushnil(state_);
  while (lua_next(state_, index_) != 0) {
    lua_pop(state_, 1);
    if (lua_type(state_, -1) == LUA_TSTRING) {
      keys.emplace_back(lua_tostring(state_, -1));
    } else {
      keys.emplace_back("[" + value_at(state_, -1).text + "]");
    }
    if (keys.size() > kMostKeys) luaL_error(state_, "more than %d parameters", int{kMostKeys});
  }
  std::ranges::sort(keys);
  return keys;
}

std::string LuaParameters::spoken(const std::string& key) const { return subject_ + "." + key; }

}  // namespace control
