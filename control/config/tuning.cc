// The section `tuning.tcp`: what clients may take of us over TCP, TLS and HTTPS. Names and units
// are dnsdist's where it has the setting.
#include <string>

#include "control/config/reader.h"

namespace control {
namespace {

constexpr Range kConnections{1, 1'000'000};
constexpr Range kAnyNumber{0, 1'000'000};
constexpr Range kSeconds{1, 3600};
constexpr Range kAnySeconds{0, 86'400};

void seconds(Section& section, std::string_view key, base::seconds& target, Range range) {
  auto value = static_cast<uint64_t>(target.count());
  section.number(key, value, range);
  target = base::seconds{value};
}

}  // namespace

void read_tuning(Section section, Reading& reading) {
  Section tcp = section.inner("tcp");
  section.refuse_unknown();
  frontend::Limits& limits = reading.config.stream_limits;
  tcp.number("max_concurrent_connections", limits.max_concurrent_connections, kConnections);
  tcp.number("max_connections_per_client", limits.max_connections_per_client, kAnyNumber);
  tcp.number("max_queries_per_connection", limits.max_queries_per_connection, kAnyNumber);
  tcp.number("max_in_flight_queries", limits.max_in_flight_queries, {1, 65'535});
  tcp.number("listen_queue_size", limits.listen_queue_size, {1, 65'535});
  tcp.number("connections_overload_threshold", limits.connections_overload_threshold, {1, 100});
  seconds(tcp, "max_connection_duration", limits.max_connection_duration, kAnySeconds);
  seconds(tcp, "receive_timeout", limits.receive_timeout, kSeconds);
  seconds(tcp, "send_timeout", limits.send_timeout, kSeconds);
  seconds(tcp, "idle_timeout", limits.idle_timeout, kSeconds);
  tcp.refuse_unknown();
}

}  // namespace control
