// What is known of those parts of dnsdist's configuration that dotline has no like of: what to tell
// an operator who used them.
#pragma once

#include <string_view>

#include "control/import/dnsdist_draft.h"

namespace control {

struct NotCarried {
  Remark::Kind kind = Remark::Kind::ToDo;
  std::string_view why;
};

/// Why a global function or object of dnsdist's is not carried over. Knows something to say about
/// every name.
[[nodiscard]] NotCarried why_not_carried(std::string_view name);

/// The same for a parameter of newServer.
[[nodiscard]] NotCarried why_no_parameter_of_server(std::string_view name);

/// Names whose mere use says nothing: rules, actions and constants are told by who is given them.
[[nodiscard]] bool is_without_effect(std::string_view name);

}  // namespace control
