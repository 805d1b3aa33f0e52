// Standard input, output and error, which whoever starts us may have closed. The next file to be
// opened would take the number of one of them, and what is logged would go into a resolver's
// session.
#pragma once

#include <string_view>

namespace control {

/// Lets those of the three that are closed lead nowhere. Before anything else is opened.
void hold_standard_streams();

/// Writes a short text, of no more than a page, if it is taken at once. False if it is not; then
/// nothing has been written. A failure for good counts as written: nobody will ever read it.
[[nodiscard]] bool write_if_there_is_room(int descriptor, std::string_view text);

}  // namespace control
