#include "control/yaml/yaml_layout.h"

#include <algorithm>
#include <vector>

namespace control {
namespace {

struct Line {
  unsigned number = 0;
  std::string_view text;  // Without its comment, as far as that begins it.

  [[nodiscard]] size_t indent() const { return text.find_first_not_of(' '); }
  [[nodiscard]] bool is_blank() const {
    const size_t first = text.find_first_not_of(" \t\r");
    return first == std::string_view::npos || text[first] == '#';
  }
};

/// Where what follows "- " begins, over all dashes of the line.
size_t content_of(std::string_view text, size_t at) {
  while (at + 1 < text.size() && text[at] == '-' && text[at + 1] == ' ')
    at = std::min(text.find_first_not_of(' ', at + 1), text.size());
  return at;
}

/// Whether lines that are indented more may follow: "name:", "-", or a flow that goes on.
bool opens(std::string_view text) {
  const size_t comment = text.find(" #");
  text = text.substr(0, comment);
  const size_t last = text.find_last_not_of(" \t\r");
  if (last == std::string_view::npos) return false;
  return std::string_view(":-,[{|>").find(text[last]) != std::string_view::npos;
}

/// How many brackets more `text` opens than it closes. Those in quotes are few.
int brackets_of(std::string_view text) {
  int open = 0;
  for (const char c : text.substr(0, text.find(" #"))) {
    if (c == '[' || c == '{') ++open;
    if (c == ']' || c == '}') --open;
  }
  return open;
}

/// Keeps the depths at which lines above began.
class Depths {
 public:
  /// Complains if `line` begins where none above does and no new depth may begin.
  std::optional<std::string> take(const Line& line) {
    const size_t indent = line.indent();
    while (!open_.empty() && open_.back() > indent) open_.pop_back();
    const bool known = !open_.empty() && open_.back() == indent;
    const bool deeper = !known && may_open_ && indent >= last_;
    if (!known && !deeper && last_number_ != 0) return complaint(line, indent);
    for (size_t at = indent; at <= content_of(line.text, indent); at += 1) {
      if (at == indent || at == content_of(line.text, indent)) push(at);
    }
    may_open_ = opens(line.text);
    last_ = indent;
    last_number_ = line.number;
    return std::nullopt;
  }

 private:
  void push(size_t depth) {
    if (open_.empty() || open_.back() < depth) open_.push_back(depth);
  }
  [[nodiscard]] std::string complaint(const Line& line, size_t indent) const {
    return "the indentation does not fit: line " + std::to_string(line.number) + " begins with " +
           std::to_string(indent) + (indent == 1 ? " space" : " spaces") + ", and line " +
           std::to_string(last_number_) + " above it with " + std::to_string(last_) +
           "; expected settings of one section to begin in one column";
  }

  std::vector<size_t> open_;
  bool may_open_ = true;
  size_t last_ = 0;
  unsigned last_number_ = 0;
};

}  // namespace

std::optional<LayoutFault> fault_of_layout(std::string_view text, unsigned last) {
  Depths depths;
  int brackets = 0;  // Inside of some, indentation means nothing.
  for (Line line{.number = 1}; !text.empty() && line.number <= last; ++line.number) {
    const size_t end = std::min(text.find('\n'), text.size());
    line.text = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.is_blank()) continue;
    const size_t indent = line.indent();
    if (line.text[indent] == '\t')
      return LayoutFault{{line.number, static_cast<unsigned>(indent) + 1},
                         "a tab in the indentation, expected spaces"};
    const bool is_inside = brackets > 0;
    brackets = std::max(0, brackets + brackets_of(line.text));
    if (is_inside) continue;
    if (auto complaint = depths.take(line))
      return LayoutFault{{line.number, static_cast<unsigned>(indent) + 1}, std::move(*complaint)};
  }
  return std::nullopt;
}

}  // namespace control
