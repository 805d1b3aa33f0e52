#include "perf/load/generator.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <memory>

#include "perf/load/pacing.h"

namespace load {
namespace {

constexpr uint16_t kBurst = 32;
constexpr size_t kAhead = 8;  // Names called into the cache before they are written.
constexpr int kReceivesPerTurn = 4;

}  // namespace

/// One run: what is to be sent, and what waits for room in the port.
struct Generator::Run {
  Run(const Plan& what, const std::vector<uint32_t>& asked, uint64_t begin)
      : plan(what), names(asked), pacing(begin, rte_get_tsc_hz(), what.rate) {}

  const Plan& plan;
  const std::vector<uint32_t>& names;
  Pacing pacing;
  uint64_t made = 0;  // Queries written so far.
  std::array<rte_mbuf*, kBurst> waiting{};
  std::array<uint64_t, kBurst> due{};
  uint16_t waiting_from = 0;
  uint16_t waiting_to = 0;
  std::unique_ptr<Result> result = std::make_unique<Result>();
};

Result Generator::run(const Plan& plan, const std::vector<uint32_t>& names) {
  const uint64_t hertz = rte_get_tsc_hz();
  const uint64_t begin = rte_rdtsc() + hertz / 1000;
  Run run(plan, names, begin);
  while (run.made < plan.queries || run.waiting_from < run.waiting_to) {
    if (stop_.load(std::memory_order_relaxed)) break;
    const uint64_t now = rte_rdtsc();
    send_due(run, now);
    receive(run);
    // A port that takes nothing must not hold the program for ever: what is late by two seconds is
    // given up.
    if (now > run.pacing.time_of(run.made) + 2 * hertz) break;
  }
  Result& result = *run.result;
  const uint64_t end = rte_rdtsc();
  result.cycles = end - begin;
  for (result.due = run.made; result.due < plan.queries && run.pacing.time_of(result.due) <= end;)
    ++result.due;
  rte_pktmbuf_free_bulk(&run.waiting[run.waiting_from], run.waiting_to - run.waiting_from);
  const auto patience = static_cast<uint64_t>(outlet_.patience * static_cast<double>(hertz));
  for (uint64_t last = end; result.answered() < result.sent && rte_rdtsc() - last < patience;) {
    if (receive(run) > 0) last = rte_rdtsc();
  }
  next_number_ += run.made;
  return result;
}

/// Writes what is due, at most a burst, and hands it to the port.
void Generator::send_due(Run& run, uint64_t now) {
  if (run.waiting_from < run.waiting_to) return hand_over(run);
  uint16_t count = 0;
  for (; count < kBurst && run.made + count < run.plan.queries; ++count) {
    run.due[count] = run.pacing.time_of(run.made + count);
    if (run.due[count] > now) break;
  }
  if (count == 0 || rte_pktmbuf_alloc_bulk(outlet_.pool, run.waiting.data(), count) != 0) return;
  const size_t mask = run.names.size() - 1;
  const bool round = (run.names.size() & mask) == 0;
  for (uint16_t i = 0; i < count; ++i) {
    const uint64_t number = run.made + i;
    const uint32_t name = run.names[round ? number & mask : number];
    rte_prefetch0(frames_.place_of(
        run.names[round ? (number + kAhead) & mask
                        : std::min<size_t>(number + kAhead, run.names.size() - 1)]));
    const Ticket ticket = flights_.open(next_number_ + number, run.due[i], name);
    rte_mbuf* const mbuf = run.waiting[i];
    mbuf->data_len = frames_.write(name, ticket, rte_pktmbuf_mtod(mbuf, std::byte*));
    mbuf->pkt_len = mbuf->data_len;
  }
  run.made += count;
  run.waiting_from = 0;
  run.waiting_to = count;
  hand_over(run);
}

/// What the port does not take waits, in order; its time goes on being counted from when it was
/// due.
void Generator::hand_over(Run& run) {
  const uint16_t taken = rte_eth_tx_burst(outlet_.port, 0, &run.waiting[run.waiting_from],
                                          static_cast<uint16_t>(run.waiting_to - run.waiting_from));
  const uint64_t now = rte_rdtsc();
  for (uint16_t i = 0; i < taken; ++i) run.result->lag.record(now - run.due[run.waiting_from + i]);
  run.waiting_from = static_cast<uint16_t>(run.waiting_from + taken);
  run.result->sent += taken;
}

unsigned Generator::receive(Run& run) {
  unsigned received = 0;
  for (int turn = 0; turn < kReceivesPerTurn; ++turn) {
    std::array<rte_mbuf*, kBurst> mbufs;
    const uint16_t count = rte_eth_rx_burst(outlet_.port, 0, mbufs.data(), kBurst);
    if (count == 0) break;
    const uint64_t now = rte_rdtsc();
    for (uint16_t i = 0; i < count; ++i) rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void*));
    for (uint16_t i = 0; i < count; ++i) {
      const base::ByteView frame(rte_pktmbuf_mtod(mbufs[i], const std::byte*), mbufs[i]->data_len);
      const Reply reply = check_.look_at(frame, flights_);
      ++run.result->found[static_cast<size_t>(reply.finding)];
      if (reply.flight == nullptr) continue;
      run.result->latency.record(now - reply.flight->due);
      reply.flight->round = Flight::kLanded;
    }
    rte_pktmbuf_free_bulk(mbufs.data(), count);
    received += count;
  }
  return received;
}

}  // namespace load
