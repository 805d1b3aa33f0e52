// The status page: the files in this folder, inside the program. They show what /api/status says.
#pragma once

#include <array>
#include <string_view>

namespace control {

struct PageFile {
  std::string_view path;  // Of its URL.
  std::string_view type;  // Of its content, as HTTP has it.
  std::string_view content;
};

inline constexpr size_t kPageFiles = 4;
extern const std::array<PageFile, kPageFiles> kPage;

}  // namespace control
