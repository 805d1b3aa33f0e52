// The poll core's loop. One turn: take packets, take fills, release the askers they are for, send.
#pragma once

#include "dataplane/poll/lcore_state.h"

namespace poll {

/// Runs on the calling lcore until a stop is requested; then answers every asker still parked, for
/// at most a second, and returns.
void run_lcore(LcoreState& self);

/// One turn of the loop, for the loop and for tests. Returns whether there was anything to do.
bool turn(LcoreState& self);

}  // namespace poll
