// What a request is about: the path it asks for, or why it is not looked at. The library has taken
// the octets apart; what it lets pass and RFC 9112 does not is refused here. A pure function.
#pragma once

#include <cstddef>
#include <string_view>

#include "dataplane/base/address.h"
#include "dataplane/base/result.h"

namespace control {

/// The head of a request. The views are the library's.
struct HttpHead {
  static constexpr size_t kMostHeaders = 64;
  static constexpr size_t kMostOctets = 8192;

  std::string_view method;
  std::string_view target;  // Without what is behind a question mark.
  std::string_view version;
  size_t octets = 0;
  size_t headers = 0;
  size_t hosts = 0;
  std::string_view host;  // The last one.
  bool has_proper_names = true;

  void add(std::string_view name, std::string_view value);
};

/// For the server that listens at `address`: the path, or "*" of `OPTIONS *`. Fails with the status
/// of a refusal: 431, 400, or 421 if it is not for us (http_host.h).
[[nodiscard]] base::Result<std::string_view, unsigned> path_of(const HttpHead& head,
                                                               const base::IpAddress& address);

}  // namespace control
