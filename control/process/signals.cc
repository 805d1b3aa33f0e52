#include "control/process/signals.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace control {
namespace {

constexpr base::milliseconds kLongest{60'000};

}  // namespace

Signals::Signals() {
  sigset_t awaited;
  sigemptyset(&awaited);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&awaited, number);
  pthread_sigmask(SIG_BLOCK, &awaited, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  descriptor_ = signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK);
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
}

Signals::~Signals() { close(descriptor_); }

std::optional<int> Signals::wait(base::Duration patience, std::array<int, 2> others) {
  std::array<pollfd, 3> waited = {{{.fd = descriptor_, .events = POLLIN, .revents = 0},
                                   {.fd = others[0], .events = POLLIN, .revents = 0},
                                   {.fd = others[1], .events = POLLIN, .revents = 0}}};
  const auto patience_ms = std::chrono::ceil<base::milliseconds>(patience).count();
  const auto wait_ms = static_cast<int>(std::clamp<int64_t>(patience_ms, 0, kLongest.count()));
  if (::poll(waited.data(), waited.size(), wait_ms) <= 0) return std::nullopt;
  signalfd_siginfo info{};
  if (read(descriptor_, &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace control
