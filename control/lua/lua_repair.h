// A file that Lua cannot read, or that ends with an error, without the statements that are to
// blame: each is taken out and told, so that one bad line does not cost the rest.
#pragma once

#include <optional>
#include <string>

#include "control/draft/dnsdist_draft.h"
#include "control/lua/lua_sandbox.h"

namespace control {

class LuaRepair {
 public:
  explicit LuaRepair(std::string text);

  /// The file as it is by now; lines keep their numbers.
  [[nodiscard]] const std::string& text() const { return text_; }

  /// Takes out the statement that `fault` is about, with all the lines it has. Nothing if none is
  /// left there, or if enough have been taken out.
  [[nodiscard]] std::optional<Remark> take_out(const LuaFault& fault);

 private:
  std::string text_;
  unsigned rounds_ = 0;
};

/// What is odd about the characters of a line that was copied out of a page, as a sentence; "" if
/// nothing is.
[[nodiscard]] std::string oddity_of(std::string_view line);

}  // namespace control
