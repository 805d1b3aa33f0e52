// The command line: what to do with which configuration. Exit codes: 0, 1 after a fault, 2 for bad
// usage or a bad configuration.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <string>

#include "control/config.h"
#include "control/instance.h"
#include "control/version.h"

namespace {

constexpr int kBadConfig = 2;

int print_errors(const std::vector<control::ConfigError>& errors) {
  for (const control::ConfigError& error : errors)
    std::fprintf(stderr, "%s\n", error.message().c_str());
  return kBadConfig;
}

int check(const std::string& path) {
  const auto config = control::read_config(path);
  if (!config) return print_errors(config.error());
  for (const std::string& warning : config->warnings) std::fprintf(stderr, "%s\n", warning.c_str());
  std::printf("%s: ok\n", path.c_str());
  return 0;
}

int run(const std::string& path) {
  const auto config = control::read_config(path);
  return config ? control::run(*config) : print_errors(config.error());
}

int print_version() {
  const control::Version version = control::version();
  std::printf("dotline %s\nDPDK %s\nOpenSSL %s\n", version.dotline.c_str(), version.dpdk.c_str(),
              version.openssl.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("dotline turns plain DNS into authenticated DNS over TLS.", "dotline");
  app.require_subcommand(1);
  std::string path;
  CLI::App* run_command =
      app.add_subcommand("run", "Answer queries in the foreground until SIGTERM");
  CLI::App* check_command =
      app.add_subcommand("check", "Check a configuration, and name every error in it");
  CLI::App* version_command =
      app.add_subcommand("version", "Print the versions of dotline, DPDK and OpenSSL");
  for (CLI::App* command : {run_command, check_command}) {
    command->add_option("--config", path, "The configuration file (YAML)")->required();
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadConfig;
  }
  if (check_command->parsed()) return check(path);
  if (version_command->parsed()) return print_version();
  return run(path);
}
