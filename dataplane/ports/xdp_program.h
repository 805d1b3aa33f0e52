// Our XDP program on one interface: which process may put it there, where its bytes are, and
// telling it what is ours.
//
// The driver loads and attaches the program; it stays attached when a process dies. Hence the
// order: claim the interface (only the living hold claims), take off what a dead one left, let the
// driver attach, then admit the addresses.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"
#include "dataplane/ports/interface.h"

namespace ports {

/// Says that a living process runs XDP on this interface, to every process of the same network
/// namespace. Ends with the process, however that ends.
class XdpClaim {
 public:
  XdpClaim() = default;
  /// Fails with "in use by another dotline (process N)".
  static base::Result<XdpClaim, std::string> take(const Interface& interface);

 private:
  base::Descriptor socket_;
};

/// The compiled program as a file that exists in memory only.
class XdpObject {
 public:
  XdpObject() = default;
  static base::Result<XdpObject, std::string> create();
  /// Can be opened by this process as long as the object lives.
  [[nodiscard]] std::string path() const;

 private:
  base::Descriptor file_;
};

/// Takes off a program of ours that a dead process left; needs the claim. Fails if another
/// program's is attached, with its name and how to take it off.
[[nodiscard]] base::Result<void, std::string> clear_interface(const Interface& interface);

/// Our program on an interface. Held, it can be put there again when it has been taken off: it
/// still knows its sockets and addresses.
class XdpAttachment {
 public:
  XdpAttachment() = default;
  /// Lets the attached program redirect UDP to `binds`; before, it redirects nothing. 64 addresses
  /// at most.
  [[nodiscard]] static base::Result<XdpAttachment, std::string> admit(
      const Interface& interface, const std::vector<base::Endpoint>& binds);

  enum class Place : uint8_t { Attached, TakenOff, Replaced };
  /// Asks the kernel, which takes no rights. A kernel that does not say is taken to have it.
  [[nodiscard]] Place place() const;
  /// Takes CAP_NET_ADMIN. No other program is taken off for it.
  [[nodiscard]] base::Result<void, std::string> attach_again() const;

 private:
  unsigned interface_ = 0;  // Index.
  uint32_t id_ = 0;
  uint32_t mode_ = 0;
  base::Descriptor program_;
};

}  // namespace ports
