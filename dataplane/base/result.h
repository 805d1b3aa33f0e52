// A value or the reason there is none. Bad bytes and operating failures are values here, never
// exceptions.
#pragma once

#include <tl/expected.hpp>

namespace base {

template <typename T, typename E>
using Result = tl::expected<T, E>;

template <typename E>
[[nodiscard]] constexpr auto fail(E&& reason) {
  return tl::unexpected<std::decay_t<E>>(std::forward<E>(reason));
}

}  // namespace base
