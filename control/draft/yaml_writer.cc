#include "control/draft/yaml_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "control/draft/resolver_names.h"
#include "control/text/escape.h"
#include "control/yaml/values.h"

namespace control {
namespace {

constexpr uint16_t kDotPort = 853;
constexpr uint16_t kHttpsPort = 443;
constexpr uint16_t kDo53Port = 53;

/// Plain where YAML reads it as one word: an IPv6 address begins with a bracket, which it does not.
std::string scalar(const std::string& address) {
  return address.find_first_of("[:") < address.find('.') ? fmt::format("\"{}\"", address) : address;
}

std::string text_of(const base::Endpoint& address) { return scalar(address.text()); }

/// What stands two spaces in, as a comment that stands there.
std::string commented_out(const std::string& text) {
  std::istringstream lines(text);
  std::string comment;
  for (std::string line; std::getline(lines, line);) comment += "  #" + line.substr(1) + "\n";
  return comment;
}

void write_dataplane(const Draft& draft, std::string& yaml) {
  std::vector<std::string> texts;
  for (const DraftBind& bind : draft.binds) {
    if (is_wildcard(bind.address.address)) continue;
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

void write_settings(const std::vector<YamlSetting>& settings, std::string_view indent,
                    std::string& yaml) {
  for (const auto& [key, value] : settings) yaml += fmt::format("{}{}: {}\n", indent, key, value);
}

void write_certificates(const DraftBind& bind, std::string& yaml) {
  yaml += "    tls:\n      certificates:\n";
  for (const auto& [certificate, key] : bind.certificates) {
    yaml += fmt::format("        - certificate: {}\n          key: {}\n", yaml_text(certificate),
                        yaml_text(key));
  }
  if (!bind.certificates.empty()) return;
  yaml +=
      "        # FILL IN: PEM files with the certificate and its key.\n"
      "        # - certificate: CERTIFICATE\n"
      "        #   key: KEY\n";
}

/// `address` instead of the bind's own.
void write_bind(const DraftBind& bind, const std::string& address, std::string& yaml) {
  yaml += fmt::format("  - address: {}\n", address);
  if (bind.pool && !bind.pool->empty())
    yaml += fmt::format("    pool: {}\n", yaml_text(*bind.pool));
  if (bind.protocol == DraftBind::Protocol::Do53) return;
  const bool is_doh = bind.protocol == DraftBind::Protocol::DoH;
  yaml += fmt::format("    protocol: {}\n", is_doh ? "DoH" : "DoT");
  write_certificates(bind, yaml);
  write_settings(bind.tls, "      ", yaml);
  if (bind.paths.empty()) return;
  std::string paths;
  for (const std::string& path : bind.paths) paths += (paths.empty() ? "" : ", ") + yaml_text(path);
  yaml += fmt::format("    doh:\n      paths: [{}]\n", paths);
}

/// Those of the machine that the wildcard of `bind` stands for and that have no bind of their own.
std::vector<std::string> choice_for(const Draft& draft, const DraftBind& bind) {
  std::vector<std::string> choice;
  for (const base::IpAddress& own : draft.own_addresses) {
    const base::Endpoint address{own, bind.address.port};
    if (own.is_v4() != bind.address.address.is_v4()) continue;
    if (std::ranges::find(draft.binds, address, &DraftBind::address) == draft.binds.end())
      choice.push_back(text_of(address));
  }
  if (!choice.empty()) return choice;
  const std::string port = std::to_string(bind.address.port);
  return {bind.address.address.is_v4() ? "ADDRESS:" + port : "\"[ADDRESS]:" + port + "\""};
}

/// Only as comments: which of a machine's addresses clients are to ask, only the operator knows.
void write_wildcard(const Draft& draft, const DraftBind& bind, std::string& yaml) {
  yaml += fmt::format(
      "  # FILL IN: dnsdist answers at every IPv{} address of its machine (line {} there), dotline "
      "at those that\n  # are named. Of these, keep the ones that clients ask:\n",
      bind.address.address.is_v4() ? 4 : 6, bind.line);
  for (const std::string& address : choice_for(draft, bind)) {
    std::string text;
    write_bind(bind, address, text);
    yaml += commented_out(text);
  }
}

void write_binds(const Draft& draft, std::string& yaml) {
  yaml += "binds:\n";
  if (draft.binds.empty()) {
    yaml +=
        "  # FILL IN: the addresses of this machine that clients ask; dnsdist's own default is "
        "127.0.0.1.\n"
        "  # - address: ADDRESS:53\n";
  }
  for (const DraftBind& bind : draft.binds) {
    if (is_wildcard(bind.address.address)) {
      write_wildcard(draft, bind, yaml);
    } else {
      write_bind(bind, text_of(bind.address), yaml);
    }
  }
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

void write_caches(const Draft& draft, std::string& yaml) {
  std::string caches;
  for (const DraftCache& cache : draft.caches) {
    if (cache.name.empty()) continue;  // Told: no pool uses it.
    caches += fmt::format("  - name: {}\n", yaml_text(cache.name));
    write_settings(cache.settings, "    ", caches);
  }
  if (!caches.empty()) yaml += "packet_caches:\n" + caches;
}

void write_pools(const Draft& draft, std::string& yaml) {
  if (draft.pools.empty()) return;
  yaml += "pools:\n";
  for (const DraftPool& pool : draft.pools) {
    yaml += fmt::format("  - name: {}\n", yaml_text(pool.name));
    if (pool.cache) {
      yaml += fmt::format("    packet_cache: {}\n", yaml_text(draft.caches[*pool.cache].name));
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

/// `address` instead of the server's own.
void write_server(const DraftServer& server, const std::string& address, std::string& yaml) {
  yaml += fmt::format("  - address: {}                # Line {} there.\n", address, server.line);
  if (!server.name.empty()) yaml += fmt::format("    name: {}\n", yaml_text(server.name));
  if (server.protocol == DraftServer::Protocol::DoH) {
    yaml += "    protocol: DoH\n";
    if (!server.doh_path.empty())
      yaml += fmt::format("    doh:\n      path: {}\n", yaml_text(server.doh_path));
  }
  write_tls(server, yaml);
  write_settings(server.settings, "    ", yaml);
  write_pools_of(server, yaml);
  write_health(server, yaml);
}

/// What dotline cannot ask as it stands there, as a sentence; "" if it can.
std::string what_is_wrong(const DraftServer& server) {
  if (server.protocol == DraftServer::Protocol::Do53) {
    return fmt::format(
        "FILL IN, or leave it out: dnsdist asks {} in the clear. If it speaks DNS over TLS:",
        escaped(server.where()));
  }
  if (!server.host.empty()) {
    return fmt::format("FILL IN: dnsdist asks {}, which is no address. What is its?",
                       escaped(server.host));
  }
  if (server.address.port == kDo53Port)
    return fmt::format(
        "FILL IN: dnsdist asks {} over TLS at the port for clear text. If it is a "
        "mistake:",
        server.address.text());
  return {};
}

/// Only as a comment: whether it speaks TLS, and under which name, is not in the file.
void write_incomplete_server(const DraftServer& server, const std::string& wrong,
                             std::string& yaml) {
  yaml += fmt::format("  # {}\n", wrong);
  DraftServer encrypted = server;
  if (server.protocol == DraftServer::Protocol::Do53)
    encrypted.protocol = DraftServer::Protocol::DoT;
  encrypted.address.port = encrypted.protocol == DraftServer::Protocol::DoH ? kHttpsPort : kDotPort;
  std::string text;
  write_server(encrypted, server.host.empty() ? text_of(encrypted.address) : "ADDRESS", text);
  yaml += commented_out(text);
}

void write_missing_server(const std::string& pool, std::string& yaml) {
  yaml += fmt::format("  # FILL IN: a resolver for {}, which has none there.\n",
                      pool.empty() ? "the default pool" : "pool " + pool);
  std::string text = "  - address: ADDRESS\n    tls:\n      subject_name: NAME\n";
  if (!pool.empty()) text += fmt::format("    pools: [{}]\n", yaml_text(pool));
  yaml += commented_out(text);
}

void write_backends(const Draft& draft, std::string& yaml) {
  yaml += "backends:\n";
  for (const DraftServer& server : draft.servers) {
    const std::string wrong = what_is_wrong(server);
    if (wrong.empty()) {
      write_server(server, text_of(server.address), yaml);
    } else {
      write_incomplete_server(server, wrong, yaml);
    }
  }
  for (const std::string& pool : pools_without_servers(draft)) write_missing_server(pool, yaml);
}

void write_rest(const Draft& draft, std::string& yaml) {
  if (!draft.policies.empty()) yaml += "load_balancing_policies:\n";
  write_settings(draft.policies, "  ", yaml);
  if (!draft.tcp.empty()) yaml += "tuning:\n  tcp:\n";
  write_settings(draft.tcp, "    ", yaml);
  if (!draft.metrics.empty())
    yaml += fmt::format("metrics:\n  address: {}\n", scalar(draft.metrics));
  if (draft.verbose) yaml += "logging:\n  level: debug\n";
}

}  // namespace

std::string yaml_of(const DraftServer& server) {
  std::string yaml;
  write_server(server, text_of(server.address), yaml);
  return yaml;
}

std::vector<std::string> pools_without_servers(const Draft& draft) {
  std::vector<std::string> pools;
  const auto need = [&](const std::string& pool) {
    const bool has_server = std::ranges::any_of(draft.servers, [&](const DraftServer& server) {
      return std::ranges::find(server.pools, pool) != server.pools.end();
    });
    if (!has_server && std::ranges::find(pools, pool) == pools.end()) pools.push_back(pool);
  };
  if (draft.binds.empty()) need("");
  for (const DraftBind& bind : draft.binds) need(bind.pool.value_or(""));
  for (const DraftPool& pool : draft.pools) {
    if (!pool.domains.empty()) need(pool.name);
  }
  return pools;
}

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
