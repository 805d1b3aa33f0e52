#include "perf/load/report.h"

#include <fmt/format.h>

namespace load {
namespace {

struct Percentile {
  const char* name;
  double share;
};
constexpr std::array kPercentiles = {Percentile{"p50", 0.5}, Percentile{"p90", 0.9},
                                     Percentile{"p99", 0.99}, Percentile{"p99.9", 0.999},
                                     Percentile{"p99.99", 0.9999}};

constexpr std::array<const char*, kFindings> kFindingNames = {
    "right",     "not_for_us", "bad_ip_checksum", "bad_udp_checksum",
    "malformed", "unexpected", "wrong_question",  "wrong_rcode"};

/// Cycles as nanoseconds, and counts as rates.
class Clock {
 public:
  explicit Clock(uint64_t cycles_per_second) : hertz_(static_cast<double>(cycles_per_second)) {}
  [[nodiscard]] double nanoseconds(double cycles) const { return cycles * 1e9 / hertz_; }
  [[nodiscard]] double nanoseconds(uint64_t cycles) const {
    return nanoseconds(static_cast<double>(cycles));
  }
  [[nodiscard]] double per_second(uint64_t count, uint64_t cycles) const {
    return cycles == 0 ? 0 : static_cast<double>(count) * hertz_ / static_cast<double>(cycles);
  }

 private:
  double hertz_;
};

std::string json_of(const Latency& latency, const Clock& clock) {
  std::string text = fmt::format("{{\"mean\": {:.0f}", clock.nanoseconds(latency.mean()));
  for (const auto& [name, share] : kPercentiles) {
    text += fmt::format(", \"{}\": {:.0f}", name, clock.nanoseconds(latency.at(share)));
  }
  return text + fmt::format(", \"max\": {:.0f}}}", clock.nanoseconds(latency.largest()));
}

double loss_of(const Result& result) {
  if (result.sent == 0) return 0;
  const uint64_t answered = std::min(result.answered(), result.sent);
  return static_cast<double>(result.sent - answered) / static_cast<double>(result.sent);
}

std::string row_of(const char* name, const Latency& latency, const Clock& clock) {
  std::string text = fmt::format("{:<10}", name);
  for (const auto& [percentile, share] : kPercentiles) {
    text += fmt::format("  {} {:.2f} µs", percentile, clock.nanoseconds(latency.at(share)) / 1000);
  }
  return text + fmt::format("  max {:.2f} µs\n", clock.nanoseconds(latency.largest()) / 1000);
}

}  // namespace

std::string as_json(const Plan& plan, const Result& result, uint64_t cycles_per_second) {
  const Clock clock(cycles_per_second);
  std::string text = fmt::format(
      "{{\"rate\": {}, \"due\": {}, \"sent\": {}, \"answered\": {}, \"sent_per_second\": {:.0f}, "
      "\"answered_per_second\": {:.0f}, \"loss\": {:.6f}, \"found\": {{",
      plan.rate, result.due, result.sent, result.answered(),
      clock.per_second(result.sent, result.cycles),
      clock.per_second(result.answered(), result.cycles), loss_of(result));
  for (size_t i = 0; i < kFindings; ++i) {
    text += fmt::format("{}\"{}\": {}", i == 0 ? "" : ", ", kFindingNames[i], result.found[i]);
  }
  return text + fmt::format("}}, \"latency_ns\": {}, \"lag_ns\": {}}}",
                            json_of(result.latency, clock), json_of(result.lag, clock));
}

std::string as_table(const Plan& plan, const Result& result, uint64_t cycles_per_second) {
  const Clock clock(cycles_per_second);
  std::string text =
      fmt::format("{} q/s offered: {} sent, {} answered rightly ({:.0f}/s), {:.4f} % lost\n",
                  plan.rate, result.sent, result.answered(),
                  clock.per_second(result.answered(), result.cycles), 100 * loss_of(result));
  for (size_t i = 1; i < kFindings; ++i) {
    if (result.found[i] > 0) text += fmt::format("{:<10}  {}\n", kFindingNames[i], result.found[i]);
  }
  text += row_of("latency", result.latency, clock);
  return text + row_of("of it lag", result.lag, clock);
}

}  // namespace load
