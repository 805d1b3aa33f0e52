// The section `tls` of a bind: what clients are shown, and what is spoken with them. The files are
// read here and nowhere else, so that what was checked is what is served.
#include <algorithm>
#include <chrono>

#include "control/config/reader.h"
#include "control/config/regular_file.h"
#include "control/config/values.h"

namespace control {
namespace {

constexpr size_t kMaxCertificates = 4;  // As many kinds of key as there are in use.
constexpr size_t kMaxPemBytes = size_t{1} << 20;

/// The contents of the file that `key` names.
std::optional<std::string> read_pem(Section& section, std::string_view key,
                                    const std::string& expected) {
  section.require(key, expected);
  const auto path = section.text(key, expected);
  if (!path) return std::nullopt;
  base::Result<std::string, std::string> text = read_regular_file(*path, kMaxPemBytes);
  if (text) return std::move(*text);
  section.refuse(key, text.error());
  return std::nullopt;
}

void read_certificate(const YamlNode& node, Reading& reading, front::ServerTls& tls) {
  Section section(&node, "binds.tls.certificates", reading.errors);
  const auto chain =
      read_pem(section, "certificate",
               "a PEM file with the server's certificate and those that lead to its authority");
  const auto key = read_pem(section, "key", "a PEM file with the certificate's private key");
  section.refuse_unknown();
  if (!chain || !key) return;
  const auto certificate =
      front::Certificate::parse(*chain, *key, std::chrono::system_clock::now());
  if (!certificate) {
    const bool is_key = certificate.error().part == front::Certificate::Part::Key;
    return section.refuse(is_key ? "key" : "certificate", certificate.error().text);
  }
  const auto same_kind = [&](const front::Certificate& other) {
    return other.kind_of_key() == certificate->kind_of_key();
  };
  if (std::ranges::any_of(tls.certificates, same_kind)) {
    return section.refuse("certificate", "is the second with a key of kind " +
                                             certificate->kind_of_key() +
                                             ", expected one of each kind");
  }
  tls.certificates.push_back(*certificate);
}

}  // namespace

front::ServerTls read_server_tls(Section& outer, Reading& reading) {
  front::ServerTls tls;
  Section section = outer.inner("tls");
  if (!outer.has("tls")) {
    outer.lacks("clients are to be spoken to over TLS, expected `tls` with `certificates`");
    return tls;
  }
  for (const YamlNode& node :
       section.filled_list("certificates", kMaxCertificates, "certificate to show to clients"))
    read_certificate(node, reading, tls);
  read_offer(section, tls.offer);
  section.choice("minimum_version", tls.offer.min_version, kTlsVersions);
  section.refuse_unknown();
  return tls;
}

}  // namespace control
