#include "control/import/dnsdist_functions.h"

#include <algorithm>

#include "control/config/config.h"
#include "control/config/values.h"
#include "control/import/stand_in.h"

namespace control {
namespace {

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

int ignore(lua_State* /*state*/) { return 0; }

}  // namespace

void add_function(lua_State* state, const char* name, lua_CFunction function) {
  lua_pushstring(state, name);
  lua_pushcfunction(state, function);
  lua_rawset(state, -3);
}

void add_dnsdist_functions(lua_State* state) {
  add_listening_functions(state);
  add_pool_functions(state);
  add_server_functions(state);
  add_rule_functions(state);
  // What the file says to whoever starts dnsdist.
  for (const char* name : {"errlog", "warnlog", "infolog", "vinfolog", "debuglog"})
    add_function(state, name, ignore);
}

size_t pool_of(lua_State* state, const std::string& name) {
  std::vector<DraftPool>& pools = draft_of(state).pools;
  const std::string label = name.empty() ? name : label_of(name);
  const auto found = std::ranges::find(pools, label, &DraftPool::name);
  if (found != pools.end()) return static_cast<size_t>(found - pools.begin());
  if (pools.size() >= dns::kMaxPools)
    luaL_error(state, "there are more than %d pools", static_cast<int>(dns::kMaxPools));
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
