#include "control/process/rights.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include "tls-workers/worker/seccomp_program.h"

namespace control {
namespace {

static_assert(CAP_NET_BIND_SERVICE == 10 && CAP_NET_ADMIN == 12 && CAP_NET_RAW == 13 &&
              CAP_IPC_LOCK == 14 && CAP_SYS_ADMIN == 21 && CAP_BPF == 39);
constexpr unsigned kBitsPerWord = 32;

using Words = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

struct ReleaseFilter {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, ReleaseFilter>;

constexpr uint32_t kDeny = SCMP_ACT_ERRNO(EPERM);

/// Nobody in this process has a use for these after the start.
constexpr int kDeniedToAll[] = {
    // Other programs.
    SCMP_SYS(execve), SCMP_SYS(execveat),
    // Other processes. ptrace is left to the control thread: it reaches nothing with more rights
    // than
    // ours, and LeakSanitizer looks at us with it.
    SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp),
    // Other views of the machine.
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(setns),
    SCMP_SYS(unshare), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(mount_setattr),
    // The kernel.
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff),
    SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(syslog), SCMP_SYS(iopl),
    SCMP_SYS(ioperm), SCMP_SYS(acct), SCMP_SYS(quotactl), SCMP_SYS(add_key), SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    // The machine's clock and name.
    SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime),
    SCMP_SYS(sethostname), SCMP_SYS(setdomainname),
    // Who we are.
    SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid), SCMP_SYS(setresuid),
    SCMP_SYS(setresgid), SCMP_SYS(setgroups), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid),
    SCMP_SYS(mknod), SCMP_SYS(mknodat),
    // They would do for us what is denied here.
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register)};

constexpr int kDeniedToHelpers[] = {
    SCMP_SYS(bpf), SCMP_SYS(ptrace),
    // Files are there to be read. openat2 has its flags where a filter cannot see them.
    SCMP_SYS(openat2), SCMP_SYS(creat), SCMP_SYS(truncate), SCMP_SYS(rename), SCMP_SYS(renameat),
    SCMP_SYS(renameat2), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(symlink), SCMP_SYS(symlinkat),
    SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat),
    SCMP_SYS(chown), SCMP_SYS(fchown), SCMP_SYS(lchown), SCMP_SYS(fchownat), SCMP_SYS(setxattr),
    SCMP_SYS(lsetxattr), SCMP_SYS(fsetxattr)};

Confined fault(const char* what, int error) {
  return base::fail(std::string(what) + ": " + std::system_category().message(error));
}

/// What every filter here has in common. 0, or -errno as libseccomp has it.
int begin_rules(scmp_filter_ctx filter, std::span<const int> denied) {
  // System calls of other architectures have other numbers.
  int error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, kDeny);
  for (const int call : denied) {
    if (error == 0) error = seccomp_rule_add_array(filter, kDeny, call, 0, nullptr);
  }
  return error;
}

/// Drivers of software devices talk to each other over UNIX sockets, and so does sd_notify.
int deny_sockets_but_unix(scmp_filter_ctx filter) {
  const scmp_arg_cmp other_family = SCMP_A0(SCMP_CMP_NE, AF_UNIX);
  return seccomp_rule_add_array(filter, kDeny, SCMP_SYS(socket), 1, &other_family);
}

/// Whatever could make or change a file.
int deny_writing(scmp_filter_ctx filter) {
  int error = 0;
  for (const unsigned flag :
       {unsigned{O_WRONLY}, unsigned{O_RDWR}, unsigned{O_CREAT}, unsigned{O_TRUNC}}) {
    const scmp_arg_cmp of_open = SCMP_A1(SCMP_CMP_MASKED_EQ, flag, flag);
    const scmp_arg_cmp of_openat = SCMP_A2(SCMP_CMP_MASKED_EQ, flag, flag);
    if (error == 0) error = seccomp_rule_add_array(filter, kDeny, SCMP_SYS(open), 1, &of_open);
    if (error == 0) error = seccomp_rule_add_array(filter, kDeny, SCMP_SYS(openat), 1, &of_openat);
  }
  return error;
}

Words capabilities_of_thread() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  Words words{};
  // glibc has no wrapper. With this header it cannot fail.
  (void)syscall(SYS_capget, &header, words.data());
  return words;
}

bool set_capabilities(const Words& words) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  return syscall(SYS_capset, &header, words.data()) == 0;
}

bool has(const Words& words, unsigned capability) {
  return (words[capability / kBitsPerWord].effective >> (capability % kBitsPerWord) & 1U) != 0;
}

/// What a new program could have. Without CAP_SETPCAP whoever started us has seen to it; there are
/// no new programs either way.
void empty_bounding_set(const Words& words) {
  if (!has(words, CAP_SETPCAP)) return;
  for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

Confined keep_permitted(const std::vector<Capability>& kept) {
  const Words before = capabilities_of_thread();
  empty_bounding_set(before);
  (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  Words after{};
  for (const Capability capability : kept) {
    const auto bit = static_cast<unsigned>(capability);
    after[bit / kBitsPerWord].permitted |=
        before[bit / kBitsPerWord].permitted & (1U << (bit % kBitsPerWord));
  }
  if (set_capabilities(after)) return {};
  return fault("capabilities cannot be given up", errno);
}

}  // namespace

Confined confine_process() {
  // What is in memory (keys of sessions, names that were asked) is for no file and no debugger.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    return fault("core dumps cannot be ruled out", errno);
  const Filter filter(seccomp_init(SCMP_ACT_ALLOW));
  int error = filter != nullptr ? begin_rules(filter.get(), kDeniedToAll) : -ENOMEM;
  if (error == 0) error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_NNP, 1);
  if (error == 0) error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_LOG, 1);
  // Also to the threads that EAL has made.
  if (error == 0) error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  if (error == 0) error = seccomp_load(filter.get());
  if (error != 0) return fault("the process cannot be confined (seccomp)", -error);
  return {};
}

Confined give_up_rights() { return keep_permitted({}); }

Confined confine_helper() {
  if (auto given_up = give_up_rights(); !given_up) return given_up;
  static const worker::SeccompProgram program([](scmp_filter_ctx filter) {
    int error = begin_rules(filter, kDeniedToHelpers);
    if (error == 0) error = deny_sockets_but_unix(filter);
    if (error == 0) error = deny_writing(filter);
    return error;
  });
  const int error = program.take_up();
  if (error != 0) return fault("a thread cannot be confined (seccomp)", error);
  return {};
}

Confined set_rights_aside(const std::vector<Capability>& kept) { return keep_permitted(kept); }

void take_rights_back() {
  Words words = capabilities_of_thread();
  for (__user_cap_data_struct& word : words) word.effective = word.permitted;
  (void)set_capabilities(words);
}

void put_rights_aside() {
  Words words = capabilities_of_thread();
  for (__user_cap_data_struct& word : words) word.effective = 0;
  (void)set_capabilities(words);
}

}  // namespace control
