// What ports and their exception paths move, and what they lose.
#include <string>
#include <vector>

#include "control/metrics/subjects.h"
#include "control/metrics/sums.h"

namespace control {

using poll::CoreCounters;
using Exceptions = ports::ExceptionPath::PortCounters;

void add_ports(const MetricsSources& sources, FamilyList& families) {
  const auto for_each_port = [&](auto value_of) {
    for (size_t i = 0; i < sources.ports.size(); ++i)
      families.sample({{"port", sources.ports[i].name}}, value_of(i));
  };
  const auto sum_of = [&](base::Counter CoreCounters::PerPort::*counter) {
    return [&sources, counter](size_t i) {
      return sum(sources.cores, &CoreCounters::ports, i, counter);
    };
  };
  families.begin_counter("dotline_packets_received_total", "Frames taken from the port.");
  for_each_port(sum_of(&CoreCounters::PerPort::received));
  families.begin_counter("dotline_packets_sent_total", "Replies given to the port.");
  for_each_port(sum_of(&CoreCounters::PerPort::sent));
  std::vector<MetricsSources::PortLosses> losses;
  for (const MetricsSources::Port& port : sources.ports) losses.push_back(port.losses());
  families.begin_counter("dotline_port_missed_total",
                         "Frames lost because the port's receive ring was full.");
  for_each_port([&](size_t i) { return losses[i].missed; });
  families.begin_counter("dotline_port_no_buffer_total",
                         "Frames lost because the port's mempool was empty.");
  for_each_port([&](size_t i) { return losses[i].no_buffer; });
  families.begin_counter("dotline_port_errors_total",
                         "Frames that the device could not receive or send.");
  for_each_port([&](size_t i) { return losses[i].errors; });
  families.begin_gauge("dotline_mempool_in_use",
                       "Packet buffers in use, those waiting in the device included.");
  for_each_port([&](size_t i) { return sources.ports[i].mempool_in_use(); });
  std::vector<PortCondition> conditions;
  for (const MetricsSources::Port& port : sources.ports) conditions.push_back(port.condition());
  families.begin_gauge("dotline_port_link_up", "1 while the port's link is up.");
  for_each_port([&](size_t i) { return uint64_t{conditions[i].link}; });
  families.begin_gauge("dotline_port_up",
                       "1 while the port can serve; 0: its interface, its XDP program or its link "
                       "is not there.");
  for_each_port([&](size_t i) { return uint64_t{conditions[i].serves()}; });
  families.begin_counter("dotline_port_reopened_total",
                         "Times that the port was opened anew, its interface having been away.");
  for_each_port([&](size_t i) { return conditions[i].reopened; });
  families.begin_counter("dotline_port_program_attached_again_total",
                         "Times that the port's XDP program was put back, somebody having taken "
                         "it off.");
  for_each_port([&](size_t i) { return conditions[i].programs_back; });
}

void add_exceptions(const MetricsSources& sources, FamilyList& families) {
  families.begin_counter("dotline_exception_frames_total",
                         "Frames moved between the port and its TAP.");
  for (size_t i = 0; i < sources.ports.size(); ++i) {
    const MetricsSources::Port& port = sources.ports[i];
    families.sample({{"port", port.name}, {"direction", "to_kernel"}},
                    port.exceptions == nullptr ? 0 : port.exceptions->to_kernel.read());
    families.sample(
        {{"port", port.name}, {"direction", "from_kernel"}},
        sum(sources.cores, &CoreCounters::ports, i, &CoreCounters::PerPort::from_kernel));
  }
  families.begin_counter("dotline_exception_unsent_total",
                         "Frames of the kernel's that were not sent, by reason.");
  families.samples("reason", poll::kUnsentNames, [&](size_t i) {
    const auto why = poll::Unsent(i);
    return sum(sources.cores, &CoreCounters::unsent, why) +
           sum_of_exceptions(sources, &Exceptions::unsent, why);
  });
}

}  // namespace control
