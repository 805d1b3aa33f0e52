// Of dnsdist's rules, the ones that choose a pool by the name that is asked for: dotline has
// `domains` of a pool for that. All others are told about.
#include <algorithm>
#include <string>

#include "control/import/dnsdist_functions.h"
#include "control/import/dnsdist_names.h"
#include "control/import/lua_objects.h"
#include "control/import/lua_values.h"
#include "control/import/stand_in.h"

namespace control {
namespace {

constexpr const char* kSuffixesType = "suffixes";       // A rule, or what one is made of.
constexpr const char* kPoolActionType = "pool action";  // Its index is the pool's.
constexpr size_t kMostDomains = 10'000;
constexpr auto kToDo = Remark::Kind::ToDo;

/// Names are kept in a table behind the object: its user value would do, but a registry reference
/// needs no further type.
void push_suffixes(lua_State* state, const std::vector<std::string>& names) {
  lua_createtable(state, static_cast<int>(names.size()), 0);
  for (size_t i = 0; i < names.size(); ++i) {
    lua_pushstring(state, names[i].c_str());
    lua_rawseti(state, -2, static_cast<lua_Integer>(i) + 1);
  }
  const int reference = luaL_ref(state, LUA_REGISTRYINDEX);
  push_object(state, kSuffixesType, static_cast<size_t>(reference));
}

/// Of the suffixes at `index`, or of a text or a list of texts, all of which dnsdist takes.
std::vector<std::string> names_at(lua_State* state, int index) {
  if (!is_object(state, index, kSuffixesType)) return texts_at(state, index);
  const size_t reference = object_at(state, index, kSuffixesType);
  lua_rawgeti(state, LUA_REGISTRYINDEX, static_cast<lua_Integer>(reference));
  std::vector<std::string> names = texts_at(state, lua_gettop(state));
  lua_pop(state, 1);
  return names;
}

int new_suffixes(lua_State* state) {
  push_suffixes(state, lua_isnoneornil(state, 1) ? std::vector<std::string>() : names_at(state, 1));
  return 1;
}

/// newSuffixMatchNode():add(names)
int add_suffixes(lua_State* state) {
  const size_t reference = object_at(state, 1, kSuffixesType);
  const std::vector<std::string> names = names_at(state, 2);
  lua_rawgeti(state, LUA_REGISTRYINDEX, static_cast<lua_Integer>(reference));
  for (const std::string& name : names) {
    const size_t count = lua_rawlen(state, -1);
    if (count >= kMostDomains)
      luaL_error(state, "there are more than %d domains", static_cast<int>(kMostDomains));
    lua_pushstring(state, name.c_str());
    lua_rawseti(state, -2, static_cast<lua_Integer>(count) + 1);
  }
  return 0;
}

int pool_action(lua_State* state) {
  push_object(state, kPoolActionType, pool_of(state, text_at(state, 1)));
  return 1;
}

bool is_name(const std::string& text) {
  return !text.empty() && !base::Prefix::parse(text) && text.find('/') == std::string::npos;
}

void carry_domain(lua_State* state, const std::string& name, DraftPool& pool) {
  std::string domain = name;
  if (domain.size() > 1 && domain.ends_with('.')) domain.pop_back();
  if (!is_name(domain)) {
    return remark(state, kToDo, "addAction " + name,
                  "dotline chooses a pool by names only, or by the address that was asked: "
                  "`binds[].cache`");
  }
  if (pool.domains.size() >= kMostDomains)
    luaL_error(state, "there are more than %d domains", static_cast<int>(kMostDomains));
  if (std::ranges::find(pool.domains, domain) == pool.domains.end()) pool.domains.push_back(domain);
}

std::string spoken(lua_State* state, int index) {
  std::string name = name_of_stand_in(state, index);
  if (!name.empty()) return name;
  if (is_object(state, index, kSuffixesType)) return "names";
  if (is_object(state, index, kPoolActionType)) return "PoolAction()";
  return lua_type(state, index) == LUA_TSTRING ? text_at(state, index)
                                               : luaL_typename(state, index);
}

int add_action(lua_State* state) {
  const bool by_name = lua_istable(state, 1) || lua_type(state, 1) == LUA_TSTRING ||
                       is_object(state, 1, kSuffixesType);
  if (by_name && is_object(state, 2, kPoolActionType)) {
    DraftPool& pool = draft_of(state).pools[object_at(state, 2, kPoolActionType)];
    for (const std::string& name : names_at(state, 1)) carry_domain(state, name, pool);
    return 0;
  }
  remark(state, kToDo, "addAction(" + spoken(state, 1) + ", " + spoken(state, 2) + ")",
         why_not_carried("addAction").why);
  return 0;
}

int dns_name(lua_State* state) {
  lua_pushstring(state, text_at(state, 1).c_str());
  return 1;
}

}  // namespace

void add_rule_functions(lua_State* state) {
  make_object_type(state, kSuffixesType, {{"add", add_suffixes}});
  make_object_type(state, kPoolActionType, {});
  for (const char* name :
       {"QNameSuffixRule", "SuffixMatchNodeRule", "newSuffixMatchNode", "makeRule"})
    add_function(state, name, new_suffixes);
  add_function(state, "PoolAction", pool_action);
  add_function(state, "addAction", add_action);
  add_function(state, "newDNSName", dns_name);
}

}  // namespace control
