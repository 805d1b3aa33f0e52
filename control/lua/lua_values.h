// What a function of dnsdist's is given, as plain values. Nothing is converted silently: what is of
// the wrong type is a Lua error, which lua_guard.h makes a remark about the line of the call.
#pragma once

#include <lua.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/draft/parameters.h"

namespace control {

/// Whatever is at `index`.
[[nodiscard]] Value value_at(lua_State* state, int index);

/// The text at `index`.
[[nodiscard]] std::string text_at(lua_State* state, int index);

/// A text, or the texts of a list.
[[nodiscard]] std::vector<std::string> texts_at(lua_State* state, int index);

/// A whole number; dnsdist takes it as text as well.
[[nodiscard]] int64_t whole_number_at(lua_State* state, int index);

/// A table of named parameters; anything else is as good as an empty one. It says `subject.key`.
class LuaParameters : public Parameters {
 public:
  /// `index` is an absolute one.
  LuaParameters(lua_State* state, int index, std::string subject);

 protected:
  [[nodiscard]] Value get(const std::string& key) override;
  [[nodiscard]] std::vector<std::string> keys() override;
  [[nodiscard]] std::string spoken(const std::string& key) const override;

 private:
  lua_State* state_;
  int index_;
  std::string subject_;
};

}  // namespace control
