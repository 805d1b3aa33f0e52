#include "perf/load/options.h"

#include <CLI/CLI.hpp>

namespace load {

std::optional<int> read_options(int argc, char** argv, Options& options) {
  CLI::App app(
      "Sends DNS queries at a fixed rate and checks every reply. One line of JSON on stdout for "
      "each rate.",
      "load EAL-ARGUMENTS --");
  app.add_option("--to", options.to, "The server's IPv4 or IPv6 address")->required();
  app.add_option("--to-mac", options.to_mac, "The server's MAC address, or the router's")
      ->required();
  app.add_option("--from", options.from, "The first source address (198.18.0.1 or 2001:db8::1)");
  app.add_option("--addresses", options.addresses, "How many source addresses, from --from on")
      ->check(CLI::Range(1U, 65536U))
      ->capture_default_str();
  app.add_option("--from-mac", options.from_mac, "The source MAC address (the port's own)");
  app.add_option("--port", options.port, "The server's UDP port")->capture_default_str();
  app.add_option("--names-file", options.names_file, "Questions, one a line: NAME [A|AAAA|NUMBER]");
  app.add_option("--pattern", options.pattern, "Without a file: the names, # being their number")
      ->capture_default_str();
  app.add_option("--names", options.names, "How many of them")->capture_default_str();
  app.add_option("--zipf", options.zipf,
                 "Draw the names by Zipf's law with this exponent, not evenly")
      ->check(CLI::Range(0.01, 10.0));
  app.add_flag("--in-order", options.in_order,
               "Ask for one name after the other, on from run to run, so that none comes twice");
  app.add_flag("--edns,!--no-edns", options.edns, "Send an OPT record (yes)");
  app.add_flag("--echo", options.echo,
               "Expect the queries themselves, as testpmd 5tswap sends them back");
  app.add_option("--rcode", options.rcode, "The response code to expect")
      ->check(CLI::Range(0, 15))
      ->capture_default_str();
  app.add_option("--rate", options.rates,
                 "Queries a second; may be given many times, or as 1000,2000")
      ->required()
      ->delimiter(',')
      ->check(CLI::Range(uint64_t{1}, uint64_t{100'000'000}));
  app.add_option("--seconds", options.seconds, "How long, each time")
      ->check(CLI::Range(0.001, 3600.0))
      ->capture_default_str();
  app.add_option("--runs", options.runs, "How often, at each rate")
      ->check(CLI::Range(1U, 100'000U))
      ->capture_default_str();
  app.add_option("--settle", options.settle, "How long at the same rate before, not counted")
      ->check(CLI::Range(0.001, 60.0))
      ->capture_default_str();
  app.add_option("--patience", options.patience,
                 "After the last query, how many seconds without a reply are the end")
      ->check(CLI::Range(0.001, 600.0))
      ->capture_default_str();
  app.add_option("--warm-passes", options.warm_passes,
                 "Ask for every name this often first, in order")
      ->check(CLI::Range(0U, 100U))
      ->capture_default_str();
  app.add_option("--warm-rate", options.warm_rate, "Queries a second meanwhile")
      ->check(CLI::Range(uint64_t{1}, uint64_t{100'000'000}))
      ->capture_default_str();
  app.add_flag("--table", options.table, "Print a table for people to stderr, too");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return std::nullopt;
}

}  // namespace load
