// The other end of the control socket: what `dotline status` and its like ask a running dotline
// with.
#pragma once

#include <string>

#include "dataplane/base/clock.h"
#include "dataplane/base/result.h"

namespace control {

class ControlClient {
 public:
  /// Fails with "no dotline answers at PATH: why".
  static base::Result<ControlClient, std::string> connect(const std::string& path);
  ControlClient(ControlClient&& other) noexcept;
  ControlClient& operator=(ControlClient&& other) noexcept;
  ~ControlClient();

  /// Sends `line` and waits for the one that answers it; neither has its end. Fails as `connect`
  /// does, also if there is no whole answer within `patience`.
  base::Result<std::string, std::string> ask(const std::string& line, base::Duration patience);

 private:
  ControlClient(int descriptor, std::string path)
      : descriptor_(descriptor), path_(std::move(path)) {}

  [[nodiscard]] std::string complaint(const std::string& why) const;

  int descriptor_;
  std::string path_;
};

}  // namespace control
