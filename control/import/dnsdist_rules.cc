// dnsdist's rules: those that choose a pool become `domains` of it or the `pool` of an address,
// others are told about.
#include <algorithm>
#include <string>

#include "control/draft/dnsdist_names.h"
#include "control/draft/draft_pools.h"
#include "control/import/dnsdist_functions.h"
#include "control/lua/lua_objects.h"
#include "control/lua/lua_sandbox.h"
#include "control/lua/lua_values.h"
#include "control/lua/stand_in.h"

namespace control {
namespace {

constexpr const char* kSelectorType = "selector";       // A rule, or what one is made of.
constexpr const char* kBlocksType = "blocks";           // newNMG()
constexpr const char* kPoolActionType = "pool action";  // Its index is the pool's.
constexpr const char* kPassingActionType =
    "passing pool action";  // The rules behind it count, too.
constexpr size_t kMostSelectors = 10'000;
constexpr auto kToDo = Remark::Kind::ToDo;

/// There is an end of what all selectors hold.
void keep(lua_State* state, size_t size) {
  ImportRun& run = run_of(state);
  if (run.kept + size > kMostNames)
    luaL_error(state, "there are more than %d names in rules", static_cast<int>(kMostNames));
  run.kept += size;
}

void push_selector(lua_State* state, Selector selector, const char* type = kSelectorType) {
  std::vector<Selector>& selectors = run_of(state).selectors;
  if (selectors.size() >= kMostSelectors)
    luaL_error(state, "there are more than %d rules", static_cast<int>(kMostSelectors));
  keep(state, selector.size());
  selectors.push_back(std::move(selector));
  push_object(state, type, selectors.size() - 1);
}

std::string spoken(lua_State* state, int index) {
  std::string name = name_of_stand_in(state, index);
  if (!name.empty()) return name;
  if (is_object(state, index, kPoolActionType) || is_object(state, index, kPassingActionType))
    return "PoolAction()";
  const Value value = value_at(state, index);
  return value.text.empty() ? luaL_typename(state, index) : value.text;
}

/// A rule, or what dnsdist takes for one: a name, a block of addresses, or a list of either.
Selector selector_at(lua_State* state, int index) {
  if (is_object(state, index, kSelectorType))
    return run_of(state).selectors[object_at(state, index, kSelectorType)];
  if (lua_type(state, index) == LUA_TSTRING || lua_istable(state, index))
    return guessed_selector(texts_at(state, index));
  return unknown_selector(spoken(state, index));
}

int all_rule(lua_State* state) {
  push_selector(state, all_selector());
  return 1;
}

/// Of a list of names, a single one, or newSuffixMatchNode().
int suffix_rule(lua_State* state) {
  if (is_object(state, 1, kSelectorType)) {
    push_selector(state, selector_at(state, 1));
  } else {
    push_selector(state, names_selector(lua_isnoneornil(state, 1) ? std::vector<std::string>()
                                                                  : texts_at(state, 1)));
  }
  return 1;
}

int make_rule(lua_State* state) {
  push_selector(state, selector_at(state, 1));
  return 1;
}

/// newSuffixMatchNode():add(names)
int add_names(lua_State* state) {
  const size_t index = object_at(state, 1, kSelectorType);
  Selector added = is_object(state, 2, kSelectorType) ? selector_at(state, 2)
                                                      : names_selector(texts_at(state, 2));
  Selector& selector = run_of(state).selectors[index];
  keep(state, added.size());
  selector.all = selector.all || added.all;
  selector.names.insert(selector.names.end(), added.names.begin(), added.names.end());
  return 0;
}

int new_blocks(lua_State* state) {
  push_selector(state, blocks_selector({}, false), kBlocksType);
  return 1;
}

/// newNMG():addMask(blocks)
int add_blocks(lua_State* state) {
  const size_t index = object_at(state, 1, kBlocksType);
  const Selector added = blocks_selector(texts_at(state, 2), false);
  Selector& blocks = run_of(state).selectors[index];
  keep(state, added.size());
  blocks.is_known = blocks.is_known && added.is_known;
  blocks.destinations.insert(blocks.destinations.end(), added.destinations.begin(),
                             added.destinations.end());
  return 0;
}

/// NetmaskGroupRule(blocks, is_source = true)
int blocks_rule(lua_State* state) {
  const bool is_source = lua_isnoneornil(state, 2) || lua_toboolean(state, 2) != 0;
  if (!is_object(state, 1, kBlocksType)) {
    push_selector(state, blocks_selector(texts_at(state, 1), is_source));
    return 1;
  }
  Selector blocks = run_of(state).selectors[object_at(state, 1, kBlocksType)];
  blocks.is_known = blocks.is_known && !is_source;
  blocks.spoken = is_source ? "clients" : "addresses";
  push_selector(state, std::move(blocks));
  return 1;
}

int port_rule(lua_State* state) {
  push_selector(state, ports_selector(whole_number_at(state, 1)));
  return 1;
}

std::vector<Selector> selectors_at(lua_State* state, int index) {
  std::vector<Selector> selectors;
  luaL_checktype(state, index, LUA_TTABLE);
  size_t size = 0;
  const size_t count = lua_rawlen(state, index);
  if (count > kMostItems) luaL_error(state, "a list of more than %d", int{kMostItems});
  for (size_t i = 1; i <= count; ++i) {
    lua_rawgeti(state, index, static_cast<lua_Integer>(i));
    selectors.push_back(selector_at(state, lua_gettop(state)));
    size += selectors.back().size();
    if (size > kMostNames)
      luaL_error(state, "there are more than %d names in a rule", static_cast<int>(kMostNames));
    LuaSandbox::of(state).charge(state, selectors.back().size());
    lua_pop(state, 1);
  }
  return selectors;
}

int or_rule(lua_State* state) {
  push_selector(state, any_of(selectors_at(state, 1)));
  return 1;
}

/// Of one it is that one; AllRule() in it says nothing.
int and_rule(lua_State* state) {
  std::vector<Selector> selectors = selectors_at(state, 1);
  std::string names;
  for (const Selector& selector : selectors) {
    if (names.size() < 200) names += (names.empty() ? "" : " and ") + selector.spoken;
  }
  std::erase_if(selectors, [](const Selector& selector) { return selector.all; });
  if (selectors.size() == 1) {
    push_selector(state, std::move(selectors.front()));
  } else {
    push_selector(state, unknown_selector(std::move(names)));
  }
  return 1;
}

/// PoolAction(pool, stop = true)
int pool_action(lua_State* state) {
  const bool is_last = lua_isnoneornil(state, 2) || lua_toboolean(state, 2) != 0;
  push_object(state, is_last ? kPoolActionType : kPassingActionType,
              pool_of(state, text_at(state, 1)));
  return 1;
}

void add_rule(lua_State* state, const char* function, size_t pool, bool is_last) {
  Draft& draft = draft_of(state);
  add_pool_rule(draft, line_of(state), function, selector_at(state, 1), draft.pools[pool].name,
                is_last);
}

int add_action(lua_State* state) {
  constexpr const char* kFunction = "addAction";
  for (const char* type : {kPoolActionType, kPassingActionType}) {
    if (!is_object(state, 2, type)) continue;
    add_rule(state, kFunction, object_at(state, 2, type), type == kPoolActionType);
    return 0;
  }
  remark(state, kToDo, "addAction(" + selector_at(state, 1).spoken + ", " + spoken(state, 2) + ")",
         why_not_carried(kFunction).why);
  return 0;
}

/// addPoolRule(rule, pool), as it was before 1.3.
int add_pool_rule(lua_State* state) {
  add_rule(state, "addPoolRule", pool_of(state, text_at(state, 2)), true);
  return 0;
}

int dns_name(lua_State* state) {
  lua_pushstring(state, text_at(state, 1).c_str());
  return 1;
}

}  // namespace

void add_rule_functions(lua_State* state) {
  make_object_type(state, kSelectorType, {{"add", add_names}});
  make_object_type(state, kBlocksType, {{"addMask", add_blocks}, {"addMasks", add_blocks}});
  make_object_type(state, kPoolActionType, {});
  make_object_type(state, kPassingActionType, {});
  for (const char* name : {"QNameSuffixRule", "SuffixMatchNodeRule", "newSuffixMatchNode"})
    add_function(state, name, suffix_rule);
  add_function(state, "AllRule", all_rule);
  add_function(state, "makeRule", make_rule);
  add_function(state, "newNMG", new_blocks);
  add_function(state, "NetmaskGroupRule", blocks_rule);
  add_function(state, "DSTPortRule", port_rule);
  add_function(state, "OrRule", or_rule);
  add_function(state, "AndRule", and_rule);
  add_function(state, "PoolAction", pool_action);
  add_function(state, "addAction", add_action);
  add_function(state, "addPoolRule", add_pool_rule);
  add_function(state, "newDNSName", dns_name);
}

}  // namespace control
