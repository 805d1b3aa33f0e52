#include "control/config/reader.h"

#include "control/yaml/values.h"

namespace control {
namespace {

constexpr Choice<LogLevel> kLogLevels[] = {{"debug", LogLevel::Debug},
                                           {"info", LogLevel::Info},
                                           {"warning", LogLevel::Warning},
                                           {"error", LogLevel::Error}};

}  // namespace

void read_metrics(Section section, Reading& reading) {
  constexpr std::string_view kExpected = "ADDRESS:PORT, such as 127.0.0.1:9153 or [::1]:9153";
  constexpr uint16_t kUsualPort = 9153;
  reading.config.metrics_address = *base::Endpoint::parse("127.0.0.1", kUsualPort);
  const auto text = section.text("address", kExpected);
  section.refuse_unknown();
  if (!text) return;
  const auto address = base::Endpoint::parse(*text, kUsualPort);
  if (const auto fault = fault_of_scope(*text, address.value_or(base::Endpoint{}).address)) {
    section.refuse("address", *fault);
    return;
  }
  if (!address || is_for_many(address->address)) {
    section.refuse("address", "is not an address to listen on, expected " + std::string(kExpected));
    return;
  }
  reading.config.metrics_address = *address;
  if (is_wildcard(address->address)) {
    section.warn("address", "shows the metrics on every interface");
  } else if (!is_loopback(address->address)) {
    section.warn("address", "shows the metrics to everybody who can reach it");
  }
}

void read_control(Section section, Reading& reading) {
  const auto text = section.text("socket", "an absolute path, or \"\" for no control socket");
  section.refuse_unknown();
  if (!text) return;
  reading.config.control_socket = *text;
  if (text->empty()) return;
  if (!text->starts_with('/') || text->ends_with('/'))
    section.refuse("socket", "is not the absolute path of a file, such as " +
                                 std::string(kUsualControlSocket));
  if (text->size() > kMaxControlSocketPath)
    section.refuse("socket", "is too long, expected at most " +
                                 std::to_string(kMaxControlSocketPath) + " octets");
}

void read_logging(Section section, Reading& reading) {
  section.choice("level", reading.config.log_level, kLogLevels);
  section.refuse_unknown();
}

Config read_tree(const YamlNode& root, const Machine& machine, ConfigErrors& errors) {
  Reading reading{machine, errors, {}};
  Section top(&root, "", errors);
  read_dataplane(top.inner("dataplane"), reading);
  read_packet_caches(top, reading);
  read_load_balancing_policies(top.inner("load_balancing_policies"), reading);
  read_pools(top, reading);
  read_backends(top, reading);
  read_binds(top, reading);
  read_acl(top, reading);
  read_local_names(top.inner("local_names"), reading);
  read_cookies(top.inner("cookies"), reading);
  read_rate_limit(top.inner("rate_limit"), reading);
  read_tuning(top.inner("tuning"), reading);
  read_tls_workers(top.inner("tls_workers"), reading);
  read_metrics(top.inner("metrics"), reading);
  read_control(top.inner("control"), reading);
  read_logging(top.inner("logging"), reading);
  top.flag("strict_start", reading.config.strict_start);
  top.refuse_unknown();
  return std::move(reading.config);
}

}  // namespace control
