// A folder of a test's own; whoever asked for it removes it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace tests {

/// Aborts if there can be none.
inline std::filesystem::path make_temporary_folder(const std::string& name) {
  // mkdtemp puts something unique where its six last letters are.
  std::string path = std::filesystem::temp_directory_path() / (name + "-" + std::string(6, 'X'));
  if (mkdtemp(path.data()) == nullptr) std::abort();
  return path;
}

}  // namespace tests
