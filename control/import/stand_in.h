// What stands where the file uses a name that means nothing here. It can be called, indexed,
// compared and calculated with, and the result is another one; so the rest of the file still runs,
// and each line that uses one is told.
#pragma once

#include <lua.hpp>
#include <string>

#include "control/import/dnsdist_draft.h"

namespace control {

/// Lets every global that is not there be a stand-in, and tells `draft` about each line that uses
/// one. Expects the table of globals at the top of the stack. `draft` has to outlive the state.
void stand_in_for_unknown_globals(lua_State* state, Draft& draft);

/// Pushes a stand-in called `name`, of which no line is told.
void push_quiet_stand_in(lua_State* state, const std::string& name);

/// The name of the stand-in at `index`, or "".
[[nodiscard]] std::string name_of_stand_in(lua_State* state, int index);

/// The draft that functions called by Lua write to.
[[nodiscard]] Draft& draft_of(lua_State* state);

/// Tells about `what` at the line that is executed, once. A Lua error if there is no end of
/// remarks.
void remark(lua_State* state, Remark::Kind kind, const std::string& what, std::string_view why);

}  // namespace control
