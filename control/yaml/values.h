// What the texts in a configuration have to look like: names of hosts, interfaces and things,
// sizes, lists of CPUs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/address.h"

namespace control {

/// A name that a certificate can be for: letters, digits and hyphens, labels of 1-63, at most 253
/// octets, the last label not all digits (RFC 1123 §2.1), no final dot (RFC 6066 §3).
[[nodiscard]] bool is_hostname(std::string_view text);

/// What Linux takes as an interface's name: 1-15 octets, no slash, colon or space, not "." or "..".
[[nodiscard]] bool is_interface_name(std::string_view text);

/// "0000:03:00.0": domain, bus, device and function.
[[nodiscard]] bool is_pci_address(std::string_view text);

/// A name of a cache, pool or backend: 1-63 visible ASCII octets without spaces, quotes or
/// backslashes.
[[nodiscard]] bool is_label(std::string_view text);

/// What is wrong with `text` as the path of a URL, which may have parameters: 1-255 visible octets
/// that begin with a slash. A sentence without its subject.
[[nodiscard]] std::optional<std::string> fault_of_path(std::string_view text);

/// "512M" or "2G" in megabytes (2^20 octets).
[[nodiscard]] std::optional<uint64_t> parse_megabytes(std::string_view text);

/// "0-3, 6". `cpus` is sorted.
[[nodiscard]] std::string cpu_list(const std::vector<unsigned>& cpus);

[[nodiscard]] bool is_wildcard(const base::IpAddress& address);
/// Multicast, or IPv4's limited broadcast.
[[nodiscard]] bool is_for_many(const base::IpAddress& address);
[[nodiscard]] bool is_loopback(const base::IpAddress& address);
/// One of IPv6 that means nothing without an interface, RFC 4007 §4, or that is written with one:
/// why it is refused, to be told behind the setting's name. Nothing: it is none.
[[nodiscard]] std::optional<std::string> fault_of_scope(std::string_view text,
                                                        const base::IpAddress& address);

}  // namespace control
