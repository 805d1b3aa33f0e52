#include "tls-workers/transport/key_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace transport {
namespace {

std::string errno_text(int error) { return std::system_category().message(error); }

std::optional<std::string> fault_of(const struct stat& status) {
  if (!S_ISREG(status.st_mode)) return "is not a regular file, expected one or none";
  if (status.st_uid != geteuid()) return "belongs to another user, expected our own file or none";
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return "is open to other users, expected mode 0600 or no file";
  return std::nullopt;
}

}  // namespace

KeyLog::KeyLog(const std::string& path)
    // Without O_NONBLOCK, opening a FIFO waits for its reader.
    : fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
               S_IRUSR | S_IWUSR)) {
  const int error = errno;
  struct stat status {};
  const bool examined = fd_ >= 0 && fstat(fd_, &status) == 0;
  const std::optional<std::string> fault =
      examined ? fault_of(status) : "cannot be opened: " + errno_text(error);
  if (!fault) return;
  if (fd_ >= 0) close(fd_);
  throw std::runtime_error("key log " + path + " " + *fault);
}

KeyLog::~KeyLog() { close(fd_); }

void KeyLog::write(const char* line) const {
  // In one call and with O_APPEND, so that lines of several workers stay whole.
  const std::string whole = std::string(line) + '\n';
  (void)!::write(fd_, whole.data(), whole.size());
}

std::optional<std::string> fault_of_key_log(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) == 0) return fault_of(status);
  if (errno != ENOENT) return "cannot be examined: " + errno_text(errno);
  std::error_code ignored;
  const std::filesystem::path folder = std::filesystem::absolute(path, ignored).parent_path();
  if (!std::filesystem::is_directory(folder, ignored)) return "is in no folder that exists";
  return std::nullopt;
}

}  // namespace transport
