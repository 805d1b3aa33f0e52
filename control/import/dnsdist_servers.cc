// newServer: the resolvers, and everything that dnsdist lets one say about them.
#include <algorithm>

#include "control/config/config.h"
#include "control/config/values.h"
#include "control/import/dnsdist_functions.h"
#include "control/import/dnsdist_names.h"
#include "control/import/lua_objects.h"
#include "control/import/lua_sandbox.h"
#include "control/import/lua_values.h"
#include "control/import/stand_in.h"
#include "tls-workers/upstream/query_budget.h"

namespace control {
namespace {

constexpr auto kToDo = Remark::Kind::ToDo;
constexpr auto kNote = Remark::Kind::Note;
constexpr uint16_t kDo53Port = 53;
constexpr uint16_t kDotPort = 853;
constexpr uint16_t kHttpsPort = 443;

using Settings = std::vector<YamlSetting> DraftServer::*;

/// A parameter that has a setting of the same meaning.
struct NumberParameter {
  const char* parameter;
  Settings group;
  const char* setting;
  int64_t least;
  int64_t most;
};
constexpr NumberParameter kOrder{"order", &DraftServer::settings, "order", 0, INT32_MAX};
constexpr NumberParameter kWeight{"weight", &DraftServer::settings, "weight", 1, INT32_MAX};
constexpr NumberParameter kQps{"qps", &DraftServer::settings, "queries_per_second", 0,
                               tls::QueryBudget::kMost};
constexpr NumberParameter kNumbers[] = {
    kOrder,
    kWeight,
    kQps,
    {"checkInterval", &DraftServer::health, "interval", 1, 86'400},
    {"checkTimeout", &DraftServer::health, "timeout", 10, 60'000},
    {"maxCheckFailures", &DraftServer::health, "max_failures", 1, 255},
    {"rise", &DraftServer::health, "rise", 1, 255},
    {"lazyHealthCheckFailedInterval", &DraftServer::lazy, "interval", 1, 86'400},
    {"lazyHealthCheckThreshold", &DraftServer::lazy, "threshold", 1, 100},
    {"lazyHealthCheckSampleSize", &DraftServer::lazy, "sample_size", 1, 65'535},
    {"lazyHealthCheckMinSampleCount", &DraftServer::lazy, "min_sample_count", 1, 65'535},
    {"lazyHealthCheckMaxBackOff", &DraftServer::lazy, "max_back_off", 1, 86'400},
};

struct TextParameter {
  const char* parameter;
  Settings group;
  const char* setting;
};
constexpr TextParameter kTexts[] = {
    {"healthCheckMode", &DraftServer::health, "mode"},
    {"checkName", &DraftServer::health, "qname"},
    {"checkType", &DraftServer::health, "qtype"},
    {"lazyHealthCheckMode", &DraftServer::lazy, "mode"},
    {"caStore", &DraftServer::tls, "ca_store"},
    {"ciphers", &DraftServer::tls, "ciphers"},
    {"ciphersTLS13", &DraftServer::tls, "ciphers_tls_13"},
    {"ecdheCurves", &DraftServer::tls, "ecdhe_curves"},
    {"keyLogFile", &DraftServer::tls, "key_log_file"},
};

std::string what(const char* parameter) { return std::string("newServer.") + parameter; }

/// The nearest number that is possible, told if it is another one.
int64_t fit(lua_State* state, const NumberParameter& number, int64_t value) {
  const int64_t nearest = std::clamp(value, number.least, number.most);
  if (nearest != value) {
    remark(
        state, kToDo, what(number.parameter),
        std::to_string(value) + " is not possible; " + std::to_string(nearest) + " is the nearest");
  }
  return nearest;
}

void carry_numbers(lua_State* state, LuaParameters& given, DraftServer& server) {
  for (const NumberParameter& number : kNumbers) {
    if (const auto value = given.whole_number(number.parameter))
      put(server.*number.group, number.setting, std::to_string(fit(state, number, *value)));
  }
  if (const auto in_flight = given.whole_number("maxInFlight")) {
    // 0 and 1 are dnsdist's words for one query at a time on a connection.
    if (*in_flight > 1) {
      put(server.settings, "max_in_flight", std::to_string(std::min<int64_t>(*in_flight, 65'535)));
    } else {
      remark(state, kNote, what("maxInFlight"),
             "dotline does not wait for an answer before it sends the next query");
    }
  }
}

void carry_texts(LuaParameters& given, DraftServer& server) {
  for (const TextParameter& text : kTexts) {
    const auto value = given.text(text.parameter);
    if (value && !value->empty()) put(server.*text.group, text.setting, yaml_text(*value));
  }
  if (const auto back_off = given.flag("lazyHealthCheckUseExponentialBackOff"))
    put(server.lazy, "use_exponential_back_off", *back_off ? "true" : "false");
}

/// Whom the certificate must be for. Nothing is made up: see known_name_of for what is suggested.
void carry_subject(lua_State* state, LuaParameters& given, DraftServer& server) {
  server.subject_name = given.text("subjectName").value_or("");
  server.subject_address = given.text("subjectAddr").value_or("");
  if (!server.subject_name.empty() && !server.subject_address.empty()) {
    remark(state, kNote, what("subjectAddr"), "subjectName says it already");
    server.subject_address.clear();
  }
  if (base::IpAddress::parse(server.subject_name))
    std::swap(server.subject_name, server.subject_address);
  if (given.flag("validateCertificates") == false)
    remark(state, kToDo, what("validateCertificates"), "dotline always checks certificates");
}

DraftServer::Protocol protocol_of(LuaParameters& given, DraftServer& server) {
  const std::string tls = given.text("tls").value_or("");
  server.doh_path = given.text("dohPath").value_or("");
  if (tls.empty()) return DraftServer::Protocol::Do53;
  return server.doh_path.empty() ? DraftServer::Protocol::DoT : DraftServer::Protocol::DoH;
}

uint16_t usual_port(DraftServer::Protocol protocol) {
  switch (protocol) {
    case DraftServer::Protocol::DoT:
      return kDotPort;
    case DraftServer::Protocol::DoH:
      return kHttpsPort;
    case DraftServer::Protocol::Do53:
      break;
  }
  return kDo53Port;
}

void carry_name(LuaParameters& given, const Draft& draft, DraftServer& server) {
  const std::string name = given.text("name").value_or("");
  if (!name.empty()) server.name = label_of(name);
  // Names are unique in dotline, and so are addresses that serve as names.
  const auto called = [](const DraftServer& other) {
    return other.name.empty() ? other.address.text() : other.name;
  };
  const std::string wanted = called(server);
  const auto taken = [&] {
    return std::ranges::any_of(
        draft.servers, [&](const DraftServer& other) { return called(other) == called(server); });
  };
  for (unsigned number = 2; taken(); ++number) server.name = wanted + "/" + std::to_string(number);
}

void carry_pools(lua_State* state, LuaParameters& given, DraftServer& server) {
  if (const auto pools = given.texts("pool")) server.pools = *pools;
  for (std::string& pool : server.pools) pool = draft_of(state).pools[pool_of(state, pool)].name;
}

void tell_rest(lua_State* state, LuaParameters& given) {
  for (const std::string& parameter : given.unknown()) {
    const NotCarried reason = why_no_parameter_of_server(parameter);
    remark(state, reason.kind, what(parameter.c_str()), reason.why);
  }
}

/// What is missing for dotline to ask it, if anything is.
void tell_what_is_missing(lua_State* state, const DraftServer& server) {
  const std::string called = "newServer " + server.address.text();
  if (server.protocol == DraftServer::Protocol::Do53) {
    return remark(state, kToDo, called,
                  "it is asked in the clear, which dotline never does; if it speaks DNS over TLS, "
                  "on port 853 mostly, complete what is written under `backends`");
  }
  if (server.address.port == kDo53Port) {
    remark(state, kToDo, called,
           "port 53 is not for TLS: 853 is (443 for HTTPS); correct `address`");
  }
  if (!server.subject_name.empty() || !server.subject_address.empty()) return;
  for (const YamlSetting& setting : server.tls) {
    if (setting.first == "pins") return;
  }
  remark(
      state, kToDo, called,
      "there is no subjectName, so that older versions of dnsdist took every certificate, also an "
      "impostor's; fill in `subject_name`, the name in the resolver's certificate");
}

void carry_table(lua_State* state, LuaParameters& given, DraftServer& server) {
  carry_name(given, draft_of(state), server);
  carry_pools(state, given, server);
  carry_subject(state, given, server);
  carry_texts(given, server);
  carry_numbers(state, given, server);
  tell_rest(state, given);
}

int new_server(lua_State* state) {
  Draft& draft = draft_of(state);
  const bool is_table = lua_istable(state, 1);
  LuaParameters given(state, is_table ? 1 : lua_gettop(state) + 1);
  DraftServer server;
  server.line = line_of(state);
  const std::string text = is_table ? given.text("address").value_or("") : text_at(state, 1);
  server.protocol = protocol_of(given, server);
  const auto address = base::Endpoint::parse(text, usual_port(server.protocol));
  if (!address) {
    remark(state, kToDo, "newServer " + text, "it is not an address; give the resolver's");
    push_quiet_stand_in(state, "newServer");
    return 1;
  }
  server.address = *address;
  carry_table(state, given, server);
  tell_what_is_missing(state, server);
  if (draft.servers.size() >= kMaxBackends)
    luaL_error(state, "there are more than %d servers", static_cast<int>(kMaxBackends));
  draft.servers.push_back(std::move(server));
  push_object(state, kServerType, draft.servers.size() - 1);
  return 1;
}

DraftServer& server_at(lua_State* state) {
  return draft_of(state).servers[object_at(state, 1, kServerType)];
}

/// By its number, from 0, or its name.
int get_server(lua_State* state) {
  const std::vector<DraftServer>& servers = draft_of(state).servers;
  const auto number = whole_number_at(state, 1);
  size_t index = servers.size();
  if (number && *number >= 0) {
    index = static_cast<size_t>(*number);
  } else if (lua_type(state, 1) == LUA_TSTRING) {
    const std::string name = label_of(text_at(state, 1));
    index =
        static_cast<size_t>(std::ranges::find(servers, name, &DraftServer::name) - servers.begin());
  }
  if (index >= servers.size()) return 0;
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

int set_number(lua_State* state, const NumberParameter& number) {
  const auto value = whole_number_at(state, 2);
  luaL_argcheck(state, value.has_value(), 2, "a whole number expected");
  put(server_at(state).*number.group, number.setting,
      std::to_string(fit(state, number, value.value_or(0))));
  return 0;
}
int set_order(lua_State* state) { return set_number(state, kOrder); }
int set_weight(lua_State* state) { return set_number(state, kWeight); }
int set_qps(lua_State* state) { return set_number(state, kQps); }

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
  lua_pushstring(state, (server.name.empty() ? server.address.text() : server.name).c_str());
  return 1;
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
                    {"getName", name_of_server}});
  add_function(state, "newServer", new_server);
  add_function(state, "getServer", get_server);
}

}  // namespace control
