// A program that opens one port, sends every frame back to where it came from, and says what
// happens: EAL starts once per process and a crash needs a process to crash, so each step of the
// port tests runs one of these.
//
// Its standard output is its report. It ends, closing the port, when its standard input does.
#include <fcntl.h>
#include <netinet/in.h>
#include <rte_ethdev.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/ports/eal.h"
#include "dataplane/ports/port.h"

namespace {

constexpr size_t kEthernetHeader = 14;
constexpr uint16_t kEtherTypeIpv6 = 0x86DD;
constexpr uint16_t kEtherTypeVlan = 0x8100;

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

int give_up(const std::string& why) {
  say("failed " + why);
  return 1;
}

/// "af_xdp:eth0", "vdev:net_ring0,args".
std::optional<ports::PortSettings> read_device(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  ports::PortSettings port;
  port.device = text;
  port.target = text.substr(colon + 1);
  const std::string kind = text.substr(0, colon);
  if (kind == "af_xdp")
    port.kind = ports::DeviceKind::AfXdp;
  else if (kind == "af_packet")
    port.kind = ports::DeviceKind::AfPacket;
  else if (kind == "pci")
    port.kind = ports::DeviceKind::Pci;
  else if (kind == "vdev")
    port.kind = ports::DeviceKind::Vdev;
  else
    return std::nullopt;
  return port;
}

void swap_octets(uint8_t* frame, size_t one, size_t other, size_t count) {
  for (size_t i = 0; i < count; ++i) std::swap(frame[one + i], frame[other + i]);
}

/// Says what came, and if it is UDP to port 53 makes it the reply to itself: both ends are swapped
/// at every layer, and the checksums are sums and stay right.
bool turn_around(rte_mbuf* mbuf) {
  auto* const frame = rte_pktmbuf_mtod(mbuf, uint8_t*);
  const auto be16 = [frame](size_t at) {
    return static_cast<uint16_t>(frame[at] << 8 | frame[at + 1]);
  };
  const bool tagged = be16(12) == kEtherTypeVlan;
  const size_t ip = kEthernetHeader + (tagged ? 4 : 0);
  const bool v6 = be16(ip - 2) == kEtherTypeIpv6;
  const size_t udp = ip + (v6 ? 40 : 20);
  const uint8_t protocol = frame[ip + (v6 ? 6 : 9)];
  const uint16_t port = be16(udp + 2);
  say("frame " + std::string(v6 ? "v6" : "v4") +
      (tagged ? " vlan " + std::to_string(be16(14)) : "") + " protocol " +
      std::to_string(protocol) + " port " + std::to_string(port));
  if (protocol != IPPROTO_UDP || port != 53) return false;
  swap_octets(frame, 0, 6, 6);
  if (v6)
    swap_octets(frame, ip + 8, ip + 24, 16);
  else
    swap_octets(frame, ip + 12, ip + 16, 4);
  swap_octets(frame, udp, udp + 2, 2);
  return true;
}

bool input_ended() {
  char ignored;
  return read(STDIN_FILENO, &ignored, 1) == 0;
}

void echo_until_told(const ports::Port& port) {
  (void)fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
  while (!input_ended()) {
    std::array<rte_mbuf*, 32> frames;
    const uint16_t count = rte_eth_rx_burst(port.id(), 0, frames.data(), frames.size());
    for (uint16_t i = 0; i < count; ++i) {
      rte_mbuf* frame = frames[i];
      if (!turn_around(frame) || rte_eth_tx_burst(port.id(), 0, &frame, 1) == 0)
        rte_pktmbuf_free(frame);
    }
    if (count == 0) usleep(100);
  }
}

std::vector<unsigned> own_cpus() {
  std::vector<unsigned> cpus;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  }
  return cpus;
}

std::string text_of(const std::vector<unsigned>& cpus) {
  std::string text;
  for (const unsigned cpu : cpus) text += " " + std::to_string(cpu);
  return text;
}

/// What this process does about every signal: a number that changes if EAL touches one.
std::string signal_dispositions() {
  std::string text;
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    const bool known = sigaction(number, nullptr, &action) == 0;
    text += known && action.sa_handler == SIG_DFL   ? 'd'
            : known && action.sa_handler == SIG_IGN ? 'i'
                                                    : 'h';
  }
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, nullptr, &blocked);
  for (int number = 1; number < NSIG; ++number)
    text += sigismember(&blocked, number) == 1 ? 'b' : '-';
  return text;
}

}  // namespace

/// port_probe DEVICE QUEUES MEMORY_MB [ADDRESS:PORT ...]
int main(int argc, char** argv) {
  if (argc < 4) return 2;
  auto port_settings = read_device(argv[1]);
  if (!port_settings) return 2;
  port_settings->queues = static_cast<uint16_t>(std::stoi(argv[2]));

  ports::EalSettings settings;
  settings.cores = {own_cpus().back()};
  settings.memory_megabytes = static_cast<unsigned>(std::stoi(argv[3]));
  settings.ports = {*port_settings};
  for (int i = 4; i < argc; ++i) {
    const auto bind = base::Endpoint::parse(argv[i], 53);
    if (!bind) return 2;
    settings.binds.push_back(*bind);
  }

  const std::string signals_before = signal_dispositions();
  auto eal = ports::Eal::start(settings, [](ports::LogLevel level, std::string_view line) {
    if (level != ports::LogLevel::Debug) say("log " + std::string(line));
  });
  if (!eal) return give_up(eal.error());
  say("main runs on" + text_of(own_cpus()));
  say("polls on " + std::to_string(settings.cores[0]));
  say(signal_dispositions() == signals_before ? "signals untouched" : "signals changed");
  auto again = ports::Eal::start(settings, nullptr);
  say(again ? "started twice" : "second start: " + again.error());

  {
    auto port = ports::Port::open(settings.ports[0], settings.binds, 0);
    if (!port) return give_up(port.error());
    say("open " + std::string(port->name()) + " mtu " + std::to_string(port->mtu()) + " in use " +
        std::to_string(port->pool_in_use(0)));
    echo_until_told(*port);
    const ports::PortStatistics lost = port->statistics();
    say("lost " +
        std::to_string(lost.missed + lost.no_buffer + lost.receive_errors + lost.send_errors));
  }
  say("closed");
  return 0;
}
