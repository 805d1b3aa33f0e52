// The names a certificate was made for, in words for an operator. The bytes are the peer's and not
// yet trusted.
#pragma once

#include <openssl/x509.h>

#include <string>

namespace transport {

/// "'a.example', '192.0.2.1' and 3 more": the DNS names and addresses of the SAN, the first few of
/// them, unprintable octets replaced. "no name at all" if there are none (a CN does not count, RFC
/// 9525 §2).
[[nodiscard]] std::string certificate_names(const X509* certificate);

}  // namespace transport
