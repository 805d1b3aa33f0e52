#include "tls-workers/worker/confinement.h"

#include <netinet/in.h>
#include <seccomp.h>
#include <sys/socket.h>

#include <system_error>

#include "tls-workers/worker/seccomp_program.h"

namespace worker {
namespace {

constexpr uint32_t kDeny = SCMP_ACT_ERRNO(EPERM);
constexpr int kSocketType = 0xF;  // What of socket's second argument is not a flag; net.h.

/// Denied whatever their arguments are.
constexpr int kDenied[] = {
    // Where clients are listened to was decided before; the worker only accepts them, by accept4.
    SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept),
    // They take addresses that this filter cannot see.
    SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg),
    // Another program would be another thread's worth of trust.
    SCMP_SYS(execve), SCMP_SYS(execveat),
    // They would do for us what is denied here.
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd), SCMP_SYS(setns),
    SCMP_SYS(unshare), SCMP_SYS(bpf)};

/// Denies `call` where its argument is as `argument` says. Comparisons are of 64 bits, so stray
/// upper halves, which the kernel ignores, are denied rather than overlooked.
int deny(scmp_filter_ctx filter, int call, scmp_arg_cmp argument) {
  return seccomp_rule_add_array(filter, kDeny, call, 1, &argument);
}

/// socket(2): TCP over IPv4 or IPv6, else nothing. What is not denied is allowed, so the rules are
/// the rest: families below, between and above the two, all other types, all other protocols.
int deny_sockets(scmp_filter_ctx filter) {
  int error = deny(filter, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_LT, AF_INET));
  for (int family = AF_INET + 1; family < AF_INET6 && error == 0; ++family)
    error = deny(filter, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, static_cast<unsigned>(family)));
  if (error == 0) error = deny(filter, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_GT, AF_INET6));
  for (int type = 0; type <= kSocketType && error == 0; ++type) {
    if (type == SOCK_STREAM) continue;
    error = deny(filter, SCMP_SYS(socket),
                 SCMP_A1(SCMP_CMP_MASKED_EQ, kSocketType, static_cast<unsigned>(type)));
  }
  // 0 is the family's own stream protocol: TCP.
  for (int protocol = 1; protocol < IPPROTO_TCP && error == 0; ++protocol)
    error = deny(filter, SCMP_SYS(socket), SCMP_A2(SCMP_CMP_EQ, static_cast<unsigned>(protocol)));
  if (error == 0) error = deny(filter, SCMP_SYS(socket), SCMP_A2(SCMP_CMP_GT, IPPROTO_TCP));
  return error;
}

/// 0, or -errno as libseccomp has it.
int write_rules(scmp_filter_ctx filter) {
  // System calls of other architectures have other numbers.
  int error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, kDeny);
  for (const int call : kDenied) {
    if (error == 0) error = seccomp_rule_add_array(filter, kDeny, call, 0, nullptr);
  }
  if (error == 0) error = deny_sockets(filter);
  // An address is for sockets without a connection. send(2) is sendto(2) without one.
  if (error == 0) error = deny(filter, SCMP_SYS(sendto), SCMP_A4(SCMP_CMP_NE, 0));
  return error;
}

const SeccompProgram& program() {
  static const SeccompProgram made(write_rules);
  return made;
}

}  // namespace

void prepare_confinement() { (void)program(); }

base::Result<void, std::string> confine_worker() {
  const int error = program().take_up();
  if (error == 0) return {};
  return base::fail("TLS workers cannot be confined (seccomp): " +
                    std::system_category().message(error));
}

}  // namespace worker
