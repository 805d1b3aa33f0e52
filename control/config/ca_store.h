// Looks at certificate stores before anything depends on them: an unusable store would fail every
// handshake later, one by one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace control {

/// What is wrong with the PEM file of CA certificates at `path`, as a sentence without the path;
/// nullopt if it can be used.
[[nodiscard]] std::optional<std::string> fault_of_ca_store(const std::string& path);

/// By which one content is told from another.
[[nodiscard]] uint64_t hash_of_ca_store(const std::string& path);

/// Whether the place where OpenSSL looks for the system's CA certificates has anything in it.
[[nodiscard]] bool system_ca_store_exists();

}  // namespace control
