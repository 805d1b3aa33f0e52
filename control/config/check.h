// What only shows when settings are laid side by side: things named or claimed twice, loops, cores
// without a queue, pools that no backend serves.
#pragma once

#include "control/config/config.h"
#include "control/yaml/errors.h"
#include "control/yaml/yaml_tree.h"

namespace control {

/// `config` was read from `root`. Says nothing at places that are known to be wrong.
void check_config(const Config& config, const Machine& machine, const YamlNode& root,
                  ConfigErrors& errors);

/// Whether the kernel has the addresses that are answered at before we start: with a port on pci or
/// vdev they come when its TAP is there, or are on no interface.
[[nodiscard]] bool addresses_are_the_kernels(const Config& config);

}  // namespace control
