// What a poll core counts. Every frame received ends in exactly one of: a reply, a drop with a
// reason, a parked asker, the kernel (by way of the exception path, whose thread counts what it
// delivered and dropped).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dataplane/base/counters.h"
#include "dataplane/rules/client_counters.h"

namespace poll {

using rules::Drop;
using rules::Outcome;

inline constexpr unsigned kMaxPorts = 16;  // Received and sent are counted for that many.

/// Why a frame of the kernel's was not sent. The names are
/// `dotline_exception_unsent_total{reason}`.
enum class Unsent : uint8_t { TooLong, RingFull, PoolEmpty, TransmitFull, Count_ };

inline constexpr std::array<std::string_view, static_cast<size_t>(Unsent::Count_)> kUnsentNames = {
    "too_long", "ring_full", "pool_empty", "transmit_full"};
static_assert(!kUnsentNames.back().empty());

/// Written by one core, read by the thread that scrapes.
struct alignas(64) CoreCounters : rules::ClientCounters {
  struct PerPort {
    base::Counter received;
    base::Counter sent;         // Replies.
    base::Counter from_kernel;  // Frames of the kernel's.
  };
  std::array<PerPort, kMaxPorts> ports;
  base::Counters<Unsent> unsent;
  base::Counter cycles;       // TSC cycles, all turns ...
  base::Counter busy_cycles;  // ... and those of turns that did something.
};

}  // namespace poll
