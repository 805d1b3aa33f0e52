// Standard input, output and error, which whoever starts us may have closed. The next file to be
// opened would take the number of one of them, and what is logged would go into a resolver's
// session.
#pragma once

namespace control {

/// Lets those of the three that are closed lead nowhere. Before anything else is opened.
void hold_standard_streams();

}  // namespace control
