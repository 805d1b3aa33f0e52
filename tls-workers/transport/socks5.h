// What is said with a SOCKS5 proxy before TLS begins: how to log in, a login, and where to connect
// to. RFC 1928, RFC 1929. Octets only; the socket is the stream's.
//
// A resolver's name goes to the proxy as a name: looking it up ourselves would tell the network
// what the proxy is there to hide.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "dataplane/base/bytes.h"
#include "tls-workers/backends/backend.h"
#include "tls-workers/backends/fault.h"

namespace transport {

class Socks5 {
 public:
  /// `backend` has a proxy, and outlives this.
  explicit Socks5(const backends::BackendSettings& backend);

  /// What the proxy is to be told now.
  [[nodiscard]] base::ByteView unsent() const { return base::ByteView(outgoing_).subspan(sent_); }
  void sent(size_t size);
  /// How many octets to read now: never more than the proxy's reply still has, since what follows
  /// it is TLS's. 1 to kMaxReply.
  [[nodiscard]] size_t wanted() const { return needed_ - received_; }
  /// `octets` came, at most `wanted`. Done: the resolver is at the other end from here on. Class
  /// Connect on failure.
  [[nodiscard]] backends::Step take(base::ByteView octets);
  /// What the proxy does not do, while nothing comes.
  [[nodiscard]] std::string_view awaited() const;

  static constexpr size_t kMaxReply = 4 + 1 + 255 + 2;  // CONNECT's, with a name.

 private:
  enum class Phase : uint8_t { Method, Login, Connect, ConnectAddress };

  void say(base::ByteView message);
  void expect(Phase phase, size_t needed);
  void log_in();
  void connect();
  backends::Step choose_method();
  backends::Step check_login();
  backends::Step check_connect();
  backends::Step expect_address();

  const backends::BackendSettings& backend_;
  Phase phase_ = Phase::Method;
  std::vector<std::byte> outgoing_;
  size_t sent_ = 0;
  std::array<std::byte, kMaxReply> reply_{};
  size_t received_ = 0;
  size_t needed_ = 2;
};

/// A login like no other: Tor gives each its own circuit (IsolateSOCKSAuth). Throws
/// std::runtime_error if there is no randomness.
[[nodiscard]] std::string random_login();

}  // namespace transport
