#include "control/draft/yaml_parameters.h"

#include <algorithm>
#include <charconv>

namespace control {
namespace {

/// What YAML's core schema reads it as.
Value plain_value(const std::string& text) {
  Value value;
  value.text = text;
  value.kind = Value::Kind::Text;
  if (text == "true" || text == "false") {
    value.kind = Value::Kind::Flag;
    value.flag = text == "true";
    return value;
  }
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value.number);
  if (error == std::errc() && stop == end) value.kind = Value::Kind::Number;
  return value;
}

}  // namespace

Value value_of(const YamlNode& node) {
  Value value;
  switch (node.kind) {
    case YamlNode::Kind::Null:
    case YamlNode::Kind::Refused:  // Told already.
      return value;
    case YamlNode::Kind::Scalar:
      if (node.style == YamlNode::Style::Plain) {
        value = plain_value(node.text);
      } else {
        value.kind = Value::Kind::Text;
        value.text = node.text;
      }
      if (value.text.size() > kLongestText) {
        value.kind = Value::Kind::Other;
        value.text = "a text of more than " + std::to_string(kLongestText);
      }
      return value;
    case YamlNode::Kind::List:
      value.kind = Value::Kind::List;
      for (const YamlNode& item : node.children) value.items.push_back(value_of(item));
      return value;
    case YamlNode::Kind::Map:
      value.kind = Value::Kind::Other;
      value.text = "a map";
      return value;
  }
  return value;
}

const YamlNode* node_at(const YamlNode& node, std::string_view path) {
  const size_t dot = path.find('.');
  const YamlNode* child = node.find(path.substr(0, dot));
  if (child == nullptr || dot == std::string_view::npos) return child;
  return node_at(*child, path.substr(dot + 1));
}

YamlParameters::YamlParameters(Draft& draft, const YamlNode& map, std::string subject,
                               std::span<const YamlName> names)
    : Parameters(draft, map.place.line), map_(map), subject_(std::move(subject)), names_(names) {}

std::string YamlParameters::path_of(const std::string& key) const {
  const auto found = std::ranges::find(names_, key, &YamlName::name);
  return found == names_.end() ? key : std::string(found->path);
}

Value YamlParameters::get(const std::string& key) {
  const YamlNode* node = node_at(map_, path_of(key));
  return node == nullptr ? Value() : value_of(*node);
}

/// By their names; a map that is empty says nothing.
void YamlParameters::add_keys(const YamlNode& node, const std::string& path,
                              std::vector<std::string>& keys) {
  for (const YamlNode& child : node.children) {
    const std::string inner = path.empty() ? child.key : path + "." + child.key;
    // Lua's name for another setting, or none at all: looking it up would find something else.
    const bool is_lua = std::ranges::find(names_, inner, &YamlName::name) != names_.end() &&
                        std::ranges::find(names_, inner, &YamlName::path) == names_.end();
    if (is_lua || child.key.find('.') != std::string::npos) {
      draft().to_do(child.key_place.line, subject_.empty() ? inner : subject_ + "." + inner,
                    why_not_carried("").why);
      continue;
    }
    if (child.kind == YamlNode::Kind::Map) {
      add_keys(child, inner, keys);
      continue;
    }
    const auto found = std::ranges::find(names_, inner, &YamlName::path);
    keys.push_back(found == names_.end() ? inner : std::string(found->name));
  }
}

std::vector<std::string> YamlParameters::keys() {
  std::vector<std::string> keys;
  add_keys(map_, "", keys);
  return keys;
}

unsigned YamlParameters::line_of(const std::string& key) const {
  const YamlNode* node = node_at(map_, path_of(key));
  return node == nullptr ? line() : node->key_place.line;
}

std::string YamlParameters::spoken(const std::string& key) const {
  return subject_.empty() ? path_of(key) : subject_ + "." + path_of(key);
}

}  // namespace control
