#include "tls-workers/worker/seccomp_program.h"

#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace worker {

/// libseccomp writes the kernel's form to files only; this one is memory.
void SeccompProgram::translate(scmp_filter_ctx filter) {
  const int file = memfd_create("seccomp", MFD_CLOEXEC);
  if (file < 0) {
    error_ = errno;
    return;
  }
  error_ = -seccomp_export_bpf(filter, file);
  if (error_ == 0 && lseek(file, 0, SEEK_SET) != 0) error_ = errno;
  std::array<sock_filter, 64> part{};
  ssize_t size = 0;
  while (error_ == 0 && (size = read(file, part.data(), sizeof part)) > 0)
    code_.insert(code_.end(), part.begin(),
                 part.begin() + size / static_cast<ssize_t>(sizeof(sock_filter)));
  if (size < 0) error_ = errno;
  close(file);
}

int SeccompProgram::take_up() const {
  if (error_ != 0) return error_;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  const sock_fprog program{static_cast<unsigned short>(code_.size()),
                           const_cast<sock_filter*>(code_.data())};
  const long done =
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &program);
  return done == 0 ? 0 : errno;
}

}  // namespace worker
