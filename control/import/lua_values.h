// What a function of dnsdist's is given, as plain values. Nothing is converted silently: what is of
// the wrong type is a Lua error at the line of the call, as it is in dnsdist.
#pragma once

#include <lua.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace control {

inline constexpr size_t kMostItems = 10'000;  // Of a list.
inline constexpr size_t kLongestText = 4096;

/// The text at `index`.
[[nodiscard]] std::string text_at(lua_State* state, int index);

/// A text, or the texts of a list.
[[nodiscard]] std::vector<std::string> texts_at(lua_State* state, int index);

/// A whole number; dnsdist takes it as text as well.
[[nodiscard]] std::optional<int64_t> whole_number_at(lua_State* state, int index);

/// A table of named parameters. Each that is asked for is known; the rest can be had afterwards.
class LuaParameters {
 public:
  /// The table at `index`, an absolute one; nothing there is as good as an empty one.
  LuaParameters(lua_State* state, int index);

  [[nodiscard]] std::optional<std::string> text(const char* key);
  /// A Lua error if there is something else.
  [[nodiscard]] std::optional<int64_t> whole_number(const char* key);
  [[nodiscard]] std::optional<bool> flag(const char* key);
  [[nodiscard]] std::optional<std::vector<std::string>> texts(const char* key);
  /// Marks `key` as known, and says whether it is there and is not `false`.
  [[nodiscard]] bool wanted(const char* key);
  /// Those that nobody asked for, sorted. `false` and "" are as good as absent.
  [[nodiscard]] std::vector<std::string> unknown() const;

 private:
  [[nodiscard]] bool push(const char* key);

  lua_State* state_;
  int index_;
  std::vector<std::string_view> known_;
};

}  // namespace control
