#include "control/yaml/section.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "control/text/escape.h"
#include "control/yaml/values.h"

namespace control {
namespace {

/// "a, b, c"
std::string listed(const std::vector<std::string_view>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string_view kind_of(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::Null:
      return "nothing";
    case YamlNode::Kind::Scalar:
      return "a single value";
    case YamlNode::Kind::List:
      return "a list";
    case YamlNode::Kind::Map:
      return "a mapping";
    case YamlNode::Kind::Refused:
      break;
  }
  return "something else";
}

std::string wrong_kind(std::string_view name, const YamlNode& node, std::string_view expected) {
  return "`" + std::string(name) + "`: " + std::string(kind_of(node)) + " was found, expected " +
         std::string(expected);
}

std::string range_text(Range range) {
  return "a whole number from " + std::to_string(range.least) + " to " + std::to_string(range.most);
}

bool is_visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char octet) { return octet >= ' ' && octet <= '~'; });
}

}  // namespace

std::string quote(std::string_view name, std::string_view value) {
  return "`" + std::string(name) + "`: `" + escaped(value, 80) + "`";
}

std::optional<uint64_t> read_number(const YamlNode& node, std::string_view name, Range range,
                                    ConfigErrors& errors) {
  if (node.kind == YamlNode::Kind::Refused) return std::nullopt;
  const std::string expected = range_text(range);
  if (node.kind != YamlNode::Kind::Scalar) {
    errors.add(node.place, wrong_kind(name, node, expected));
    return std::nullopt;
  }
  if (node.style == YamlNode::Style::Quoted) {
    errors.add(node.place, quote(name, node.text) + " is a quoted text, expected " + expected);
    return std::nullopt;
  }
  uint64_t value = 0;
  const char* const end = node.text.data() + node.text.size();
  const auto [stop, error] = std::from_chars(node.text.data(), end, value);
  if (stop != end || error == std::errc::invalid_argument) {
    errors.add(node.place, quote(name, node.text) + " is not a number, expected " + expected);
    return std::nullopt;
  }
  if (error != std::errc() || value < range.least || value > range.most) {
    errors.add(node.place, quote(name, node.text) + " is out of range, expected " + expected);
    return std::nullopt;
  }
  return value;
}

std::optional<std::string> read_text(const YamlNode& node, std::string_view name,
                                     std::string_view expected, ConfigErrors& errors) {
  if (node.kind == YamlNode::Kind::Refused) return std::nullopt;
  if (node.kind != YamlNode::Kind::Scalar) {
    errors.add(node.place, wrong_kind(name, node, expected));
    return std::nullopt;
  }
  if (!is_visible_ascii(node.text)) {
    errors.add(node.place, quote(name, node.text) +
                               " has characters that are not visible ASCII, expected " +
                               std::string(expected));
    return std::nullopt;
  }
  return node.text;
}

Section::Section(const YamlNode* node, std::string name, ConfigErrors& errors)
    : name_(std::move(name)), errors_(errors) {
  if (node == nullptr) return;
  place_ = node->place;
  if (node->kind == YamlNode::Kind::Map) {
    node_ = node;
    refuse_duplicates();
  } else if (node->kind != YamlNode::Kind::Null) {
    is_mistaken_ = true;
    errors_.add_unless_known(place_, wrong_kind(name_, *node, "settings (`name: value`)"));
  }
}

Place Section::place_of(std::string_view key) const {
  const YamlNode* child = node_ == nullptr ? nullptr : node_->find(key);
  return child == nullptr ? place_ : child->place;
}

bool Section::has(std::string_view key) const {
  return node_ != nullptr && node_->find(key) != nullptr;
}

const YamlNode* Section::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  const YamlNode* child = node_ == nullptr ? nullptr : node_->find(key);
  // What is refused was complained about when the tree was built.
  return child == nullptr || child->kind == YamlNode::Kind::Refused ? nullptr : child;
}

Section Section::inner(std::string_view key) {
  const YamlNode* child = find(key);
  return {child, name_.empty() ? std::string(key) : name_ + "." + std::string(key), errors_};
}

void Section::lacks(const std::string& text) {
  if (!is_mistaken_) errors_.add(place_, text);
}

void Section::require(std::string_view key, std::string_view expected) {
  if (!has(key)) lacks("`" + std::string(key) + "` is missing, expected " + std::string(expected));
}

void Section::refuse(std::string_view key, std::string_view fault) {
  const YamlNode* node = find(key);
  errors_.add(place_of(key),
              quote(key, node == nullptr ? "" : node->text) + " " + std::string(fault));
}

void Section::warn(std::string_view key, std::string_view oddity) {
  const YamlNode* node = find(key);
  errors_.warn(place_of(key),
               quote(key, node == nullptr ? "" : node->text) + " " + std::string(oddity));
}

void Section::turn_off(std::string_view key, std::string_view fault) {
  const YamlNode* node = find(key);
  errors_.turn_off(place_of(key),
                   quote(key, node == nullptr ? "" : node->text) + " " + std::string(fault));
}

void Section::milliseconds(std::string_view key, std::chrono::milliseconds& target, Range range) {
  int64_t count = target.count();
  number(key, count, range);
  target = std::chrono::milliseconds(count);
}

void Section::factor(std::string_view key, double& target) {
  constexpr double kMost = 1000;
  const std::string expected = "0 for no limit, or a number from 1 to 1000, such as 1.25";
  const std::optional<std::string> given = text(key, expected);
  if (!given) return;
  double value = 0;
  const char* const end = given->data() + given->size();
  const auto [stop, error] = std::from_chars(given->data(), end, value, std::chars_format::fixed);
  const bool fits = value == 0 || (value >= 1 && value <= kMost);
  if (stop != end || error != std::errc() || !fits)
    return refuse(key, "is not a factor, expected " + expected);
  target = value;
}

void Section::flag(std::string_view key, bool& target) {
  const YamlNode* node = find(key);
  if (node == nullptr) return;
  const bool plain = node->kind == YamlNode::Kind::Scalar && node->style == YamlNode::Style::Plain;
  if (plain && node->text == "true") {
    target = true;
  } else if (plain && node->text == "false") {
    target = false;
  } else if (node->kind == YamlNode::Kind::Scalar) {
    errors_.add(node->place, quote(key, node->text) + " is not a switch, expected true or false");
  } else {
    errors_.add(node->place, wrong_kind(key, *node, "true or false"));
  }
}

std::optional<std::string> Section::text(std::string_view key, std::string_view expected) {
  const YamlNode* node = find(key);
  if (node == nullptr) return std::nullopt;
  return read_text(*node, key, expected, errors_);
}

std::optional<std::string> Section::secret_text(std::string_view key, std::string_view expected) {
  const YamlNode* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind != YamlNode::Kind::Scalar || is_visible_ascii(node->text))
    return read_text(*node, key, expected, errors_);
  errors_.add(node->place, "`" + std::string(key) +
                               "` has characters that are not visible ASCII, expected " +
                               std::string(expected));
  return std::nullopt;
}

void Section::label(std::string_view key, std::string& target) {
  constexpr std::string_view kExpected =
      "1 to 63 visible characters without spaces, quotes and backslashes";
  const std::optional<std::string> given = text(key, kExpected);
  if (!given) return;
  target = *given;
  if (!is_label(*given)) refuse(key, "is not a name, expected " + std::string(kExpected));
}

void Section::label_or_empty(std::string_view key, std::string& target) {
  const YamlNode* node = find(key);
  const bool is_empty =
      node != nullptr && node->kind == YamlNode::Kind::Scalar && node->text.empty();
  if (!is_empty) label(key, target);
}

std::optional<std::span<const YamlNode>> Section::list(std::string_view key, size_t most) {
  const YamlNode* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind != YamlNode::Kind::List) {
    errors_.add(node->place,
                wrong_kind(key, *node, "a list (`[a, b]`, or lines that begin with `-`)"));
    return std::nullopt;
  }
  if (node->children.size() > most) {
    errors_.add(node->children[most].place, "`" + std::string(key) + "` has " +
                                                std::to_string(node->children.size()) +
                                                " items, expected at most " + std::to_string(most));
    return std::nullopt;
  }
  return std::span(node->children);
}

std::span<const YamlNode> Section::filled_list(std::string_view key, size_t most,
                                               std::string_view what) {
  const auto items = list(key, most);
  const std::string fault = "no " + std::string(what) + " is given, expected at least one in `" +
                            (name_.empty() ? "" : name_ + ".") + std::string(key) + "`";
  if (!has(key)) {
    lacks(fault);
  } else if (items && items->empty()) {
    errors_.add(place_of(key), fault);
  }
  return items.value_or(std::span<const YamlNode>{});
}

void Section::refuse_duplicates() {
  std::map<std::string_view, Place> first_places;
  for (const YamlNode& child : node_->children) {
    const auto [first, is_new] = first_places.emplace(child.key, child.key_place);
    if (is_new) continue;
    errors_.add(child.key_place, "`" + escaped(child.key, 80) +
                                     "` is given twice, expected once; first in line " +
                                     std::to_string(first->second.line));
  }
}

void Section::refuse_unknown() {
  if (node_ == nullptr) return;
  for (const YamlNode& child : node_->children) {
    if (std::find(known_.begin(), known_.end(), child.key) != known_.end()) continue;
    const std::string named = "`" + escaped(child.key, 80) + "`";
    const std::string where = name_.empty() ? "at the top level" : "in `" + name_ + "`";
    const std::string_view meant = closest(child.key, known_);
    const std::string hint = meant.empty() ? "expected one of " + listed(known_)
                                           : "did you mean `" + std::string(meant) + "`?";
    errors_.add(child.key_place, fmt::format("{}: unknown setting {}, {}", named, where, hint));
  }
}

}  // namespace control
