// The section `tls` of a bind: what clients are shown, and what is spoken with them. The files are
// read here and nowhere else, so that what was checked is what is served.
#include <algorithm>
#include <chrono>

#include "control/config/named_files.h"
#include "control/config/reader.h"
#include "control/yaml/values.h"

namespace control {
namespace {

constexpr size_t kMaxCertificates = 4;  // As many kinds of key as there are in use.

std::string read_path(Section& section, std::string_view key, const std::string& expected) {
  section.require(key, expected);
  return section.text(key, expected).value_or("");
}

/// Names a file for each of the two if all is well.
void read_certificate(const YamlNode& node, Reading& reading, Bind& bind) {
  Section section(&node, "binds.tls.certificates", reading.errors);
  const std::string certificate =
      read_path(section, "certificate",
                "a PEM file with the server's certificate and those that lead to its authority");
  const std::string key =
      read_path(section, "key", "a PEM file with the certificate's private key");
  section.refuse_unknown();
  bind.certificate_files.push_back({certificate, key});
}

/// Says at their places what cannot be shown.
void load(std::span<const YamlNode> nodes, Reading& reading, Bind& bind) {
  const LoadedCertificates loaded = take_certificates(bind, std::chrono::system_clock::now());
  for (const LoadedCertificates::Fault& fault : loaded.faults) {
    const bool is_key = fault.part == server_tls::Certificate::Part::Key;
    const std::string_view name = is_key ? "key" : "certificate";
    const CertificateFiles& files = bind.certificate_files[fault.index];
    const YamlNode* value = nodes[fault.index].find(name);
    reading.errors.turn_off(value == nullptr ? nodes[fault.index].place : value->place,
                            quote(name, is_key ? files.key : files.certificate) + ' ' + fault.text +
                                (bind.is_on() ? "; the others are shown" : "; the bind is off"));
  }
}

}  // namespace

void read_server_tls(Section& outer, Reading& reading, Bind& bind) {
  bind.tls.emplace();
  Section section = outer.inner("tls");
  if (!outer.has("tls"))
    return outer.lacks("clients are to be spoken to over TLS, expected `tls` with `certificates`");
  const std::span<const YamlNode> nodes =
      section.filled_list("certificates", kMaxCertificates, "certificate to show to clients");
  for (const YamlNode& node : nodes) read_certificate(node, reading, bind);
  const bool all_named = std::ranges::none_of(bind.certificate_files, [](const auto& files) {
    return files.certificate.empty() || files.key.empty();
  });
  if (all_named) load(nodes, reading, bind);
  read_offer(section, bind.tls->offer);
  section.choice("minimum_version", bind.tls->offer.min_version, kTlsVersions);
  section.refuse_unknown();
}

}  // namespace control
