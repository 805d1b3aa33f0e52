#include "control/import/dnsdist_yaml_rules.h"

#include <algorithm>
#include <map>
#include <string>

#include "control/draft/dnsdist_names.h"
#include "control/draft/draft_pools.h"
#include "control/draft/yaml_parameters.h"

namespace control {
namespace {

struct RuleList {
  std::string_view section;
  std::string_view function;  // That adds to it in Lua.
};
constexpr RuleList kRuleLists[] = {
    {"cache_hit_response_rules", "addCacheHitResponseAction"},
    {"cache_inserted_response_rules", "addCacheInsertedResponseAction"},
    {"cache_miss_rules", "addCacheMissAction"},
    {"response_rules", "addResponseAction"},
    {"self_answered_response_rules", "addSelfAnsweredResponseAction"},
    {"xfr_response_rules", "addXFRResponseAction"},
    {"timeout_response_rules", "addTimeoutResponseAction"},
    {"dynamic_rules", "dynBlockRulesGroup"},
};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

std::string text_in(const YamlNode& node, std::string_view key) {
  const YamlNode* child = node.find(key);
  return child == nullptr || child->kind != YamlNode::Kind::Scalar ? "" : child->text;
}

std::vector<std::string> texts_in(const YamlNode& node, std::string_view key) {
  std::vector<std::string> texts;
  const YamlNode* list = node.find(key);
  if (list == nullptr) return texts;
  if (list->kind == YamlNode::Kind::Scalar) return {list->text};
  for (const YamlNode& item : list->children) {
    if (item.kind == YamlNode::Kind::Scalar) texts.push_back(item.text);
  }
  return texts;
}

/// Whether the list called `key` has nothing but texts in it.
bool is_texts(const YamlNode& node, std::string_view key) {
  const YamlNode* list = node.find(key);
  if (list == nullptr || list->kind == YamlNode::Kind::Scalar) return list != nullptr;
  return list->kind == YamlNode::Kind::List &&
         std::ranges::all_of(list->children, [](const YamlNode& item) {
           return item.kind == YamlNode::Kind::Scalar;
         });
}

/// What a rule that cannot be carried over is called: its name, selector and action.
std::string spoken_rule(std::string_view section, const YamlNode& rule) {
  std::string spoken = std::string(section) + " " + text_in(rule, "name") + "(";
  const YamlNode* selector = rule.find("selector");
  const YamlNode* action = rule.find("action");
  spoken += selector == nullptr ? "" : text_in(*selector, "type");
  spoken += action == nullptr ? "" : ", " + text_in(*action, "type");
  return spoken + ")";
}

class RuleReader {
 public:
  RuleReader(const YamlNode& root, Draft& draft) : root_(root), draft_(draft) {}

  void read() {
    for (const YamlNode& group : items("netmask_groups"))
      groups_.emplace(text_in(group, "name"), texts_in(group, "netmasks"));
    for (const YamlNode& selector : items("selectors"))
      selectors_.emplace(text_in(selector, "name"), selector_of(selector));
    for (const YamlNode& rule : items("query_rules")) read_rule(rule);
    for (const auto& [section, function] : kRuleLists) {
      for (const YamlNode& rule : items(section)) {
        draft_.to_do(rule.place.line, spoken_rule(section, rule), why_not_carried(function).why);
      }
    }
  }

 private:
  /// What is no list is told.
  std::vector<YamlNode> items(std::string_view section) {
    const YamlNode* list = root_.find(section);
    if (list == nullptr || list->kind == YamlNode::Kind::Null) return {};
    if (list->kind == YamlNode::Kind::List) return list->children;
    draft_.to_do(list->key_place.line, section, "a list expected; it is left out");
    return {};
  }

  std::vector<Selector> selectors_of(const YamlNode& node) {
    std::vector<Selector> selectors;
    const YamlNode* list = node.find("selectors");
    if (list == nullptr) return selectors;
    for (const YamlNode& item : list->children) selectors.push_back(selector_of(item));
    return selectors;
  }

  Selector blocks_of(const YamlNode& node) {
    const bool is_source = text_in(node, "source") != "false";
    const std::string name = text_in(node, "netmask_group_name");
    if (name.empty() && is_texts(node, "netmasks"))
      return blocks_selector(texts_in(node, "netmasks"), is_source);
    const auto group = groups_.find(name);
    if (group == groups_.end()) return unknown_selector("netmask group " + name);
    return blocks_selector(group->second, is_source);
  }

  Selector named(const YamlNode& node) {
    const std::string name = text_in(node, "selector_name");
    const auto found = selectors_.find(name);
    return found == selectors_.end() ? unknown_selector("selector " + name) : found->second;
  }

  /// Nested no deeper than the tree may be.
  Selector selector_of(const YamlNode& node) {
    Selector selector = new_selector_of(node);
    kept_ += selector.size();
    // Names of names of names would grow without an end.
    return kept_ > kMostNames ? unknown_selector("too many names") : selector;
  }

  Selector new_selector_of(const YamlNode& node) {
    const std::string type = lower(text_in(node, "type"));
    if (type == "all") return all_selector();
    if (type == "byname") return named(node);
    if (type == "qnamesuffix" && is_texts(node, "suffixes"))
      return names_selector(texts_in(node, "suffixes"));
    if (type == "netmaskgroup") return blocks_of(node);
    if (type == "or") return any_of(selectors_of(node));
    if (type == "dstport") {
      const YamlNode* port = node.find("port");
      return ports_selector(port == nullptr ? 0 : value_of(*port).whole_number().value_or(0));
    }
    if (type == "and") {
      const std::vector<Selector> selectors = selectors_of(node);
      if (selectors.size() == 1) return selectors.front();
    }
    return unknown_selector(text_in(node, "type"));
  }

  void read_rule(const YamlNode& rule) {
    const unsigned line = rule.place.line;
    const YamlNode* selector = rule.find("selector");
    const YamlNode* action = rule.find("action");
    const bool chooses_pool =
        selector != nullptr && action != nullptr && lower(text_in(*action, "type")) == "pool";
    if (!chooses_pool) {
      return draft_.to_do(line, spoken_rule("query_rules", rule), why_not_carried("addAction").why);
    }
    for (const YamlNode& child : rule.children) {
      constexpr std::string_view kKnown[] = {"name", "uuid", "selector", "action"};
      if (std::ranges::find(kKnown, child.key) == std::end(kKnown))
        draft_.to_do(child.key_place.line, "query_rules." + child.key, why_not_carried("").why);
    }
    add_pool_rule(draft_, line, "query_rules", selector_of(*selector),
                  text_in(*action, "pool_name"), text_in(*action, "stop_processing") != "false");
  }

  const YamlNode& root_;
  Draft& draft_;
  std::map<std::string, std::vector<std::string>> groups_;
  std::map<std::string, Selector> selectors_;
  size_t kept_ = 0;
};

}  // namespace

void read_dnsdist_yaml_rules(const YamlNode& root, Draft& draft) { RuleReader(root, draft).read(); }

}  // namespace control
