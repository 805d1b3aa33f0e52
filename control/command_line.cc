#include "control/command_line.h"

#include <CLI/CLI.hpp>

#include <iostream>
#include <optional>
#include <string>

#include "control/commands/remote_commands.h"
#include "control/import/import_dnsdist.h"
#include "control/text/escape.h"
#include "control/version.h"

namespace control {
namespace {

constexpr int kDone = 0;
constexpr int kBadConfig = 2;

/// Says on stderr what is wrong with the file, if anything is.
std::optional<Config> read_or_complain(const std::string& path) {
  base::Result<Config, std::vector<ConfigError>> config = read_config(path);
  if (config) return std::move(*config);
  for (const ConfigError& error : config.error()) std::cerr << one_line(error.message()) << '\n';
  return std::nullopt;
}

int check(const std::string& path) {
  const std::optional<Config> config = read_or_complain(path);
  if (!config) return kBadConfig;
  for (const std::string& warning : config->warnings)
    std::cerr << one_line(warning + " (warning)") << '\n';
  std::cout << one_line(path) << ": ok" << std::endl;
  return kDone;
}

int print_version() {
  const Version versions = version();
  std::cout << "dotline " << versions.dotline << "\nDPDK " << versions.dpdk << "\nOpenSSL "
            << versions.openssl << std::endl;
  return kDone;
}

}  // namespace

int command_line(int argc, const char* const* argv, const std::function<int(const Config&)>& run) {
  CLI::App app("dotline answers DNS from memory and asks everything else over TLS.", "dotline");
  std::string path;
  const auto add_command = [&](const char* name, const char* what) {
    CLI::App* command = app.add_subcommand(name, what);
    command->add_option("--config", path, "The configuration file")->required()->type_name("FILE");
    return command;
  };
  const CLI::App* run_command = add_command("run", "Run in the foreground until SIGTERM");
  const CLI::App* check_command =
      add_command("check", "Check a configuration and name every error in it");
  app.add_subcommand("version", "Print the versions of dotline, DPDK and OpenSSL");
  std::string output;
  CLI::App* import_command =
      app.add_subcommand("import-dnsdist", "Turn a dnsdist.conf or dnsdist.yml into a configuration for dotline");
  import_command->add_option("FILE", path, "The dnsdist.conf or dnsdist.yml")->required()->type_name("");
  import_command->add_option("--output", output, "Where to write it; standard output by default")
      ->type_name("FILE");
  const RemoteCommands remote(app);
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kBadConfig;
  }
  if (app.get_subcommands().empty()) {
    std::cerr << app.help();
    return kBadConfig;
  }
  if (const std::optional<int> done = remote.run()) return *done;
  if (check_command->parsed()) return check(path);
  if (import_command->parsed()) return import_dnsdist_file(path, output);
  if (!run_command->parsed()) return print_version();
  const std::optional<Config> config = read_or_complain(path);
  return config ? run(*config) : kBadConfig;
}

}  // namespace control
