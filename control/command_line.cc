#include "control/command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/commands/remote_commands.h"
#include "control/import/import_dnsdist.h"
#include "control/text/escape.h"
#include "control/text/version.h"

namespace control {
namespace {

constexpr int kDone = 0;
constexpr int kFault = 1;
constexpr int kBadConfig = 2;

/// Says on stderr what is wrong with the file, if anything is.
std::optional<Config> read_or_complain(const std::string& path) {
  base::Result<Config, std::vector<ConfigError>> config = read_config(path);
  if (config) return std::move(*config);
  for (const ConfigError& error : config.error()) std::cerr << one_line(error.message()) << '\n';
  return std::nullopt;
}

void say_what_is_off(const Config& config) {
  for (const std::string& off : config.off) std::cerr << one_line(off) << '\n';
}

/// Whether what would be off counts as an error is for the caller to say, unless the file does.
enum class Judging : uint8_t { Strict, Lenient };

int check(const std::string& path, Judging judging) {
  const std::optional<Config> config = read_or_complain(path);
  if (!config) return kBadConfig;
  say_what_is_off(*config);
  for (const std::string& warning : config->warnings)
    std::cerr << one_line(warning + " (warning)") << '\n';
  const bool lenient = judging == Judging::Lenient && !config->strict_start;
  if (!config->off.empty() && !lenient) return kBadConfig;
  std::cout << one_line(path) << ": ok" << std::endl;
  return kDone;
}

/// With `strict_start` what is off is a fault, and not an error of the file: it may pass by itself,
/// so that a supervisor is right to try again.
int run_file(const std::string& path, const std::function<int(const Config&)>& run) {
  const std::optional<Config> config = read_or_complain(path);
  if (!config) return kBadConfig;
  if (!config->strict_start || config->off.empty()) return run(*config);
  say_what_is_off(*config);
  return kFault;
}

int print_version() {
  const Version versions = version();
  std::cout << "dotline " << versions.dotline << "\nDPDK " << versions.dpdk << "\nOpenSSL "
            << versions.openssl << std::endl;
  return kDone;
}

std::vector<const CLI::App*> commands_of(const CLI::App& group) {
  return group.get_subcommands([](const CLI::App*) { return true; });
}

/// "one of `up`, `down`, `auto`", or the only one.
std::string choice_among(const CLI::App& group) {
  std::string names;
  for (const CLI::App* one : commands_of(group))
    names += (names.empty() ? "`" : ", `") + one->get_name() + '`';
  return (names.find(',') == std::string::npos ? "" : "one of ") + names;
}

/// What is wrong with the words that say which command it is; the library tells neither which word
/// nor what there is instead.
std::optional<std::string> fault_of_words(const CLI::App& app, std::span<const char* const> words) {
  const CLI::App* group = &app;
  std::string said;
  for (const char* word : words) {
    if (*word == '-') return std::nullopt;
    said += (said.empty() ? "" : " ") + std::string(word);
    const std::vector<const CLI::App*> known = commands_of(*group);
    const auto next = std::ranges::find(known, word, &CLI::App::get_name);
    if (next == known.end())
      return '`' + escaped(said, 63) + "` is no command, expected " + choice_among(*group) +
             (group == &app ? "" : " after `" + group->get_name() + '`');
    group = *next;
    if (group->get_require_subcommand_min() == 0) return std::nullopt;
  }
  if (group == &app) return std::nullopt;
  return '`' + said + "` alone is no command, expected " + choice_among(*group) + " after it";
}

/// Output cut off, by a full disk for one, must not be taken for the whole.
int unless_unwritten(int exit) {
  std::cout.flush();
  if (std::cout.good() && std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit;
  std::cerr << "dotline: what there was to say could not be written to standard output"
            << std::endl;
  return exit == kDone ? kFault : exit;
}

int set_override(int argc, const char* const* argv, const std::function<int(const Config&)>& run) {
  CLI::App app("dotline answers DNS from memory and asks everything else over TLS.", "dotline");
  std::string path;
  const auto add_command = [&](const char* name, const char* what) {
    CLI::App* command = app.add_subcommand(name, what);
    command->add_option("--config", path, "The configuration file")->required()->type_name("FILE");
    return command;
  };
  const CLI::App* run_command = add_command("run", "Run in the foreground until SIGTERM");
  CLI::App* check_command =
      add_command("check", "Check a configuration and name every error in it");
  bool lenient = false;
  check_command->add_flag("--lenient", lenient,
                          "What would be off, with all else served, is no error");
  app.add_subcommand("version", "Print the versions of dotline, DPDK and OpenSSL");
  const CLI::App* help_command = app.add_subcommand("help", "Print this");
  bool version_wanted = false;
  app.add_flag("--version", version_wanted, "The same as `version`");
  std::string output;
  CLI::App* import_command = app.add_subcommand(
      "import-dnsdist", "Turn a dnsdist.conf or dnsdist.yml into a configuration for dotline");
  import_command->add_option("FILE", path, "The dnsdist.conf or dnsdist.yml")
      ->required()
      ->type_name("");
  import_command->add_option("--output", output, "Where to write it; standard output by default")
      ->type_name("FILE");
  const RemoteCommands remote(app);
  app.require_subcommand(0, 1);
  const std::span words(argv, static_cast<size_t>(argc));
  if (const auto fault = fault_of_words(app, words.subspan(std::min<size_t>(1, words.size())))) {
    std::cerr << "dotline: " << *fault << std::endl;
    return kBadConfig;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kBadConfig;
  }
  if (version_wanted) return print_version();
  if (help_command->parsed()) {
    app.clear();  // Else it is the help of `help`.
    std::cout << app.help();
    return kDone;
  }
  if (app.get_subcommands().empty()) {
    std::cerr << app.help();
    return kBadConfig;
  }
  if (const std::optional<int> done = remote.run()) return *done;
  if (check_command->parsed()) return check(path, lenient ? Judging::Lenient : Judging::Strict);
  if (import_command->parsed()) return import_dnsdist_file(path, output);
  return run_command->parsed() ? run_file(path, run) : print_version();
}

}  // namespace

int command_line(int argc, const char* const* argv, const std::function<int(const Config&)>& run) {
  return unless_unwritten(set_override(argc, argv, run));
}

}  // namespace control
