// The port that queries leave through: whatever device EAL was told of, with one queue.
#pragma once

#include <rte_mempool.h>

#include <cstdint>
#include <string>

#include "dataplane/base/result.h"
#include "perf/load/query_frames.h"

namespace load {

/// Open until destroyed. EAL has to be running, and to run on.
class Port {
 public:
  /// Opens DPDK's port `id` and waits up to ten seconds for its link. Fails with what DPDK refused.
  static base::Result<Port, std::string> open(uint16_t id);
  ~Port();
  Port(Port&& other) noexcept;
  Port& operator=(Port&&) = delete;

  [[nodiscard]] uint16_t id() const { return id_; }
  [[nodiscard]] rte_mempool* pool() const { return pool_; }
  [[nodiscard]] MacAddress mac() const;

 private:
  Port(uint16_t id, rte_mempool* pool) : id_(id), pool_(pool) {}

  uint16_t id_;
  rte_mempool* pool_;
};

}  // namespace load
