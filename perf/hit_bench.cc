// T0: what one answer from the cache costs a poll core, in TSC cycles, by the number of names in
// use. The cost of making the frames, which a driver would bear, is measured beside it and taken
// off.
#include <benchmark/benchmark.h>
#include <rte_cycles.h>

#include <memory>
#include <utility>

#include "perf/hit_rig.h"

namespace perf {
namespace {

HitRig& rig_with(uint32_t names) {
  // One at a time: the largest takes more than a gigabyte.
  static std::pair<uint32_t, std::unique_ptr<HitRig>> current;
  if (current.first != names || !current.second) {
    current.second.reset();
    current = {names, std::make_unique<HitRig>(names)};
  }
  return *current.second;
}

enum class Way : uint8_t { HitPath, General };

void hit(benchmark::State& state, Names how, Way way) {
  HitRig& rig = rig_with(static_cast<uint32_t>(state.range(0)));
  const std::vector<uint32_t> drawn = rig.draw(how, size_t{1} << 20);
  std::array<rte_mbuf*, poll::kReceiveBurst> frames{};
  uint64_t making = 0, all = 0;
  size_t at = 0;
  const uint64_t hits_before = rig.hits();
  for ([[maybe_unused]] auto _ : state) {
    const uint64_t start = rte_rdtsc();
    rig.receive(&drawn[at], frames.data());
    const uint64_t received = rte_rdtsc();
    way == Way::HitPath ? rig.serve(frames.data()) : rig.serve_slowly(frames.data());
    all += rte_rdtsc() - start;
    making += received - start;
    at = (at + poll::kReceiveBurst) % drawn.size();
  }
  const auto queries = static_cast<double>(state.iterations()) * poll::kReceiveBurst;
  if (static_cast<double>(rig.hits() - hits_before) != queries)
    state.SkipWithError("not every query was a hit");
  state.counters["cycles/hit"] = static_cast<double>(all - making) / queries;
  state.counters["frame_cycles"] = static_cast<double>(making) / queries;
  state.SetItemsProcessed(static_cast<int64_t>(queries));
}

// The naive version: what a hit costs without a path of its own.
BENCHMARK_CAPTURE(hit, general, Names::Uniform, Way::General)->Arg(4096);

BENCHMARK_CAPTURE(hit, uniform, Names::Uniform, Way::HitPath)
    ->Arg(4096)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Arg(4'000'000);
BENCHMARK_CAPTURE(hit, zipf, Names::Zipf, Way::HitPath)
    ->Arg(4096)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Arg(4'000'000);

}  // namespace
}  // namespace perf

BENCHMARK_MAIN();
