// The file to which the keys of TLS sessions are written, so that captured sessions can be read:
// only because a setting asks for it, never because of SSLKEYLOGFILE in the environment. One line
// for each secret, in the form of Mozilla's NSS that Wireshark reads.
#pragma once

#include <optional>
#include <string>

namespace transport {

class KeyLog {
 public:
  /// Opens or makes the file, 0600. Throws std::runtime_error as `fault_of_key_log` says.
  explicit KeyLog(const std::string& path);
  ~KeyLog();
  KeyLog(const KeyLog&) = delete;
  KeyLog& operator=(const KeyLog&) = delete;

  /// Any thread. What a full disk does not take is lost.
  void write(const char* line) const;

 private:
  int fd_;
};

/// Why keys cannot be written to `path`, as a sentence without it: the folder is missing, or what
/// is there is not a regular file, not ours, or open to others. Makes nothing.
[[nodiscard]] std::optional<std::string> fault_of_key_log(const std::string& path);

}  // namespace transport
