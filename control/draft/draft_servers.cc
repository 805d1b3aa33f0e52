#include "control/draft/draft_servers.h"

#include <algorithm>

#include "control/config/config.h"
#include "control/draft/yaml_writer.h"
#include "control/yaml/values.h"
#include "tls-workers/backends/query_budget.h"

namespace control {
namespace {

constexpr auto kToDo = Remark::Kind::ToDo;
constexpr auto kNote = Remark::Kind::Note;
constexpr uint16_t kDo53Port = 53;
constexpr uint16_t kDotPort = 853;
constexpr uint16_t kHttpsPort = 443;

using Protocol = DraftServer::Protocol;
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
                               backends::QueryBudget::kMost};
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
  bool is_file = false;  // Which may be on another machine.
};
constexpr TextParameter kTexts[] = {
    {"healthCheckMode", &DraftServer::health, "mode"},
    {"checkName", &DraftServer::health, "qname"},
    {"checkType", &DraftServer::health, "qtype"},
    {"lazyHealthCheckMode", &DraftServer::lazy, "mode"},
    {"caStore", &DraftServer::tls, "ca_store", true},
    {"ciphers", &DraftServer::tls, "ciphers"},
    {"ciphersTLS13", &DraftServer::tls, "ciphers_tls_13"},
    {"ecdheCurves", &DraftServer::tls, "ecdhe_curves"},
    {"keyLogFile", &DraftServer::tls, "key_log_file", true},
};

/// What `check` would say about this one setting, "" if nothing.
std::string fault_of(Settings group, const YamlSetting& setting) {
  DraftServer tried;
  tried.address = *base::Endpoint::parse("192.0.2.1", kDotPort);
  tried.subject_name = "a.example";
  tried.protocol = Protocol::DoT;
  (tried.*group).push_back(setting);
  const auto config = parse_config(
      "dataplane: {ports: [{device: af_xdp:eth0}]}\nbinds: [{address: 192.0.2.53}]\nbackends:\n" +
          yaml_of(tried),
      "", {{0, 1}, {0, 1}});
  return config ? "" : config.error().front().text;
}

void carry_numbers(Parameters& given, DraftServer& server) {
  for (const NumberParameter& number : kNumbers) {
    const auto value = given.whole_number(number.parameter);
    if (!value) continue;
    const int64_t nearest = std::clamp(*value, number.least, number.most);
    if (nearest != *value) {
      given.tell(kToDo, number.parameter,
                 std::to_string(*value) + " is not possible; " + std::to_string(nearest) +
                     " is the nearest");
    }
    put(server.*number.group, number.setting, std::to_string(nearest));
  }
  if (const auto in_flight = given.whole_number("maxInFlight")) {
    // 0 and 1 are dnsdist's words for one query at a time on a connection.
    if (*in_flight > 1) {
      put(server.settings, "max_in_flight", std::to_string(std::min<int64_t>(*in_flight, 65'535)));
    } else {
      given.tell(kNote, "maxInFlight",
                 "dotline does not wait for an answer before it sends the next query");
    }
  }
}

void carry_texts(Parameters& given, DraftServer& server) {
  for (const TextParameter& text : kTexts) {
    const auto value = given.text(text.parameter);
    if (!value || value->empty()) continue;
    const YamlSetting setting{text.setting, yaml_text(*value)};
    const std::string fault = text.is_file ? "" : fault_of(text.group, setting);
    if (fault.empty()) {
      put(server.*text.group, setting.first, setting.second);
    } else {
      given.tell(kToDo, text.parameter, fault + "; it is left out");
    }
  }
  if (const auto back_off = given.flag("lazyHealthCheckUseExponentialBackOff"))
    put(server.lazy, "use_exponential_back_off", *back_off ? "true" : "false");
}

/// What the certificate must be for. Nothing is made up: see known_name_of for what is suggested.
void carry_subject(Parameters& given, DraftServer& server) {
  server.subject_name = given.text("subjectName").value_or("");
  server.subject_address = given.text("subjectAddr").value_or("");
  if (!server.subject_name.empty() && !server.subject_address.empty()) {
    given.tell(kNote, "subjectAddr", "subjectName says it already");
    server.subject_address.clear();
  }
  if (base::IpAddress::parse(server.subject_name))
    std::swap(server.subject_name, server.subject_address);
  if (server.subject_name.ends_with('.')) server.subject_name.pop_back();
  if (!server.subject_name.empty() && !is_hostname(server.subject_name)) {
    given.tell(kToDo, "subjectName", "it is not the name of a host; fill in `subject_name`");
    server.subject_name.clear();
  }
  if (!server.subject_address.empty() && !base::IpAddress::parse(server.subject_address)) {
    given.tell(kToDo, "subjectAddr", "it is not an address; fill in `subject_name`");
    server.subject_address.clear();
  }
  if (given.flag("validateCertificates") == false)
    given.tell(kToDo, "validateCertificates", "dotline always checks certificates");
}

Protocol protocol_of(Parameters& given, const DraftServer& server) {
  const std::string tls = given.text("tls").value_or("");
  if (tls.empty()) return Protocol::Do53;
  return server.doh_path.empty() ? Protocol::DoT : Protocol::DoH;
}

uint16_t usual_port(Protocol protocol) {
  switch (protocol) {
    case Protocol::DoT:
      return kDotPort;
    case Protocol::DoH:
      return kHttpsPort;
    case Protocol::Do53:
      break;
  }
  return kDo53Port;
}

void carry_path(Parameters& given, DraftServer& server) {
  server.doh_path = given.text("dohPath").value_or("");
  const auto fault = server.doh_path.empty() ? std::nullopt : fault_of_path(server.doh_path);
  if (!fault) return;
  given.tell(kToDo, "dohPath", *fault + "; fill in `doh.path` if it is not /dns-query");
  server.doh_path = "/dns-query";
}

void carry_name(Parameters& given, const Draft& draft, DraftServer& server) {
  const std::string name = given.text("name").value_or("");
  if (!name.empty()) server.name = label_of(name);
  // Names are unique in dotline, and so are addresses that serve as names.
  const auto called = [](const DraftServer& other) {
    return other.name.empty() ? other.where() : other.name;
  };
  const std::string wanted = called(server);
  const auto taken = [&] {
    return std::ranges::any_of(
        draft.servers, [&](const DraftServer& other) { return called(other) == called(server); });
  };
  for (unsigned number = 2; taken(); ++number) {
    const std::string suffix = "/" + std::to_string(number);
    server.name = label_of(wanted.substr(0, 63 - suffix.size()) + suffix);
  }
}

void carry_pools(Parameters& given, DraftServer& server) {
  const auto pools = given.texts("pool");
  if (!pools || pools->empty()) {
    (void)given.draft().pool_of(given.line(), "");
    return;
  }
  server.pools.clear();
  for (const std::string& name : *pools) {
    const auto pool = given.draft().pool_of(given.line(), name);
    if (!pool) continue;
    const std::string& label = given.draft().pools[*pool].name;
    if (std::ranges::find(server.pools, label) == server.pools.end()) server.pools.push_back(label);
  }
}

/// What is missing for dotline to ask it, if anything is.
void tell_what_is_missing(Draft& draft, const std::string& called, const DraftServer& server) {
  if (!server.host.empty()) {
    draft.to_do(server.line, called,
                "it is not an address, and names are not looked up here; give the resolver's "
                "address in what is written under `backends`");
  }
  if (server.protocol == Protocol::Do53) {
    return draft.to_do(server.line, called,
                       "it is asked in the clear, which dotline never does; if it speaks DNS over "
                       "TLS, on port 853 mostly, complete what is written under `backends`");
  }
  if (server.address.port == kDo53Port) {
    draft.to_do(server.line, called,
                "port 53 is not for TLS: 853 is (443 for HTTPS); correct `address`");
  }
  if (!server.subject_name.empty() || !server.subject_address.empty()) return;
  draft.to_do(
      server.line, called,
      "there is no subjectName, so that older versions of dnsdist took every certificate, also an "
      "impostor's; fill in `subject_name`, the name in the resolver's certificate");
}

bool is_usable(const base::Endpoint& address) {
  return !is_wildcard(address.address) && !is_for_many(address.address);
}

}  // namespace

std::optional<size_t> add_server(const std::string& what, const std::string& address,
                                 ServerProtocol protocol, Parameters& given) {
  Draft& draft = given.draft();
  DraftServer server;
  server.line = given.line();
  carry_path(given, server);
  server.protocol = protocol ? *protocol : protocol_of(given, server);
  const auto parsed = base::Endpoint::parse(address, usual_port(server.protocol));
  if (parsed && is_usable(*parsed)) {
    server.address = *parsed;
  } else {
    server.host = address.empty() ? "an address that is not given" : address.substr(0, 255);
  }
  if (draft.servers.size() >= kMaxBackends) {
    given.pass_over();
    draft.to_do(
        server.line, what,
        "there are more than " + std::to_string(kMaxBackends) + " servers; this one is left out");
    return std::nullopt;
  }
  carry_name(given, draft, server);
  carry_pools(given, server);
  carry_subject(given, server);
  carry_texts(given, server);
  carry_numbers(given, server);
  given.tell_rest(why_no_parameter_of_server);
  tell_what_is_missing(draft, what + " " + server.where(), server);
  draft.servers.push_back(std::move(server));
  return draft.servers.size() - 1;
}

void set_number(Draft& draft, unsigned line, DraftServer& server, ServerNumber which,
                int64_t value) {
  const NumberParameter& number = which == ServerNumber::Order    ? kOrder
                                  : which == ServerNumber::Weight ? kWeight
                                                                  : kQps;
  put(server.*number.group, number.setting,
      std::to_string(fit(draft, line, std::string("newServer.") + number.parameter, value,
                         number.least, number.most)));
}

}  // namespace control
