// What a configuration names and does not hold: files of certificates, authorities and secrets.
// Whatever is right about the configuration, such a file may be missing, unreadable or no good,
// today or for a while: then the part that needs it is off, and all else is on
// (docs/decisions/0078-what-can-be-served-is-served.md).
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "control/config/config.h"

namespace control {

using Date = std::chrono::system_clock::time_point;

struct LoadedCertificates {
  struct Fault {
    size_t index = 0;  // Of the files.
    server_tls::Certificate::Part part{};
    std::string text;  // Goes on after the name of a file.
  };
  std::vector<server_tls::Certificate> good;  // Each with another kind of key.
  std::vector<Fault> faults;
};

[[nodiscard]] LoadedCertificates load_certificates(const std::vector<CertificateFiles>& files,
                                                   Date date);
/// Reads the certificates of `bind` and notes what is wrong with them. Those of other kinds of key
/// that it has already stay where something is wrong.
LoadedCertificates take_certificates(Bind& bind, Date date);

/// The secrets in the file. Fails with a sentence without the path, and without any secret.
[[nodiscard]] base::Result<std::vector<rules::CookieSecret>, std::string> load_secrets(
    const std::string& path);

/// "DoT".
[[nodiscard]] const char* protocol_name(Protocol protocol);
/// "DoT at 192.0.2.53:853".
[[nodiscard]] std::string name_of(const Bind& bind);

/// What is off, and why: a line for each. Empty if all is on.
[[nodiscard]] std::vector<std::string> parts_off(const Config& config);

/// For whatever of `next` is off and was on in `former`: what that was goes on. Binds are the same
/// in both.
void keep_former_files(const Config& former, Config& next);

/// Looks once more at what could not be used. Whether something of it can be now, and was taken.
[[nodiscard]] bool look_again(Config& config, Date date);

}  // namespace control
