#include "control/import/yaml_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "control/import/dnsdist_functions.h"
#include "control/import/resolver_names.h"
#include "control/text/escape.h"

namespace control {
namespace {

constexpr uint16_t kDotPort = 853;

/// Plain where YAML reads it as one word: an IPv6 address begins with a bracket, which it does not.
std::string scalar(const std::string& address) {
  return address.find_first_of("[:") < address.find('.') ? fmt::format("\"{}\"", address) : address;
}

std::string text_of(const base::Endpoint& address) { return scalar(address.text()); }

std::string name_of_cache(const Draft& draft, size_t cache) {
  for (const DraftPool& pool : draft.pools) {
    if (pool.cache == cache) return pool.name.empty() ? "main" : pool.name;
  }
  return {};
}

void write_dataplane(const Draft& draft, std::string& yaml) {
  std::vector<std::string> texts;
  for (const DraftBind& bind : draft.binds) {
    const std::string text = bind.address.address.text();
    if (std::ranges::find(texts, text) == texts.end()) texts.push_back(text);
  }
  const std::string addresses = fmt::format("{}", fmt::join(texts, ", "));
  yaml += fmt::format(
      "dataplane:\n"
      "  ports:\n"
      "    # FILL IN: dnsdist leaves packets to the kernel, dotline takes them from an interface. "
      "Write the\n"
      "    # one that has {}; without XDP, af_packet:INTERFACE.\n"
      "    - device: af_xdp:eth0\n",
      addresses.empty() ? "the addresses below" : addresses);
}

void write_bind(const DraftBind& bind, std::string& yaml) {
  yaml += fmt::format("  - address: {}\n", text_of(bind.address));
  if (bind.protocol == DraftBind::Protocol::Do53) return;
  const bool is_doh = bind.protocol == DraftBind::Protocol::DoH;
  yaml += fmt::format("    protocol: {}\n    tls:\n      certificates:\n", is_doh ? "DoH" : "DoT");
  for (const auto& [certificate, key] : bind.certificates) {
    yaml += fmt::format("        - certificate: {}\n          key: {}\n", yaml_text(certificate),
                        yaml_text(key));
  }
  if (bind.paths.empty()) return;
  std::string paths;
  for (const std::string& path : bind.paths) paths += (paths.empty() ? "" : ", ") + yaml_text(path);
  yaml += fmt::format("    doh:\n      paths: [{}]\n", paths);
}

void write_binds(const Draft& draft, std::string& yaml) {
  yaml += "binds:\n";
  if (draft.binds.empty()) {
    yaml +=
        "  # FILL IN: the addresses of this machine that clients ask; dnsdist's own default is "
        "127.0.0.1.\n"
        "  # - address: 192.0.2.53:53\n";
  }
  for (const DraftBind& bind : draft.binds) write_bind(bind, yaml);
}

void write_acl(const Draft& draft, std::string& yaml) {
  if (!draft.acl) return;
  if (draft.acl->empty()) {
    yaml += "acl: []\n";
    return;
  }
  yaml += "acl:\n";
  for (const base::Prefix& block : *draft.acl) yaml += fmt::format("  - \"{}\"\n", block.text());
}

void write_settings(const std::vector<YamlSetting>& settings, std::string_view indent,
                    std::string& yaml) {
  for (const auto& [key, value] : settings) yaml += fmt::format("{}{}: {}\n", indent, key, value);
}

void write_caches(const Draft& draft, std::string& yaml) {
  std::string caches;
  for (size_t i = 0; i < draft.caches.size(); ++i) {
    const std::string name = name_of_cache(draft, i);
    if (name.empty()) continue;  // Told: no pool uses it.
    caches += fmt::format("  - name: {}\n", yaml_text(name));
    write_settings(draft.caches[i].settings, "    ", caches);
  }
  if (!caches.empty()) yaml += "packet_caches:\n" + caches;
}

void write_pools(const Draft& draft, std::string& yaml) {
  if (draft.pools.empty()) return;
  yaml += "pools:\n";
  for (const DraftPool& pool : draft.pools) {
    yaml += fmt::format("  - name: {}\n", yaml_text(pool.name));
    if (pool.cache) {
      yaml += fmt::format("    packet_cache: {}\n", yaml_text(name_of_cache(draft, *pool.cache)));
    } else {
      yaml += "    # packet_cache: main     # As in dnsdist, no answer of this pool is kept.\n";
    }
    if (!pool.policy.empty()) yaml += fmt::format("    policy: {}\n", pool.policy);
    if (pool.domains.empty()) continue;
    yaml += "    domains:\n";
    for (const std::string& domain : pool.domains)
      yaml += fmt::format("      - {}\n", yaml_text(domain));
  }
}

/// The name that is suggested, as a comment: whether it is the right one, only the operator knows.
std::string suggestion_for(const base::IpAddress& address) {
  const std::string_view known = known_name_of(address);
  return known.empty() ? "NAME" : std::string(known);
}

void write_tls(const DraftServer& server, std::string& yaml) {
  yaml += "    tls:\n";
  if (!server.subject_name.empty()) {
    yaml += fmt::format("      subject_name: {}\n", yaml_text(server.subject_name));
  } else if (!server.subject_address.empty()) {
    yaml += fmt::format("      subject_address: {}\n", scalar(server.subject_address));
  } else {
    const std::string_view known = known_name_of(server.address.address);
    yaml += fmt::format(
        "      # FILL IN: the name in this resolver's certificate, which dnsdist was not told. {}\n"
        "      # subject_name: {}\n",
        known.empty() ? "Ask its operator." : "As far as is known:",
        suggestion_for(server.address.address));
  }
  write_settings(server.tls, "      ", yaml);
}

void write_health(const DraftServer& server, std::string& yaml) {
  if (server.health.empty() && server.lazy.empty()) return;
  yaml += "    health_checks:\n";
  write_settings(server.health, "      ", yaml);
  if (server.lazy.empty()) return;
  yaml += "      lazy:\n";
  write_settings(server.lazy, "        ", yaml);
}

void write_pools_of(const DraftServer& server, std::string& yaml) {
  if (server.pools.size() == 1 && server.pools.front().empty()) return;
  std::string pools;
  for (const std::string& pool : server.pools)
    pools += (pools.empty() ? "" : ", ") + yaml_text(pool);
  yaml += fmt::format("    pools: [{}]\n", pools);
}

void write_server(const DraftServer& server, std::string& yaml) {
  yaml += fmt::format("  - address: {}                # Line {} there.\n", text_of(server.address),
                      server.line);
  if (!server.name.empty()) yaml += fmt::format("    name: {}\n", yaml_text(server.name));
  if (server.protocol == DraftServer::Protocol::DoH) {
    yaml +=
        fmt::format("    protocol: DoH\n    doh:\n      path: {}\n", yaml_text(server.doh_path));
  }
  write_tls(server, yaml);
  write_settings(server.settings, "    ", yaml);
  write_pools_of(server, yaml);
  write_health(server, yaml);
}

/// Only as a comment: whether it speaks TLS, and as whom, is not in the file.
void write_clear_server(const DraftServer& server, std::string& yaml) {
  yaml += fmt::format(
      "  # FILL IN, or leave it out: dnsdist asks {} in the clear. If it speaks DNS over TLS:\n",
      server.address.text());
  DraftServer encrypted = server;
  encrypted.protocol = DraftServer::Protocol::DoT;
  encrypted.address.port = kDotPort;
  std::string text;
  write_server(encrypted, text);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) yaml += "  #" + line.substr(1) + "\n";
}

void write_backends(const Draft& draft, std::string& yaml) {
  yaml += "backends:\n";
  if (draft.servers.empty()) yaml += "  # FILL IN: there was no newServer.\n";
  for (const DraftServer& server : draft.servers) {
    const bool is_clear = server.protocol == DraftServer::Protocol::Do53;
    is_clear ? write_clear_server(server, yaml) : write_server(server, yaml);
  }
}

void write_rest(const Draft& draft, std::string& yaml) {
  if (!draft.policies.empty()) yaml += "load_balancing_policies:\n";
  write_settings(draft.policies, "  ", yaml);
  if (!draft.metrics.empty()) yaml += fmt::format("metrics:\n  address: {}\n", draft.metrics);
  if (draft.verbose) yaml += "logging:\n  level: debug\n";
}

}  // namespace

std::string yaml_of(const Draft& draft, const std::string& source) {
  std::string yaml = fmt::format(
      "# From {} by `dotline import-dnsdist`. Complete what says FILL IN, then:\n"
      "# dotline check --config THIS_FILE\n",
      escaped(source));
  write_dataplane(draft, yaml);
  write_binds(draft, yaml);
  write_acl(draft, yaml);
  write_caches(draft, yaml);
  write_pools(draft, yaml);
  write_backends(draft, yaml);
  write_rest(draft, yaml);
  return yaml;
}

}  // namespace control
