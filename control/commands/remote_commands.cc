#include "control/commands/remote_commands.h"

#include <CLI/CLI.hpp>

#include <iostream>
#include <limits>

#include "control/commands/ask.h"
#include "control/commands/terminal.h"
#include "control/commands/top.h"
#include "control/status/status_json.h"
#include "control/status/status_text.h"
#include "control/text/amounts.h"
#include "control/text/escape.h"

namespace control {
namespace {

using Json = nlohmann::ordered_json;
using Lines = std::vector<std::string>;

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kNotHealthy = 3;
constexpr int kPartsAreOff = 3;

int complain(const std::string& why) {
  std::cerr << "dotline: " << one_line(why) << std::endl;
  return kFailed;
}

/// Asks the dotline at `path`; says what is wrong, if anything is.
std::optional<Json> ask_or_complain(const std::string& path, const Json& request) {
  base::Result<ControlClient, std::string> client = ControlClient::connect(path);
  if (!client) {
    complain(client.error());
    return std::nullopt;
  }
  base::Result<Json, Lines> answer = ask(*client, request);
  if (answer) return std::move(*answer);
  for (const std::string& line : answer.error()) complain(line);
  return std::nullopt;
}

Lines lines_in(const Json& answer, const char* name) {
  Lines lines;
  const auto found = answer.find(name);
  if (found == answer.end() || !found->is_array()) return lines;
  for (const Json& line : *found) {
    if (line.is_string()) lines.push_back(one_line(line.get<std::string>()));
  }
  return lines;
}

Json text_or_null(const std::optional<std::string>& text) {
  return text ? Json(*text) : Json(nullptr);
}

}  // namespace

RemoteCommands::RemoteCommands(CLI::App& app) {
  CLI::App* status = add(app, "status", "Show what the running dotline does, and what is wrong");
  status->add_flag("--json", json_, "As one line of JSON");
  status_ = status;
  CLI::App* top = add(app, "top", "Show it once a second; q ends it");
  top->add_option("--count", count_, "How many times, without a screen of its own")
      ->check(CLI::Range(1, std::numeric_limits<int>::max()));
  top_ = top;
  reload_ = add(app, "reload", "Load the configuration file again");
  CLI::App* cache = app.add_subcommand("cache", "Look after the packet caches");
  cache->require_subcommand(1);
  CLI::App* flush = add(*cache, "flush", "Forget answers: all, or those for NAME");
  CLI::Option* name = flush->add_option("NAME", name_, "The name that was asked for");
  flush->add_flag("--suffix", suffix_, "Names below it, too")->needs(name);
  flush->add_option("--type", type_, "Only answers of this type, such as AAAA or TYPE65");
  flush->add_option("--cache", cache_, "Only in this cache");
  flush_ = flush;
  CLI::App* backend = app.add_subcommand("backend", "Take a backend out of rotation, or back");
  backend->require_subcommand(1);
  for (const auto& [state, what] :
       {std::pair{"up", "Ask it, whatever health checks say"},
        std::pair{"down", "Do not ask it, not even if nobody else can be asked"},
        std::pair{"auto", "Ask it as its health checks say; they start anew"}}) {
    CLI::App* command = add(*backend, state, what);
    command->add_option("NAME", backend_, "The backend's name")->required();
    states_.push_back(command);
  }
}

CLI::App* RemoteCommands::add(CLI::App& parent, const std::string& name, const std::string& what) {
  CLI::App* command = parent.add_subcommand(name, what);
  command->add_option("--socket", socket_, "The control socket of the dotline that is meant")
      ->envname("DOTLINE_SOCKET")
      ->type_name("PATH")
      ->capture_default_str();
  return command;
}

std::optional<int> RemoteCommands::run() const {
  if (status_->parsed()) return show_status();
  if (top_->parsed()) return show_top();
  if (reload_->parsed()) return reload();
  if (flush_->parsed()) return flush();
  for (const CLI::App* state : states_) {
    if (state->parsed()) return set_backend(state->get_name());
  }
  return std::nullopt;
}

int RemoteCommands::show_status() const {
  base::Result<ControlClient, std::string> client = ControlClient::connect(socket_);
  if (!client) return complain(client.error());
  const base::Result<std::string, std::string> json = ask_status_json(*client);
  if (!json) return complain(json.error());
  const base::Result<Status, std::string> status = parse_status(*json);
  if (!status) return complain("its status cannot be read: " + status.error());
  if (json_) {
    std::cout << *json << std::endl;
  } else {
    std::cout << status_text(*status, style_of_output()) << std::flush;
  }
  return status->healthy ? kDone : kNotHealthy;
}

int RemoteCommands::show_top() const {
  const base::Result<void, std::string> shown = control::show_top(socket_, count_);
  return shown ? kDone : complain(shown.error());
}

int RemoteCommands::reload() const {
  const std::optional<Json> answer = ask_or_complain(socket_, {{"command", "reload"}});
  if (!answer) return kFailed;
  for (const std::string& line : lines_in(*answer, "lines")) std::cout << line << '\n';
  std::cout << "reloaded" << std::endl;
  const Lines off = lines_in(*answer, "off");
  for (const std::string& line : off) complain(line);
  return off.empty() ? kDone : kPartsAreOff;
}

int RemoteCommands::flush() const {
  const std::optional<Json> answer = ask_or_complain(socket_, {{"command", "cache flush"},
                                                               {"cache", text_or_null(cache_)},
                                                               {"name", text_or_null(name_)},
                                                               {"suffix", suffix_},
                                                               {"type", text_or_null(type_)}});
  if (!answer) return kFailed;
  const uint64_t flushed = answer->value("flushed", uint64_t{0});
  std::cout << grouped(flushed) << (flushed == 1 ? " answer" : " answers") << " flushed"
            << std::endl;
  return kDone;
}

int RemoteCommands::set_backend(const std::string& state) const {
  const std::optional<Json> answer =
      ask_or_complain(socket_, {{"command", "backend"}, {"name", backend_}, {"state", state}});
  if (!answer) return kFailed;
  std::cout << "backend " << one_line(backend_)
            << (state == "auto" ? " is left to its health checks" : " is held " + state)
            << std::endl;
  return kDone;
}

}  // namespace control
