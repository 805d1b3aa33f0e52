// One poll core without a NIC: a port made of two rte_rings, frames put in by hand and taken out by
// hand, and the worker's ends of the exchange. EAL is real, memory is not hugepages.
#pragma once

#include <rte_mempool.h>
#include <rte_ring.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/poll/loop.h"
#include "tests/message_builder.h"
#include "tests/packet_builder.h"

namespace tests {

/// A domain with a pool of its own. Answers are kept in the one cache there is, or nowhere.
struct RoutedDomain {
  std::string name;
  dns::PoolId pool;
  bool cached = true;
};

struct LoopShape {
  handler::PendingLimits pending{.questions = 1024, .askers = 2048};
  unsigned misses = 1024;
  uint32_t cache_entries = 1024;
  uint16_t vlan = 0;
  bool exception_path = false;
  std::optional<rules::Cookies::Demand> cookies{};  // Not spoken unless this is set.
  std::vector<RoutedDomain> domains{};
};

enum class Keep : uint8_t { No, Yes };

class LoopRig {
 public:
  /// Starts EAL when it is the process's first.
  explicit LoopRig(const LoopShape& shape = {});
  ~LoopRig();

  /// A frame from the client for the core to find in its next turn.
  void receive(const Bytes& frame);
  /// The same in two buffers, as a driver has it that scatters; `first` octets lie in the first
  /// one.
  void receive_in_two(const Bytes& frame, size_t first);
  void turn() { poll::turn(*core); }
  /// Frames that the core has sent since the last call.
  [[nodiscard]] std::vector<Bytes> sent();
  /// For a program that has the other end instead of `receive` and `sent`: its port, not yet
  /// configured and the caller's to close.
  [[nodiscard]] uint16_t other_end();
  /// Misses that the worker would take now.
  [[nodiscard]] std::vector<exchange::Miss> misses();
  /// The worker's end of a miss.
  void fill(const exchange::Fill& fill);
  /// The same with an address that lives for an hour, in the cache or for those who wait alone.
  void answer(const exchange::Miss& miss, Keep keep);
  /// Frames on their way to the kernel, and a frame of the kernel's, at the thread's end of the
  /// exception path.
  [[nodiscard]] std::vector<Bytes> handed_over();
  void kernel_sends(const Bytes& frame);
  /// Everything the core took in is accounted for: sent, dropped for a reason, parked, or handed
  /// over (and taken from there by `handed_over`).
  [[nodiscard]] bool conserved() const;
  [[nodiscard]] uint64_t dropped(rules::Drop reason) const {
    return core->counters.dropped[reason].read();
  }
  [[nodiscard]] unsigned mbufs_in_use() const { return rte_mempool_in_use_count(pool); }

  cache::Readers readers{1};
  cache::Cache cache;
  cache::Reclaim reclaim{readers};
  exchange::Exchange exchange;
  std::unique_ptr<const poll::Rules> rules;
  poll::PublishedRules published;
  exchange::Doorbell kernels_doorbell;
  poll::ToKernel to_kernel{kernels_doorbell};
  poll::ExceptionRing from_kernel;
  rte_mempool* pool = nullptr;
  std::unique_ptr<poll::LcoreState> core;

 private:
  rte_ring* to_core_ = nullptr;
  rte_ring* from_core_ = nullptr;
  uint16_t port_ = 0;
  uint64_t handed_over_ = 0;
};

/// A query for the rig's address in a frame from the rig's client.
[[nodiscard]] Bytes query_frame(const Bytes& query, uint16_t source_port = 40000);
/// The DNS message in a frame that the rig sent.
[[nodiscard]] Bytes message_in(const Bytes& frame);

}  // namespace tests
