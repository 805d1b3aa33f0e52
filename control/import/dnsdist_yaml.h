// dnsdist's other form of configuration, YAML, as of version 2: the same things under other names.
#pragma once

#include <string>

#include "control/draft/dnsdist_draft.h"
#include "control/yaml/yaml_tree.h"

namespace control {

/// Whether `text` looks like it: a section of dnsdist's begins a line. Lua's comments may look so,
/// too.
[[nodiscard]] bool looks_like_dnsdist_yaml(const std::string& text);

/// Writes what `root` says into the draft. Every setting that is not carried over is told.
void read_dnsdist_yaml(const YamlNode& root, Draft& draft);

}  // namespace control
