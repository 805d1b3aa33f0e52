#include "port_rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "dataplane/base/address.h"

namespace {

constexpr int kPatienceSeconds = 20;

base::Descriptor current_namespace() {
  return base::Descriptor(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
}

base::Descriptor new_namespace() {
  if (unshare(CLONE_NEWNET) != 0) {
    ADD_FAILURE() << "no network namespace: " << strerror(errno) << "; these tests need root";
  }
  return current_namespace();
}

bool succeeds(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress socket_address(const std::string& text, uint16_t port) {
  SocketAddress made;
  if (text.find(':') == std::string::npos) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    inet_pton(AF_INET, text.c_str(), &v4.sin_addr);
    std::memcpy(&made.storage, &v4, sizeof v4);
    made.size = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr);
    std::memcpy(&made.storage, &v6, sizeof v6);
    made.size = sizeof v6;
  }
  return made;
}

std::string receive(int fd) {
  std::array<char, 2048> text;
  const ssize_t size = recv(fd, text.data(), text.size(), 0);
  if (size >= 0) return "reply " + std::string(text.data(), static_cast<size_t>(size));
  return errno == ECONNREFUSED ? "refused" : errno == EAGAIN ? "silence" : strerror(errno);
}

[[noreturn]] void become(std::vector<std::string> words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  execvp(pointers[0], pointers.data());
  _exit(127);
}

}  // namespace

Wire::Wire() {
  far_ = new_namespace();
  near_ = new_namespace();
  near("ip link set lo up");
  near("ip link add dot0 type veth peer name peer0 netns " + far_path());
  near("ip addr add 192.0.2.1/24 dev dot0");
  near("ip addr add 2001:db8::1/64 dev dot0 nodad");
  near("ip link set dot0 up");
  far("ip addr add 192.0.2.2/24 dev peer0");
  far("ip addr add 2001:db8::2/64 dev peer0 nodad");
  far("ip link set peer0 up");
  // A veth would hand over checksums that nobody has finished, and the far kernel would drop them
  // on their way back.
  far("ethtool -K peer0 tx off");
}

std::string Wire::far_path() const {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(far_.get());
}

void Wire::near(const std::string& command) const { EXPECT_TRUE(succeeds(command)) << command; }
void Wire::far(const std::string& command) const { EXPECT_TRUE(far_succeeds(command)) << command; }
bool Wire::far_succeeds(const std::string& command) const {
  return succeeds("nsenter --net=" + far_path() + " " + command);
}

base::Descriptor Wire::far_socket(int type, const std::string& address, uint16_t port) const {
  const SocketAddress to = socket_address(address, port);
  // A socket belongs to the namespace that it was made in, wherever its thread goes.
  EXPECT_EQ(setns(far_.get(), CLONE_NEWNET), 0);
  base::Descriptor made(socket(to.storage.ss_family, type | SOCK_CLOEXEC, 0));
  EXPECT_EQ(setns(near_.get(), CLONE_NEWNET), 0);
  const timeval patience{kPatienceSeconds, 0};
  setsockopt(made.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return made;
}

std::string Wire::ask(const std::string& address, uint16_t port, const std::string& text) const {
  const base::Descriptor client = far_socket(SOCK_DGRAM, address, port);
  const SocketAddress to = socket_address(address, port);
  if (connect(client.get(), to.get(), to.size) != 0) return strerror(errno);
  if (send(client.get(), text.data(), text.size(), 0) < 0) return strerror(errno);
  return receive(client.get());
}

bool Wire::only_reply_came(const std::string& address, uint16_t port) const {
  const base::Descriptor client = far_socket(SOCK_DGRAM, address, port);
  const SocketAddress to = socket_address(address, port);
  if (connect(client.get(), to.get(), to.size) != 0) return false;
  if (send(client.get(), "one", 3, 0) != 3 || receive(client.get()) != "reply one") return false;
  if (ask(address, 9, "discarded") != "refused") return false;
  fcntl(client.get(), F_SETFL, O_NONBLOCK);
  return receive(client.get()) == "silence";
}

void Wire::send_frame(base::ByteView frame) const {
  EXPECT_EQ(setns(far_.get(), CLONE_NEWNET), 0);
  const base::Descriptor raw(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex("peer0"));
  EXPECT_EQ(setns(near_.get(), CLONE_NEWNET), 0);
  EXPECT_EQ(sendto(raw.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                   sizeof to),
            static_cast<ssize_t>(frame.size()));
}

bool Wire::connects(const std::string& address, uint16_t port) const {
  const base::Descriptor listener = bind_near(SOCK_STREAM, address, port);
  if (!listener.ok() || listen(listener.get(), 1) != 0) return false;
  const base::Descriptor client = far_socket(SOCK_STREAM, address, port);
  const SocketAddress to = socket_address(address, port);
  return connect(client.get(), to.get(), to.size) == 0;
}

base::Descriptor bind_near(int type, const std::string& address, uint16_t port) {
  const SocketAddress at = socket_address(address, port);
  base::Descriptor made(socket(at.storage.ss_family, type | SOCK_CLOEXEC, 0));
  if (bind(made.get(), at.get(), at.size) != 0) return {};
  return made;
}

Probe::Probe(std::vector<std::string> arguments, std::vector<std::string> wrapper) {
  const char* const program = std::getenv("PORT_PROBE");
  if (program == nullptr) {
    ADD_FAILURE() << "PORT_PROBE does not say where port_probe is";
    return;
  }
  std::array<int, 2> input{};
  std::array<int, 2> output{};
  EXPECT_EQ(pipe2(input.data(), O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(output.data(), O_CLOEXEC), 0);
  errors_ = base::Descriptor(memfd_create("errors", MFD_CLOEXEC));
  process_ = fork();
  if (process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(input[0], STDIN_FILENO);
    dup2(output[1], STDOUT_FILENO);
    dup2(errors_.get(), STDERR_FILENO);
    wrapper.emplace_back(program);
    wrapper.insert(wrapper.end(), arguments.begin(), arguments.end());
    become(std::move(wrapper));
  }
  close(input[0]);
  close(output[1]);
  input_ = base::Descriptor(input[1]);
  output_ = base::Descriptor(output[0]);
}

Probe::~Probe() { kill(); }

/// False at the end of its output.
bool Probe::read_more() {
  std::array<char, 4096> text;
  const ssize_t size = read(output_.get(), text.data(), text.size());
  if (size <= 0) return false;
  report_.append(text.data(), static_cast<size_t>(size));
  return true;
}

std::string Probe::wait_for(const std::string& start) {
  size_t line = 0;
  while (true) {
    const size_t end = report_.find('\n', line);
    if (end == std::string::npos) {
      if (!read_more()) return "";
      continue;
    }
    if (report_.compare(line, start.size(), start) == 0) return report_.substr(line, end - line);
    line = end + 1;
  }
}

void Probe::reap() {
  if (process_ <= 0) return;
  waitpid(process_, nullptr, 0);
  process_ = -1;
}

std::string Probe::finish() {
  { const base::Descriptor closed = std::move(input_); }
  while (read_more()) continue;
  reap();
  return report_;
}

void Probe::kill() {
  if (process_ > 0) ::kill(process_, SIGKILL);
  reap();
}

std::string Probe::errors() const {
  std::array<char, 4096> text;
  const ssize_t size = pread(errors_.get(), text.data(), text.size(), 0);
  return {text.data(), static_cast<size_t>(size < 0 ? 0 : size)};
}
