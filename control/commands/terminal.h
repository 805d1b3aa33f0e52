// The terminal that `dotline top` runs in: how large it is, whether it wants colours, and a screen
// of our own that gives back what was there before.
#pragma once

#include <termios.h>

#include <string>

#include "control/text/text_table.h"

namespace control {

/// Standard output: its width, and colours if it is a terminal that has them and NO_COLOR is not
/// set.
[[nodiscard]] TextStyle style_of_output();
[[nodiscard]] bool output_is_terminal();

/// The alternate screen, without a cursor or echo; keys come one by one. For as long as it lives.
class Screen {
 public:
  Screen();
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  /// Puts `text` over what was there. What does not fit is left out.
  void draw(const std::string& text) const;

 private:
  termios before_{};
  bool keys_ = false;  // Standard input is a terminal whose mode was changed.
};

}  // namespace control
