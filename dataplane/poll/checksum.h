// The Internet checksum over a UDP datagram and its pseudo-header. RFC 768, RFC 8200 §8.1, RFC
// 1071.
//
// Always computed from the bytes that are sent, never derived from the query's own checksum: veth
// and other virtual links hand over partial ones (the pseudo-header's sum only), and a reply
// derived from such a value would be wrong.
#pragma once

#include "dataplane/base/address.h"
#include "dataplane/base/bytes.h"

namespace poll {

using base::ByteView;

/// Checksum of an IPv4 header whose own checksum field holds zero, ready to be stored.
[[nodiscard]] uint16_t ipv4_header_checksum(ByteView header);
/// Whether a received IPv4 header sums up.
[[nodiscard]] bool ipv4_header_sums_up(ByteView header);

/// Checksum of `udp` (header with a zero checksum field, and payload), ready to be stored: never 0,
/// which would mean "none".
[[nodiscard]] uint16_t udp_checksum(const base::IpAddress& source,
                                    const base::IpAddress& destination, ByteView udp);
/// Whether a received datagram, its checksum field included, sums up.
[[nodiscard]] bool udp_sums_up(const base::IpAddress& source, const base::IpAddress& destination,
                               ByteView udp);

}  // namespace poll
