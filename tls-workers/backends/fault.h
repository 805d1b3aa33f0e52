// What went wrong with a session, or with one query on it, and how far a step of opening one got.
#pragma once

#include <cstdint>
#include <string>

#include "dataplane/base/result.h"
#include "tls-workers/backends/backend.h"

namespace backends {

/// What is wrong, and for people.
struct Fault {
  Failure kind{};
  std::string text;
};

enum class Progress : uint8_t { Wait, Done };
using Step = base::Result<Progress, Fault>;

}  // namespace backends
