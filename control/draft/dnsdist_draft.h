// What a dnsdist configuration said, as far as dotline has the like of it, on its way to YAML; and
// what about it has to be told to the operator. Neither knows whether the file was Lua or YAML.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "dataplane/base/address.h"

namespace control {

/// One line about one line of the file.
struct Remark {
  enum class Kind {
    ToDo,  // Not carried over, or something is missing: the operator has to decide.
    Note,  // Different or needless in dotline; there is nothing to do.
  };
  unsigned line = 0;
  Kind kind = Kind::ToDo;
  std::string what;  // A function or setting of dnsdist's.
  std::string why;   // And what to do instead.
};

/// A setting as the YAML will have it: its key, and its value as a YAML scalar.
using YamlSetting = std::pair<std::string, std::string>;

/// Sets `key` among `settings`, in the place where it was first set.
inline void put(std::vector<YamlSetting>& settings, const std::string& key, std::string value) {
  for (YamlSetting& setting : settings) {
    if (setting.first != key) continue;
    setting.second = std::move(value);
    return;
  }
  settings.emplace_back(key, std::move(value));
}

struct DraftServer {
  unsigned line = 0;
  std::string name;  // Empty: the address will do.
  base::Endpoint address;
  std::string host;  // What stands there instead of an address; `address` has the port only then.
  enum class Protocol { Do53, DoT, DoH } protocol = Protocol::Do53;
  std::string doh_path;  // Empty: the default.
  std::string subject_name;
  std::string subject_address;
  std::vector<std::string> pools = {""};
  std::vector<YamlSetting> settings;  // Beside `address`.
  std::vector<YamlSetting> tls;       // In `tls`, beside the two subjects.
  std::vector<YamlSetting> health;
  std::vector<YamlSetting> lazy;

  [[nodiscard]] std::string where() const { return host.empty() ? address.text() : host; }
};

struct DraftBind {
  struct Certificate {
    std::string certificate;  // Files.
    std::string key;
  };

  unsigned line = 0;
  base::Endpoint address;  // A wildcard stands for the addresses of the machine.
  enum class Protocol { Do53, DoT, DoH } protocol = Protocol::Do53;
  std::vector<Certificate> certificates;
  std::vector<std::string> paths;   // DoH only; empty: the default.
  std::vector<YamlSetting> tls;     // In `tls`, beside the certificates.
  std::optional<std::string> pool;  // That answers here; nothing: the default pool.
};

struct DraftCache {
  unsigned line = 0;
  std::string name;                   // Empty: that of a pool that uses it.
  std::vector<YamlSetting> settings;  // Beside `name`.
};

struct DraftPool {
  std::string name;
  std::optional<size_t> cache;  // Index into Draft::caches.
  std::string policy;           // Empty: the default.
  std::vector<std::string> domains;
};

/// What chooses a pool, in the order of the file: the first that fits decides in dnsdist.
struct DraftRule {
  unsigned line = 0;
  std::string what;
  bool all = false;
  std::vector<std::string> names;          // At and below them. As dnsdist was given them.
  std::vector<uint16_t> ports;             // That were asked.
  std::vector<base::Prefix> destinations;  // The same.
  std::string pool;
  bool is_last = true;  // Rules behind it do not count for what it fits.
};

struct Draft {
  std::vector<DraftBind> binds;
  std::optional<std::vector<base::Prefix>> acl;  // Nothing: the default.
  std::vector<DraftCache> caches;
  std::vector<DraftPool> pools;
  std::vector<DraftServer> servers;
  std::vector<DraftRule> rules;
  std::vector<YamlSetting> policies;        // `load_balancing_policies`
  std::vector<YamlSetting> tcp;             // `tuning.tcp`
  std::optional<int64_t> max_stale;         // Of every cache.
  std::optional<int64_t> dot_idle_seconds;  // Of every backend that speaks it.
  std::optional<int64_t> doh_idle_seconds;
  std::string metrics;  // An address; empty: the default.
  bool verbose = false;
  std::vector<base::IpAddress> own_addresses;  // Of the machine, to choose among.
  std::vector<Remark> remarks;

  /// Tells a thing once, also where the file has a loop. There is an end of what is told.
  void tell(unsigned line, Remark::Kind kind, std::string_view what, std::string_view why);
  void to_do(unsigned line, std::string_view what, std::string_view why) {
    tell(line, Remark::Kind::ToDo, what, why);
  }
  void note(unsigned line, std::string_view what, std::string_view why) {
    tell(line, Remark::Kind::Note, what, why);
  }

  /// The index of the pool called `name`, which comes to be if there was none. Nothing if there are
  /// as many as there may be, which is told.
  [[nodiscard]] std::optional<size_t> pool_of(unsigned line, const std::string& name);

 private:
  std::set<std::tuple<unsigned, std::string, std::string>> told_;
};

/// `text` as a name in dotline: 1-63 visible characters without spaces, quotes and backslashes.
[[nodiscard]] std::string label_of(std::string_view text);

/// A text as a YAML scalar, quoted where it has to be.
[[nodiscard]] std::string yaml_text(std::string_view text);

}  // namespace control
