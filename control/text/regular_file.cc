#include "control/text/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace control {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

std::string reason(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

}  // namespace

base::Result<std::string, std::string> read_regular_file(const std::string& path, size_t limit) {
  // Without O_NONBLOCK, opening a FIFO waits for its writer.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return base::fail(reason("cannot be opened"));
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return base::fail(reason("cannot be examined"));
  if (S_ISDIR(status.st_mode)) return base::fail(std::string("is a directory, expected a file"));
  if (!S_ISREG(status.st_mode)) {
    return base::fail(std::string("is not a regular file, expected one"));
  }
  // One octet more than allowed is asked for, so that a file that grows meanwhile is noticed, too.
  std::string contents(limit + 1, '\0');
  size_t size = 0;
  while (size < contents.size()) {
    const ssize_t got = read(file.get(), contents.data() + size, contents.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::fail(reason("cannot be read"));
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > limit) {
    return base::fail("is too large, expected at most " + std::to_string(limit) + " octets");
  }
  contents.resize(size);
  return contents;
}

}  // namespace control
