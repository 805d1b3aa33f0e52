#include "control/text/dns_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace control {
namespace {

constexpr std::array<std::pair<std::string_view, uint16_t>, 24> kTypes = {
    {{"A", 1},      {"NS", 2},    {"CNAME", 5},  {"SOA", 6},    {"PTR", 12},  {"HINFO", 13},
     {"MX", 15},    {"TXT", 16},  {"AAAA", 28},  {"LOC", 29},   {"SRV", 33},  {"NAPTR", 35},
     {"DNAME", 39}, {"DS", 43},   {"SSHFP", 44}, {"RRSIG", 46}, {"NSEC", 47}, {"DNSKEY", 48},
     {"NSEC3", 50}, {"TLSA", 52}, {"SVCB", 64},  {"HTTPS", 65}, {"URI", 256}, {"CAA", 257}}};

bool is_name_octet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

std::string upper_case(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

}  // namespace

std::optional<std::vector<std::byte>> wire_form(std::string_view name) {
  std::vector<std::byte> wire;
  if (name.ends_with('.')) name.remove_suffix(1);
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    const bool fits = !label.empty() && label.size() <= dns::kMaxLabel &&
                      std::ranges::all_of(label, is_name_octet);
    if (!fits) return std::nullopt;
    wire.push_back(static_cast<std::byte>(label.size()));
    for (const char c : label) wire.push_back(static_cast<std::byte>(c));
    const bool last = label.size() == name.size();
    name.remove_prefix(label.size() + (last ? 0 : 1));
    if (!last && name.empty()) return std::nullopt;  // Two dots at the end.
  }
  wire.push_back(std::byte{0});
  if (wire.size() > dns::kMaxName) return std::nullopt;
  return wire;
}

std::optional<dns::Type> parse_type(std::string_view text) {
  const std::string name = upper_case(text.substr(0, 16));
  const auto* known = std::ranges::find(kTypes, name, &decltype(kTypes)::value_type::first);
  if (known != kTypes.end()) return static_cast<dns::Type>(known->second);
  constexpr std::string_view kFront = "TYPE";
  if (!name.starts_with(kFront)) return std::nullopt;
  uint16_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, fault] = std::from_chars(name.data() + kFront.size(), end, number);
  const auto type = static_cast<dns::Type>(number);
  if (fault != std::errc{} || stop != end || number == 0 || type == dns::Type::Opt)
    return std::nullopt;
  return type;
}

}  // namespace control
