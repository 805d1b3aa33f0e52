#include "control/commands/control_socket.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

#include "control/commands/commands.h"
#include "control/config/control_socket_path.h"

namespace control {
namespace {

constexpr int kBacklog = 16;
constexpr base::seconds kDeafness{1};
constexpr mode_t kFolderMode = 0755;
constexpr mode_t kNobodyElse = 0177;  // Taken from a socket's 0777: its owner may read and write.

using Failed = std::optional<std::string>;

std::string reason() { return std::strerror(errno); }

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  return address;
}

int stream_socket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

Failed make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::exists(folder, error)) return std::nullopt;
  if (Failed failed = make_folder(folder.parent_path())) return failed;
  if (mkdir(folder.c_str(), kFolderMode) != 0 && errno != EEXIST)
    return "the folder " + folder.string() + " cannot be made: " + reason();
  chmod(folder.c_str(), kFolderMode);  // Whatever the umask; clients of other users find a reason.
  return std::nullopt;
}

/// Which process listens at `path`, in words; nothing if none does.
std::optional<std::string> who_listens(const std::string& path) {
  const Descriptor client(stream_socket());
  const sockaddr_un address = address_of(path);
  if (connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ECONNREFUSED || errno == ENOENT) return std::nullopt;
    if (errno != EAGAIN) return "it is not known who listens there: " + reason();
    return "another process listens there";
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0)
    return "another process listens there";
  return "process " + std::to_string(peer.pid) + " listens there";
}

/// Makes way for a new socket at `path`, if only a dead one is there.
Failed clear(const std::string& path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) return std::nullopt;
  if (!S_ISSOCK(found.st_mode)) return "there is something else that is no socket";
  if (const auto who = who_listens(path))
    return *who + "; a second dotline needs a `control.socket` of its own";
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return "what a dead process left there cannot be removed: " + reason();
  return std::nullopt;
}

/// The mode is right from the first moment: a process that finds the file finds it closed to
/// others.
bool bind_closed(int listener, const std::string& path) {
  const sockaddr_un address = address_of(path);
  const mode_t before = umask(kNobodyElse);
  const int bound = bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  umask(before);
  errno = error;
  return bound == 0;
}

bool is_passing(int error) { return error == EAGAIN || error == EINTR; }

}  // namespace

base::Result<std::unique_ptr<ControlSocket>, std::string> ControlSocket::open(
    const std::string& path, Answer answer) {
  const auto fail = [&path](const std::string& why) {
    return base::fail("control.socket " + path + ": " + why);
  };
  if (!path.starts_with('/')) return fail("it is no absolute path");
  if (path.size() > kMaxControlSocketPath)
    return fail("it has " + std::to_string(path.size()) + " octets, a socket's path has " +
                std::to_string(kMaxControlSocketPath) + " at most");
  if (const Failed failed = make_folder(std::filesystem::path(path).parent_path()))
    return fail(*failed);
  if (const Failed failed = clear(path)) return fail(*failed);
  Descriptor listener(stream_socket());
  if (listener.get() < 0 || !bind_closed(listener.get(), path))
    return fail("cannot listen there: " + reason());
  struct stat made {};
  if (listen(listener.get(), kBacklog) != 0 || lstat(path.c_str(), &made) != 0)
    return fail("cannot listen there: " + reason());
  return std::unique_ptr<ControlSocket>(
      new ControlSocket(listener.release(), {path, made.st_dev, made.st_ino}, std::move(answer)));
}

ControlSocket::ControlSocket(int listener, File file, Answer answer)
    : listener_(listener),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      file_(std::move(file)),
      answer_(std::move(answer)) {
  if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll");
  listen_again();
}

ControlSocket::~ControlSocket() {
  for (const Connection& connection : connections_) close(connection.descriptor);
  struct stat found {};
  if (lstat(file_.path.c_str(), &found) == 0 && found.st_dev == file_.device &&
      found.st_ino == file_.inode)
    unlink(file_.path.c_str());
  close(epoll_);
  close(listener_);
}

void ControlSocket::listen_again() {
  epoll_event event{.events = EPOLLIN, .data = {}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
  deaf_until_ = base::Time::max();
}

void ControlSocket::serve(base::Time now) {
  if (deaf_until_ <= now) listen_again();
  if (deaf_until_ == base::Time::max()) take_connections(now);
  for (Connection& connection : connections_) advance(connection, now);
  std::erase_if(connections_, [](const Connection& connection) {
    if (connection.dead) close(connection.descriptor);
    return connection.dead;
  });
}

void ControlSocket::take_connections(base::Time now) {
  for (size_t i = 0; i <= kMaxConnections; ++i) {
    const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor >= 0) {
      take_connection(descriptor, now);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      // It stays readable until a descriptor is free: no reason to spin.
      epoll_ctl(epoll_, EPOLL_CTL_DEL, listener_, nullptr);
      deaf_until_ = now + kDeafness;
      return;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return;
    }
  }
}

void ControlSocket::take_connection(int descriptor, base::Time now) {
  if (connections_.size() >= kMaxConnections) {
    const std::string text = refusal_line("too many connections: there are " +
                                          std::to_string(kMaxConnections) + " already") +
                             '\n';
    (void)send(descriptor, text.data(), text.size(), MSG_NOSIGNAL);
    close(descriptor);
    return;
  }
  Connection& connection = connections_.emplace_back();
  connection.descriptor = descriptor;
  connection.deadline = now + kIdleTime;
  epoll_event event{.events = EPOLLIN, .data = {}};
  connection.awaited = EPOLLIN;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) connection.dead = true;
}

/// Sends what is left of the last reply; only then the next line is looked at.
void ControlSocket::advance(Connection& connection, base::Time now) {
  bool answered = false;
  send_some(connection);
  if (connection.unsent.empty() && !connection.closing) {
    if (!connection.has_line()) receive(connection);
    if (connection.has_line()) answered = answer_line(connection);
    send_some(connection);
  }
  if (connection.unsent.empty() &&
      (connection.closing || (connection.ended && !connection.has_line())))
    connection.dead = true;
  keep_time(connection, answered, now);
  if (!connection.dead) await(connection);
}

/// A line and its reply have their time, from the first octet of one to the last of the other.
void ControlSocket::keep_time(Connection& connection, bool answered, base::Time now) {
  const bool busy = !connection.unsent.empty() || !connection.received.empty();
  if (busy != connection.busy || answered)
    connection.deadline = now + (busy ? kLineTime : kIdleTime);
  connection.busy = busy;
  if (now >= connection.deadline) connection.dead = true;
}

void ControlSocket::receive(Connection& connection) {
  if (connection.ended) return;
  std::array<char, size_t{16} * 1024> buffer;
  const ssize_t count = recv(connection.descriptor, buffer.data(), buffer.size(), 0);
  if (count < 0) {
    connection.dead = !is_passing(errno);
    return;
  }
  connection.ended = count == 0;
  connection.received.append(buffer.data(), static_cast<size_t>(count));
  if (connection.received.find('\n') <= kMaxLine || connection.received.size() <= kMaxLine) return;
  connection.received.clear();
  connection.unsent =
      refusal_line("a line has " + std::to_string(kMaxLine) + " octets at most") + '\n';
  connection.closing = true;
}

bool ControlSocket::answer_line(Connection& connection) {
  const size_t end = connection.received.find('\n');
  connection.unsent = answer_(std::string_view(connection.received).substr(0, end)) + '\n';
  connection.received.erase(0, end + 1);
  return true;
}

void ControlSocket::send_some(Connection& connection) {
  if (connection.unsent.empty() || connection.dead) return;
  const ssize_t count =
      send(connection.descriptor, connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
  if (count < 0) {
    connection.dead = !is_passing(errno);
    return;
  }
  connection.unsent.erase(0, static_cast<size_t>(count));
}

void ControlSocket::await(Connection& connection) {
  // While a reply waits to be read, no further line is: a client that only writes stops itself.
  const uint32_t awaited = connection.unsent.empty() ? EPOLLIN : EPOLLOUT;
  if (connection.awaited == awaited) return;
  epoll_event event{.events = awaited, .data = {}};
  connection.awaited = awaited;
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.descriptor, &event) != 0) connection.dead = true;
}

base::Time ControlSocket::next_deadline() const {
  base::Time next = deaf_until_;
  for (const Connection& connection : connections_) {
    const bool more = connection.unsent.empty() && connection.has_line();
    next = std::min(next, more ? base::Time{} : connection.deadline);
  }
  return next;
}

}  // namespace control
