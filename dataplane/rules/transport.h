// How a client's query came, and its reply goes.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace rules {

enum class Transport : uint8_t { Udp, Tcp, Dot, Doh, Count_ };

/// The label `transport` of metrics.
inline constexpr std::array<std::string_view, static_cast<size_t>(Transport::Count_)>
    kTransportNames = {"udp", "tcp", "dot", "doh"};
static_assert(!kTransportNames.back().empty());

/// Whether the client's address is proved: a connection has been made from it.
[[nodiscard]] constexpr bool is_stream(Transport transport) { return transport != Transport::Udp; }
/// Whether it cannot be read on the way.
[[nodiscard]] constexpr bool is_encrypted(Transport transport) {
  return transport == Transport::Dot || transport == Transport::Doh;
}

}  // namespace rules
