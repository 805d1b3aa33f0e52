#include "control/status/status_words.h"

#include <algorithm>

#include "control/text/amounts.h"

namespace control {
namespace {

using Backend = Status::Backend;

constexpr double kSaturated = 0.95;

bool is_held(const Backend& backend) { return backend.said == "up" || backend.said == "down"; }
bool is_out(const Backend& backend) { return !backend.in_rotation; }
/// Out of rotation because the operator wants it so.
bool is_wanted_out(const Backend& backend) {
  return is_out(backend) && (backend.said == "down" || backend.mode == "down");
}

/// "certificate: it is for another name (3 s ago)"; empty if nothing has failed.
std::string last_failure(const Backend& backend, double now) {
  if (!backend.last_failure) return "";
  const Status::Failure& failure = *backend.last_failure;
  return failure.kind + ": " + failure.text + " (" + span(now - failure.at) + " ago)";
}

std::string because(const Backend& backend, double now) {
  const std::string why = last_failure(backend, now);
  return why.empty() ? "" : "; last failure: " + why;
}

void add_backend(const Backend& backend, double now, std::vector<Problem>& problems) {
  const std::string subject = "backend " + backend.name;
  const std::string time = span(now - backend.since);
  if (is_held(backend)) {
    const bool lost = backend.said == "up" && !backend.up;
    problems.push_back({subject + " is held " + backend.said + " by the operator for " + time +
                            (lost ? " and cannot be reached" + because(backend, now) : "") +
                            "; `dotline backend auto " + backend.name + "` ends that",
                        lost ? Colour::Bad : Colour::Odd});
  } else if (is_out(backend) && !is_wanted_out(backend)) {
    problems.push_back(
        {subject + " is out of rotation for " + time + because(backend, now), Colour::Bad});
  } else if (!is_wanted_out(backend) && !backend.up) {
    problems.push_back({subject + " cannot be reached" + because(backend, now), Colour::Bad});
  } else if (backend.state == "doubted") {
    problems.push_back(
        {subject + " fails queries and is checked for " + time + because(backend, now),
         Colour::Odd});
  }
  if (!backend.certificate_expiry) return;
  const double left = *backend.certificate_expiry - now;
  if (left <= 0) {
    problems.push_back({"the certificate of " + subject + " has expired", Colour::Bad});
  } else if (left < kSoonSeconds) {
    problems.push_back(
        {"the certificate of " + subject + " expires in " + span(left), Colour::Odd});
  }
}

void add_pools(const Status& status, std::vector<Problem>& problems) {
  for (const Status::Pool& pool : status.pools) {
    const auto is_up = [&pool](const Backend& backend) {
      return backend.up && std::ranges::find(pool.backends, backend.name) != pool.backends.end();
    };
    if (pool.backends.empty() || std::ranges::any_of(status.backends, is_up)) continue;
    problems.push_back(
        {"pool " + shown_name(pool.name) + " has no backend that is up", Colour::Bad});
  }
}

}  // namespace

std::string shown_name(const std::string& name) { return name.empty() ? "\"\"" : name; }

std::string headline(const Status& status, const TextStyle& style) {
  const std::string front = "dotline " + status.version.dotline + " is ";
  const std::string time = "running for " + span(status.uptime);
  if (status.healthy) return front + coloured("healthy", Colour::Good, style) + ", " + time + '\n';
  return paragraph("", front + "NOT healthy: " + status.why + " (" + time + ")", 0, style,
                   Colour::Bad);
}

std::vector<Problem> problems_of(const Status& status) {
  std::vector<Problem> problems;
  for (const std::string& note : status.notes) problems.push_back({note, Colour::Odd});
  for (const std::string& off : status.off) problems.push_back({off, Colour::Bad});
  add_pools(status, problems);
  for (const Backend& backend : status.backends) add_backend(backend, status.now, problems);
  for (const Status::Port& port : status.ports) {
    if (!port.why.empty()) {
      problems.push_back({"port " + port.name + " cannot serve: " + port.why, Colour::Bad});
    } else if (!port.link) {
      problems.push_back({"the link of port " + port.name + " is down", Colour::Bad});
    }
  }
  for (const Status::Core& core : status.cores) {
    if (core.busy.value_or(0) < kSaturated) continue;
    problems.push_back({"CPU " + std::to_string(core.cpu) + " is busy " + percent(*core.busy, 1) +
                            " of the time: packets may be lost",
                        Colour::Odd});
  }
  if (const std::string& error = status.configuration.last_error; !error.empty()) {
    problems.push_back(
        {"the last reload failed, what was loaded before is still in force: " + error,
         Colour::Odd});
  }
  std::ranges::stable_sort(
      problems, {}, [](const Problem& problem) { return problem.colour == Colour::Bad ? 0 : 1; });
  return problems;
}

Cell state_of(const Backend& backend, double now) {
  const std::string time = ' ' + short_span(now - backend.since);
  if (is_held(backend)) return {"held " + backend.said + time, Colour::Odd};
  if (is_wanted_out(backend)) return {"down" + time, Colour::Faint};
  if (is_out(backend)) return {"out" + time, Colour::Bad};
  if (!backend.up) return {"no session", Colour::Bad};
  if (backend.state == "doubted") return {"doubted" + time, Colour::Odd};
  return {"up" + time, Colour::Good};
}

std::vector<const Backend*> worst_first(const Status& status) {
  std::vector<const Backend*> backends;
  for (const Backend& backend : status.backends) backends.push_back(&backend);
  std::ranges::stable_sort(backends, {}, [&status](const Backend* backend) {
    switch (state_of(*backend, status.now).colour) {
      case Colour::Bad:
        return 0;
      case Colour::Odd:
        return 1;
      default:
        return 2;
    }
  });
  return backends;
}

Cell check_of(const Backend& backend, double now) {
  if (!backend.last_check) return {"-", Colour::Faint};
  const bool good = backend.last_check->result == "ok";
  return {(good ? "ok " : "bad ") + short_span(now - backend.last_check->at),
          good ? Colour::Plain : Colour::Bad};
}

Cell certificate_of(const Backend& backend, double now) {
  if (!backend.certificate_expiry) return {"-", Colour::Faint};
  const double left = *backend.certificate_expiry - now;
  if (left <= 0) return {"expired", Colour::Bad};
  return {short_span(left), left < kSoonSeconds ? Colour::Odd : Colour::Plain};
}

std::string busy_cores(const Status& status) {
  std::string text;
  for (const Status::Core& core : status.cores) {
    const std::string busy = core.busy ? percent(*core.busy, 1) : "-";
    text += (text.empty() ? "CPU " : ", CPU ") + std::to_string(core.cpu) + ' ' + busy;
  }
  return text;
}

}  // namespace control
