// A TAP: an interface of the kernel's whose wire is a file. What is written to it arrives at the
// kernel, what the kernel sends over it is read.
//
// One that we make goes with the process. One that the operator made beforehand (`ip tuntap add`)
// is taken over and stays, with its addresses and routes.
#pragma once

#include <string>

#include "dataplane/base/bytes.h"
#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"
#include "dataplane/poll/frame.h"

namespace ports {

struct TapSettings {
  std::string name;
  poll::MacAddress mac{};
  unsigned mtu = 1500;
};

/// Move-only. Never blocks.
class Tap {
 public:
  /// In this thread's network namespace: up, with this MAC and MTU, and the kernel doing checksums
  /// and segments itself. Fails with "what, and what was expected".
  static base::Result<Tap, std::string> open(const TapSettings& settings);

  [[nodiscard]] int fd() const { return file_.get(); }
  /// 0, or the kernel's reason: EIO while the TAP is down, EBADFD once it was removed.
  [[nodiscard]] int write(base::ByteView frame) const;
  /// One whole frame, or as much of it as there is room; an empty view if there is none.
  [[nodiscard]] base::ByteView read(base::ByteSpan room) const;

 private:
  explicit Tap(base::Descriptor file) : file_(std::move(file)) {}

  base::Descriptor file_;
};

}  // namespace ports
