#include "control/commands/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace control {
namespace {

constexpr unsigned kUsualWidth = 80;
constexpr unsigned kUsualHeight = 24;

// ECMA-48 and, behind a question mark, DEC's private modes: 1049 is the alternate screen, 25 the
// cursor, 7 the wrapping of long lines.
constexpr std::string_view kEnter = "\033[?1049h\033[?25l\033[?7l";
constexpr std::string_view kLeave = "\033[?7h\033[?25h\033[?1049l";
constexpr std::string_view kHome = "\033[H";
constexpr std::string_view kClearLine = "\033[K";
constexpr std::string_view kClearBelow = "\033[J";

winsize size_of_output() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return {.ws_row = kUsualHeight, .ws_col = kUsualWidth, .ws_xpixel = 0, .ws_ypixel = 0};
  return size;
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

bool output_is_terminal() { return isatty(STDOUT_FILENO) == 1; }

TextStyle style_of_output() {
  if (!output_is_terminal()) return {};
  const char* kind = std::getenv("TERM");
  const char* refused = std::getenv("NO_COLOR");
  const bool can = kind != nullptr && std::string_view(kind) != "dumb";
  const bool may = refused == nullptr || *refused == '\0';  // https://no-color.org
  return {.width = size_of_output().ws_col, .colours = can && may};
}

Screen::Screen() {
  keys_ = tcgetattr(STDIN_FILENO, &before_) == 0;
  if (keys_) {
    termios mode = before_;
    mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &mode);
  }
  print(kEnter);
}

Screen::~Screen() {
  print(kLeave);
  if (keys_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

void Screen::draw(const std::string& text) const {
  const unsigned rows = size_of_output().ws_row;
  std::string picture(kHome);
  size_t begin = 0;
  for (unsigned row = 0; row < rows && begin < text.size(); ++row) {
    const size_t end = text.find('\n', begin);
    if (row > 0) picture += "\r\n";
    picture += text.substr(begin, end - begin);
    picture += kClearLine;
    begin = end == std::string::npos ? text.size() : end + 1;
  }
  picture += kClearBelow;
  print(picture);
}

}  // namespace control
