#include "control/import/import_dnsdist.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <string_view>
#include <system_error>

#include "control/config/config.h"
#include "control/config/regular_file.h"
#include "control/import/dnsdist_functions.h"
#include "control/import/stand_in.h"
#include "control/import/yaml_writer.h"
#include "control/text/escape.h"

namespace control {
namespace {

constexpr int kDone = 0;
constexpr int kCannotWrite = 1;
constexpr int kBadFile = 2;
constexpr int kMoreToDo = 3;
constexpr rlim_t kMostCpuSeconds = 10;

/// What only shows when the whole file has run.
void tell_what_is_left(Draft& draft) {
  if (draft.binds.empty()) {
    draft.to_do(0, "addLocal", "there is no address to answer at; fill in `binds`");
  }
  const auto encrypted = [](const DraftServer& server) {
    return server.protocol != DraftServer::Protocol::Do53;
  };
  if (std::ranges::none_of(draft.servers, encrypted))
    draft.to_do(0, "newServer", "there is no resolver that is asked over TLS; fill in `backends`");
  for (size_t i = 0; i < draft.caches.size(); ++i) {
    const auto uses = [i](const DraftPool& pool) { return pool.cache == i; };
    if (std::ranges::none_of(draft.pools, uses))
      draft.note(draft.caches[i].line, "newPacketCache", "no pool uses it, so it is left out");
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
    return !has_servers && !pool.cache && pool.domains.empty();
  });
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

DnsdistImport import_dnsdist(const std::string& text, const std::string& file,
                             LuaSandbox::Limits limits) {
  Draft draft;
  std::optional<LuaFault> fault;
  {
    LuaSandbox sandbox(limits);
    fault = sandbox.run(text, [&](lua_State* state) {
      stand_in_for_unknown_globals(state, draft);
      add_dnsdist_functions(state);
    });
  }
  DnsdistImport result;
  result.fault = std::move(fault);
  if (!result.fault) {
    drop_unused_pools(draft);
    tell_what_is_left(draft);
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
  const DnsdistImport result = import_dnsdist(*text, path);
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
