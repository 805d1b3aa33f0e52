// What a thread may do before and after, as the kernel answers it. Each test is a process of its
// own: there is no way back.
#include "control/process/rights.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <future>
#include <string>
#include <thread>

namespace control {
namespace {

/// Whether `body` holds in a child. What does not hold is named on its standard error.
bool holds_in_child(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body() ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool expect(bool holds, const char* what) {
  if (!holds) std::fprintf(stderr, "does not hold: %s (%s)\n", what, strerror(errno));
  return holds;
}

/// A line of the calling thread's status, without its name.
std::string status(const std::string& name) {
  std::ifstream file("/proc/thread-self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  }
  return {};
}

const std::string kNone(16, '0');

template <typename Call>
bool is_denied(Call call) {
  errno = 0;
  return call() < 0 && errno == EPERM;
}

bool can_open(int family, int type) {
  const int made = socket(family, type, 0);
  if (made >= 0) close(made);
  return made >= 0;
}

TEST(Rights, AProcessStartsNothingAndTouchesNoKernel) {
  EXPECT_TRUE(holds_in_child([] {
    if (!expect(confine_process().has_value(), "confined")) return false;
    std::array<char*, 1> none{};
    return expect(is_denied([&] { return execve("/bin/true", none.data(), none.data()); }),
                  "execve is denied") &&
           expect(is_denied([] { return mount("none", "/tmp", "tmpfs", 0, nullptr); }), "mount") &&
           expect(is_denied([] { return syscall(SYS_finit_module, -1, "", 0); }), "modules") &&
           expect(is_denied([] { return syscall(SYS_io_uring_setup, 1, nullptr); }), "io_uring") &&
           expect(is_denied([] { return setuid(0); }), "setuid") &&
           expect(can_open(AF_INET, SOCK_STREAM), "TCP sockets stay") &&
           expect(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0, "no core dumps") &&
           expect(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "no new privileges");
  }));
}

TEST(Rights, AProcessIsConfinedWithTheThreadsItHas) {
  EXPECT_TRUE(holds_in_child([] {
    std::promise<void> confined;
    bool other = false;
    std::thread earlier([&] {
      confined.get_future().wait();
      other = status("Seccomp") == "2" && status("NoNewPrivs") == "1";
    });
    const bool done = confine_process().has_value();
    confined.set_value();
    earlier.join();
    return expect(done && other, "the other thread has the filter");
  }));
}

TEST(Rights, AHelperHasNoCapabilityAndNoSocketButUnixOnes) {
  EXPECT_TRUE(holds_in_child([] {
    if (!expect(confine_process() && confine_helper(), "confined")) return false;
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
      if (!expect(status(set) == kNone, set)) return false;
    }
    return expect(!can_open(AF_INET, SOCK_DGRAM) && errno == EPERM, "UDP is denied") &&
           expect(!can_open(AF_INET6, SOCK_STREAM) && errno == EPERM, "TCP is denied") &&
           expect(!can_open(AF_NETLINK, SOCK_RAW) && errno == EPERM, "netlink is denied") &&
           expect(can_open(AF_UNIX, SOCK_STREAM), "UNIX sockets stay") &&
           expect(is_denied([] { return syscall(SYS_bpf, BPF_MAP_CREATE, nullptr, 0); }), "bpf") &&
           expect(is_denied([] { return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }), "ptrace");
  }));
}

TEST(Rights, AHelperReadsFilesAndWritesNone) {
  EXPECT_TRUE(holds_in_child([] {
    const std::string path = testing::TempDir() + "dotline-rights-" + std::to_string(getpid());
    std::ofstream(path) << "written before";
    if (!expect(confine_process() && confine_helper(), "confined")) return false;
    const int read_only = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const bool denied =
        expect(read_only >= 0, "reading stays") &&
        expect(is_denied([&] { return open(path.c_str(), O_WRONLY | O_CLOEXEC); }), "writing") &&
        expect(is_denied([&] { return open(path.c_str(), O_RDWR | O_CLOEXEC); }), "both") &&
        expect(is_denied([&] { return open((path + "2").c_str(), O_CREAT | O_CLOEXEC, 0600); }),
               "making") &&
        expect(is_denied([&] { return chmod(path.c_str(), 0644); }), "changing modes") &&
        expect(is_denied([&] { return rename(path.c_str(), (path + "2").c_str()); }), "renaming");
    unlink(path.c_str());
    return denied;
  }));
}

TEST(Rights, GivingThemUpLeavesOtherThreadsAsTheyAre) {
  EXPECT_TRUE(holds_in_child([] {
    const std::string before = status("CapEff");
    bool given_up = false;
    std::thread([&] { given_up = give_up_rights() && status("CapEff") == kNone; }).join();
    return expect(given_up, "given up") && expect(status("CapEff") == before, "kept");
  }));
}

TEST(Rights, WhatIsSetAsideComesBack) {
  EXPECT_TRUE(holds_in_child([] {
    // Whoever runs this without any rights has none to set aside either.
    const std::string only_network = status("CapEff") == kNone ? kNone : "0000000000001000";
    if (!expect(set_rights_aside({Capability::NetAdmin}).has_value(), "set aside")) return false;
    const bool aside = status("CapEff") == kNone && status("CapPrm") == only_network;
    take_rights_back();
    return expect(aside, "not in effect") && expect(status("CapEff") == only_network, "back");
  }));
}

TEST(Rights, WhatOneHasNotIsNotSetAside) {
  EXPECT_TRUE(holds_in_child([] {
    return expect(give_up_rights() && set_rights_aside({Capability::NetAdmin}), "done") &&
           expect(status("CapPrm") == kNone, "nothing came from nothing");
  }));
}

}  // namespace
}  // namespace control
