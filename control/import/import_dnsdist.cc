#include "control/import/import_dnsdist.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <memory>
#include <set>
#include <string_view>
#include <system_error>

#include "control/config/config.h"
#include "control/draft/draft_pools.h"
#include "control/draft/yaml_writer.h"
#include "control/import/dnsdist_functions.h"
#include "control/import/dnsdist_yaml.h"
#include "control/lua/lua_repair.h"
#include "control/lua/stand_in.h"
#include "control/text/escape.h"
#include "control/text/regular_file.h"
#include "control/yaml/errors.h"
#include "control/yaml/values.h"
#include "control/yaml/yaml_tree.h"

namespace control {
namespace {

constexpr int kDone = 0;
constexpr int kCannotWrite = 1;
constexpr int kBadFile = 2;
constexpr int kMoreToDo = 3;
constexpr rlim_t kMostCpuSeconds = 10;

void tell_missing_servers(Draft& draft) {
  const auto encrypted = [](const DraftServer& server) {
    return server.protocol != DraftServer::Protocol::Do53;
  };
  if (std::ranges::none_of(draft.servers, encrypted))
    draft.to_do(0, "newServer", "there is no resolver that is asked over TLS; fill in `backends`");
  for (const std::string& pool : pools_without_servers(draft)) {
    draft.to_do(0, pool.empty() ? "the default pool" : "pool " + pool,
                "queries come to it, and no server is in it; fill in `backends`");
  }
}

/// What only shows when all of the file has been read.
void tell_what_is_left(Draft& draft) {
  if (draft.binds.empty()) {
    draft.to_do(0, "addLocal", "there is no address to answer at; fill in `binds`");
  }
  tell_missing_servers(draft);
  for (const DraftCache& cache : draft.caches) {
    if (cache.name.empty())
      draft.note(cache.line, "newPacketCache", "no pool uses it, so it is left out");
  }
  for (const DraftPool& pool : draft.pools) {
    if (pool.cache) continue;
    draft.note(0, pool.name.empty() ? "the default pool" : "pool " + pool.name,
               "it has no cache, so every query goes to a resolver; `packet_cache` gives it one");
  }
  draft.note(
      0, "dataplane",
      "dnsdist has nothing like it; af_xdp:eth0 stands there until you write your interface");
}

/// Names of pools that nothing came to.
void drop_unused_pools(Draft& draft) {
  std::erase_if(draft.pools, [&](const DraftPool& pool) {
    const bool has_servers = std::ranges::any_of(draft.servers, [&](const DraftServer& server) {
      return std::ranges::find(server.pools, pool.name) != server.pools.end();
    });
    const bool answers = std::ranges::any_of(
        draft.binds, [&](const DraftBind& bind) { return bind.pool == pool.name; });
    return !has_servers && !pool.cache && pool.domains.empty() && !answers;
  });
}

/// Where pools are named, the one that answers at a bind has to be among them.
void have_default_pool(Draft& draft) {
  const bool is_asked = draft.binds.empty() || std::ranges::any_of(draft.binds, [](const auto& b) {
                          return !b.pool || b.pool->empty();
                        });
  if (!draft.pools.empty() && is_asked) (void)draft.pool_of(0, "");
}

/// Each cache that is used gets a name of its own, and those that are not lose theirs.
void name_caches(Draft& draft) {
  std::set<std::string> taken;
  for (size_t i = 0; i < draft.caches.size(); ++i) {
    const auto user =
        std::ranges::find_if(draft.pools, [&](const DraftPool& pool) { return pool.cache == i; });
    std::string& name = draft.caches[i].name;
    if (user == draft.pools.end()) {
      name.clear();
      continue;
    }
    if (name.empty()) name = user->name.empty() ? "main" : user->name;
    const std::string wanted = name;
    for (unsigned number = 2; !taken.insert(name).second; ++number)
      name = wanted.substr(0, 60) + "/" + std::to_string(number);
  }
}

/// What dnsdist has once, and dotline in each cache and backend.
void spread_settings(Draft& draft) {
  for (DraftCache& cache : draft.caches) {
    if (draft.max_stale) put(cache.settings, "max_stale", std::to_string(*draft.max_stale));
  }
  for (DraftServer& server : draft.servers) {
    const bool is_doh = server.protocol == DraftServer::Protocol::DoH;
    const auto& seconds = is_doh ? draft.doh_idle_seconds : draft.dot_idle_seconds;
    if (seconds) put(server.settings, "idle_timeout", std::to_string(*seconds * 1000));
  }
}

/// What the file said, made whole: after this point the draft can be written.
void complete(Draft& draft) {
  apply_rules(draft);
  drop_unused_pools(draft);
  have_default_pool(draft);
  name_caches(draft);
  spread_settings(draft);
  if (draft.max_stale && draft.caches.empty())
    draft.to_do(0, "setStaleCacheEntriesTTL", "there is no cache; `max_stale` of one is the like");
  tell_what_is_left(draft);
}

/// Lines that begin and end a block in Markdown, which people copy with it, and a mark of Unicode.
std::string without_wrapping(std::string text, Draft& draft) {
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  unsigned number = 1;
  for (size_t at = 0; at < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    const size_t first = line.find_first_not_of(" \t");
    const std::string_view mark = first == std::string_view::npos ? "" : line.substr(first, 3);
    if (mark == "```" || mark == "~~~") {
      draft.note(number, "this line", "it is a fence of Markdown, and left out");
      std::fill_n(text.begin() + static_cast<ptrdiff_t>(at), end - at, ' ');
    }
    at = end + 1;
  }
  return text;
}

/// Runs the file, without what ends it, until it comes to its end.
std::optional<LuaFault> run_lua(const std::string& text, LuaSandbox::Limits limits, Draft& draft) {
  LuaRepair repair(text);
  Draft begun = draft;
  for (;;) {
    draft = begun;
    LuaSandbox sandbox(limits);
    ImportRun run{.draft = draft, .selectors = {}, .kept = 0, .reads = {}};
    const auto fault = sandbox.run(repair.text(), [&](lua_State* state) {
      stand_in_for_unknown_globals(state, run);
      add_dnsdist_functions(state);
    });
    if (!fault || sandbox.is_out()) return fault;
    limits.steps = sandbox.steps_left();
    const auto remark = repair.take_out(*fault);
    if (!remark) return fault;
    begun.tell(remark->line, remark->kind, remark->what, remark->why);
  }
}

std::optional<LuaFault> read_yaml(const std::string& text, Draft& draft) {
  ConfigErrors errors("");
  const auto root = parse_yaml(text, errors);
  for (const ConfigError& error : errors.errors()) {
    if (!root) return LuaFault{error.line, error.text};
    draft.to_do(error.line, "YAML", error.text);
  }
  read_dnsdist_yaml(*root, draft);
  return std::nullopt;
}

/// By what it says: neither's name tells. A comment of Lua's may look like YAML.
bool is_yaml(const std::string& text, LuaSandbox::Limits limits) {
  return looks_like_dnsdist_yaml(text) && LuaSandbox::fault_in(text, limits);
}

std::string sentence(const Remark& remark, const std::string& file) {
  const std::string place = remark.line == 0 ? file : fmt::format("{}:{}", file, remark.line);
  return fmt::format("{}: {}: {}{}", place, remark.what, remark.why,
                     remark.kind == Remark::Kind::Note ? " (note)" : "");
}

/// A few functions of Lua's library can be made to run for long without executing an instruction.
/// This is for those; everything else is counted.
void limit_cpu_time() {
  std::signal(SIGXCPU, [](int) {
    constexpr std::string_view kWhy = "the file takes too long\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, kWhy.data(), kWhy.size());
    _exit(kBadFile);
  });
  const rlimit limit{.rlim_cur = kMostCpuSeconds, .rlim_max = kMostCpuSeconds + 1};
  setrlimit(RLIMIT_CPU, &limit);
}

/// A file that is there may have been edited by hand: it is not written over.
base::Result<void, std::string> write_new_file(const std::string& path, std::string_view text) {
  const auto reason = [&] { return path + ": " + std::generic_category().message(errno); };
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return base::fail(reason());
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0) {
      const std::string why = reason();
      close(file);
      unlink(path.c_str());
      return base::fail(why);
    }
    text.remove_prefix(static_cast<size_t>(written));
  }
  close(file);
  return {};
}

base::Result<void, std::string> write_out(const std::string& output, const std::string& yaml) {
  if (!output.empty()) return write_new_file(output, yaml);
  if (!(std::cout << yaml << std::flush))
    return base::fail(std::string("standard output cannot be written"));
  return {};
}

}  // namespace

std::vector<base::IpAddress> addresses_of_this_machine() {
  constexpr size_t kMost = 32;
  std::vector<base::IpAddress> addresses;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return addresses;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    const sockaddr* socket_address = entry->ifa_addr;
    base::IpAddress address;
    if (socket_address != nullptr && socket_address->sa_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(socket_address);
      address = base::IpAddress::v4(reinterpret_cast<const std::byte*>(&v4->sin_addr));
    } else if (socket_address != nullptr && socket_address->sa_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(socket_address);
      address = base::IpAddress::v6(reinterpret_cast<const std::byte*>(&v6->sin6_addr));
    } else {
      continue;
    }
    const bool is_link_local = address.text().starts_with("fe80:");
    if (is_link_local || is_loopback(address) || addresses.size() >= kMost) continue;
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
  }
  return addresses;
}

DnsdistImport import_dnsdist(const std::string& text, const std::string& file,
                             LuaSandbox::Limits limits,
                             const std::vector<base::IpAddress>& own_addresses) {
  Draft draft;
  draft.own_addresses = own_addresses;
  const std::string unwrapped = without_wrapping(text, draft);
  DnsdistImport result;
  result.fault =
      is_yaml(unwrapped, limits) ? read_yaml(unwrapped, draft) : run_lua(unwrapped, limits, draft);
  if (!result.fault) {
    complete(draft);
    result.yaml = yaml_of(draft, file);
  }
  std::ranges::stable_sort(draft.remarks, {}, &Remark::line);
  result.remarks = std::move(draft.remarks);
  return result;
}

int import_dnsdist_file(const std::string& path, const std::string& output) {
  const auto text = read_regular_file(path, kMaxConfigBytes);
  if (!text) {
    std::cerr << one_line(path + ": " + text.error()) << '\n';
    return kBadFile;
  }
  limit_cpu_time();
  const DnsdistImport result = import_dnsdist(*text, path, {}, addresses_of_this_machine());
  bool to_do = false;
  for (const Remark& remark : result.remarks) {
    std::cerr << one_line(sentence(remark, path)) << '\n';
    to_do = to_do || remark.kind == Remark::Kind::ToDo;
  }
  if (result.fault) {
    const std::string line = result.fault->line == 0 ? "" : fmt::format(":{}", result.fault->line);
    std::cerr << one_line(path + line + ": " + result.fault->text) << '\n';
    return kBadFile;
  }
  if (const auto written = write_out(output, result.yaml); !written) {
    std::cerr << one_line(written.error()) << '\n';
    return kCannotWrite;
  }
  return to_do ? kMoreToDo : kDone;
}

}  // namespace control
