// How the lines of a file that is no YAML are laid out: tabs and indentation are what people get
// wrong, and what a parser's words about it do not help to find.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/yaml/yaml_tree.h"

namespace control {

struct LayoutFault {
  Place place;
  std::string text;
};

/// The first thing wrong with how lines begin, of those up to `last`; nullopt if nothing is.
[[nodiscard]] std::optional<LayoutFault> fault_of_layout(std::string_view text, unsigned last);

}  // namespace control
