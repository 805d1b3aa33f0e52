// How long a reply may be kept by a cache that knows nothing of DNS but how old the reply is: the
// one of an HTTP client. RFC 8484 §5.1.
#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"

namespace dns {

/// Seconds for which all that `reply` says stays true: the smallest TTL in it, and with an SOA its
/// MINIMUM as well (RFC 2308 §5). 0 if it says nothing that may be kept: any rcode but NOERROR and
/// NXDOMAIN, TC, no records, or octets that are no message. Linear in its size.
[[nodiscard]] uint32_t fresh_for(base::ByteView reply) noexcept;

}  // namespace dns
