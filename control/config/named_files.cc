#include "control/config/named_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "control/config/ca_store.h"
#include "control/text/regular_file.h"

namespace control {
namespace {

using Part = server_tls::Certificate::Part;
using Secrets = std::vector<rules::CookieSecret>;

constexpr size_t kMaxPemBytes = size_t{1} << 20;
constexpr size_t kMaxSecretsFile = size_t{16} << 10;
constexpr size_t kMaxSecrets = 8;
constexpr size_t kDigits = 2 * sizeof(rules::CookieSecret);

// ---------------------------------------------------------------- certificates

base::Result<server_tls::Certificate, LoadedCertificates::Fault> load(const CertificateFiles& files,
                                                                      size_t index, Date date) {
  const auto fault = [index](Part part, std::string text) {
    return base::fail(LoadedCertificates::Fault{index, part, std::move(text)});
  };
  const auto chain = read_regular_file(files.certificate, kMaxPemBytes);
  if (!chain) return fault(Part::Certificate, chain.error());
  const auto key = read_regular_file(files.key, kMaxPemBytes);
  if (!key) return fault(Part::Key, key.error());
  auto made = server_tls::Certificate::parse(*chain, *key, date);
  if (!made) return fault(made.error().part, std::move(made.error().text));
  return std::move(*made);
}

bool has_kind(const std::vector<server_tls::Certificate>& certificates,
              const server_tls::Certificate& wanted) {
  return std::ranges::any_of(certificates, [&](const server_tls::Certificate& one) {
    return one.kind_of_key() == wanted.kind_of_key();
  });
}

/// Of a kind of key that nothing better is there for.
void add_missing(const std::vector<server_tls::Certificate>& from,
                 std::vector<server_tls::Certificate>& certificates) {
  for (const server_tls::Certificate& one : from) {
    if (!has_kind(certificates, one)) certificates.push_back(one);
  }
}

std::string line_of(const LoadedCertificates::Fault& fault, const CertificateFiles& files) {
  const bool is_key = fault.part == Part::Key;
  return fmt::format("the {} in {} {}", is_key ? "key" : "certificate",
                     is_key ? files.key : files.certificate, fault.text);
}

// ---------------------------------------------------------------- secrets of cookies

std::optional<unsigned> digit_of(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<rules::CookieSecret> secret_of(std::string_view line) {
  if (line.size() != kDigits) return std::nullopt;
  rules::CookieSecret secret;
  for (size_t i = 0; i < secret.size(); ++i) {
    const auto high = digit_of(line[2 * i]);
    const auto low = digit_of(line[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    secret[i] = static_cast<std::byte>(*high << 4 | *low);
  }
  return secret;
}

std::string_view without_spaces(std::string_view line) {
  constexpr std::string_view kSpaces = " \t\r";
  const size_t first = line.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kSpaces) + 1 - first);
}

base::Result<Secrets, std::string> secrets_in(std::string_view text) {
  Secrets secrets;
  for (unsigned number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = without_spaces(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const auto secret = secret_of(line);
    if (!secret)
      return base::fail("line " + std::to_string(number) + " of it is no secret, expected " +
                        std::to_string(kDigits) + " hexadecimal digits");
    secrets.push_back(*secret);
  }
  if (secrets.empty()) return base::fail(std::string("has no secret in it, expected one a line"));
  if (secrets.size() > kMaxSecrets)
    return base::fail("has more than " + std::to_string(kMaxSecrets) + " secrets in it");
  return secrets;
}

// ---------------------------------------------------------------- what is off

std::string line_about(const FileFault& fault) {
  switch (fault.kind) {
    case FileFault::Kind::CaStore:
      return fmt::format(
          "backend {} cannot be authenticated, so that it is not asked: `ca_store`: {}",
          fault.backend, fault.text);
    case FileFault::Kind::KeyLog:
      return fmt::format("backend {}: keys of its sessions are not written: `key_log_file`: {}",
                         fault.backend, fault.text);
    case FileFault::Kind::CookieSecrets:
      break;
  }
  return "cookies are made with other secrets than the file's: `secret_file`: " + fault.text;
}

/// Whether it can be used now; then it is.
bool is_mended(const FileFault& fault, Config& config) {
  switch (fault.kind) {
    case FileFault::Kind::CaStore:
      if (fault.path.empty()) return system_ca_store_exists();
      if (fault_of_ca_store(fault.path)) return false;
      config.ca_stores[fault.path] = hash_of_ca_store(fault.path);
      return true;
    case FileFault::Kind::KeyLog:
      return false;  // A reload opens it; that it is to be written to is not decided here.
    case FileFault::Kind::CookieSecrets:
      break;
  }
  auto secrets = load_secrets(fault.path);
  if (!secrets) return false;
  config.cookies.secrets = std::move(*secrets);
  return true;
}

bool look_again_at(Bind& bind, Date date) {
  if (bind.faults.empty()) return false;
  Bind again = bind;
  (void)take_certificates(again, date);
  if (again.faults.size() >= bind.faults.size()) return false;
  bind = std::move(again);
  return true;
}

}  // namespace

LoadedCertificates load_certificates(const std::vector<CertificateFiles>& files, Date date) {
  LoadedCertificates loaded;
  for (size_t i = 0; i < files.size(); ++i) {
    auto one = load(files[i], i, date);
    if (!one) {
      loaded.faults.push_back(std::move(one.error()));
    } else if (has_kind(loaded.good, *one)) {
      loaded.faults.push_back({i, Part::Certificate,
                               "is the second with a key of kind " + one->kind_of_key() +
                                   ", expected one of each kind"});
    } else {
      loaded.good.push_back(std::move(*one));
    }
  }
  return loaded;
}

LoadedCertificates take_certificates(Bind& bind, Date date) {
  LoadedCertificates loaded = load_certificates(bind.certificate_files, date);
  bind.faults.clear();
  for (const LoadedCertificates::Fault& fault : loaded.faults)
    bind.faults.push_back(line_of(fault, bind.certificate_files[fault.index]));
  const auto former = std::exchange(bind.tls->certificates, loaded.good);
  if (!bind.faults.empty()) add_missing(former, bind.tls->certificates);
  return loaded;
}

base::Result<Secrets, std::string> load_secrets(const std::string& path) {
  const auto text = read_regular_file(path, kMaxSecretsFile);
  if (!text) return base::fail(text.error());
  return secrets_in(*text);
}

const char* protocol_name(Protocol protocol) {
  switch (protocol) {
    case Protocol::Do53:
      return "Do53";
    case Protocol::DoT:
      return "DoT";
    case Protocol::DoH:
      break;
  }
  return "DoH";
}

std::string name_of(const Bind& bind) {
  return fmt::format("{} at {}", protocol_name(bind.protocol), bind.address.text());
}

std::vector<std::string> parts_off(const Config& config) {
  std::vector<std::string> lines;
  for (const Bind& bind : config.binds) {
    const char* state = bind.is_on() ? "does not show all that it should" : "is off";
    for (const std::string& fault : bind.faults)
      lines.push_back(fmt::format("{} {}: {}", name_of(bind), state, fault));
  }
  for (const FileFault& fault : config.file_faults) lines.push_back(line_about(fault));
  return lines;
}

void keep_former_files(const Config& former, Config& next) {
  for (size_t i = 0; i < next.binds.size(); ++i) {
    Bind& bind = next.binds[i];
    if (bind.faults.empty() || !former.binds[i].tls) continue;
    add_missing(former.binds[i].tls->certificates, bind.tls->certificates);
  }
  const bool without_secrets = std::ranges::any_of(next.file_faults, [](const FileFault& fault) {
    return fault.kind == FileFault::Kind::CookieSecrets;
  });
  if (without_secrets) next.cookies.secrets = former.cookies.secrets;
}

bool look_again(Config& config, Date date) {
  bool mended = false;
  for (Bind& bind : config.binds) mended = look_again_at(bind, date) || mended;
  const auto gone = std::erase_if(config.file_faults,
                                  [&](const FileFault& fault) { return is_mended(fault, config); });
  return mended || gone > 0;
}

}  // namespace control
