// The section `backends.tls`: how it is made sure that a resolver is the one that was meant, and
// what is offered to it. Nothing here can turn the first off.
#include "control/ca_store.h"
#include "control/config_reader.h"
#include "control/config_values.h"

namespace control {
namespace {

void read_subject_name(Section& section, tls::BackendSettings& backend) {
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

void read_subject_address(Section& section, tls::BackendSettings& backend) {
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

void read_ca_store(Section& section, tls::BackendSettings& backend) {
  const auto path =
      section.text("ca_store", "a file of PEM certificates, \"\" for the system's store");
  backend.ca_store = path.value_or("");
  if (!backend.ca_store.empty()) {
    const auto fault = fault_of_ca_store(backend.ca_store);
    if (fault) section.refuse("ca_store", *fault);
  } else if (!system_ca_store_exists()) {
    section.warn("ca_store",
                 "means the system's CA certificates, but there are none: no resolver can be "
                 "authenticated with them");
  }
}

}  // namespace

void read_tls(Section& outer, tls::BackendSettings& backend) {
  Section section = outer.inner("tls");
  read_subject_name(section, backend);
  read_subject_address(section, backend);
  const bool by_name = section.has("subject_name");
  const bool by_address = section.has("subject_address");
  // A backend that nobody could tell from an impostor is never asked.
  if (!by_name && !by_address) {
    (outer.has("tls") ? section : outer)
        .lacks(
            "the backend could not be authenticated, expected `tls` with `subject_name` or "
            "`subject_address`");
  }
  if (by_name && by_address) {
    section.refuse("subject_address", "is given beside `subject_name`, expected one of the two");
  }
  read_ca_store(section, backend);
  section.refuse_unknown();
}

}  // namespace control
