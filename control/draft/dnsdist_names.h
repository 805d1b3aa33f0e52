// What is known of those parts of dnsdist's configuration that dotline has no like of: what to tell
// an operator who used them. Each is listed by its name; what is not listed is told as unknown, and
// nothing is without effect because of how it is called.
#pragma once

#include <string_view>

#include "control/draft/dnsdist_draft.h"

namespace control {

struct NotCarried {
  Remark::Kind kind = Remark::Kind::ToDo;
  std::string_view why;
};

/// Why a global function or object of dnsdist's is not carried over. Knows something to say about
/// every name.
[[nodiscard]] NotCarried why_not_carried(std::string_view name);

/// The same for a parameter of newServer, of newPacketCache, and for an option of addLocal and its
/// like.
[[nodiscard]] NotCarried why_no_parameter_of_server(std::string_view name);
[[nodiscard]] NotCarried why_no_parameter_of_cache(std::string_view name);
[[nodiscard]] NotCarried why_no_option_of_bind(std::string_view name);

/// Switches of those that are on unless the file says otherwise.
[[nodiscard]] bool is_on_by_default(std::string_view key);

/// Whether it is in one of the lists: a name of dnsdist's, or of Lua's.
[[nodiscard]] bool is_listed(std::string_view name);

/// Makes a thing that does nothing before it is given to a function, which tells about it: rules,
/// actions, constants.
[[nodiscard]] bool is_told_by_its_user(std::string_view name);

/// Tables whose fields stand for their own names, such as DNSQType.
[[nodiscard]] bool is_constants(std::string_view name);

}  // namespace control
