#include "control/yaml/values.h"

#include <algorithm>
#include <charconv>

namespace control {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_host_label(std::string_view label) {
  if (label.empty() || label.size() > 63) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(),
                     [](char c) { return is_digit(c) || is_letter(c) || c == '-'; });
}

uint8_t octet(const base::IpAddress& address, size_t index) {
  return static_cast<uint8_t>(address.octets()[index]);
}

}  // namespace

bool is_hostname(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  std::string_view label;
  for (size_t start = 0; start <= text.size(); start += label.size() + 1) {
    label = text.substr(start, text.find('.', start) - start);
    if (!is_host_label(label)) return false;
  }
  return !std::all_of(label.begin(), label.end(), is_digit);
}

std::optional<std::string> fault_of_path(std::string_view text) {
  constexpr size_t kMaxPath = 255;
  constexpr std::string_view kElsewhere = "#\"<>\\^`|";
  if (text.find("://") != std::string_view::npos || text.find('{') != std::string_view::npos)
    return "is a URL or a template for one";
  const bool is_path = text.starts_with('/') && text.size() <= kMaxPath &&
                       std::all_of(text.begin(), text.end(), [&](char character) {
                         return character > ' ' && character < '\x7F' &&
                                kElsewhere.find(character) == std::string_view::npos;
                       });
  if (!is_path) return "is not a path";
  return std::nullopt;
}

bool is_interface_name(std::string_view text) {
  if (text.empty() || text.size() > 15 || text == "." || text == "..") return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c <= '~' && c != '/' && c != ':'; });
}

bool is_pci_address(std::string_view text) {
  constexpr std::string_view kForm = "xxxx:xx:xx.o";
  if (text.size() != kForm.size()) return false;
  for (size_t i = 0; i < kForm.size(); ++i) {
    const char c = text[i];
    if (kForm[i] == 'x' && !is_hex(c)) return false;
    if (kForm[i] == 'o' && (c < '0' || c > '7')) return false;
    if ((kForm[i] == ':' || kForm[i] == '.') && c != kForm[i]) return false;
  }
  return true;
}

bool is_label(std::string_view text) {
  if (text.empty() || text.size() > 63) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c <= '~' && c != '"' && c != '\'' && c != '`' && c != '\\';
  });
}

std::optional<uint64_t> parse_megabytes(std::string_view text) {
  if (text.size() < 2 || text.size() > 12 || !is_digit(text.front())) return std::nullopt;
  const char unit = text.back();
  if (unit != 'M' && unit != 'G') return std::nullopt;
  uint64_t number = 0;
  const char* const end = text.data() + text.size() - 1;
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return unit == 'G' ? number * 1024 : number;
}

std::string cpu_list(const std::vector<unsigned>& cpus) {
  std::string text;
  for (size_t first = 0; first < cpus.size();) {
    size_t last = first;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    text += (text.empty() ? "" : ", ") + std::to_string(cpus[first]);
    if (last > first) text += "-" + std::to_string(cpus[last]);
    first = last + 1;
  }
  return text;
}

bool is_wildcard(const base::IpAddress& address) {
  return std::ranges::all_of(address.octets(), [](std::byte b) { return b == std::byte{0}; });
}

bool is_for_many(const base::IpAddress& address) {
  if (!address.is_v4()) return octet(address, 0) == 0xFF;
  if (octet(address, 0) >= 224 && octet(address, 0) < 240) return true;
  return std::ranges::all_of(address.octets(), [](std::byte b) { return b == std::byte{0xFF}; });
}

bool is_loopback(const base::IpAddress& address) {
  if (address.is_v4()) return octet(address, 0) == 127;
  return address == base::IpAddress::parse("::1");
}

std::optional<std::string> fault_of_scope(std::string_view text, const base::IpAddress& address) {
  const bool is_link_local =
      !address.is_v4() && octet(address, 0) == 0xFE && (octet(address, 1) & 0xC0) == 0x80;
  if (!is_link_local && text.find('%') == std::string_view::npos) return std::nullopt;
  return "is a link-local address, which every interface has its own of; expected one that is "
         "this machine's alone, such as 192.0.2.53 or fd00::53";
}

}  // namespace control
