// What is going on, as plain values: for people at a terminal, for scripts, for the status page.
// Times are seconds, dates seconds of Unix time; what is not known is not there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/text/durations.h"
#include "control/text/version.h"

namespace control {

/// Names and how often, in a fixed order.
using Tally = std::vector<std::pair<std::string, uint64_t>>;

struct Status {
  struct Configuration {
    std::string file;
    double loaded = 0;        // Date.
    uint64_t generation = 1;  // Counts the configurations that were taken up.
    uint64_t reloads = 0;     // Those that were taken up at run time.
    uint64_t failed_reloads = 0;
    std::string last_error;  // Of the last reload; empty if that went well.
  };
  struct Bind {
    std::string address;
    std::string protocol;
    bool up = false;  // All of it is answered.
  };
  struct Core {
    unsigned cpu = 0;
    uint64_t cycles = 0;
    uint64_t busy_cycles = 0;
    std::optional<double> busy;  // Share of the last second or so.
  };
  struct Port {
    std::string name;
    bool link = false;
    std::string why;  // It cannot serve; empty: it does.
    uint64_t reopened = 0;
    uint64_t programs_back = 0;  // Times that its XDP program was attached again.
    uint64_t received = 0;
    uint64_t sent = 0;
  };
  struct Worker {
    unsigned index = 0;
    uint64_t questions = 0;  // Open now.
  };
  struct Cache {
    std::string name;
    uint64_t entries = 0;
    uint64_t capacity = 0;
    uint64_t bytes = 0;
    uint64_t hits = 0;
    uint64_t misses = 0;
    uint64_t inserts = 0;
    uint64_t evictions = 0;
  };
  struct Pool {
    std::string name;
    std::string policy;
    std::optional<std::string> cache;
    std::vector<std::string> domains;
    std::vector<std::string> backends;
  };
  struct Failure {
    std::string kind;
    std::string text;
    double at = 0;  // Date.
  };
  struct Check {
    double at = 0;       // Date.
    std::string result;  // "ok" or a class of failures.
  };
  struct Backend {
    std::string name;
    std::string address;
    std::string protocol;
    std::string proxy;  // Empty: none.
    std::string identity;
    std::vector<std::string> pools;
    uint32_t order = 1;
    uint32_t weight = 1;
    bool in_rotation = false;
    bool up = false;    // In rotation, and a session is there or can be had.
    std::string state;  // healthy, doubted, failed; up or down if that was said.
    double since = 0;   // Date.
    std::string mode;   // As configured: auto, lazy, up, down.
    std::string said;   // By the operator, at run time: auto, up, down.
    uint64_t sessions = 0;
    uint64_t in_flight = 0;
    uint64_t queries = 0;
    uint64_t responses = 0;
    Tally failures;  // By class.
    Durations durations;
    std::optional<Failure> last_failure;
    std::optional<Check> last_check;
    std::optional<double> certificate_expiry;  // Date.
  };

  Version version;
  int64_t pid = 0;
  double now = 0;      // Date.
  double started = 0;  // Date.
  double uptime = 0;
  bool healthy = false;
  std::string why;                 // Not healthy; one line.
  std::vector<std::string> notes;  // What is wrong besides.
  Configuration configuration;
  uint64_t queries = 0;
  uint64_t dropped = 0;
  uint64_t parked = 0;
  Tally replies;  // By outcome.
  Durations reply_durations;
  std::vector<std::string> off;  // What is configured and not in effect, and why.
  std::vector<Bind> binds;
  std::vector<Core> cores;
  std::vector<Port> ports;
  std::vector<Worker> workers;
  std::vector<Cache> caches;
  std::vector<Pool> pools;
  std::vector<Backend> backends;
};

}  // namespace control
