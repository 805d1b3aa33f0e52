// What went wrong with a session, or with one query on it.
#pragma once

#include <string>

#include "tls-workers/upstream/backend.h"

namespace tls {

/// What is wrong, and for people.
struct Fault {
  Failure kind{};
  std::string text;
};

}  // namespace tls
