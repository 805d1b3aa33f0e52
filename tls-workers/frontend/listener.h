// A listening TCP socket of one worker at one address. Every worker has one of its own at each
// address, and the kernel deals connections out among them (SO_REUSEPORT), so that no two workers
// wait for one lock.
#pragma once

#include <string>
#include <utility>

#include "dataplane/base/address.h"
#include "dataplane/base/result.h"

namespace frontend {

class Listener {
 public:
  /// Listens at `address`, whether or not this machine has it yet: one that a TAP or a routing
  /// daemon brings may come later. `backlog`: connections that the kernel holds until they are
  /// accepted, at most. Needs CAP_NET_BIND_SERVICE below port 1024. Fails with a sentence that
  /// names the address.
  [[nodiscard]] static base::Result<Listener, std::string> open(const base::Endpoint& address,
                                                                unsigned backlog);
  /// Takes the place of one that cannot listen: no client ever comes.
  [[nodiscard]] static Listener none(const base::Endpoint& address) { return {-1, address}; }
  ~Listener();
  Listener(Listener&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), address_(other.address_) {}
  Listener& operator=(Listener&&) = delete;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  /// Where it listens; with the port that the kernel chose if none was given.
  [[nodiscard]] const base::Endpoint& address() const { return address_; }

 private:
  Listener(int fd, const base::Endpoint& address) : fd_(fd), address_(address) {}

  int fd_;
  base::Endpoint address_;
};

struct Accepted {
  int fd = -1;
  base::IpAddress client;
};

/// The next connection that waits, non-blocking. Fails with accept4's errno; EAGAIN: none does.
[[nodiscard]] base::Result<Accepted, int> accept_from(const Listener& listener);

}  // namespace frontend
