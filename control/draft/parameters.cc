#include "control/draft/parameters.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace control {
namespace {

constexpr double kMostExact = 9007199254740992.0;  // 2^53, a double's whole numbers.

}  // namespace

bool Value::is_off() const {
  switch (kind) {
    case Kind::Absent:
      return true;
    case Kind::Text:
      return text.empty();
    case Kind::Number:
      return number == 0;
    case Kind::Flag:
      return !flag;
    case Kind::List:
      return items.empty();
    case Kind::Other:
      break;
  }
  return false;
}

std::optional<int64_t> Value::whole_number() const {
  if (kind == Kind::Text) {
    int64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc() && stop == end) return value;
    return std::nullopt;
  }
  const bool is_whole =
      kind == Kind::Number && std::abs(number) <= kMostExact && std::floor(number) == number;
  if (!is_whole) return std::nullopt;
  return static_cast<int64_t>(number);
}

Value Parameters::ask(const std::string& key) {
  asked_.insert(key);
  return get(key);
}

void Parameters::refuse(const std::string& key, std::string_view expected, const Value& value) {
  std::string given = value.text;
  if (value.kind == Value::Kind::List) given = "a list";
  if (value.kind == Value::Kind::Flag) given = value.flag ? "true" : "false";
  tell(Remark::Kind::ToDo, key,
       std::string(expected) + " expected, got " + given + "; it is left out");
}

std::optional<std::string> Parameters::text(const std::string& key) {
  Value value = ask(key);
  if (value.kind == Value::Kind::Absent) return std::nullopt;
  if (value.kind == Value::Kind::Text || value.kind == Value::Kind::Number) return value.text;
  refuse(key, "a text", value);
  return std::nullopt;
}

std::optional<std::vector<std::string>> Parameters::texts(const std::string& key) {
  const Value value = ask(key);
  if (value.kind == Value::Kind::Absent) return std::nullopt;
  if (value.kind == Value::Kind::Text || value.kind == Value::Kind::Number)
    return std::vector<std::string>{value.text};
  std::vector<std::string> texts;
  for (const Value& item : value.items) {
    if (item.kind == Value::Kind::Text || item.kind == Value::Kind::Number) {
      texts.push_back(item.text);
    } else {
      refuse(key, "a list of texts", item);
    }
  }
  if (value.kind == Value::Kind::List) return texts;
  refuse(key, "a text or a list of them", value);
  return std::nullopt;
}

std::optional<int64_t> Parameters::whole_number(const std::string& key) {
  const Value value = ask(key);
  if (value.kind == Value::Kind::Absent) return std::nullopt;
  const auto number = value.whole_number();
  if (!number) refuse(key, "a whole number", value);
  return number;
}

std::optional<double> Parameters::number(const std::string& key) {
  const Value value = ask(key);
  if (value.kind == Value::Kind::Absent) return std::nullopt;
  if (value.kind == Value::Kind::Number) return value.number;
  refuse(key, "a number", value);
  return std::nullopt;
}

std::optional<bool> Parameters::flag(const std::string& key) {
  const Value value = ask(key);
  if (value.kind == Value::Kind::Absent) return std::nullopt;
  if (value.kind != Value::Kind::Other) return value.kind == Value::Kind::Flag ? value.flag : true;
  refuse(key, "true or false", value);
  return std::nullopt;
}

bool Parameters::wanted(const std::string& key) { return !ask(key).is_off(); }

void Parameters::tell(Remark::Kind kind, const std::string& key, std::string_view why) {
  draft_.tell(line_of(key), kind, spoken(key), why);
}

void Parameters::tell_rest(NotCarried (*reason)(std::string_view key)) {
  for (const std::string& key : keys()) {
    if (asked_.contains(key)) continue;
    const Value value = get(key);
    const bool says_nothing =
        is_on_by_default(key) ? value.kind == Value::Kind::Flag && value.flag : value.is_off();
    if (says_nothing) continue;
    const NotCarried known = reason(key);
    tell(known.kind, key, known.why);
  }
}

void Parameters::pass_over() {
  for (const std::string& key : keys()) asked_.insert(key);
}

int64_t fit(Draft& draft, unsigned line, std::string_view what, int64_t value, int64_t least,
            int64_t most) {
  const int64_t nearest = std::clamp(value, least, most);
  if (nearest != value) {
    draft.to_do(
        line, what,
        std::to_string(value) + " is not possible; " + std::to_string(nearest) + " is the nearest");
  }
  return nearest;
}

}  // namespace control
