// Named values that the file gives to one thing: a server, an address, a cache. They go by the
// names of dnsdist's Lua functions, wherever they stand: dnsdist's YAML has other names for the
// same.
//
// What is of the wrong kind is told at its line, and is as good as absent.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/draft/dnsdist_draft.h"
#include "control/draft/dnsdist_names.h"

namespace control {

inline constexpr size_t kMostItems = 10'000;  // Of a list.
inline constexpr size_t kLongestText = 4096;

struct Value {
  enum class Kind { Absent, Text, Number, Flag, List, Other };
  Kind kind = Kind::Absent;
  std::string text;  // As it was written; for Other, what it is.
  double number = 0;
  bool flag = false;
  std::vector<Value> items;

  /// Says nothing: absent, false, 0, "" or empty.
  [[nodiscard]] bool is_off() const;
  [[nodiscard]] std::optional<int64_t> whole_number() const;
};

class Parameters {
 public:
  virtual ~Parameters() = default;
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;

  [[nodiscard]] std::optional<std::string> text(const std::string& key);
  [[nodiscard]] std::optional<int64_t> whole_number(const std::string& key);
  [[nodiscard]] std::optional<double> number(const std::string& key);
  [[nodiscard]] std::optional<bool> flag(const std::string& key);
  /// A text is as good as a list of one.
  [[nodiscard]] std::optional<std::vector<std::string>> texts(const std::string& key);
  /// Whether `key` says something.
  [[nodiscard]] bool wanted(const std::string& key);

  void tell(Remark::Kind kind, const std::string& key, std::string_view why);
  /// Each that says something and has not been asked for.
  void tell_rest(NotCarried (*reason)(std::string_view key));
  /// Marks all as asked for.
  void pass_over();

  [[nodiscard]] Draft& draft() const { return draft_; }
  [[nodiscard]] unsigned line() const { return line_; }

 protected:
  Parameters(Draft& draft, unsigned line) : draft_(draft), line_(line) {}

  [[nodiscard]] virtual Value get(const std::string& key) = 0;
  /// Of all that are there, sorted.
  [[nodiscard]] virtual std::vector<std::string> keys() = 0;
  /// Where, and what the file calls it.
  [[nodiscard]] virtual unsigned line_of(const std::string& /*key*/) const { return line_; }
  [[nodiscard]] virtual std::string spoken(const std::string& key) const = 0;

 private:
  [[nodiscard]] Value ask(const std::string& key);
  void refuse(const std::string& key, std::string_view expected, const Value& value);

  Draft& draft_;
  unsigned line_;
  std::set<std::string> asked_;
};

/// The nearest number to `value` that `least` and `most` allow; another one is told.
[[nodiscard]] int64_t fit(Draft& draft, unsigned line, std::string_view what, int64_t value,
                          int64_t least, int64_t most);

}  // namespace control
