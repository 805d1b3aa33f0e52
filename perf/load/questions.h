// The questions to ask, in wire form: read from a file as dnsperf reads them, or numbered names
// made from a pattern.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"

namespace load {

class Questions {
 public:
  static constexpr uint32_t kMost = 16'000'000;

  /// One question a line, "NAME [TYPE]", TYPE being A, AAAA or a number; empty lines and those that
  /// begin with ; or # are left out. Fails with "FILE:LINE: what, and what was expected".
  static base::Result<Questions, std::string> read(const std::string& path);
  /// `count` questions for A; # in `pattern` is the number, from 0.
  static base::Result<Questions, std::string> make(std::string_view pattern, uint32_t count);

  [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(starts_.size() - 1); }
  /// Name, type and class.
  [[nodiscard]] base::ByteView operator[](uint32_t number) const {
    return base::ByteView(octets_).subspan(starts_[number], starts_[number + 1] - starts_[number]);
  }

 private:
  /// Labels of 1 to 63 octets, taken as they are; 255 in all. Tells whether it was one.
  bool add(std::string_view name, uint16_t type);

  std::vector<std::byte> octets_;
  std::vector<uint64_t> starts_ = {0};
};

}  // namespace load
