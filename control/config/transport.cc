// The part of `backends` that says how a resolver is reached: its address, what is spoken to it,
// and the proxy on the way. Nothing here looks a name up: that would tell the network, in the
// clear, which resolver we are about to ask.
#include "control/config/reader.h"
#include "control/yaml/values.h"
#include "tls-workers/transport/socks5.h"

namespace control {
namespace {

using backends::Protocol;

constexpr Choice<Protocol> kProtocols[] = {{"DoT", Protocol::DoT}, {"DoH", Protocol::DoH}};
constexpr uint16_t kDotPort = 853;    // RFC 7858 §3.1
constexpr uint16_t kHttpsPort = 443;  // RFC 8484 §4.1, RFC 9110 §4.2.2
constexpr uint16_t kDo53Port = 53;
constexpr uint16_t kSocksPort = 1080;
constexpr size_t kMaxLogin = 255;  // RFC 1929 §2, each part.

uint16_t usual_port(Protocol protocol) { return protocol == Protocol::DoH ? kHttpsPort : kDotPort; }

void read_path(Section& outer, backends::BackendSettings& backend, ConfigErrors& errors) {
  Section section = outer.inner("doh");
  if (outer.has("doh") && backend.protocol != Protocol::DoH) {
    errors.add(outer.place_of("doh"), "`doh` is given, expected `protocol: DoH` beside it");
  }
  const std::string expected = "the path of the resolver's URL, such as /dns-query";
  const auto text = section.text("path", expected);
  section.refuse_unknown();
  if (!text) return;
  backend.path = *text;
  if (const auto fault = fault_of_path(*text))
    section.refuse("path", *fault + ", expected " + expected);
}

/// "user:password@" in front of the proxy's address. It is never repeated in a message.
bool read_login(std::string_view login, backends::Socks5Settings& proxy) {
  const size_t colon = login.find(':');
  if (colon == std::string_view::npos) return false;
  proxy.user = login.substr(0, colon);
  proxy.password = login.substr(colon + 1);
  const auto fits = [](const std::string& part) {
    return !part.empty() && part.size() <= kMaxLogin;
  };
  return fits(proxy.user) && fits(proxy.password);
}

void read_proxy_address(std::string_view text, Section& section, backends::Socks5Settings& proxy,
                        ConfigErrors& errors) {
  const std::string expected = "expected ADDRESS:PORT, such as 127.0.0.1:9050";
  const auto address = base::Endpoint::parse(text, kSocksPort);
  const Place place = section.place_of("socks5");
  if (const auto fault = fault_of_scope(text, address.value_or(base::Endpoint{}).address)) {
    errors.add(place, quote("socks5", text) + ' ' + *fault);
  } else if (!address && is_hostname(text.substr(0, text.find(':')))) {
    errors.add(place, quote("socks5", text) + " is a name, " + expected +
                          ": looking the name up would leak it");
  } else if (!address) {
    errors.add(place, quote("socks5", text) + " is not an address, " + expected);
  } else if (is_wildcard(address->address) || is_for_many(address->address)) {
    errors.add(place, quote("socks5", text) +
                          " is a wildcard, multicast or broadcast address, expected that of one "
                          "proxy");
  } else {
    proxy.proxy = *address;
  }
}

void read_socks5(Section& section, backends::BackendSettings& backend, ConfigErrors& errors) {
  const auto text = section.secret_text(
      "socks5", "ADDRESS:PORT or USER:PASSWORD@ADDRESS:PORT of a proxy, \"\" for none");
  if (!text || text->empty()) return;
  backends::Socks5Settings& proxy = backend.socks5.emplace();
  const size_t at = text->rfind('@');
  const bool has_login = at != std::string::npos;
  if (!has_login) {
    proxy.user = proxy.password = transport::random_login();
    proxy.made_up = true;
  } else if (!read_login(std::string_view(*text).substr(0, at), proxy)) {
    errors.add(section.place_of("socks5"),
               "`socks5`: what is before the `@` is not a login, expected USER:PASSWORD of 1 to "
               "255 characters each");
  }
  read_proxy_address(std::string_view(*text).substr(has_login ? at + 1 : 0), section, proxy,
                     errors);
  if (has_login && proxy.proxy.port != 0 && !is_loopback(proxy.proxy.address)) {
    errors.warn(section.place_of("socks5"),
                "`socks5` has a login for a proxy on another machine: it is sent in the clear, as "
                "SOCKS5 does");
  }
}

/// "dns.example" or "dns.example:853", for the proxy to look up.
bool read_host(std::string_view text, backends::BackendSettings& backend) {
  const size_t colon = text.find(':');
  const std::string_view host = text.substr(0, colon);
  if (!is_hostname(host)) return false;
  uint16_t port = usual_port(backend.protocol);
  if (colon != std::string_view::npos) {
    // The port is read as that of an address is.
    const auto endpoint = base::Endpoint::parse("0.0.0.0" + std::string(text.substr(colon)), port);
    if (!endpoint) return false;
    port = endpoint->port;
  }
  backend.host = host;
  backend.address = {{}, port};
  return true;
}

std::string example(const backends::BackendSettings& backend) {
  return "192.0.2.1:" + std::to_string(usual_port(backend.protocol));
}

void refuse_clear_text_port(Section& section, const backends::BackendSettings& backend) {
  if (backend.address.port != kDo53Port) return;
  section.refuse("address", backend.protocol == Protocol::DoH
                                ? "would speak TLS to a clear-text port, expected port 443, which "
                                  "is HTTPS"
                                : "would speak TLS to a clear-text port, expected port 853, which "
                                  "is DNS over TLS");
}

void read_address(Section& section, backends::BackendSettings& backend) {
  const std::string expected = "ADDRESS or ADDRESS:PORT, such as " + example(backend);
  section.require("address", expected);
  const auto text = section.text("address", expected);
  if (!text) return;
  const auto address = base::Endpoint::parse(*text, usual_port(backend.protocol));
  if (!address && backend.socks5 && read_host(*text, backend)) {
    return refuse_clear_text_port(section, backend);
  }
  if (const auto fault = fault_of_scope(*text, address.value_or(base::Endpoint{}).address)) {
    section.refuse("address", *fault);
  } else if (!address && is_hostname(text->substr(0, text->find(':')))) {
    section.refuse("address", "is a name, expected an address: looking the name up would leak it");
  } else if (!address) {
    section.refuse("address", "is not an address, expected " + expected);
  } else if (is_wildcard(address->address) || is_for_many(address->address)) {
    section.refuse("address",
                   "is a wildcard, multicast or broadcast address, expected that of one resolver");
  }
  if (!address) return;
  backend.address = *address;
  refuse_clear_text_port(section, backend);
}

}  // namespace

void read_transport(Section& section, backends::BackendSettings& backend, ConfigErrors& errors) {
  section.choice("protocol", backend.protocol, kProtocols);
  read_path(section, backend, errors);
  read_socks5(section, backend, errors);
  read_address(section, backend);  // What it may be depends on the others.
}

}  // namespace control
