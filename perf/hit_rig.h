// A poll core, a full cache and ready-made queries for its names, without a NIC: what the hit path
// costs by itself.
#pragma once

#include <rte_mempool.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/poll/serve.h"

namespace perf {

/// Which names are asked for, and how often each.
enum class Names : uint8_t { Uniform, Zipf };

class HitRig {
 public:
  /// Starts EAL when it is the process's first; fills a cache of that size with `names` A answers.
  explicit HitRig(uint32_t names);
  ~HitRig();

  /// A sequence of queries to go through, drawn once: indices into the names.
  [[nodiscard]] std::vector<uint32_t> draw(Names how, size_t count) const;

  /// Makes the next burst of received frames out of `names`, as a driver would: fresh mbufs, octets
  /// copied in.
  void receive(const uint32_t* names, rte_mbuf** frames);
  /// Throws away what `receive` made; the bench's own cost, to be taken off.
  static void discard(rte_mbuf** frames);
  /// The hit path, from parsing to the reply in the port's hands, which drops it.
  void serve(rte_mbuf** frames);
  /// The same by the slow path: taken apart, looked up and composed from values.
  void serve_slowly(rte_mbuf** frames);

  [[nodiscard]] uint64_t hits() const {
    return core_->counters.replies[rules::Outcome::Hit].read();
  }

 private:
  /// Two cache lines, so that making four million frames costs no more than it must.
  struct Query {
    uint16_t size = 0;
    std::array<std::byte, 110> octets{};
  };
  /// Age of every answer: TTLs have to be rewritten, as they nearly always have.
  static constexpr base::Duration kAge = base::seconds{100};

  void keep(const dns::Question& question);
  [[nodiscard]] static Query query_for(uint32_t number);

  cache::Readers readers_{1};
  cache::Cache cache_;
  cache::Reclaim reclaim_{readers_};
  exchange::Exchange exchange_{{.cores = 1, .workers = 1}};
  std::unique_ptr<const poll::Rules> rules_;
  poll::PublishedRules published_;
  rte_mempool* pool_ = nullptr;
  uint16_t port_ = 0;
  std::unique_ptr<poll::LcoreState> core_;
  std::vector<Query> queries_;
};

}  // namespace perf
