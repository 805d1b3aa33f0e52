// How many files the process may have open, beside how many it may need: each session and each
// client's connection is one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "control/config/config.h"

namespace control {

/// Shells give a process 1024 though it may have more: takes what it may have, and says how many.
[[nodiscard]] uint64_t allow_all_descriptors();

/// At most, with every session and connection that `config` allows.
[[nodiscard]] uint64_t descriptors_needed(const Config& config);

/// What the operator should know, if `allowed` are fewer than that.
[[nodiscard]] std::optional<std::string> fault_of_descriptors(uint64_t allowed,
                                                              const Config& config);

}  // namespace control
