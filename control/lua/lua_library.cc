#include "control/lua/lua_library.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>

#include "control/lua/lua_sandbox.h"

namespace control {
namespace {

constexpr const char* kBase[] = {"assert", "error",   "getmetatable", "ipairs",   "next",
                                 "pairs",  "pcall",   "rawequal",     "rawget",   "rawlen",
                                 "rawset", "select",  "tonumber",     "tostring", "type",
                                 "xpcall", "_VERSION"};
constexpr const char* kString[] = {"byte",  "char", "format", "len",
                                   "lower", "sub",  "upper",  "reverse"};
constexpr const char* kPatterns[] = {"find", "gmatch", "gsub", "match"};
constexpr const char* kTable[] = {"concat", "pack", "sort", "unpack"};
constexpr const char* kMath[] = {"abs", "ceil", "exp",        "floor", "fmod",       "huge",
                                 "log", "max",  "maxinteger", "min",   "mininteger", "modf",
                                 "pi",  "sqrt", "tointeger",  "type"};

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max() / 2;

uint64_t times(uint64_t a, uint64_t b) { return b != 0 && a > kNever / b ? kNever : a * b; }

/// Whatever is repeated in a pattern, and how often what may be left out is.
struct Repetitions {
  unsigned any = 0;    // * + -
  unsigned maybe = 0;  // ?
};

/// The set that begins at `at`, a '[': where it ends.
size_t end_of_set(std::string_view pattern, size_t at) {
  ++at;
  if (at < pattern.size() && pattern[at] == '^') ++at;
  for (bool first = true; at < pattern.size() && (first || pattern[at] != ']'); first = false)
    at += pattern[at] == '%' ? 2 : 1;
  return at;
}

Repetitions repetitions_in(std::string_view pattern) {
  Repetitions found;
  for (size_t at = 0; at < pattern.size(); ++at) {
    const char c = pattern[at];
    if (c == '%') {
      ++at;
    } else if (c == '[') {
      at = end_of_set(pattern, at);
    } else if (c == '*' || c == '+' || c == '-') {
      ++found.any;
    } else if (c == '?') {
      ++found.maybe;
    }
  }
  return found;
}

/// The most steps that matching can take: a try from each octet of the subject, in which each
/// repetition tries each length.
uint64_t price_of_match(size_t subject, std::string_view pattern) {
  const Repetitions repeated = repetitions_in(pattern);
  uint64_t price = 1 + pattern.size() / 64;
  for (unsigned i = 0; i <= repeated.any && price < kNever; ++i) price = times(price, subject + 1);
  for (unsigned i = 0; i < repeated.maybe && price < kNever; ++i) price = times(price, 2);
  return price;
}

/// find, gmatch, gsub, match, of which the original is the upvalue: paid for beforehand, since they
/// cannot be interrupted and some patterns take for ever.
int match(lua_State* state) {
  size_t subject = 0;
  size_t length = 0;
  luaL_checklstring(state, 1, &subject);
  const char* pattern = luaL_checklstring(state, 2, &length);
  LuaSandbox::of(state).charge(state, price_of_match(subject, {pattern, length}));
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
  return lua_gettop(state);
}

/// string.rep: the original copies even nothing as often as it is told.
int repeat(lua_State* state) {
  size_t text = 0;
  size_t separator = 0;
  luaL_checklstring(state, 1, &text);
  const lua_Integer wanted = luaL_checkinteger(state, 2);
  luaL_optlstring(state, 3, "", &separator);
  const auto count = static_cast<uint64_t>(std::max<lua_Integer>(wanted, 0));
  LuaSandbox::of(state).charge(state, times(count, (text + separator) / 16 + 1));
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_call(state, lua_gettop(state) - 1, 1);
  return 1;
}

/// table.insert and table.remove: they move what is behind, and believe what __len says.
int move_items(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  luaL_argcheck(state, lua_getmetatable(state, 1) == 0, 1, "a table without a metatable expected");
  LuaSandbox::of(state).charge(state, lua_rawlen(state, 1) / 16 + 1);
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
  return lua_gettop(state);
}

/// setmetatable without finalizers: those run uncounted, and at unexpected times.
int set_metatable(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  if (lua_istable(state, 2)) {
    lua_pushliteral(state, "__gc");
    lua_rawget(state, 2);
    luaL_argcheck(state, lua_isnil(state, -1), 2, "__gc is not available here");
    lua_pop(state, 1);
  }
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_call(state, lua_gettop(state) - 1, 1);
  return 1;
}

/// What is printed goes nowhere: the output of an import is about the file.
int print_nothing(lua_State* /*state*/) { return 0; }

/// Copies fields from the table below the top to the one at the top.
template <size_t kSize>
void copy(lua_State* state, const char* const (&names)[kSize]) {
  for (const char* name : names) {
    lua_getfield(state, -2, name);
    lua_setfield(state, -2, name);
  }
}

/// The same for one field, which `guard` gets as its upvalue.
void copy_guarded(lua_State* state, const char* name, lua_CFunction guard) {
  lua_getfield(state, -2, name);
  lua_pushcclosure(state, guard, 1);
  lua_setfield(state, -2, name);
}

/// A new library from an original one at the top of the stack: original, new.
void begin(lua_State* state, const char* name, lua_CFunction open) {
  lua_pushcfunction(state, open);
  lua_pushstring(state, name);
  lua_call(state, 1, 1);
  lua_newtable(state);
}

/// Expects globals, original, new; leaves globals.
void end(lua_State* state, const char* name) {
  lua_setfield(state, -3, name);
  lua_pop(state, 1);
}

void add_string(lua_State* state) {
  begin(state, LUA_STRLIBNAME, luaopen_string);
  copy(state, kString);
  for (const char* name : kPatterns) copy_guarded(state, name, match);
  copy_guarded(state, "rep", repeat);
  // ("text"):method() finds its methods in the metatable of strings, which has the whole library.
  lua_pushliteral(state, "");
  lua_getmetatable(state, -1);
  lua_pushvalue(state, -3);
  lua_setfield(state, -2, "__index");
  lua_pushboolean(state, 0);
  lua_setfield(state, -2, "__metatable");
  lua_pop(state, 2);
  end(state, LUA_STRLIBNAME);
}

void add_table(lua_State* state) {
  begin(state, LUA_TABLIBNAME, luaopen_table);
  copy(state, kTable);
  copy_guarded(state, "insert", move_items);
  copy_guarded(state, "remove", move_items);
  lua_getfield(state, -1, "unpack");
  lua_setfield(state, -4, "unpack");  // As Lua 5.1 had it, which dnsdist is built with.
  end(state, LUA_TABLIBNAME);
}

void add_math(lua_State* state) {
  begin(state, LUA_MATHLIBNAME, luaopen_math);
  copy(state, kMath);
  end(state, LUA_MATHLIBNAME);
}

}  // namespace

void make_safe_globals(lua_State* state) {
  lua_pushcfunction(state, luaopen_base);
  lua_call(state, 0, 1);
  lua_newtable(state);
  copy(state, kBase);
  copy_guarded(state, "setmetatable", set_metatable);
  lua_pushcfunction(state, print_nothing);
  lua_setfield(state, -2, "print");
  add_string(state);
  add_table(state);
  add_math(state);
  lua_pushvalue(state, -1);
  lua_setfield(state, -2, LUA_GNAME);
  lua_rawseti(state, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  lua_pop(state, 1);
}

}  // namespace control
