// What the tests of the importer share: importing, what is told, and doing what is to be done.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/import/import_dnsdist.h"

namespace control {

/// With two addresses of a machine to choose among.
inline DnsdistImport import(const std::string& text) {
  return import_dnsdist(
      text, "dnsdist.conf", {},
      {*base::IpAddress::parse("192.168.1.71"), *base::IpAddress::parse("2001:db8::71")});
}
inline std::string yaml_from(const std::string& text) { return import(text).yaml; }

/// What has to be done, or what is told besides: "LINE what: why", one to a line.
inline std::string told(const DnsdistImport& result, Remark::Kind kind) {
  std::string lines;
  for (const Remark& remark : result.remarks) {
    if (remark.kind == kind)
      lines += std::to_string(remark.line) + " " + remark.what + ": " + remark.why + "\n";
  }
  return lines;
}
inline std::string told(const std::string& text, Remark::Kind kind) {
  return told(import(text), kind);
}
inline std::string to_do(const std::string& text) { return told(text, Remark::Kind::ToDo); }

/// Files with a certificate and its key.
struct PemFiles {
  std::string certificate;
  std::string key;
};

namespace filling {

inline bool is_setting(std::string_view text) {
  if (text.starts_with("- ")) text.remove_prefix(2);
  const size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_");
  if (end == 0 || end == std::string_view::npos || text[end] != ':') return false;
  return end + 1 == text.size() || text[end + 1] == ' ';
}

/// One round: of the comments behind a "FILL IN", those that are settings become some.
inline std::string uncommented(const std::string& yaml) {
  std::string result;
  bool is_active = false;
  for (size_t at = 0; at < yaml.size();) {
    const size_t end = yaml.find('\n', at);
    std::string line = yaml.substr(at, end - at);
    const size_t mark = line.find_first_not_of(' ');
    const bool is_comment = mark != std::string::npos && line[mark] == '#';
    is_active = is_comment && (is_active || line.find("FILL IN") != std::string::npos);
    if (is_active && line.find("FILL IN") != mark + 2) {
      const size_t inner = line.find_first_not_of(' ', mark + 1);
      if (inner != std::string::npos &&
          (line[inner] == '#' || is_setting(std::string_view(line).substr(inner))))
        line.erase(mark, 2);
    }
    result += line + "\n";
    at = end + 1;
  }
  return result;
}

inline void replace_all(std::string& text, std::string_view what, const std::string& front,
                        const std::string& back) {
  unsigned number = 100;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    const std::string with = front + (back.empty() ? "" : std::to_string(number++)) + back;
    text.replace(at, what.size(), with.ends_with('!') ? with.substr(0, with.size() - 1) : with);
    at += with.size() - 1;
  }
}

/// Certificates of this machine instead of theirs, one to an address; no store of theirs.
inline std::string with_own_files(const std::string& yaml, const PemFiles& files) {
  std::string result;
  bool is_second = false;
  for (size_t at = 0; at < yaml.size();) {
    const size_t end = yaml.find('\n', at);
    std::string line = yaml.substr(at, end - at);
    at = end + 1;
    const bool is_first_line = line.find("- certificate: ") != std::string::npos;
    if (line.find("certificates:") != std::string::npos) is_second = false;
    if (line.find("ca_store: ") != std::string::npos) continue;
    if (is_second && (is_first_line || line.find("key: ") != std::string::npos)) continue;
    if (is_first_line) line = "        - certificate: " + files.certificate;
    if (line.starts_with("          key: ")) {
      line = "          key: " + files.key;
      is_second = true;
    }
    result += line + "\n";
  }
  return result;
}

}  // namespace filling

/// The configuration with its "FILL IN"s filled in.
inline std::string filled_in(std::string yaml, const PemFiles& files) {
  for (int round = 0; round < 3; ++round) yaml = filling::uncommented(yaml);
  filling::replace_all(yaml, "[ADDRESS]", "[2001:db8::", "]");
  filling::replace_all(yaml, "ADDRESS", "198.51.100.", "!");
  filling::replace_all(yaml, "subject_name: NAME", "subject_name: a.example", "");
  return filling::with_own_files(yaml, files);
}

}  // namespace control
