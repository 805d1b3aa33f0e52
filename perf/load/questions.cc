#include "perf/load/questions.h"

#include <array>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>

namespace load {
namespace {

using base::Result;

constexpr size_t kMostLabel = 63;
constexpr size_t kMostName = 255;
constexpr uint16_t kA = 1;
constexpr uint16_t kAaaa = 28;
constexpr uint16_t kInternet = 1;

std::optional<uint16_t> type_of(std::string_view word) {
  if (word.empty() || word == "A") return kA;
  if (word == "AAAA") return kAaaa;
  uint16_t number = 0;
  const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc{} || rest != word.data() + word.size()) return std::nullopt;
  return number;
}

/// Writes the labels of `name`, with its root. Gives 0 for a name that is none.
size_t write_name(std::string_view name, base::Writer writer) {
  if (name.ends_with('.')) name.remove_suffix(1);
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    if (label.empty() || label.size() > kMostLabel) return 0;
    writer.u8(static_cast<uint8_t>(label.size()));
    writer.bytes(std::as_bytes(std::span(label)));
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  writer.u8(0);
  return writer.ok() ? writer.size() : 0;
}

}  // namespace

bool Questions::add(std::string_view name, uint16_t type) {
  std::array<std::byte, kMostName> wire{};
  const size_t size = write_name(name, base::Writer(wire));
  if (size == 0) return false;
  octets_.insert(octets_.end(), wire.begin(), wire.begin() + static_cast<ptrdiff_t>(size));
  std::array<std::byte, 4> rest{};
  base::store_be16(rest.data(), type);
  base::store_be16(&rest[2], kInternet);
  octets_.insert(octets_.end(), rest.begin(), rest.end());
  starts_.push_back(octets_.size());
  return true;
}

Result<Questions, std::string> Questions::read(const std::string& path) {
  std::ifstream file(path);
  if (!file) return base::fail(path + ": cannot be read");
  Questions questions;
  std::string line;
  for (unsigned number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line.starts_with(';') || line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string name;
    std::string type;
    words >> name >> type;
    const auto code = type_of(type);
    if (!code || questions.size() == kMost || !questions.add(name, *code)) {
      return base::fail(path + ":" + std::to_string(number) +
                        ": expected NAME [A|AAAA|NUMBER], in at most " + std::to_string(kMost) +
                        " lines");
    }
  }
  if (questions.size() == 0) return base::fail(path + ": holds no question");
  return questions;
}

Result<Questions, std::string> Questions::make(std::string_view pattern, uint32_t count) {
  const size_t hash = pattern.find('#');
  if (hash == std::string_view::npos || count == 0 || count > kMost) {
    return base::fail("expected a pattern with # for the number, and 1 to " +
                      std::to_string(kMost) + " names");
  }
  Questions questions;
  for (uint32_t number = 0; number < count; ++number) {
    const std::string name = std::string(pattern.substr(0, hash)) + std::to_string(number) +
                             std::string(pattern.substr(hash + 1));
    if (!questions.add(name, kA)) return base::fail(name + ": is no name");
  }
  return questions;
}

}  // namespace load
