#include "tls-workers/worker/confinement.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <thread>

namespace tests {
namespace {

/// Runs `act` on a thread that is confined, and on no other.
void confined(const std::function<void()>& act) {
  std::thread([&act] {
    const auto done = worker::confine_worker();
    ASSERT_TRUE(done.has_value()) << done.error();
    act();
  }).join();
}

/// The error of a system call, 0 for none. What it opens is closed.
template <typename... Arguments>
int error_of(long call, Arguments... arguments) {
  errno = 0;
  const long result = syscall(call, arguments...);
  const int error = result < 0 ? errno : 0;
  if (call == SYS_socket && result >= 0) close(static_cast<int>(result));
  return error;
}

int socket_error(long family, long type, long protocol) {
  return error_of(SYS_socket, family, type, protocol);
}

struct Denied {
  const char* name;
  std::function<int()> act;  // Gives the error.
};

class Confinement : public testing::TestWithParam<Denied> {};

TEST_P(Confinement, Denies) {
  EXPECT_NE(GetParam().act(), EPERM) << "is denied to everybody; the test would show nothing";
  confined([&] { EXPECT_EQ(GetParam().act(), EPERM); });
  EXPECT_NE(GetParam().act(), EPERM) << "other threads go on as before";
}

constexpr long kUpperBit = 1L << 32;  // The kernel does not look at it.

INSTANTIATE_TEST_SUITE_P(
    Calls, Confinement,
    testing::Values(
        Denied{"udp", [] { return socket_error(AF_INET, SOCK_DGRAM, 0); }},
        Denied{"udp_of_ipv6", [] { return socket_error(AF_INET6, SOCK_DGRAM, IPPROTO_UDP); }},
        Denied{"udp_with_flags",
               [] { return socket_error(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }},
        Denied{"udp_with_a_stray_bit_in_its_family",
               [] { return socket_error(AF_INET | kUpperBit, SOCK_DGRAM, 0); }},
        Denied{"udp_with_a_stray_bit_in_its_type",
               [] { return socket_error(AF_INET, SOCK_DGRAM | kUpperBit, 0); }},
        Denied{"sctp", [] { return socket_error(AF_INET, SOCK_STREAM, IPPROTO_SCTP); }},
        Denied{"stream_of_another_protocol",
               [] { return socket_error(AF_INET, SOCK_STREAM, IPPROTO_ICMP); }},
        Denied{"multipath_tcp", [] { return socket_error(AF_INET, SOCK_STREAM, 262); }},
        Denied{"unix_socket", [] { return socket_error(AF_UNIX, SOCK_STREAM, 0); }},
        Denied{"unix_datagrams", [] { return socket_error(AF_UNIX, SOCK_DGRAM, 0); }},
        Denied{"netlink", [] { return socket_error(AF_NETLINK, SOCK_DGRAM, 0); }},
        Denied{"virtual_machine_socket", [] { return socket_error(AF_VSOCK, SOCK_STREAM, 0); }},
        Denied{"unknown_family", [] { return socket_error(46, SOCK_STREAM, 0); }},
        Denied{"no_family", [] { return socket_error(AF_UNSPEC, SOCK_STREAM, 0); }},
        Denied{"bind", [] { return error_of(SYS_bind, -1L, nullptr, 0L); }},
        Denied{"listen", [] { return error_of(SYS_listen, -1L, 1L); }},
        Denied{"accept", [] { return error_of(SYS_accept, -1L, nullptr, nullptr); }},
        Denied{"send_to_an_address",
               [] {
                 sockaddr_in to{};
                 return error_of(SYS_sendto, -1L, "x", 1L, 0L, &to, sizeof to);
               }},
        Denied{"sendmsg", [] { return error_of(SYS_sendmsg, -1L, nullptr, 0L); }},
        Denied{"sendmmsg", [] { return error_of(SYS_sendmmsg, -1L, nullptr, 0L, 0L); }},
        Denied{"execve", [] { return error_of(SYS_execve, "/nonexistent", nullptr, nullptr); }},
        Denied{"execveat",
               [] { return error_of(SYS_execveat, -1L, "/nonexistent", nullptr, nullptr, 0L); }},
        Denied{"pidfd_getfd", [] { return error_of(SYS_pidfd_getfd, -1L, 0L, 0L); }},
        Denied{"setns", [] { return error_of(SYS_setns, -1L, 0L); }}),
    [](const auto& test) { return std::string(test.param.name); });

/// These need rights, or a kernel that has them, so there may be no other thread to compare with.
TEST(ConfinementOfRights, Denies) {
  confined([] {
    EXPECT_EQ(socket_error(AF_INET, SOCK_RAW, IPPROTO_UDP), EPERM);
    EXPECT_EQ(socket_error(AF_INET6, SOCK_RAW, IPPROTO_RAW), EPERM);
    EXPECT_EQ(socket_error(AF_PACKET, SOCK_RAW, 0), EPERM);
    EXPECT_EQ(socket_error(AF_PACKET, SOCK_DGRAM, 0), EPERM);
    EXPECT_EQ(socket_error(AF_XDP, SOCK_RAW, 0), EPERM);
    EXPECT_EQ(error_of(SYS_io_uring_setup, 1L, nullptr), EPERM);
    EXPECT_EQ(error_of(SYS_unshare, 0L), EPERM);
    EXPECT_EQ(error_of(SYS_bpf, 0L, nullptr, 0L), EPERM);
  });
}

TEST(Confinement, LeavesTcpAlone) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  confined([&] {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    ASSERT_GE(fd, 0);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(send(fd, "x", 1, MSG_NOSIGNAL), 1);
    close(fd);
  });
  const int peer = accept(listener, nullptr, nullptr);
  char octet = 0;
  EXPECT_EQ(read(peer, &octet, 1), 1);
  close(peer);
  close(listener);
}

TEST(Confinement, LeavesTheRestOfAWorkersLifeAlone) {
  confined([] {
    EXPECT_EQ(socket_error(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 0);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    EXPECT_GE(epoll, 0);
    close(epoll);
    const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    EXPECT_GE(file, 0);
    close(file);
    std::array<char, 16> random;
    EXPECT_EQ(getentropy(random.data(), random.size()), 0);
    std::thread([] {}).join();
  });
}

TEST(Confinement, IsForLifeAndInherited) {
  confined([] {
    EXPECT_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    EXPECT_EQ(prctl(PR_GET_SECCOMP), 2);  // SECCOMP_MODE_FILTER
    int error = 0;
    std::thread([&] { error = socket_error(AF_INET, SOCK_DGRAM, 0); }).join();
    EXPECT_EQ(error, EPERM);
  });
  EXPECT_EQ(prctl(PR_GET_SECCOMP), 0) << "other threads are not confined";
}

}  // namespace
}  // namespace tests
