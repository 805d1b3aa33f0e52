// The exception path, as a poll core sees it: what is not for us goes to the kernel over one ring,
// what the kernel sends comes over another, and a thread that may block moves both through a TAP
// (exception_path.h). So the kernel answers ARP, neighbour discovery, ping, TCP and BGP as on any
// interface.
//
// Frames cross as bytes: an mbuf never leaves its core, and a slow kernel uses up no mempool. A
// flood costs a core a look at each frame and no more copies than the rations let through.
#pragma once

#include <array>
#include <optional>

#include "dataplane/base/ring.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/poll/counters.h"
#include "dataplane/poll/frame.h"
#include "dataplane/rules/token_bucket.h"

namespace poll {

/// A frame as it lies on the TAP: without the port's 802.1Q tag and without FCS.
struct alignas(uint32_t) ExceptionFrame {
  static constexpr size_t kRoom = 2048;  // An mbuf's.

  uint16_t port = 0;  // The port's place in the configuration.
  uint16_t size = 0;
  std::array<std::byte, kRoom> octets;

  [[nodiscard]] ByteView bytes() const { return ByteView(octets).first(size); }
};

/// 1023 frames, 2 MB.
class ExceptionRing : public base::Ring<ExceptionFrame> {
 public:
  ExceptionRing() : Ring(1023) {}
};

/// What the kernel is asked to look at, per core, by what must not starve what: a flood of pings
/// must not cost us our neighbours, nor BGP its session.
struct ExceptionRations {
  rules::TokenBucket neighbours{
      {.per_second = 1'000, .burst = 500}};  // ARP, and what RFC 4861 has like it.
  // Where there is one NIC, our own sessions to resolvers are in it. 50,000 cost the thread and the
  // kernel about a quarter of a CPU.
  rules::TokenBucket tcp{{.per_second = 50'000, .burst = 1'000}};
  rules::TokenBucket others{{.per_second = 10'000, .burst = 1'000}};
};

/// One core's end of the way to the kernel.
struct ToKernel {
  explicit ToKernel(exchange::Doorbell& bell) : doorbell(bell) {}

  ExceptionRing ring;
  exchange::Doorbell& doorbell;  // Of the thread at the other end.
  // The core's own:
  ExceptionRations rations;
  bool to_wake = false;     // Something was pushed in this turn.
  ExceptionFrame outgoing;  // The frame in hand; kept here because it is large.
  ExceptionFrame incoming;
};

struct PortQueue;

/// What becomes of a frame from `queue`, which has an exception path, that was not taken: nullopt
/// if it is on its way to the kernel, else why it is to be dropped. Handed over are frames to our
/// MAC that are not UDP to one of our addresses, and those for many that are of the port's VLAN.
/// What is broken, or was to be a query, is not: the kernel never answers DNS.
[[nodiscard]] std::optional<Drop> hand_over(const PortQueue& queue, ByteView frame,
                                            const NotTaken& not_taken, base::Time now);

/// Sends what the kernel wants sent from `queue`, 32 frames at most, and wakes the thread for what
/// was handed over. Returns how many frames it took in hand.
unsigned serve_kernel(PortQueue& queue, CoreCounters& counters);

}  // namespace poll
