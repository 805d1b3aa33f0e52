// The tree of a YAML file → Config: types, ranges, forms, defaults and names of one another, one
// function for each top-level section. What only shows when settings are laid side by side is
// config_check.h's.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/config.h"
#include "control/config/machine.h"
#include "control/text/escape.h"
#include "control/yaml/errors.h"
#include "control/yaml/section.h"
#include "control/yaml/yaml_tree.h"

namespace control {

/// What is known while a file is read.
struct Reading {
  const Machine& machine;
  ConfigErrors& errors;
  Config config;
  backends::Policy default_policy = backends::Policy::LeastOutstanding;
  double weighted_factor = 0;  // Of policies that go by weight, and of chashed.
  double hashing_factor = 0;
};

/// Never fails: what is wrong goes to `errors` and keeps its default. Every list of sections in the
/// result has an element for each child in the tree, at the same index.
[[nodiscard]] Config read_tree(const YamlNode& root, const Machine& machine, ConfigErrors& errors);

// Each reads its section of the file into `reading.config`. Caches come before pools, and pools
// before what names them.
void read_dataplane(Section section, Reading& reading);
void read_tls_workers(Section section,
                      Reading& reading);  // After the data plane, whose cores it leaves alone.
void read_packet_caches(Section& top, Reading& reading);
void read_load_balancing_policies(Section section, Reading& reading);
void read_pools(Section& top, Reading& reading);
void read_backends(Section& top, Reading& reading);
void read_binds(Section& top, Reading& reading);
/// What of `section`, a backend, says how it is reached.
void read_transport(Section& section, backends::BackendSettings& backend, ConfigErrors& errors);
/// The section `health_checks` of a backend.
void read_health(Section section, backends::HealthSettings& health);
/// The section `tls` of the backend that `outer` is.
void read_tls(Section& outer, Reading& reading, backends::BackendSettings& backend);
/// What of `section`, a section `tls`, says which ciphers and groups are good enough.
void read_offer(Section& section, backends::TlsSettings& offer);
inline constexpr Choice<backends::TlsVersion> kTlsVersions[] = {
    {"tls1.2", backends::TlsVersion::Tls12}, {"tls1.3", backends::TlsVersion::Tls13}};
/// The section `tls` of the bind that `outer` is, and the files that it names.
void read_server_tls(Section& outer, Reading& reading, Bind& bind);
/// The section `tuning.tcp`: what clients may take over streams.
void read_tuning(Section section, Reading& reading);
void read_acl(Section& top, Reading& reading);
void read_local_names(Section section, Reading& reading);
void read_cookies(Section section, Reading& reading);
void read_rate_limit(Section section, Reading& reading);
void read_metrics(Section section, Reading& reading);
void read_control(Section section, Reading& reading);
void read_logging(Section section, Reading& reading);

/// One address block of the list `name`.
[[nodiscard]] std::optional<base::Prefix> read_block(const YamlNode& node, std::string_view name,
                                                     ConfigErrors& errors);

/// Where in `things` the one called `name` is.
template <typename Named>
std::optional<size_t> index_of(const std::vector<Named>& things, std::string_view name) {
  const auto found = std::find_if(things.begin(), things.end(),
                                  [&](const Named& thing) { return thing.name == name; });
  if (found == things.end()) return std::nullopt;
  return static_cast<size_t>(found - things.begin());
}

/// "one of `a`, `b`": the first few names.
template <typename Named>
std::string one_of(const std::vector<Named>& things) {
  constexpr size_t kEnough = 8;
  std::string names;
  for (size_t i = 0; i < std::min(things.size(), kEnough); ++i) {
    names += (i == 0 ? "`" : ", `") + escaped(things[i].name, 63) + "`";
  }
  return "one of " + names + (things.size() > kEnough ? ", ..." : "");
}

}  // namespace control
