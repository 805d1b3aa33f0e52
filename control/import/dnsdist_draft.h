// What a dnsdist configuration said, as far as dotline has the like of it, on its way to YAML; and
// what about it has to be told to the operator.
#pragma once

#include <optional>
#include <string>
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
  enum class Protocol { Do53, DoT, DoH } protocol = Protocol::Do53;
  std::string doh_path;  // Empty: the default.
  std::string subject_name;
  std::string subject_address;
  std::vector<std::string> pools = {""};
  std::vector<YamlSetting> settings;  // Beside `address`.
  std::vector<YamlSetting> tls;       // In `tls`, beside the two subjects.
  std::vector<YamlSetting> health;
  std::vector<YamlSetting> lazy;
};

struct DraftBind {
  struct Certificate {
    std::string certificate;  // Files.
    std::string key;
  };

  unsigned line = 0;
  base::Endpoint address;
  enum class Protocol { Do53, DoT, DoH } protocol = Protocol::Do53;
  std::vector<Certificate> certificates;
  std::vector<std::string> paths;  // DoH only; empty: the default.
};

struct DraftCache {
  unsigned line = 0;
  std::vector<YamlSetting> settings;  // Beside `name`.
};

struct DraftPool {
  std::string name;
  std::optional<size_t> cache;  // Index into Draft::caches.
  std::string policy;           // Empty: the default.
  std::vector<std::string> domains;
};

struct Draft {
  std::vector<DraftBind> binds;
  std::optional<std::vector<base::Prefix>> acl;  // Nothing: the default.
  std::vector<DraftCache> caches;
  std::vector<DraftPool> pools;
  std::vector<DraftServer> servers;
  std::vector<YamlSetting> policies;  // `load_balancing_policies`
  std::string metrics;                // An address; empty: the default.
  bool verbose = false;
  std::vector<Remark> remarks;

  void to_do(unsigned line, std::string what, std::string why) {
    remarks.push_back({line, Remark::Kind::ToDo, std::move(what), std::move(why)});
  }
  void note(unsigned line, std::string what, std::string why) {
    remarks.push_back({line, Remark::Kind::Note, std::move(what), std::move(why)});
  }
};

}  // namespace control
