// A filter on system calls in the kernel's own form: made once, early, so that each thread can take
// it up without asking for memory. libseccomp (2.5) ends the process where it gets none.
#pragma once

#include <linux/filter.h>
#include <seccomp.h>

#include <vector>

namespace worker {

class SeccompProgram {
 public:
  /// A filter that allows everything but what `add_rules(filter)` denies; it returns 0, or -errno
  /// as libseccomp has it. What fails here is told by `take_up`.
  template <typename AddRules>
  explicit SeccompProgram(AddRules add_rules) {
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    error_ = filter != nullptr ? -add_rules(filter) : kNoMemory;
    if (error_ == 0) translate(filter);
    if (filter != nullptr) seccomp_release(filter);
  }

  /// Holds the calling thread, and what it starts, to the filter for the rest of its life; sets
  /// no_new_privs. What is denied is named in the kernel's audit log. 0, or errno.
  [[nodiscard]] int take_up() const;

 private:
  static constexpr int kNoMemory = 12;  // ENOMEM

  void translate(scmp_filter_ctx filter);

  int error_ = 0;
  std::vector<sock_filter> code_;
};

}  // namespace worker
