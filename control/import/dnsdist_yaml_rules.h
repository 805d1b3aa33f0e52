// The rules of dnsdist's YAML, which choose pools as Lua's do.
#pragma once

#include "control/draft/dnsdist_draft.h"
#include "control/yaml/yaml_tree.h"

namespace control {

/// All of its lists of rules, and what they refer to.
void read_dnsdist_yaml_rules(const YamlNode& root, Draft& draft);

}  // namespace control
