// Whether a request names us. A web page from elsewhere can have its own name changed to our
// address (DNS rebinding) and then read what only this machine should see; but it cannot make the
// browser say another name than its own.
#pragma once

#include <string_view>

#include "dataplane/base/address.h"

namespace control {

/// Whether `host`, the Host header of a request (RFC 9110 §7.2), may name the server that listens
/// at `address`. On loopback that is `localhost`, 127.0.0.1, [::1] and the address itself, with any
/// port, since tunnels change it. Elsewhere anything: such an address has names that we do not
/// know.
[[nodiscard]] bool names_us(std::string_view host, const base::IpAddress& address);

}  // namespace control
