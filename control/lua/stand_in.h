// What stands where the file uses a name that means nothing here. It can be called, indexed,
// compared and calculated with, and the result is another one; so the rest of the file still runs,
// and each line that uses one is told.
#pragma once

#include <lua.hpp>
#include <map>
#include <string>
#include <vector>

#include "control/draft/dnsdist_draft.h"
#include "control/draft/draft_pools.h"

namespace control {

/// What a run of the file works on; has to outlive the state.
struct ImportRun {
  Draft& draft;
  std::vector<Selector> selectors;     // Of rules; Lua has their numbers.
  size_t kept = 0;                     // Names and addresses in them.
  std::map<unsigned, unsigned> reads;  // How often a line took something out of a stand-in.
};

/// Lets every global that is not there be a stand-in, and tells the draft about each line that uses
/// one. The library's functions, given a stand-in, return another one. Expects the table of globals
/// at the top of the stack.
void stand_in_for_unknown_globals(lua_State* state, ImportRun& run);

/// Pushes a stand-in called `name`, of which no line is told.
void push_quiet_stand_in(lua_State* state, const std::string& name);

/// The name of the stand-in at `index`, or "".
[[nodiscard]] std::string name_of_stand_in(lua_State* state, int index);

/// What functions called by Lua write to.
[[nodiscard]] ImportRun& run_of(lua_State* state);
[[nodiscard]] Draft& draft_of(lua_State* state);

/// Tells about `what` at the line that is executed, once.
void remark(lua_State* state, Remark::Kind kind, const std::string& what, std::string_view why);

/// Pushes `function` so that an error in it ends nothing: the line is told under `name`, and a
/// quiet stand-in is what the call gives. Not caught is that time or memory is out.
void push_guarded(lua_State* state, const char* name, lua_CFunction function);
/// The same for the function at the top of the stack, which it replaces.
void push_guarded(lua_State* state, const char* name);

}  // namespace control
