// The UNIX socket that commands come over: a line in, a line out. It is served by the control
// thread in between its other work, so nothing here waits: a client that is slow, silent or
// talks nonsense costs a little memory for a few seconds and then its connection.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "dataplane/base/clock.h"
#include "dataplane/base/result.h"

namespace control {

class ControlSocket {
 public:
  /// What is answered to a line; neither has its end.
  using Answer = std::function<std::string(std::string_view line)>;

  /// Listens at `path`, for its owner only. Folders that are missing are made. What a dead process
  /// left there is replaced. Fails with a sentence that names the path: it is not absolute or too
  /// long, a process answers there already, something else is there, it may not be made.
  static base::Result<std::unique_ptr<ControlSocket>, std::string> open(const std::string& path,
                                                                        Answer answer);
  /// Closes all connections and removes the file, unless it is another one by now.
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  /// Readable when `serve` has something to do.
  [[nodiscard]] int descriptor() const { return epoll_; }
  /// Does what can be done without waiting; at most one line of each connection.
  void serve(base::Time now);
  /// When to call `serve` again at the latest, whatever the descriptor says.
  [[nodiscard]] base::Time next_deadline() const;

  static constexpr size_t kMaxLine = size_t{64} * 1024;  // Without its end.
  static constexpr size_t kMaxConnections = 16;          // The next client is told so.
  static constexpr base::seconds kLineTime{5};    // For a line to come, and a reply to be read.
  static constexpr base::seconds kIdleTime{300};  // Between two lines.

 private:
  struct Connection {
    int descriptor = -1;
    std::string received;  // Not yet answered.
    std::string unsent;
    base::Time deadline;
    bool ended = false;    // By the client: no more lines come.
    bool closing = false;  // By us, once `unsent` is sent.
    bool dead = false;
    bool busy = false;     // In a line or a reply.
    uint32_t awaited = 0;  // What epoll looks for.

    [[nodiscard]] bool has_line() const { return received.find('\n') != std::string::npos; }
  };

  struct File {
    std::string path;
    uint64_t device = 0;
    uint64_t inode = 0;
  };

  ControlSocket(int listener, File file, Answer answer);

  void take_connections(base::Time now);
  void take_connection(int descriptor, base::Time now);
  void advance(Connection& connection, base::Time now);
  static void keep_time(Connection& connection, bool answered, base::Time now);
  static void receive(Connection& connection);
  bool answer_line(Connection& connection);
  static void send_some(Connection& connection);
  void await(Connection& connection);
  void listen_again();

  const int listener_;
  const int epoll_;
  const File file_;
  const Answer answer_;
  std::list<Connection> connections_;
  base::Time deaf_until_ = base::Time::max();  // Until then no client is accepted.
};

}  // namespace control
