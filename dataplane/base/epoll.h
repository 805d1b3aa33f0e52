// An epoll instance that is closed with its owner. Throws nothing: what the kernel refuses is a
// value.
#pragma once

#include <sys/epoll.h>

#include <cerrno>
#include <span>
#include <system_error>

#include "dataplane/base/clock.h"
#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"

namespace base {

class Epoll {
 public:
  [[nodiscard]] static Result<Epoll, std::error_code> open() {
    const int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) return fail(last_error());
    return Epoll(fd);
  }

  /// `events`: EPOLLIN and the like. `data` comes back with them. The value is the error, if any.
  std::error_code add(int fd, uint32_t events, epoll_data_t data) {
    return control(EPOLL_CTL_ADD, fd, events, data);
  }
  std::error_code modify(int fd, uint32_t events, epoll_data_t data) {
    return control(EPOLL_CTL_MOD, fd, events, data);
  }
  /// What is ready, in the front of `room`; nothing if that takes `longest`, or a signal came.
  [[nodiscard]] std::span<const epoll_event> wait(std::span<epoll_event> room,
                                                  milliseconds longest) {
    const int count = epoll_wait(fd_.get(), room.data(), static_cast<int>(room.size()),
                                 static_cast<int>(longest.count()));
    return room.first(count > 0 ? static_cast<size_t>(count) : 0);
  }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  explicit Epoll(int fd) : fd_(fd) {}

  [[nodiscard]] static std::error_code last_error() { return {errno, std::system_category()}; }
  [[nodiscard]] std::error_code control(int operation, int fd, uint32_t events, epoll_data_t data) {
    epoll_event event{.events = events, .data = data};
    return epoll_ctl(fd_.get(), operation, fd, &event) == 0 ? std::error_code{} : last_error();
  }

  Descriptor fd_;
};

}  // namespace base
