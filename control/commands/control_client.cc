#include "control/commands/control_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace control {
namespace {

std::string nobody_at(const std::string& path, const std::string& why) {
  return "no dotline answers at " + path + ": " + why;
}

std::string why_not(const std::string& path, int error) {
  if (error != EACCES && error != EPERM) return nobody_at(path, std::strerror(error));
  return "no permission to speak to the dotline at " + path +
         ": it hears root and the user that it runs as (sudo?)";
}

/// Whether `descriptor` is ready for `events` before `end`.
bool is_ready(int descriptor, short events, base::Time end) {
  for (;;) {
    const auto left = std::chrono::ceil<base::milliseconds>(end - base::Clock::now()).count();
    if (left <= 0) return false;
    pollfd waited{.fd = descriptor, .events = events, .revents = 0};
    const int ready = ::poll(&waited, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

}  // namespace

base::Result<ControlClient, std::string> ControlClient::connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty()) return base::fail(nobody_at("\"\"", "there is no control socket"));
  if (path.size() >= sizeof address.sun_path)
    return base::fail(nobody_at(path, std::strerror(ENAMETOOLONG)));
  path.copy(address.sun_path, path.size());
  ControlClient client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), path);
  if (client.descriptor_ < 0 ||
      ::connect(client.descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return base::fail(why_not(path, errno));
  return client;
}

ControlClient::ControlClient(ControlClient&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

ControlClient& ControlClient::operator=(ControlClient&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  return *this;
}

ControlClient::~ControlClient() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::string ControlClient::complaint(const std::string& why) const { return nobody_at(path_, why); }

base::Result<std::string, std::string> ControlClient::ask(const std::string& line,
                                                          base::Duration patience) {
  const base::Time end = base::Clock::now() + patience;
  const std::string sent = line + '\n';
  for (size_t done = 0; done < sent.size();) {
    if (!is_ready(descriptor_, POLLOUT, end)) return base::fail(complaint("it takes no command"));
    const ssize_t count = send(descriptor_, sent.data() + done, sent.size() - done, MSG_NOSIGNAL);
    if (count < 0) break;  // Before it hung up it may have said why.
    done += static_cast<size_t>(count);
  }
  std::string answer;
  while (!answer.ends_with('\n')) {
    if (!is_ready(descriptor_, POLLIN, end)) return base::fail(complaint("it is silent"));
    std::array<char, size_t{16} * 1024> buffer;
    const ssize_t count = recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (count <= 0) return base::fail(complaint("it has hung up"));
    answer.append(buffer.data(), static_cast<size_t>(count));
  }
  answer.pop_back();
  return answer;
}

}  // namespace control
