// A typed lane between exactly two threads: rte_ring with elements by value, one producer, one
// consumer. Bounded; a full ring refuses the element and the producer decides what that means.
#pragma once

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <bit>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

#include "dataplane/base/assert.h"

namespace base {

template <typename T>
class Ring {
  static_assert(std::is_trivially_copyable_v<T>, "elements cross a thread as bytes");
  static_assert(sizeof(T) % 4 == 0 && alignof(T) % 4 == 0, "rte_ring copies whole 4-byte words");

 public:
  /// Holds at least `capacity` elements. Memory is taken here, once; no EAL is needed.
  explicit Ring(unsigned capacity) : ring_(allocate(std::bit_ceil(capacity + 1))) {}

  /// Producer thread only. False when full; nothing was taken then.
  [[nodiscard]] bool push(const T& element) {
    // rte_ring only reads what it enqueues, but does not say so.
    return rte_ring_sp_enqueue_elem(ring_.get(), const_cast<T*>(&element), sizeof(T)) == 0;
  }
  /// Consumer thread only. Fills `into` from the front; returns how many came.
  [[nodiscard]] unsigned pop(std::span<T> into) {
    return rte_ring_sc_dequeue_burst_elem(ring_.get(), into.data(), sizeof(T),
                                          static_cast<unsigned>(into.size()), nullptr);
  }
  /// Either thread. rte_ring_empty reads both tails without saying that another thread writes them.
  [[nodiscard]] bool empty() const {
    return __atomic_load_n(&ring_->prod.tail, __ATOMIC_ACQUIRE) ==
           __atomic_load_n(&ring_->cons.tail, __ATOMIC_ACQUIRE);
  }
  /// Either thread: how many wait, about.
  [[nodiscard]] unsigned size() const {
    return __atomic_load_n(&ring_->prod.tail, __ATOMIC_ACQUIRE) -
           __atomic_load_n(&ring_->cons.tail, __ATOMIC_ACQUIRE);
  }
  [[nodiscard]] unsigned capacity() const { return rte_ring_get_capacity(ring_.get()); }

 private:
  struct Free {
    void operator()(rte_ring* ring) const { std::free(ring); }
  };

  static rte_ring* allocate(unsigned slots) {
    const ssize_t size = rte_ring_get_memsize_elem(sizeof(T), slots);
    ASSERT(size > 0);
    // rte_ring keeps its producer and consumer halves on cache lines of their own, which needs the
    // alignment.
    void* memory =
        std::aligned_alloc(RTE_CACHE_LINE_SIZE * 2,
                           RTE_ALIGN_CEIL(static_cast<size_t>(size), RTE_CACHE_LINE_SIZE * 2));
    if (memory == nullptr) std::abort();
    auto* ring = static_cast<rte_ring*>(memory);
    const int made = rte_ring_init(ring, "lane", slots, RING_F_SP_ENQ | RING_F_SC_DEQ);
    ASSERT(made == 0);
    (void)made;
    return ring;
  }

  std::unique_ptr<rte_ring, Free> ring_;
};

}  // namespace base
