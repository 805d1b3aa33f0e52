// Keeps the kernel quiet about queries that it sees too. af_packet hands us copies of frames, and a
// TAP takes fragments that become a query again; the kernel goes on to look for a socket, finds
// none and answers "port unreachable", which clients believe. So one socket per bound address is
// there to be found, and a filter throws away whatever reaches it. It is never read and never
// written.
#pragma once

#include <string>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"

namespace ports {

class KernelMute {
 public:
  /// Whether the addresses have to be the machine's now, or are muted before they are.
  enum class Addresses { MustExist, MayComeLater };

  KernelMute() = default;
  /// For frames that come in on `interface`, until destroyed. No other program can bind the
  /// addresses meanwhile. Fails with "ADDRESS:PORT is in use by another program" or "is not an
  /// address of this machine".
  static base::Result<KernelMute, std::string> start(const std::string& interface,
                                                     const std::vector<base::Endpoint>& binds,
                                                     Addresses addresses = Addresses::MustExist);

 private:
  std::vector<base::Descriptor> sockets_;
};

}  // namespace ports
