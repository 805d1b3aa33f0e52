// The certificates of authorities that may vouch for a resolver, read once and completely: later a
// worker neither waits for a disk nor meets a store that has changed meanwhile.
#pragma once

#include <openssl/x509.h>

#include <string>

namespace transport {

/// Puts the certificates in the PEM file `path`, or the system's if it is empty, into `store`, and
/// gives a digest of them all, by which one content is told from another. If the file cannot be
/// read whole, the digest is empty, and no certificate is to be trusted: `store` may have some of
/// them.
[[nodiscard]] std::string load_trust(X509_STORE* store, const std::string& path);

}  // namespace transport
