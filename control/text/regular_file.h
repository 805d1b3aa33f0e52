// Reading a whole file that an operator named, without hanging on a FIFO or filling memory from a
// device.
#pragma once

#include <cstddef>
#include <string>

#include "dataplane/base/result.h"

namespace control {

/// The contents of the regular file at `path` (symbolic links are followed), at most `limit`
/// octets. Fails with a sentence without the path: it is missing, may not be read, is a directory
/// or device, or is larger.
[[nodiscard]] base::Result<std::string, std::string> read_regular_file(const std::string& path,
                                                                       size_t limit);

}  // namespace control
