// newServer: the resolvers, and what dnsdist lets one say to them afterwards.
#include <algorithm>

#include "control/draft/draft_servers.h"
#include "control/import/dnsdist_functions.h"
#include "control/lua/lua_objects.h"
#include "control/lua/lua_sandbox.h"
#include "control/lua/lua_values.h"
#include "control/lua/stand_in.h"

namespace control {
namespace {

constexpr const char* kNewServer = "newServer";

/// newServer("192.0.2.1", 10): an address, and how many queries a second it gets.
class ShortParameters : public LuaParameters {
 public:
  explicit ShortParameters(lua_State* state)
      : LuaParameters(state, lua_gettop(state) + 1, kNewServer), state_(state) {}

 protected:
  [[nodiscard]] Value get(const std::string& key) override {
    return key == "qps" ? value_at(state_, 2) : Value();
  }

 private:
  lua_State* state_;
};

/// A text, or what stands there instead: it is told which.
std::string spoken_address(lua_State* state) {
  if (!lua_istable(state, 1)) {
    const Value value = value_at(state, 1);
    if (value.kind == Value::Kind::Absent) luaL_error(state, "an address expected, got nil");
    return value.text;
  }
  lua_getfield(state, 1, "address");
  const Value value = value_at(state, -1);
  lua_pop(state, 1);
  return value.text;
}

int new_server(lua_State* state) {
  const std::string address = spoken_address(state);
  std::optional<size_t> server;
  if (lua_istable(state, 1)) {
    LuaParameters given(state, 1, kNewServer);
    (void)given.wanted("address");  // Whatever it is, it has been told.
    server = add_server(kNewServer, address, {}, given);
  } else {
    ShortParameters given(state);
    server = add_server(kNewServer, address, {}, given);
  }
  if (server) {
    push_object(state, kServerType, *server);
  } else {
    push_quiet_stand_in(state, kNewServer);
  }
  return 1;
}

DraftServer& server_at(lua_State* state) {
  return draft_of(state).servers[object_at(state, 1, kServerType)];
}

/// By its number, from 0, or its name.
int get_server(lua_State* state) {
  const std::vector<DraftServer>& servers = draft_of(state).servers;
  const Value wanted = value_at(state, 1);
  const auto number = wanted.whole_number();
  size_t index = servers.size();
  if (number && *number >= 0) {
    index = static_cast<size_t>(*number);
  } else if (wanted.kind == Value::Kind::Text) {
    const std::string name = label_of(wanted.text);
    index =
        static_cast<size_t>(std::ranges::find(servers, name, &DraftServer::name) - servers.begin());
  }
  if (index >= servers.size()) luaL_error(state, "there is no such server");
  push_object(state, kServerType, index);
  return 1;
}

int add_pool(lua_State* state) {
  const std::string pool = draft_of(state).pools[pool_of(state, text_at(state, 2))].name;
  std::vector<std::string>& pools = server_at(state).pools;
  if (std::ranges::find(pools, pool) == pools.end()) pools.push_back(pool);
  return 0;
}

int remove_pool(lua_State* state) {
  const std::string pool = draft_of(state).pools[pool_of(state, text_at(state, 2))].name;
  std::erase(server_at(state).pools, pool);
  return 0;
}

int set_one_number(lua_State* state, ServerNumber number) {
  set_number(draft_of(state), line_of(state), server_at(state), number, whole_number_at(state, 2));
  return 0;
}
int set_order(lua_State* state) { return set_one_number(state, ServerNumber::Order); }
int set_weight(lua_State* state) { return set_one_number(state, ServerNumber::Weight); }
int set_qps(lua_State* state) { return set_one_number(state, ServerNumber::QueriesPerSecond); }

int set_mode(lua_State* state, const char* mode) {
  put(server_at(state).health, "mode", mode);
  return 0;
}
int set_up(lua_State* state) { return set_mode(state, "up"); }
int set_down(lua_State* state) { return set_mode(state, "down"); }
int set_auto(lua_State* state) { return set_mode(state, "auto"); }
int set_lazy(lua_State* state) { return set_mode(state, "lazy"); }

int name_of_server(lua_State* state) {
  const DraftServer& server = server_at(state);
  lua_pushstring(state, (server.name.empty() ? server.where() : server.name).c_str());
  return 1;
}

/// Calls what was to be told the addresses with some that are not known, so that what it does with
/// them is told.
int get_address_info(lua_State* state) {
  const std::string host = text_at(state, 1);
  remark(state, Remark::Kind::ToDo, "getAddressInfo " + host,
         why_not_carried("getAddressInfo").why);
  if (!lua_isfunction(state, 2)) return 0;
  lua_pushvalue(state, 2);
  lua_pushstring(state, host.c_str());
  lua_createtable(state, 1, 0);
  push_quiet_stand_in(state, "the address of " + host);
  lua_rawseti(state, -2, 1);
  lua_call(state, 2, 0);
  return 0;
}

}  // namespace

void add_server_functions(lua_State* state) {
  make_object_type(state, kServerType,
                   {{"addPool", add_pool},
                    {"rmPool", remove_pool},
                    {"setOrder", set_order},
                    {"setWeight", set_weight},
                    {"setQPS", set_qps},
                    {"setUp", set_up},
                    {"setDown", set_down},
                    {"setAuto", set_auto},
                    {"setActiveAuto", set_auto},
                    {"setLazyAuto", set_lazy},
                    {"getName", name_of_server},
                    {"getNameWithAddr", name_of_server}});
  add_function(state, "newServer", new_server);
  add_function(state, "getServer", get_server);
  add_function(state, "getAddressInfo", get_address_info);
}

}  // namespace control
