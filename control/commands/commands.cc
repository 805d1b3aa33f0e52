#include "control/commands/commands.h"

#include <algorithm>
#include <exception>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "control/status/status_json.h"
#include "control/text/dns_text.h"
#include "control/text/escape.h"

namespace control {
namespace {

using Json = nlohmann::ordered_json;
using Parsed = base::Result<Command, std::string>;

constexpr int kDeepest = 4;  // No command needs more than one level.

std::string in_quotes(std::string_view text) { return '`' + escaped(text, 63) + '`'; }

std::string line_of(const Json& json) {
  constexpr int kOneLine = -1;
  return json.dump(kOneLine, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

/// The object on the line; null if it is none.
Json parse_object(std::string_view line) {
  bool too_deep = false;
  const auto look = [&too_deep](int depth, Json::parse_event_t /*event*/, Json& /*parsed*/) {
    too_deep = too_deep || depth > kDeepest;
    return !too_deep;  // What is false is not kept, so that depth costs nothing.
  };
  Json json = Json::parse(line, look, /*allow_exceptions=*/false);
  return json.is_object() && !too_deep ? std::move(json) : Json(nullptr);
}

/// The members of one request, taken one by one; the first thing wrong is remembered.
class Members {
 public:
  Members(const Json& object, std::initializer_list<std::string_view> known) : object_(object) {
    for (const auto& [name, value] : object.get_ref<const Json::object_t&>()) {
      if (name == "command" || std::ranges::find(known, name) != known.end()) continue;
      complain("it has no " + in_quotes(name));
    }
  }

  /// Nothing if it is absent, null or no text.
  std::optional<std::string> text(const char* name) {
    const Json* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (value->is_string()) return value->get<std::string>();
    complain(in_quotes(name) + " is no text");
    return std::nullopt;
  }
  bool flag(const char* name) {
    const Json* value = find(name);
    if (value == nullptr) return false;
    if (value->is_boolean()) return value->get<bool>();
    complain(in_quotes(name) + " is neither true nor false");
    return false;
  }
  void complain(std::string why) {
    if (!fault_) fault_ = std::move(why);
  }
  [[nodiscard]] Parsed result(Command command) const {
    if (!fault_) return command;
    return base::fail(in_quotes(object_["command"].get_ref<const std::string&>()) + ": " + *fault_);
  }

 private:
  [[nodiscard]] const Json* find(const char* name) const {
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  const Json& object_;
  std::optional<std::string> fault_;
};

dns::Name lower_cased(const std::vector<std::byte>& wire) {
  std::vector<std::byte> lower(wire.size());
  dns::lower_case(wire, lower.data());
  return dns::Name(lower);
}

Parsed parse_flush(const Json& object) {
  Members members(object, {"cache", "name", "suffix", "type"});
  FlushCache flush{.cache = members.text("cache"), .selection = {}};
  if (const auto name = members.text("name")) {
    const auto wire = name->empty() ? std::nullopt : wire_form(*name);
    if (!wire) {
      members.complain(in_quotes(*name) + " is no name of a domain");
    } else {
      flush.selection.name = lower_cased(*wire);
    }
  }
  flush.selection.below = members.flag("suffix");
  if (flush.selection.below && !flush.selection.name)
    members.complain("`suffix` is true without a `name`");
  if (const auto type = members.text("type")) {
    flush.selection.type = parse_type(*type);
    if (!flush.selection.type)
      members.complain(in_quotes(*type) + " is no type, expected one such as A, AAAA or TYPE65");
  }
  return members.result(std::move(flush));
}

Parsed parse_backend(const Json& object) {
  Members members(object, {"name", "state"});
  const auto name = members.text("name");
  if (!name) members.complain("`name` is missing");
  const auto state = members.text("state");
  const auto& words = backends::Rotation::kWordNames;
  const auto word = std::ranges::find(words, state.value_or(""));
  if (word == words.end()) members.complain("`state` is none of `up`, `down`, `auto`");
  return members.result(SetBackend{
      name.value_or(""), static_cast<backends::Rotation::Override>(word - words.begin())});
}

/// Does what each command says, and tells it as a line.
class Doing {
 public:
  explicit Doing(Commanded& commanded) : commanded_(commanded) {}

  std::string operator()(const AskStatus& /*ask*/) {
    return "{\"ok\":true,\"status\":" + status_json(commanded_.status()) + '}';
  }
  std::string operator()(const Reload& /*reload*/) {
    const base::Result<Reloaded, Lines> done = commanded_.reload();
    if (done) return line_of({{"ok", true}, {"lines", done->lines}, {"off", done->off}});
    const std::string first = done.error().empty() ? "it failed" : done.error().front();
    return line_of({{"ok", false}, {"error", first}, {"errors", done.error()}});
  }
  std::string operator()(const FlushCache& flush) {
    const base::Result<uint64_t, std::string> flushed = commanded_.flush(flush);
    if (!flushed) return refusal_line(flushed.error());
    return line_of({{"ok", true}, {"flushed", *flushed}});
  }
  std::string operator()(const SetBackend& set) {
    const base::Result<void, std::string> done = commanded_.set_backend(set);
    if (!done) return refusal_line(done.error());
    return line_of({{"ok", true},
                    {"name", set.name},
                    {"state", backends::Rotation::kWordNames[static_cast<size_t>(set.word)]}});
  }

 private:
  Commanded& commanded_;
};

}  // namespace

base::Result<Command, std::string> parse_command(std::string_view line) {
  const Json object = parse_object(line);
  if (object.is_null())
    return base::fail(std::string("a line is one JSON object, such as {\"command\":\"status\"}"));
  const auto command = object.find("command");
  if (command == object.end() || !command->is_string())
    return base::fail(std::string("the object has no text `command`"));
  const auto& name = command->get_ref<const std::string&>();
  if (name == "status") return Members(object, {}).result(AskStatus{});
  if (name == "reload") return Members(object, {}).result(Reload{});
  if (name == "cache flush") return parse_flush(object);
  if (name == "backend") return parse_backend(object);
  return base::fail(in_quotes(name) +
                    " is unknown, expected one of `status`, `reload`, `cache flush`, `backend`");
}

std::string answer_command(std::string_view line, Commanded& commanded) {
  try {
    const base::Result<Command, std::string> command = parse_command(line);
    if (!command) return refusal_line(command.error());
    return std::visit(Doing(commanded), *command);
  } catch (const std::exception& fault) {
    return refusal_line(std::string("it failed: ") + fault.what());
  }
}

std::string refusal_line(const std::string& why) {
  return line_of({{"ok", false}, {"error", why}});
}

}  // namespace control
