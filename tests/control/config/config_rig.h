// Configurations to vary, and a machine that does not depend on where the tests run: CPUs 0-3, of
// which we may use 0-2.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "control/config/config.h"

namespace control {

inline constexpr const char* kPorts = "dataplane: {ports: [{device: af_xdp:eth0}]}\n";
inline constexpr const char* kBinds = "binds: [{address: 192.0.2.53}]\n";
inline constexpr const char* kBackends =
    "backends: [{address: 192.0.2.1, tls: {subject_name: a.example}}]\n";

/// Three lines, one for each of those.
inline std::string minimal(const std::string& more = "") {
  return std::string(kPorts) + kBinds + kBackends + more;
}

/// The same with `health_checks` of its only backend, on line 3.
inline std::string minimal_with_checks(const std::string& checks) {
  return std::string(kPorts) + kBinds +
         "backends: [{address: 192.0.2.1, tls: {subject_name: a.example}, health_checks: " +
         checks + "}]\n";
}

/// Warnings about this machine's own certificates depend on where the tests run.
inline std::vector<std::string> warnings_of(const Config& config) {
  std::vector<std::string> warnings;
  for (const std::string& warning : config.warnings) {
    if (warning.find("CA certificates") == std::string::npos) warnings.push_back(warning);
  }
  return warnings;
}

inline Machine rig_machine() { return {{0, 1, 2, 3}, {0, 1, 2}}; }

inline std::string all_messages(const std::vector<ConfigError>& errors) {
  std::string text;
  for (const ConfigError& error : errors) text += error.message() + "\n";
  return text;
}

inline std::vector<ConfigError> errors_of(const std::string& yaml) {
  const auto config = parse_config(yaml, "test.yaml", rig_machine());
  if (config) return {};
  return config.error();
}

/// A test fails if `yaml` has an error.
inline Config config_of(const std::string& yaml, const Machine& machine = rig_machine()) {
  const auto config = parse_config(yaml, "test.yaml", machine);
  if (config) return *config;
  ADD_FAILURE() << all_messages(config.error());
  return {};
}

}  // namespace control
