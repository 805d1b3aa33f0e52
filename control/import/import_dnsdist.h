// `dotline import-dnsdist`: reads a dnsdist configuration in Lua, which runs in a sandbox with
// dnsdist's functions, or in YAML, and gives the YAML that does the same here, with everything that
// it cannot say.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/draft/dnsdist_draft.h"
#include "control/lua/lua_sandbox.h"

namespace control {

struct DnsdistImport {
  std::string yaml;
  std::vector<Remark> remarks;    // By line.
  std::optional<LuaFault> fault;  // The file cannot be read or run; `yaml` is empty then.
};

/// `text` is the configuration, `file` what it is called. `own_addresses`: of the machine, to
/// choose among where dnsdist answers at all of them.
[[nodiscard]] DnsdistImport import_dnsdist(const std::string& text, const std::string& file,
                                           LuaSandbox::Limits limits = {},
                                           const std::vector<base::IpAddress>& own_addresses = {});

/// Of this machine, but for loopback and link-local ones.
[[nodiscard]] std::vector<base::IpAddress> addresses_of_this_machine();

/// The command: the file at `path` to `output`, standard output if that is empty, and what there is
/// to tell to standard error. Returns the exit code: 0: all is carried over; 1: the output cannot
/// be written; 2: the file cannot be read or run; 3: something has to be done by hand.
[[nodiscard]] int import_dnsdist_file(const std::string& path, const std::string& output);

}  // namespace control
