#include "control/draft/draft_binds.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "control/draft/draft_tuning.h"
#include "control/yaml/values.h"
#include "dataplane/ports/settings.h"

namespace control {
namespace {

constexpr auto kToDo = Remark::Kind::ToDo;
constexpr auto kNote = Remark::Kind::Note;
constexpr uint16_t kWebserverPort = 8083;
constexpr size_t kMostBlocks = 10'000;
constexpr size_t kMostCertificates = 4;  // As check takes, one for each kind of key.
constexpr size_t kMostPaths = 16;
constexpr const char* kUsualBlocks[] = {"127.0.0.0/8",    "10.0.0.0/8",     "100.64.0.0/10",
                                        "169.254.0.0/16", "192.168.0.0/16", "172.16.0.0/12",
                                        "::1/128",        "fc00::/7",       "fe80::/10"};

/// An option that is about one address there and about all of them here.
struct TcpOption {
  const char* option;
  const char* setting;
  int64_t least;
  int64_t most;
  enum class Several { Sum, Largest } several;
};
constexpr TcpOption kTcpOptions[] = {
    {"maxInFlight", "max_in_flight_queries", 1, 65'535, TcpOption::Several::Largest},
    {"maxConcurrentTCPConnections", "max_concurrent_connections", 1, 1'000'000,
     TcpOption::Several::Sum},
    {"tcpListenQueueSize", "listen_queue_size", 1, 65'535, TcpOption::Several::Largest},
    {"idleTimeout", "idle_timeout", 1, 3600, TcpOption::Several::Largest},
};

int64_t number_of(const std::vector<YamlSetting>& settings, const std::string& key) {
  const auto found = std::ranges::find(settings, key, &YamlSetting::first);
  int64_t number = 0;
  if (found != settings.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
  return number;
}

void carry_tcp_option(const TcpOption& option, Parameters& given) {
  const auto value = given.whole_number(option.option);
  if (!value || *value == 0) return;  // 0: as many as dnsdist likes.
  std::vector<YamlSetting>& tcp = given.draft().tcp;
  const int64_t before = number_of(tcp, option.setting);
  int64_t wanted = *value;
  if (option.several == TcpOption::Several::Sum) wanted += before;
  if (option.several == TcpOption::Several::Largest) wanted = std::max(wanted, before);
  const int64_t possible = std::clamp(wanted, option.least, option.most);
  if (possible != wanted) {
    given.tell(kToDo, option.option,
               std::to_string(wanted) + " is not possible; " + std::to_string(possible) +
                   " is the nearest");
  }
  put(tcp, option.setting, std::to_string(possible));
  given.tell(kNote, option.option,
             std::string("`tuning.tcp.") + option.setting + "` holds for all addresses together: " +
                 (option.several == TcpOption::Several::Sum ? "the sum of" : "the largest of") +
                 " those that are given");
}

void carry_minimum_version(Parameters& given, DraftBind& bind) {
  const std::string version = given.text("minTLSVersion").value_or("");
  if (version.empty()) return;
  if (version == "tls1.0" || version == "tls1.1") {
    given.tell(kNote, "minTLSVersion", "dotline speaks TLS 1.2 and 1.3 only");
  } else if (version == "tls1.2" || version == "tls1.3") {
    put(bind.tls, "minimum_version", version);
  } else {
    given.tell(kToDo, "minTLSVersion", "it is `tls1.2` or `tls1.3` in dotline; it is left out");
  }
}

void carry_ciphers(Parameters& given, DraftBind& bind) {
  constexpr std::pair<const char*, const char*> kCiphers[] = {{"ciphers", "ciphers"},
                                                              {"ciphersTLS13", "ciphers_tls_13"}};
  for (const auto& [option, setting] : kCiphers) {
    const std::string value = given.text(option).value_or("");
    if (value.empty()) continue;
    const std::string fault = fault_of_ciphers(setting, value);
    if (fault.empty()) {
      put(bind.tls, setting, yaml_text(value));
    } else {
      given.tell(kToDo, option, fault + "; it is left out");
    }
  }
}

void carry_tls_options(Parameters& given, DraftBind& bind) {
  carry_minimum_version(given, bind);
  carry_ciphers(given, bind);
}

/// Without those that `check` would refuse.
void check_paths(Parameters& given, DraftBind& bind) {
  std::vector<std::string> good;
  for (const std::string& path : bind.paths) {
    auto fault = fault_of_path(path);
    if (!fault && path.find('?') != std::string::npos) fault = "has a `?` in it";
    if (!fault && good.size() >= kMostPaths) fault = "is one of more than 16";
    if (std::ranges::find(good, path) != good.end()) continue;
    if (fault) {
      given.tell(kToDo, "paths", path + " " + *fault + "; it is left out");
    } else {
      good.push_back(path);
    }
  }
  bind.paths = std::move(good);
}

void check_certificates(Draft& draft, const std::string& what, DraftBind& bind) {
  if (bind.certificates.size() > kMostCertificates) {
    draft.to_do(bind.line, what, "there are more than 4 certificates; the first 4 are taken");
    bind.certificates.resize(kMostCertificates);
  }
}

void tell_oddities(Draft& draft, const std::string& what, const DraftBind& bind) {
  if (is_wildcard(bind.address.address)) {
    draft.to_do(bind.line, what,
                "dotline answers at addresses that are named; choose among those of this machine "
                "under `binds`");
  } else if (is_loopback(bind.address.address)) {
    draft.to_do(bind.line, what,
                "no packet for it comes over a network, and dotline takes them from there only; "
                "write the address that clients ask into `binds`");
  }
}

/// One address of what may be several.
void add_one(const std::string& what, const std::string& text, DraftBind bind, Draft& draft) {
  const std::string called = what + " " + text;
  const auto address = base::Endpoint::parse(text, usual_port(bind.protocol));
  if (!address || is_for_many(address->address))
    return draft.to_do(bind.line, called, "it is not an address that can be answered at");
  bind.address = *address;
  tell_oddities(draft, called, bind);
  const auto same = std::ranges::find(draft.binds, *address, &DraftBind::address);
  if (same != draft.binds.end()) {
    if (same->protocol != bind.protocol)
      draft.to_do(bind.line, called, "something else is spoken there already; it is left out");
    return;
  }
  if (draft.binds.size() >= ports::kMaxBinds) {
    return draft.to_do(bind.line, called,
                       "there are more than " + std::to_string(ports::kMaxBinds) +
                           " addresses; this one is left out");
  }
  draft.binds.push_back(std::move(bind));
}

std::string without_brackets(const std::string& text) {
  const size_t close = text.find(']');
  if (!text.starts_with('[') || close == std::string::npos) return text;
  return text.substr(1, close - 1) + text.substr(close + 1);
}

std::vector<base::Prefix> blocks_in(Draft& draft, unsigned line, const std::string& what,
                                    std::span<const std::string> texts) {
  std::vector<base::Prefix> blocks;
  for (const std::string& text : texts) {
    if (const auto block = block_of(text)) {
      blocks.push_back(*block);
    } else {
      draft.to_do(line, what + " " + text,
                  text.starts_with('!') ? "dotline's `acl` has no exceptions; it is left out"
                                        : "it is not a block of addresses");
    }
  }
  return blocks;
}

void append(Draft& draft, unsigned line, const std::string& what,
            std::span<const base::Prefix> blocks) {
  std::vector<base::Prefix>& acl = *draft.acl;
  for (const base::Prefix& block : blocks) {
    if (std::ranges::find(acl, block) != acl.end()) continue;
    if (acl.size() >= kMostBlocks) {
      return draft.to_do(line, what,
                         "there are more than " + std::to_string(kMostBlocks) +
                             " blocks; those after " + acl.back().text() + " are left out");
    }
    acl.push_back(block);
  }
}

/// Those that dnsdist has before it is told of any.
void have_acl(Draft& draft) {
  if (draft.acl) return;
  draft.acl.emplace();
  for (const char* usual : kUsualBlocks) draft.acl->push_back(*base::Prefix::parse(usual));
}

}  // namespace

uint16_t usual_port(DraftBind::Protocol protocol) {
  constexpr uint16_t kDnsPort = 53;
  constexpr uint16_t kDotPort = 853;
  constexpr uint16_t kHttpsPort = 443;
  switch (protocol) {
    case DraftBind::Protocol::DoT:
      return kDotPort;
    case DraftBind::Protocol::DoH:
      return kHttpsPort;
    case DraftBind::Protocol::Do53:
      break;
  }
  return kDnsPort;
}

void add_bind(const std::string& what, const std::string& text, DraftBind bind,
              Parameters& options) {
  bind.line = options.line();
  std::vector<std::string> addresses = {text};
  if (const auto more = options.texts("additionalAddresses"))
    addresses.insert(addresses.end(), more->begin(), more->end());
  if (bind.protocol != DraftBind::Protocol::Do53) carry_tls_options(options, bind);
  if (bind.protocol == DraftBind::Protocol::DoH) check_paths(options, bind);
  check_certificates(options.draft(), what, bind);
  for (const TcpOption& option : kTcpOptions) carry_tcp_option(option, options);
  options.tell_rest(why_no_option_of_bind);
  for (const std::string& address : addresses) add_one(what, address, bind, options.draft());
}

std::optional<base::Prefix> block_of(const std::string& given) {
  const std::string text = without_brackets(given);
  if (const auto exact = base::Prefix::parse(text)) return exact;
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto address = base::IpAddress::parse(text.substr(0, slash));
  // Of the blocks of that length, the one that holds the address ends in its last octets' zeroes.
  const auto any =
      base::Prefix::parse((address && address->is_v4() ? "0.0.0.0" : "::") + text.substr(slash));
  if (!address || !any) return std::nullopt;
  std::array<std::byte, 16> octets = address->mapped();
  const unsigned kept = any->length + (address->is_v4() ? 96U : 0U);
  for (unsigned bit = kept; bit < 128; ++bit)
    octets[bit / 8] &= ~std::byte{static_cast<unsigned char>(0x80U >> (bit % 8))};
  const base::IpAddress network =
      address->is_v4() ? base::IpAddress::v4(&octets[12]) : base::IpAddress::v6(octets.data());
  return base::Prefix{network, any->length};
}

void set_acl(Draft& draft, unsigned line, const std::string& what,
             std::span<const std::string> blocks) {
  draft.acl.emplace();
  append(draft, line, what, blocks_in(draft, line, what, blocks));
}

void add_acl(Draft& draft, unsigned line, const std::string& what,
             std::span<const std::string> blocks) {
  have_acl(draft);
  append(draft, line, what, blocks_in(draft, line, what, blocks));
}

void remove_acl(Draft& draft, unsigned line, const std::string& what,
                std::span<const std::string> blocks) {
  have_acl(draft);
  for (const base::Prefix& block : blocks_in(draft, line, what, blocks)) {
    if (std::erase(*draft.acl, block) == 0)
      draft.note(line, what + " " + block.text(), "it was not in the list");
  }
}

void set_webserver(Draft& draft, unsigned line, const std::string& what, const std::string& text) {
  const std::string called = what + " " + text;
  const auto address = base::Endpoint::parse(text, kWebserverPort);
  if (!address) {
    return draft.to_do(line, called,
                       "it is not an address; write it into `metrics.address`, of which loopback "
                       "is the safe choice");
  }
  if (is_loopback(address->address)) {
    draft.metrics = address->text();
    return;
  }
  draft.metrics = "127.0.0.1:" + std::to_string(address->port);
  draft.to_do(line, called,
              "dnsdist lets in 127.0.0.1 and ::1 only, unless its `acl` says more, and dotline "
              "whoever reaches the address; so it is " +
                  draft.metrics +
                  " here. For a Prometheus elsewhere write an address into `metrics.address`, and "
                  "let only that machine in with the firewall");
}

void tell_webserver_is_guarded(Draft& draft, unsigned line, const std::string& what) {
  draft.to_do(line, what,
              "the metrics have no password and no access list; keep `metrics.address` on "
              "loopback");
}

}  // namespace control
