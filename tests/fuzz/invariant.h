// What the fuzz targets have in common: input without a byte to spare behind it, and the way to say
// that something is broken.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "dataplane/base/bytes.h"

namespace fuzz {

/// A copy of the input on the heap, exactly as long, so that AddressSanitizer sees the first octet
/// that is read beyond it.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : octets_(new std::byte[size]), size_(size) {
    if (size > 0) std::memcpy(octets_.get(), data, size);
  }
  [[nodiscard]] base::ByteView bytes() const { return {octets_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> octets_;
  size_t size_;
};

/// Ends the process if `holds` is false; in release builds too.
inline void require(bool holds, const char* invariant) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", invariant);
  std::abort();
}

}  // namespace fuzz
