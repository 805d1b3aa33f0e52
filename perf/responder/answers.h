// What the responder says: to every query for A one fixed address, to every other one nothing, as
// cheaply as it can be said. The question is copied and the rest is the same each time.
#pragma once

#include <vector>

#include "dataplane/base/bytes.h"

namespace responder {

/// Appends the answer to `query`, a DNS message from a resolver's client, with the two octets of
/// its length in front (RFC 7858 §3.3). False for what is no query with one question; nothing is
/// appended then.
bool append_answer(base::ByteView query, std::vector<std::byte>& into);

}  // namespace responder
