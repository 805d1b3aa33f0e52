#include "control/log/stdio_redirect.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <initializer_list>

namespace control {

void hold_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest number that is free, which is this one. Without it nothing is safe to be opened.
    if (open("/dev/null", O_RDWR) != stream) std::abort();
  }
}

bool write_if_there_is_room(int descriptor, std::string_view text) {
  pollfd writable{.fd = descriptor, .events = POLLOUT, .revents = 0};
  if (::poll(&writable, 1, 0) <= 0) return false;
  (void)!write(descriptor, text.data(), text.size());
  return true;
}

}  // namespace control
