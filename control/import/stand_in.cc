#include "control/import/stand_in.h"

#include <algorithm>
#include <string_view>

#include "control/import/dnsdist_names.h"
#include "control/import/lua_sandbox.h"
#include "control/text/escape.h"

namespace control {
namespace {

constexpr const char* kType = "dotline.stand_in";
constexpr size_t kMostRemarks = 1000;
constexpr size_t kLongestName = 80;
constexpr const char* kOperators[] = {"__add",  "__sub",  "__mul",  "__div",  "__mod",
                                      "__pow",  "__unm",  "__idiv", "__band", "__bor",
                                      "__bxor", "__bnot", "__shl",  "__shr",  "__concat"};

const char kDraftKey = 0;  // Its address is the key.

/// The name, of which the part before the first '.', ':' or '(' is the global's, is the user value.
struct StandIn {
  bool quiet;   // Nobody is told when it is used.
  bool result;  // Of a call. Calling it in turn gives nil, so that `for x in y() do` ends.
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
  LuaSandbox::of(state).charge(state, draft.remarks.size());
  const std::string_view global = global_in(name);
  const bool told = std::ranges::any_of(draft.remarks, [&](const Remark& earlier) {
    return earlier.line == line && global_in(earlier.what) == global;
  });
  if (told) return;
  const NotCarried reason = why_not_carried(global);
  remark(state, reason.kind, name, reason.why);
}

int index_global(lua_State* state) {
  if (lua_type(state, 2) != LUA_TSTRING) return 0;
  const std::string name = lua_tostring(state, 2);
  const bool quiet = is_without_effect(name);
  if (!quiet) tell_use(state, name);
  push_stand_in(state, name, {.quiet = quiet, .result = false});
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
  // A number gives nil, so that ipairs ends.
  const StandIn* self = stand_in_at(state, 1);
  if (self == nullptr || lua_type(state, 2) != LUA_TSTRING) return 0;
  const std::string name = name_of_stand_in(state, 1) + "." + lua_tostring(state, 2);
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
  const StandIn* self = stand_in_at(state, 1);
  if (self == nullptr || self->result) return 0;
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

int no_next(lua_State* /*state*/) { return 0; }

int no_pairs(lua_State* state) {
  lua_pushcfunction(state, no_next);
  return 1;
}

void make_type(lua_State* state) {
  constexpr luaL_Reg kMethods[] = {{"__index", index},    {"__newindex", assign_field},
                                   {"__call", call},      {"__eq", never},
                                   {"__lt", never},       {"__le", never},
                                   {"__len", length},     {"__tostring", to_text},
                                   {"__pairs", no_pairs}, {nullptr, nullptr}};
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

}  // namespace

void stand_in_for_unknown_globals(lua_State* state, Draft& draft) {
  lua_pushlightuserdata(state, &draft);
  lua_rawsetp(state, LUA_REGISTRYINDEX, &kDraftKey);
  make_type(state);
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

Draft& draft_of(lua_State* state) {
  lua_rawgetp(state, LUA_REGISTRYINDEX, &kDraftKey);
  auto* draft = static_cast<Draft*>(lua_touserdata(state, -1));
  lua_pop(state, 1);
  return *draft;
}

void remark(lua_State* state, Remark::Kind kind, const std::string& what, std::string_view why) {
  Draft& draft = draft_of(state);
  LuaSandbox::of(state).charge(state, draft.remarks.size());
  const Remark made{line_of(state), kind, escaped(what), std::string(why)};
  const auto same = [&](const Remark& earlier) {
    return earlier.line == made.line && earlier.what == made.what && earlier.why == made.why;
  };
  if (std::ranges::any_of(draft.remarks, same)) return;  // In a loop.
  if (draft.remarks.size() >= kMostRemarks)
    luaL_error(state, "there are more than %d things to tell", static_cast<int>(kMostRemarks));
  draft.remarks.push_back(made);
}

}  // namespace control
