#include "control/draft/draft_tuning.h"

#include <fmt/format.h>

#include <algorithm>

#include "control/config/config.h"
#include "control/draft/parameters.h"

namespace control {
namespace {

struct TcpNumber {
  std::string_view function;
  const char* setting;
  int64_t least;
  int64_t most;
};
constexpr TcpNumber kTcpNumbers[] = {
    {"setMaxTCPConnectionsPerClient", "max_connections_per_client", 0, 1'000'000},
    {"setMaxTCPQueriesPerConnection", "max_queries_per_connection", 0, 1'000'000},
    {"setMaxTCPConnectionDuration", "max_connection_duration", 0, 86'400},
    {"setTCPRecvTimeout", "receive_timeout", 1, 3600},
    {"setTCPSendTimeout", "send_timeout", 1, 3600},
    {"setTCPConnectionsOverloadThreshold", "connections_overload_threshold", 1, 100},
};

/// Numbers that go elsewhere: into each cache, into each backend.
struct OtherNumber {
  std::string_view function;
  std::optional<int64_t> Draft::*target;
  int64_t least;
  int64_t most;
};
constexpr OtherNumber kOtherNumbers[] = {
    {"setStaleCacheEntriesTTL", &Draft::max_stale, 0, INT32_MAX},
    {"setTCPDownstreamMaxIdleTime", &Draft::dot_idle_seconds, 1, 86'400},
    {"setDoHDownstreamMaxIdleTime", &Draft::doh_idle_seconds, 1, 86'400},
};

}  // namespace

bool is_carried_number(std::string_view function) {
  return std::ranges::find(kTcpNumbers, function, &TcpNumber::function) != std::end(kTcpNumbers) ||
         std::ranges::find(kOtherNumbers, function, &OtherNumber::function) !=
             std::end(kOtherNumbers);
}

void carry_number(Draft& draft, unsigned line, const std::string& what, std::string_view function,
                  int64_t value) {
  for (const TcpNumber& number : kTcpNumbers) {
    if (number.function != function) continue;
    put(draft.tcp, number.setting,
        std::to_string(fit(draft, line, what, value, number.least, number.most)));
  }
  for (const OtherNumber& number : kOtherNumbers) {
    if (number.function == function)
      draft.*number.target = fit(draft, line, what, value, number.least, number.most);
  }
}

void carry_factor(Draft& draft, unsigned line, const std::string& what, const std::string& setting,
                  double factor) {
  const bool possible = factor == 0 || (factor >= 1 && factor <= 1000);
  if (!possible) return draft.to_do(line, what, "it is 0, or 1 to 1000 in dotline; it is left out");
  put(draft.policies, setting, fmt::format("{}", factor));
}

std::string fault_of_ciphers(const std::string& setting, const std::string& value) {
  // Those of backends are read by the same code.
  const auto config = parse_config(
      "dataplane: {ports: [{device: af_xdp:eth0}]}\nbinds: [{address: 192.0.2.53}]\n"
      "backends: [{address: 192.0.2.1, tls: {subject_name: a.example, " +
          setting + ": " + yaml_text(value) + "}}]\n",
      "", {{0, 1}, {0, 1}});
  return config ? "" : config.error().front().text;
}

}  // namespace control
