#include "control/http/http_host.h"

#include <strings.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "control/yaml/values.h"

namespace control {
namespace {

bool is_port(std::string_view text) {
  return text.size() <= 5 &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// `host` without its port; nothing if that is none.
std::optional<std::string_view> without_port(std::string_view host) {
  const size_t end = host.starts_with('[') ? host.find(']') + 1 : host.find(':');
  if (end == std::string_view::npos || end == host.size()) return host;
  if (host[end] != ':' || !is_port(host.substr(end + 1))) return std::nullopt;
  return host.substr(0, end);
}

bool is_localhost(std::string_view name) {
  constexpr std::string_view kLocalhost = "localhost";
  return name.size() == kLocalhost.size() &&
         strncasecmp(name.data(), kLocalhost.data(), name.size()) == 0;
}

}  // namespace

bool names_us(std::string_view host, const base::IpAddress& address) {
  if (!is_loopback(address)) return true;
  const std::optional<std::string_view> name = without_port(host);
  if (!name) return false;
  return is_localhost(*name) || *name == "127.0.0.1" || *name == "[::1]" || *name == address.text();
}

}  // namespace control
