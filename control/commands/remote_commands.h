// The commands that speak to a running dotline: status, top, reload, cache flush, backend.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/config/control_socket_path.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name.
class App;
}

namespace control {

class RemoteCommands {
 public:
  /// Adds them to `app`, which outlives this.
  explicit RemoteCommands(CLI::App& app);
  RemoteCommands(const RemoteCommands&) = delete;
  RemoteCommands& operator=(const RemoteCommands&) = delete;

  /// Once `app` has parsed the command line: runs the one that was given and returns the exit code,
  /// 0 for done, 1 for no answer or a refusal, 3 for the status of a dotline that is not healthy.
  /// Nothing if none of them was given.
  [[nodiscard]] std::optional<int> run() const;

 private:
  CLI::App* add(CLI::App& parent, const std::string& name, const std::string& what);

  [[nodiscard]] int show_status() const;
  [[nodiscard]] int show_top() const;
  [[nodiscard]] int reload() const;
  [[nodiscard]] int flush() const;
  [[nodiscard]] int set_backend(const std::string& state) const;

  std::string socket_{kUsualControlSocket};
  bool json_ = false;
  std::optional<uint64_t> count_;
  std::string backend_;
  std::optional<std::string> name_;
  bool suffix_ = false;
  std::optional<std::string> type_;
  std::optional<std::string> cache_;
  const CLI::App* status_;
  const CLI::App* top_;
  const CLI::App* reload_;
  const CLI::App* flush_;
  std::vector<const CLI::App*> states_;
};

}  // namespace control
