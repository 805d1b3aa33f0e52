// Where the control socket is: what a configuration that does not say has, and how long it may be.
#pragma once

#include <cstddef>
#include <string_view>

namespace control {

inline constexpr std::string_view kUsualControlSocket = "/run/dotline/dotline.sock";
inline constexpr size_t kMaxControlSocketPath = 107;  // sun_path, without its end.

}  // namespace control
