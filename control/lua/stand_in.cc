#include "control/lua/stand_in.h"

#include <algorithm>
#include <string_view>

#include "control/draft/dnsdist_names.h"
#include "control/lua/lua_sandbox.h"

namespace control {
namespace {

constexpr const char* kType = "dotline.stand_in";
constexpr size_t kLongestName = 80;
// A loop that reads until nothing is left comes to an end by this.
constexpr unsigned kMostReads = 1000;
constexpr uint64_t kStepsOfACall = 500;  // What one of ours does, about.
constexpr const char* kOperators[] = {"__add",  "__sub",  "__mul",  "__div",  "__mod",
                                      "__pow",  "__unm",  "__idiv", "__band", "__bor",
                                      "__bxor", "__bnot", "__shl",  "__shr",  "__concat"};
/// Of the library, and what they are called as globals. table.insert is not among them: it may put
/// a stand-in into a table.
constexpr const char* kLibraries[] = {"string", "math"};
constexpr const char* kTaking[] = {"tonumber", "tostring", "next",   "rawget",
                                   "rawlen",   "rawset",   "ipairs", "unpack"};
constexpr const char* kTakingOfTable[] = {"concat", "unpack", "sort", "remove"};

const char kRunKey = 0;  // Its address is the key.

/// The name, of which the part before the first '.', ':' or '(' is the global's, is the user value.
struct StandIn {
  bool quiet;   // Its use is not reported.
  bool result;  // Of a call. Calling it in turn gives something once, so that `for x in y() do`
                // ends.
  bool is_used_up = false;
};

StandIn* stand_in_at(lua_State* state, int index) {
  return static_cast<StandIn*>(luaL_testudata(state, index, kType));
}

void push_stand_in(lua_State* state, std::string_view name, StandIn made) {
  auto* block = static_cast<StandIn*>(lua_newuserdatauv(state, sizeof(StandIn), 1));
  *block = made;
  const std::string_view kept = name.substr(0, kLongestName);
  lua_pushlstring(state, kept.data(), kept.size());
  lua_setiuservalue(state, -2, 1);
  luaL_setmetatable(state, kType);
}

std::string_view global_in(std::string_view name) {
  return name.substr(0, name.find_first_of(".:("));
}

/// Once for each line and global.
void tell_use(lua_State* state, const std::string& name) {
  const Draft& draft = draft_of(state);
  const unsigned line = line_of(state);
  const std::string_view global = global_in(name);
  // What this line has told already stands at the end, or the file has a loop.
  LuaSandbox::of(state).charge(state, draft.remarks.size() / 16 + 1);
  const bool told = std::ranges::any_of(draft.remarks, [&](const Remark& earlier) {
    return earlier.line == line && global_in(earlier.what) == global;
  });
  if (told) return;
  const NotCarried reason = why_not_carried(global);
  remark(state, reason.kind, name, reason.why);
}

/// Whether the line has had enough from stand-ins.
bool is_exhausted(lua_State* state) { return ++run_of(state).reads[line_of(state)] > kMostReads; }

int index_global(lua_State* state) {
  if (lua_type(state, 2) != LUA_TSTRING) return 0;
  const std::string name = lua_tostring(state, 2);
  const bool quiet = is_told_by_its_user(name);
  if (!quiet) tell_use(state, name);
  push_stand_in(state, name, {.quiet = quiet, .result = false});
  return 1;
}

/// What Lua's own tables lack here. Upvalue: the table's name.
int index_library(lua_State* state) {
  if (lua_type(state, 2) != LUA_TSTRING) return 0;
  const std::string name =
      std::string(lua_tostring(state, lua_upvalueindex(1))) + "." + lua_tostring(state, 2);
  tell_use(state, name);
  push_stand_in(state, name, {.quiet = true, .result = false});
  return 1;
}

/// dnsdist calls these by their names.
int define_global(lua_State* state) {
  if (lua_type(state, 2) == LUA_TSTRING && lua_isfunction(state, 3) &&
      std::string_view(lua_tostring(state, 2)) == "maintenance") {
    tell_use(state, "maintenance");
  }
  lua_rawset(state, 1);
  return 0;
}

int index(lua_State* state) {
  const StandIn* self = stand_in_at(state, 1);
  if (self == nullptr) return 0;
  const bool by_number = lua_isinteger(state, 2) != 0;
  if ((!by_number && lua_type(state, 2) != LUA_TSTRING) || (by_number && is_exhausted(state)))
    return 0;
  const std::string own = name_of_stand_in(state, 1);
  const std::string name = by_number ? own + "[]" : own + "." + lua_tostring(state, 2);
  if (!self->quiet) tell_use(state, name);
  push_stand_in(state, name, {.quiet = self->quiet, .result = false});
  return 1;
}

int assign_field(lua_State* state) {
  const StandIn* self = stand_in_at(state, 1);
  if (self != nullptr && !self->quiet) tell_use(state, name_of_stand_in(state, 1));
  return 0;
}

int call(lua_State* state) {
  StandIn* self = stand_in_at(state, 1);
  if (self == nullptr || self->is_used_up || is_exhausted(state)) return 0;
  self->is_used_up = self->result;
  const std::string name = name_of_stand_in(state, 1);
  if (!self->quiet) tell_use(state, name);
  push_stand_in(state, name + "()", {.quiet = self->quiet, .result = true});
  return 1;
}

int calculate(lua_State* state) {
  const int self = stand_in_at(state, 1) != nullptr ? 1 : 2;
  lua_pushvalue(state, self);
  return 1;
}

int never(lua_State* state) {
  lua_pushboolean(state, 0);
  return 1;
}

int length(lua_State* state) {
  lua_pushinteger(state, 0);
  return 1;
}

int to_text(lua_State* state) {
  const std::string name = name_of_stand_in(state, 1);
  lua_pushlstring(state, name.data(), name.size());
  return 1;
}

/// Upvalue: what is in the table, of which there is one.
int next_of_one(lua_State* state) {
  if (!lua_isnoneornil(state, 2) && lua_tointeger(state, 2) != 0) return 0;
  lua_pushinteger(state, 1);
  lua_pushvalue(state, lua_upvalueindex(1));
  return 2;
}

/// pairs(x) and ipairs(x): what a loop does with what is in there is told once.
int pairs_of_one(lua_State* state) {
  const StandIn* self = stand_in_at(state, 1);
  push_stand_in(state, name_of_stand_in(state, 1) + "[]",
                {.quiet = self != nullptr && self->quiet, .result = false});
  lua_pushcclosure(state, next_of_one, 1);
  lua_pushvalue(state, 1);
  lua_pushinteger(state, 0);
  return 3;
}

/// The items of `table.concat` may be stand-ins, too.
bool has_stand_in(lua_State* state, int index) {
  if (!lua_istable(state, index)) return false;
  const size_t count = std::min<size_t>(lua_rawlen(state, index), kMostItems);
  LuaSandbox::of(state).charge(state, count);
  bool found = false;
  for (size_t i = 1; i <= count && !found; ++i) {
    lua_rawgeti(state, index, static_cast<lua_Integer>(i));
    found = stand_in_at(state, -1) != nullptr;
    lua_pop(state, 1);
  }
  return found;
}

/// Upvalues: a function of the library, its name. What is made of a stand-in is one.
int pass_stand_in(lua_State* state) {
  const std::string_view name = lua_tostring(state, lua_upvalueindex(2));
  const int count = lua_gettop(state);
  int stand_in = 0;
  for (int i = 1; i <= count && stand_in == 0; ++i) {
    if (stand_in_at(state, i) != nullptr) stand_in = i;
  }
  if (stand_in == 1 && name == "ipairs") return pairs_of_one(state);
  if (stand_in == 1 && (name == "next" || name.ends_with("unpack"))) return 0;
  if (stand_in == 0 && name == "table.concat" && has_stand_in(state, 1)) {
    push_quiet_stand_in(state, "table.concat()");
    return 1;
  }
  if (stand_in != 0 && !(name == "rawset" && stand_in > 1)) {
    lua_pushvalue(state, stand_in);
    return 1;
  }
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  lua_call(state, count, LUA_MULTRET);
  return lua_gettop(state);
}

/// Wraps the function at the top of the stack, and takes it away.
void set_passing(lua_State* state, int table, const char* key, const std::string& name) {
  lua_pushstring(state, name.c_str());
  lua_pushcclosure(state, pass_stand_in, 2);
  lua_setfield(state, table, key);
}

void pass_through_named(lua_State* state, int table, const std::string& front, const char* key) {
  lua_getfield(state, table, key);
  if (!lua_isfunction(state, -1)) return lua_pop(state, 1);
  set_passing(state, table, key, front + key);
}

/// Every function of the library at the top of the stack.
void pass_through_all(lua_State* state, const std::string& front) {
  const int table = lua_gettop(state);
  std::vector<std::string> keys;
  lua_pushnil(state);
  while (lua_next(state, table) != 0) {
    if (lua_isfunction(state, -1)) keys.emplace_back(lua_tostring(state, -2));
    lua_pop(state, 1);
  }
  for (const std::string& key : keys) pass_through_named(state, table, front, key.c_str());
}

void stand_in_for_the_rest(lua_State* state, const char* library) {
  lua_newtable(state);
  lua_pushstring(state, library);
  lua_pushcclosure(state, index_library, 1);
  lua_setfield(state, -2, "__index");
  lua_pushboolean(state, 0);
  lua_setfield(state, -2, "__metatable");
  lua_setmetatable(state, -2);
}

/// Expects the table of globals at the top of the stack.
void open_library_to_stand_ins(lua_State* state) {
  const int globals = lua_gettop(state);
  for (const char* library : kLibraries) {
    lua_getfield(state, globals, library);
    pass_through_all(state, std::string(library) + ".");
    stand_in_for_the_rest(state, library);
    lua_pop(state, 1);
  }
  lua_getfield(state, globals, "table");
  for (const char* name : kTakingOfTable)
    pass_through_named(state, lua_gettop(state), "table.", name);
  stand_in_for_the_rest(state, "table");
  lua_pop(state, 1);
  for (const char* name : kTaking) pass_through_named(state, globals, "", name);
}

void make_type(lua_State* state) {
  constexpr luaL_Reg kMethods[] = {{"__index", index},        {"__newindex", assign_field},
                                   {"__call", call},          {"__eq", never},
                                   {"__lt", never},           {"__le", never},
                                   {"__len", length},         {"__tostring", to_text},
                                   {"__pairs", pairs_of_one}, {nullptr, nullptr}};
  luaL_newmetatable(state, kType);
  luaL_setfuncs(state, kMethods, 0);
  for (const char* name : kOperators) {
    lua_pushcfunction(state, calculate);
    lua_setfield(state, -2, name);
  }
  lua_pushboolean(state, 0);
  lua_setfield(state, -2, "__metatable");
  lua_pop(state, 1);
}

/// Upvalues: a function of dnsdist's, its name.
int guard(lua_State* state) {
  LuaSandbox::of(state).charge(state, kStepsOfACall);
  const int count = lua_gettop(state);
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, 1);
  const int status = lua_pcall(state, count, LUA_MULTRET, 0);
  if (status == LUA_OK) return lua_gettop(state);
  if (status != LUA_ERRRUN || LuaSandbox::of(state).is_out()) return lua_error(state);
  const std::string name = lua_tostring(state, lua_upvalueindex(2));
  const char* const why = lua_tostring(state, -1);
  remark(
      state, Remark::Kind::ToDo, name,
      std::string(why == nullptr ? "an error without a message" : why) + "; the call is left out");
  push_quiet_stand_in(state, name);
  return 1;
}

}  // namespace

void stand_in_for_unknown_globals(lua_State* state, ImportRun& run) {
  lua_pushlightuserdata(state, &run);
  lua_rawsetp(state, LUA_REGISTRYINDEX, &kRunKey);
  make_type(state);
  open_library_to_stand_ins(state);
  lua_newtable(state);
  lua_pushcfunction(state, index_global);
  lua_setfield(state, -2, "__index");
  lua_pushcfunction(state, define_global);
  lua_setfield(state, -2, "__newindex");
  lua_pushboolean(state, 0);
  lua_setfield(state, -2, "__metatable");
  lua_setmetatable(state, -2);
}

void push_quiet_stand_in(lua_State* state, const std::string& name) {
  push_stand_in(state, name, {.quiet = true, .result = true});
}

std::string name_of_stand_in(lua_State* state, int index) {
  if (stand_in_at(state, index) == nullptr) return {};
  lua_getiuservalue(state, index, 1);
  std::string name = lua_tostring(state, -1);
  lua_pop(state, 1);
  return name;
}

ImportRun& run_of(lua_State* state) {
  lua_rawgetp(state, LUA_REGISTRYINDEX, &kRunKey);
  auto* run = static_cast<ImportRun*>(lua_touserdata(state, -1));
  lua_pop(state, 1);
  return *run;
}

Draft& draft_of(lua_State* state) { return run_of(state).draft; }

void remark(lua_State* state, Remark::Kind kind, const std::string& what, std::string_view why) {
  draft_of(state).tell(line_of(state), kind, what, why);
}

void push_guarded(lua_State* state, const char* name, lua_CFunction function) {
  lua_pushcfunction(state, function);
  push_guarded(state, name);
}

void push_guarded(lua_State* state, const char* name) {
  lua_pushstring(state, name);
  lua_pushcclosure(state, guard, 2);
}

}  // namespace control
