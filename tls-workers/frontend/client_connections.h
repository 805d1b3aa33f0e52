// How many connections each client has, over all workers. A client is an IPv4 address or an IPv6
// network of 64 bits, which is what one subscriber has at least (RFC 6177). Fixed memory: clients
// whose addresses fall on the same counter share their limit.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/keyed_hash.h"

namespace frontend {

class ClientConnections {
 public:
  ClientConnections() : counts_(kCounts) {}

  // Any thread.

  /// One more of `client`, unless it has `most` already; 0: any number.
  [[nodiscard]] bool enter(const base::IpAddress& client, uint32_t most) {
    std::atomic<uint32_t>& count = count_of(client);
    const uint32_t before = count.fetch_add(1, std::memory_order_relaxed);
    if (most == 0 || before < most) return true;
    count.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  void leave(const base::IpAddress& client) {
    count_of(client).fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  static constexpr size_t kCounts = size_t{1} << 16;
  static constexpr size_t kNetworkOctets = 8;

  [[nodiscard]] std::atomic<uint32_t>& count_of(const base::IpAddress& client) {
    const base::ByteView octets = client.mapped();
    const base::ByteView network = client.is_v4() ? octets : octets.first(kNetworkOctets);
    return counts_[base::keyed_hash(network, 0) % kCounts];
  }

  std::vector<std::atomic<uint32_t>> counts_;
};

}  // namespace frontend
