#include "control/text/backend_text.h"

#include <fmt/format.h>

namespace control {
namespace {

/// How a backend is reached, in words.
std::string way_to(const backends::BackendSettings& backend) {
  const char* protocol = backend.protocol == backends::Protocol::DoH ? "over HTTPS" : "over TLS";
  if (!backend.socks5) return protocol;
  return fmt::format("{} through the proxy {}", protocol, backend.socks5->proxy.text());
}

}  // namespace

std::string identity_of(const backends::BackendSettings& backend) {
  std::string subject =
      backend.subject_name.empty() ? backend.subject_address : backend.subject_name;
  if (backend.pins.empty()) return subject;
  const std::string keys = fmt::format("the owner of a pinned key (of {})", backend.pins.size());
  return subject.empty() ? keys : subject + " and " + keys;
}

std::string line_about(const backends::BackendSettings& backend) {
  return fmt::format("backend {}: {} {}, as {}", backend.name, backend.where(), way_to(backend),
                     identity_of(backend));
}

}  // namespace control
