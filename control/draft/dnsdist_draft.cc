#include "control/draft/dnsdist_draft.h"

#include <algorithm>

#include "control/text/escape.h"
#include "control/yaml/values.h"
#include "dataplane/dns/question.h"

namespace control {
namespace {

constexpr size_t kMostRemarks = 10'000;
constexpr size_t kLongestLabel = 63;

/// Left alone by YAML: it reads as nothing but a text.
bool is_plain(std::string_view text) {
  constexpr std::string_view kWords[] = {"true", "false", "null", "yes", "no", "on", "off"};
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty() || (!letter(text.front()) && text.front() != '/')) return false;
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (std::ranges::find(kWords, lower) != std::end(kWords)) return false;
  return std::ranges::all_of(text, [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == '/';
  });
}

}  // namespace

void Draft::tell(unsigned line, Remark::Kind kind, std::string_view what, std::string_view why) {
  if (told_.size() > kMostRemarks) return;
  Remark remark{line, kind, escaped(what), std::string(why)};
  if (told_.size() == kMostRemarks) {
    remark = {0, Remark::Kind::ToDo, "the rest",
              "there are more than " + std::to_string(kMostRemarks) +
                  " things to tell; what comes after them is neither carried over nor named"};
  }
  if (!told_.emplace(remark.line, remark.what, remark.why).second) return;
  remarks.push_back(std::move(remark));
}

std::optional<size_t> Draft::pool_of(unsigned line, const std::string& name) {
  const std::string label = name.empty() ? name : label_of(name);
  const auto found = std::ranges::find(pools, label, &DraftPool::name);
  if (found != pools.end()) return static_cast<size_t>(found - pools.begin());
  if (pools.size() >= dns::kMaxPools) {
    to_do(line, "pool " + label,
          "there are more than " + std::to_string(dns::kMaxPools) + " pools; it is left out");
    return std::nullopt;
  }
  pools.push_back({.name = label, .cache = {}, .policy = {}, .domains = {}});
  return pools.size() - 1;
}

std::string label_of(std::string_view text) {
  std::string label(text.substr(0, kLongestLabel));
  for (char& c : label) {
    if (!is_label(std::string_view(&c, 1))) c = '-';
  }
  return label.empty() ? "-" : label;
}

std::string yaml_text(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (octet < 0x20 || octet > 0x7E) {
      quoted += {'\\', 'x', kHex[octet >> 4], kHex[octet & 15]};
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace control
