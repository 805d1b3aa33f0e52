// The section `backends.tls`: how it is made sure that a resolver is the one that was meant, and
// what is offered to it. Nothing here can turn the first off.
#include <algorithm>
#include <functional>

#include "control/config/ca_store.h"
#include "control/config/reader.h"
#include "control/yaml/values.h"
#include "tls-workers/backends/pins.h"
#include "tls-workers/transport/key_log.h"
#include "tls-workers/transport/tls_offer.h"

namespace control {
namespace {

constexpr size_t kMaxPins = 16;

void read_subject_name(Section& section, backends::BackendSettings& backend) {
  const std::string expected = "the host name in the resolver's certificate";
  const auto text = section.text("subject_name", expected);
  if (!text) return;
  backend.subject_name = *text;
  if (base::IpAddress::parse(*text)) {
    section.refuse("subject_name",
                   "is an address, expected a host name; an address goes into `subject_address`");
  } else if (!is_hostname(*text)) {
    section.refuse("subject_name", "is not a host name, expected " + expected);
  }
}

void read_subject_address(Section& section, backends::BackendSettings& backend) {
  const std::string expected = "the IP address in the resolver's certificate";
  const auto text = section.text("subject_address", expected);
  if (!text) return;
  const auto address = base::IpAddress::parse(*text);
  if (address) {
    backend.subject_address = address->text();
  } else {
    section.refuse("subject_address", "is not an address, expected " + expected);
  }
}

/// Without authorities no certificate is trusted: the backend is there, and is not asked.
void read_ca_store(Section& section, Reading& reading, backends::BackendSettings& backend) {
  const auto path =
      section.text("ca_store", "a file of PEM certificates, \"\" for the system's store");
  backend.ca_store = path.value_or("");
  const auto note = [&](const std::string& fault) {
    reading.config.file_faults.push_back(
        {FileFault::Kind::CaStore, backend.ca_store, backend.name, fault});
  };
  if (!backend.ca_store.empty()) {
    const auto fault = fault_of_ca_store(backend.ca_store);
    if (!fault) {
      reading.config.ca_stores[backend.ca_store] = hash_of_ca_store(backend.ca_store);
      return;
    }
    section.turn_off("ca_store", *fault + "; the backend cannot be authenticated and is not asked");
    note(backend.ca_store + ' ' + *fault);
  } else if (!system_ca_store_exists()) {
    section.warn("ca_store",
                 "means the system's CA certificates, but there are none: no resolver can be "
                 "authenticated with them");
    note("the system has no CA certificates");
  }
}

void read_pin(const YamlNode& node, Reading& reading, std::vector<backends::Pin>& pins) {
  const std::string expected = "`sha256/` and the BASE64 of the SHA-256 of a public key";
  const auto text = read_text(node, "pins", expected, reading.errors);
  if (!text) return;
  const auto pin = backends::parse_pin(*text);
  if (!pin) {
    reading.errors.add(node.place, quote("pins", *text) + " is not a pin, expected " + expected);
  } else if (std::ranges::find(pins, *pin) != pins.end()) {
    reading.errors.add(node.place, quote("pins", *text) + " is listed twice, expected once");
  } else {
    pins.push_back(*pin);
  }
}

void read_pins(Section& section, Reading& reading, backends::BackendSettings& backend) {
  const auto pins = section.list("pins", kMaxPins);
  if (!pins) return;
  for (const YamlNode& node : *pins) read_pin(node, reading, backend.pins);
  if (pins->empty()) {
    reading.errors.add(section.place_of("pins"), "`pins` is empty, expected at least one pin");
  } else if (pins->size() == 1) {
    // RFC 7858 appendix A asks for a backup.
    reading.errors.warn(section.place_of("pins"),
                        "`pins` has one pin only: when the resolver changes its key, nothing is "
                        "sent to it any more; add that of its next key");
  }
}

/// What the certificate must prove. A backend that cannot be told from an impostor is never asked.
void read_identity(Section& outer, Section& section, Reading& reading,
                   backends::BackendSettings& backend) {
  read_subject_name(section, backend);
  read_subject_address(section, backend);
  read_pins(section, reading, backend);
  const bool by_name = section.has("subject_name");
  const bool by_address = section.has("subject_address");
  if (!by_name && !by_address && !section.has("pins")) {
    (outer.has("tls") ? section : outer)
        .lacks(
            "the backend could not be authenticated, expected `tls` with `subject_name`, "
            "`subject_address` or `pins`");
  }
  if (by_name && by_address) {
    section.refuse("subject_address", "is given beside `subject_name`, expected one of the two");
  }
  if (by_name || by_address || !section.has("pins"))
    return read_ca_store(section, reading, backend);
  if (section.text("ca_store", ""))
    section.refuse("ca_store",
                   "is not looked at where only `pins` are given, expected `subject_name` or "
                   "`subject_address` as well");
}

/// A text in OpenSSL's own words.
void read_list(Section& section, std::string_view key, std::string& target,
               const std::function<std::optional<std::string>(const std::string&)>& fault_of) {
  const auto text = section.text(key, "a list in OpenSSL's form, \"\" for its defaults");
  if (!text || text->empty()) return;
  if (const auto fault = fault_of(*text)) {
    section.refuse(key, escaped(*fault, 200));
  } else {
    target = *text;
  }
}

void read_key_log_file(Section& section, Reading& reading, backends::BackendSettings& backend) {
  const auto path = section.text("key_log_file", "a file for the keys of sessions, \"\" for none");
  if (!path || path->empty()) return;
  backend.tls.key_log_file = *path;
  if (const auto fault = transport::fault_of_key_log(*path)) {
    section.turn_off("key_log_file", *fault + "; no keys are written");
    reading.config.file_faults.push_back(
        {FileFault::Kind::KeyLog, *path, backend.name, *path + ' ' + *fault});
    backend.tls.key_log_file.clear();
  } else {
    section.warn("key_log_file",
                 "gets the keys of all sessions with this backend: whoever reads it can read every "
                 "query. Not for production");
  }
}

}  // namespace

void read_offer(Section& section, backends::TlsSettings& offer) {
  read_list(section, "ciphers", offer.ciphers, transport::fault_of_ciphers);
  read_list(section, "ciphers_tls_13", offer.ciphers_tls_13, transport::fault_of_ciphers_tls_13);
  read_list(section, "ecdhe_curves", offer.ecdhe_curves, transport::fault_of_ecdhe_curves);
}

void read_tls(Section& outer, Reading& reading, backends::BackendSettings& backend) {
  Section section = outer.inner("tls");
  read_identity(outer, section, reading, backend);
  read_offer(section, backend.tls);
  section.choice("min_version", backend.tls.min_version, kTlsVersions);
  read_key_log_file(section, reading, backend);
  section.refuse_unknown();
}

}  // namespace control
