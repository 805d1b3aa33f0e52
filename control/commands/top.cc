#include "control/commands/top.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <system_error>

#include "control/commands/ask.h"
#include "control/commands/control_client.h"
#include "control/commands/rates.h"
#include "control/commands/terminal.h"
#include "control/commands/top_text.h"

namespace control {
namespace {

constexpr base::seconds kPause{1};
constexpr char kQuit = 'q';

/// Signals and keys, to be waited for. A window that changes its size is only a reason to draw.
class Wishes {
 public:
  enum class Wish : uint8_t { GoOn, Redraw, Quit };

  Wishes() {
    sigset_t awaited;
    sigemptyset(&awaited);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGWINCH}) sigaddset(&awaited, number);
    sigprocmask(SIG_BLOCK, &awaited, &before_);
    std::signal(SIGPIPE, SIG_IGN);
    signals_ = signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_ < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
  }
  ~Wishes() {
    close(signals_);
    sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
  Wishes(const Wishes&) = delete;
  Wishes& operator=(const Wishes&) = delete;

  /// The next one; GoOn at `end`. `keys`: whether standard input is looked at.
  Wish wait(base::Time end, bool keys) {
    const auto left = std::chrono::ceil<base::milliseconds>(end - base::Clock::now()).count();
    pollfd waited[] = {
        {.fd = signals_, .events = POLLIN, .revents = 0},
        {.fd = keys && !input_ended_ ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}};
    if (left <= 0 || ::poll(waited, 2, static_cast<int>(left)) <= 0) return Wish::GoOn;
    signalfd_siginfo info{};
    if (read(signals_, &info, sizeof info) == sizeof info)
      return info.ssi_signo == SIGWINCH ? Wish::Redraw : Wish::Quit;
    if (waited[1].revents == 0) return Wish::Redraw;
    char key = 0;
    if (read(STDIN_FILENO, &key, 1) <= 0) input_ended_ = true;
    return key == kQuit ? Wish::Quit : Wish::Redraw;
  }

 private:
  sigset_t before_{};
  int signals_ = -1;
  bool input_ended_ = false;
};

class Top {
 public:
  Top(ControlClient client, std::optional<uint64_t> count)
      : client_(std::move(client)), count_(count) {
    if (!count && output_is_terminal()) screen_ = std::make_unique<Screen>();
  }

  base::Result<void, std::string> run() {
    for (uint64_t shown = 0; !count_ || shown < *count_;) {
      const base::Time next = base::Clock::now() + kPause;
      if (auto looked = look(); !looked) return looked;
      if (rates_ || screen_ != nullptr) {
        if (!show()) return {};
        ++shown;
        if (count_ && shown == *count_) return {};
      }
      if (!pause_until(next)) return {};
    }
    return {};
  }

 private:
  base::Result<void, std::string> look() {
    base::Result<Status, std::string> now = ask_status(client_);
    if (!now) return base::fail(std::move(now.error()));
    rates_ = last_ ? rates_between(*last_, *now) : std::nullopt;
    last_ = std::move(*now);
    return {};
  }

  /// False if the output is no longer read.
  bool show() {
    const std::string text = top_text(*last_, rates_, style_of_output());
    if (screen_ != nullptr) {
      screen_->draw(text);
      return true;
    }
    return std::fputs((text + '\n').c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  }

  /// False if that is enough.
  bool pause_until(base::Time end) {
    for (;;) {
      const Wishes::Wish wish = wishes_.wait(end, screen_ != nullptr);
      if (wish == Wishes::Wish::Quit) return false;
      if (wish == Wishes::Wish::GoOn) return true;
      if (screen_ != nullptr) (void)show();
    }
  }

  ControlClient client_;
  const std::optional<uint64_t> count_;
  Wishes wishes_;
  std::unique_ptr<Screen> screen_;  // Goes before the signals are let through again.
  std::optional<Status> last_;
  std::optional<Rates> rates_;
};

}  // namespace

base::Result<void, std::string> show_top(const std::string& path, std::optional<uint64_t> count) {
  base::Result<ControlClient, std::string> client = ControlClient::connect(path);
  if (!client) return base::fail(std::move(client.error()));
  return Top(std::move(*client), count).run();
}

}  // namespace control
