// The command line: `load EAL-ARGUMENTS -- OPTIONS`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace load {

struct Options {
  std::string to;  // The server's address.
  std::string to_mac;
  std::string from;        // Empty: one that is set aside for tests.
  uint32_t addresses = 1;  // Source addresses, `from` and those that follow.
  std::string from_mac;    // Empty: the port's own.
  uint16_t port = 53;
  std::string names_file;  // Or:
  std::string pattern = "h#.bulk.example";
  uint32_t names = 4096;
  std::optional<double> zipf;
  bool in_order = false;
  bool edns = true;
  bool echo = false;
  unsigned rcode = 0;
  std::vector<uint64_t> rates;
  uint32_t runs = 1;  // At each rate.
  double seconds = 5;
  double settle = 0.25;
  double patience = 0.2;
  uint64_t warm_rate = 20'000;
  uint32_t warm_passes = 0;
  bool table = false;
};

/// Gives the exit code if there is nothing more to do: 0 after --help, 2 after a mistake, which it
/// has named.
std::optional<int> read_options(int argc, char** argv, Options& options);

}  // namespace load
