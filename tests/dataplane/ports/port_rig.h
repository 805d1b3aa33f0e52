// What the port tests stand on: two network namespaces joined by a wire, clients on its far end,
// and a program that opens a port on its near end. All of it is gone with the process that made it,
// however that ends.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/descriptor.h"

/// A veth pair. Near: `dot0` in this process's own, fresh namespace, 192.0.2.1 and 2001:db8::1.
/// Far: `peer0` in another one, 192.0.2.2 and 2001:db8::2, sending whole checksums.
class Wire {
 public:
  Wire();

  /// A shell command on the near or the far end; fails the test if it fails.
  void near(const std::string& command) const;
  void far(const std::string& command) const;
  /// Whether the command succeeded.
  [[nodiscard]] bool far_succeeds(const std::string& command) const;

  /// What UDP from the far end to `address`:`port` met: "reply TEXT", "refused" (the kernel's ICMP)
  /// or "silence".
  [[nodiscard]] std::string ask(const std::string& address, uint16_t port,
                                const std::string& text) const;
  /// A reply came, and nothing else did by the time that the kernel had refused a later question.
  [[nodiscard]] bool only_reply_came(const std::string& address, uint16_t port) const;
  /// Puts a whole Ethernet frame on the wire at the far end.
  void send_frame(base::ByteView frame) const;
  /// Whether a TCP connection from the far end to a listener on the near end comes about.
  [[nodiscard]] bool connects(const std::string& address, uint16_t port) const;

 private:
  [[nodiscard]] base::Descriptor far_socket(int type, const std::string& address,
                                            uint16_t port) const;
  [[nodiscard]] std::string far_path() const;

  base::Descriptor near_;
  base::Descriptor far_;
};

/// A socket of `type` bound on the near end; not ok() if the address is not to be had.
[[nodiscard]] base::Descriptor bind_near(int type, const std::string& address, uint16_t port);

/// The port_probe program, running.
class Probe {
 public:
  /// Arguments are port_probe's. `wrapper` is put before it, word by word.
  explicit Probe(std::vector<std::string> arguments, std::vector<std::string> wrapper = {});
  ~Probe();
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  [[nodiscard]] pid_t process() const { return process_; }
  /// Waits until a line starts with `start`, or the program has ended; gives that line or "".
  std::string wait_for(const std::string& start);
  /// Tells it to close its port, waits until it has ended, and gives all it reported.
  std::string finish();
  /// As a crash does.
  void kill();
  /// Everything that came out on its standard error.
  [[nodiscard]] std::string errors() const;

 private:
  bool read_more();
  void reap();

  pid_t process_ = -1;
  base::Descriptor input_;
  base::Descriptor output_;
  base::Descriptor errors_;
  std::string report_;
};
