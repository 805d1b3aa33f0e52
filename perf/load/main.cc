// A load generator for DNS over UDP on any port that DPDK drives: fixed rates in an open loop,
// every reply checked, latency counted from when each query was due.
#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ether.h>

#include <atomic>
#include <bit>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <random>

#include "dataplane/base/address.h"
#include "perf/load/draw.h"
#include "perf/load/generator.h"
#include "perf/load/options.h"
#include "perf/load/port.h"
#include "perf/load/questions.h"
#include "perf/load/report.h"

namespace load {
namespace {

constexpr size_t kDrawn = size_t{1} << 22;

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler writes it");

base::Result<base::IpAddress, std::string> ip_address(const std::string& text) {
  const auto address = base::IpAddress::parse(text);
  if (!address) return base::fail("'" + text + "' is no IP address");
  return *address;
}

base::Result<MacAddress, std::string> mac_address(const std::string& text) {
  rte_ether_addr address{};
  if (rte_ether_unformat_addr(text.c_str(), &address) != 0)
    return base::fail("'" + text + "' is no MAC address");
  MacAddress mac;
  std::memcpy(mac.data(), address.addr_bytes, mac.size());
  return mac;
}

base::Result<Route, std::string> route_of(const Options& options, const Port& port) {
  Route route{.from_mac = port.mac(), .port = options.port};
  const auto to = ip_address(options.to);
  if (!to) return base::fail(to.error());
  const std::string any = to->is_v4() ? "198.18.0.1" : "2001:db8::1";
  const auto from = ip_address(options.from.empty() ? any : options.from);
  if (!from) return base::fail(from.error());
  if (from->is_v4() != to->is_v4())
    return base::fail("no way from " + options.from + " to " + options.to);
  const auto to_mac = mac_address(options.to_mac);
  if (!to_mac) return base::fail(to_mac.error());
  if (!options.from_mac.empty()) {
    const auto from_mac = mac_address(options.from_mac);
    if (!from_mac) return base::fail(from_mac.error());
    route.from_mac = *from_mac;
  }
  route.from = *from;
  route.to = *to;
  route.to_mac = *to_mac;
  return route;
}

Plan plan_of(uint64_t rate, double seconds) {
  return {rate, std::max<uint64_t>(1, static_cast<uint64_t>(static_cast<double>(rate) * seconds))};
}

/// Room for half a second of queries at the highest rate.
unsigned flight_bits(const Options& options) {
  const uint64_t most =
      std::max(options.warm_rate, *std::max_element(options.rates.begin(), options.rates.end()));
  const auto bits = static_cast<unsigned>(std::bit_width(most / 2));
  return std::clamp(bits, Flights::kLeastBits, Flights::kMostBits);
}

void warm(Generator& generator, const Options& options, uint32_t names) {
  std::vector<uint32_t> in_order(names);
  std::iota(in_order.begin(), in_order.end(), 0U);
  for (uint32_t pass = 0; pass < options.warm_passes; ++pass) {
    const Result result = generator.run({options.warm_rate, names}, in_order);
    fmt::print(stderr, "warming, pass {}: {} of {} answered\n", pass + 1, result.answered(), names);
  }
}

/// Which names a run asks for.
class Names {
 public:
  Names(uint32_t names, const Options& options) : names_(names), in_order_(options.in_order) {
    if (!in_order_) drawn_ = draw(names, kDrawn, options.zipf, 1);
  }

  const std::vector<uint32_t>& of(const Plan& plan) {
    if (!in_order_) return drawn_;
    drawn_.resize(plan.queries);
    for (uint32_t& name : drawn_) name = next_++ % names_;
    return drawn_;
  }

 private:
  uint32_t names_;
  bool in_order_;
  uint32_t next_ = 0;
  std::vector<uint32_t> drawn_;
};

/// One run and its report, unless it was stopped.
void run_once(Generator& generator, uint64_t rate, const Options& options, Names& names) {
  const Plan settling = plan_of(rate, options.settle);
  (void)generator.run(settling, names.of(settling));
  const Plan plan = plan_of(rate, options.seconds);
  const Result result = generator.run(plan, names.of(plan));
  if (stop) return;
  fmt::print("{}\n", as_json(plan, result, rte_get_tsc_hz()));
  std::fflush(stdout);
  if (options.table) fmt::print(stderr, "{}", as_table(plan, result, rte_get_tsc_hz()));
}

base::Result<void, std::string> measure(const Options& options) {
  auto questions = options.names_file.empty() ? Questions::make(options.pattern, options.names)
                                              : Questions::read(options.names_file);
  if (!questions) return base::fail(questions.error());
  auto port = Port::open(0);
  if (!port) return base::fail(port.error());
  const auto route = route_of(options, *port);
  if (!route) return base::fail(route.error());

  const QueryFrames frames(*questions, *route, options.edns ? Edns::Yes : Edns::No);
  const ReplyCheck check(*questions, *route, options.addresses,
                         {static_cast<uint8_t>(options.rcode), options.echo});
  Flights flights(flight_bits(options), options.addresses, std::random_device()());
  Generator generator({port->id(), port->pool(), options.patience}, frames, check, flights, stop);
  warm(generator, options, questions->size());
  Names names(questions->size(), options);
  for (const uint64_t rate : options.rates) {
    for (uint32_t number = 0; number < options.runs && !stop; ++number) {
      run_once(generator, rate, options, names);
    }
  }
  return {};
}

int run(int argc, char** argv) {
  const int eal_arguments = rte_eal_init(argc, argv);
  if (eal_arguments < 0) {
    fmt::print(
        stderr,
        "DPDK does not start; load EAL-ARGUMENTS -- --help tells what this program takes itself\n");
    return 2;
  }
  for (const int number : {SIGINT, SIGTERM}) std::signal(number, [](int) { stop = true; });
  Options options;
  int exit_code = 0;
  if (const auto ended = read_options(argc - eal_arguments, argv + eal_arguments, options)) {
    exit_code = *ended;
  } else if (const auto measured = measure(options); !measured) {
    fmt::print(stderr, "load: {}\n", measured.error());
    exit_code = 1;
  }
  (void)rte_eal_cleanup();
  return exit_code;
}

}  // namespace
}  // namespace load

int main(int argc, char** argv) { return load::run(argc, argv); }
