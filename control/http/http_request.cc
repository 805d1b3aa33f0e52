#include "control/http/http_request.h"

#include <strings.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "control/http/http_host.h"

namespace control {
namespace {

constexpr unsigned kBadRequest = 400;
constexpr unsigned kMisdirected = 421;
constexpr unsigned kHeadersTooLarge = 431;

bool starts_with_in_any_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && strncasecmp(text.data(), start.data(), start.size()) == 0;
}

/// RFC 9110 §5.6.2. Nothing may be between a name and its colon, RFC 9112 §5.1.
bool is_token(std::string_view name) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || kMarks.find(static_cast<char>(c)) != kMarks.npos);
  });
}

/// RFC 9112 §3.2: a path, or a whole URL as to a proxy, whose host then counts instead of Host's.
struct Target {
  std::string_view path;
  std::optional<std::string_view> host;
};

base::Result<Target, unsigned> target_of(const HttpHead& head) {
  constexpr std::string_view kScheme = "http://";
  if (head.target.starts_with('/') || (head.target == "*" && head.method == "OPTIONS")) {
    return Target{head.target, head.hosts > 0 ? std::optional(head.host) : std::nullopt};
  }
  if (!starts_with_in_any_case(head.target, kScheme)) return base::fail(kBadRequest);
  const std::string_view rest = head.target.substr(kScheme.size());
  const size_t end = std::min(rest.find('/'), rest.size());
  if (end == 0) return base::fail(kBadRequest);
  // Without a path it is the root; or, of OPTIONS, all of us (RFC 9112 §3.2.4).
  const std::string_view none = head.method == "OPTIONS" ? "*" : "/";
  return Target{end < rest.size() ? rest.substr(end) : none, rest.substr(0, end)};
}

}  // namespace

void HttpHead::add(std::string_view name, std::string_view value) {
  ++headers;
  has_proper_names = has_proper_names && is_token(name);
  constexpr std::string_view kHost = "Host";
  if (name.size() != kHost.size() || !starts_with_in_any_case(name, kHost)) return;
  ++hosts;
  host = value;
}

base::Result<std::string_view, unsigned> path_of(const HttpHead& head,
                                                 const base::IpAddress& address) {
  if (head.octets > HttpHead::kMostOctets || head.headers > HttpHead::kMostHeaders)
    return base::fail(kHeadersTooLarge);
  const bool is_old = head.version == "HTTP/1.0";
  if (!head.has_proper_names || head.hosts > 1 || (head.hosts == 0 && !is_old))
    return base::fail(kBadRequest);
  const base::Result<Target, unsigned> target = target_of(head);
  if (!target) return base::fail(target.error());
  if (target->host && !names_us(*target->host, address)) return base::fail(kMisdirected);
  return target->path;
}

}  // namespace control
