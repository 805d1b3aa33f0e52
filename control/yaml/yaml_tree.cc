#include "control/yaml/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <limits>
#include <sstream>

#include "control/yaml/errors.h"
#include "control/yaml/yaml_layout.h"

namespace control {
namespace {

constexpr size_t kMaxDepth = 16;        // Our deepest setting is five down.
constexpr size_t kMaxValues = 100'000;  // An access list of that many blocks is the largest use.

Place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<unsigned>(mark.line) + 1, static_cast<unsigned>(mark.column) + 1};
}

/// Grows the tree from the parser's events.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(ConfigErrors& errors) : errors_(errors) {}

  [[nodiscard]] YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      throw YAML::ParserException(mark, "a second document starts here, one was expected");
    }
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    // The mark of a missing value is that of whatever comes next; its key says more.
    if (expects_key()) return refuse_key(mark);
    YamlNode node = make(YamlNode::Kind::Null, mark, "", anchor);
    if (!open_.empty() && open_.back().kind == YamlNode::Kind::Map) node.place = pending_place_;
    attach(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    if (expects_key()) return refuse_key(mark);
    errors_.add(place_of(mark), "an alias (`*name`); the value itself was expected");
    YamlNode node;
    node.kind = YamlNode::Kind::Refused;
    node.place = place_of(mark);
    attach(std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (expects_key()) {
      pending_key_ = value;
      pending_place_ = place_of(mark);
      has_pending_key_ = true;
      return;
    }
    YamlNode node = make(YamlNode::Kind::Scalar, mark, tag, anchor);
    node.text = value;
    node.style = tag == "!" ? YamlNode::Style::Quoted : YamlNode::Style::Plain;
    attach(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(make(YamlNode::Kind::List, mark, tag, anchor), mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(make(YamlNode::Kind::Map, mark, tag, anchor), mark);
  }
  void OnMapEnd() override { close(); }

 private:
  [[nodiscard]] bool expects_key() const {
    return !open_.empty() && open_.back().kind == YamlNode::Kind::Map && !has_pending_key_;
  }
  [[noreturn]] static void refuse_key(const YAML::Mark& mark) {
    throw YAML::ParserException(mark, "a setting's name was expected before the colon");
  }
  YamlNode make(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t anchor) {
    if (++values_ > kMaxValues) {
      throw YAML::ParserException(mark, "more values than a configuration may have");
    }
    YamlNode node;
    node.kind = kind;
    node.place = place_of(mark);
    if (anchor != 0) errors_.add(node.place, "an anchor (`&name`); a plain value was expected");
    // "?" and "!" are what the parser calls plain and quoted values without a tag of their own.
    if (!tag.empty() && tag != "?" && tag != "!") {
      errors_.add(node.place, "a tag (`!name`); a plain value was expected");
      node.kind = kind == YamlNode::Kind::Scalar ? YamlNode::Kind::Refused : kind;
    }
    return node;
  }
  void open(YamlNode node, const YAML::Mark& mark) {
    if (expects_key()) refuse_key(mark);
    if (open_.size() >= kMaxDepth) {
      throw YAML::ParserException(mark, "nested deeper than any setting is");
    }
    claim_key(node);
    open_.push_back(std::move(node));
  }
  void close() {
    YamlNode node = std::move(open_.back());
    open_.pop_back();
    place_in_parent(std::move(node));
  }
  void attach(YamlNode node) {
    claim_key(node);
    place_in_parent(std::move(node));
  }
  void claim_key(YamlNode& node) {
    if (!has_pending_key_) return;
    node.key = std::move(pending_key_);
    node.key_place = pending_place_;
    has_pending_key_ = false;
  }
  void place_in_parent(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
    } else {
      open_.back().children.push_back(std::move(node));
    }
  }

  ConfigErrors& errors_;
  YamlNode root_;
  std::vector<YamlNode> open_;  // From the root down to where the parser is.
  std::string pending_key_;
  Place pending_place_;
  bool has_pending_key_ = false;
  unsigned documents_ = 0;
  size_t values_ = 0;
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view name) const {
  for (const YamlNode& child : children) {
    if (child.key == name) return &child;
  }
  return nullptr;
}

std::optional<YamlNode> parse_yaml(const std::string& text, ConfigErrors& errors) {
  Place place;
  std::string fault;
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    TreeBuilder builder(errors);
    while (parser.HandleNextDocument(builder)) {
    }
    YamlNode root = builder.take();
    if (root.kind == YamlNode::Kind::Map) return root;
    place = root.kind == YamlNode::Kind::Null ? Place{1, 1} : root.place;
    fault = "no settings were found, expected lines of the form `name: value`";
  } catch (const YAML::Exception& exception) {
    place = place_of(exception.mark);
    fault = "not readable as YAML: " + exception.msg;
    const unsigned last = place.line == 0 ? std::numeric_limits<unsigned>::max() : place.line;
    if (auto layout = fault_of_layout(text, last)) {
      place = layout->place;
      fault = std::move(layout->text);
    }
  }
  errors.add(place, fault);
  return std::nullopt;
}

}  // namespace control
