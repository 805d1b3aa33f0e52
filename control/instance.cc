// Start-up is a list, in the order things need each other; members go in reverse. Cores stop before
// workers, so that whoever is parked is still told something; workers stop before the caches that
// they write.
#include "control/instance.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "control/announce.h"
#include "control/commands/control_socket.h"
#include "control/commands/served_commands.h"
#include "control/config/named_files.h"
#include "control/devices/drop_watch.h"
#include "control/devices/listeners.h"
#include "control/devices/ports.h"
#include "control/http/endpoint.h"
#include "control/log/log.h"
#include "control/log/paced_log.h"
#include "control/log/severities.h"
#include "control/log/stdio_redirect.h"
#include "control/metrics/metrics.h"
#include "control/process/core_load.h"
#include "control/process/rights.h"
#include "control/process/service_manager.h"
#include "control/process/signals.h"
#include "control/process/threads.h"
#include "control/process/watchdog.h"
#include "control/reload/cache_memory.h"
#include "control/reload/memory_estimate.h"
#include "control/reload/reloader.h"
#include "control/reload/topology.h"
#include "control/status/collect_health.h"
#include "control/status/collect_status.h"
#include "control/status/published_sources.h"
#include "control/status/remind.h"
#include "control/status/status_json.h"
#include "dataplane/base/keyed_hash.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/ports/eal.h"
#include "dataplane/ports/exception_path.h"
#include "tls-workers/worker/confinement.h"
#include "tls-workers/worker/worker.h"

namespace control {
namespace {

using base::seconds;

// How often what moves is looked at: held-back log lines, and whether cores and workers still turn.
constexpr base::Duration kTick = seconds{1};

void throw_unless(const Confined& result) {
  if (!result) throw std::runtime_error(result.error());
}

template <typename T>
T value_or_throw(base::Result<T, std::string> result) {
  if (!result) throw std::runtime_error(std::move(result.error()));
  return std::move(*result);
}

/// What is being made, in case there is no memory for it. Exceptions of the library's cannot say.
std::string_view in_the_making;

class Instance final {
 public:
  explicit Instance(const Config& config)
      : config_(config),
        log_(Log::to_stderr(config.log_level)),
        paced_log_(log_),
        reminders_{.backends = {config.backends, base::Clock::now()}},
        eal_(value_or_throw(ports::Eal::start(
            config.eal,
            [this](ports::LogLevel level, std::string_view line) {
              paced_log_.write(level_of(level), "eal", line);
            },
            other_megabytes(config)))),
        readers_(cores() + config.tls_workers.threads),
        exchange_({.cores = cores(),
                   .workers = config.tls_workers.threads,
                   .fronts = config.tls_workers.threads,
                   .misses = kMissRing,
                   .fills = kFillRing}) {
    for (const std::string& note : eal_.notes()) log_.write(LogLevel::Warning, note);
    in_the_making = "ports";
    ports_ = std::make_unique<Ports>(
        config_.eal, config_.strict_start ? Ports::Missing::IsAFault : Ports::Missing::IsTried,
        paced_log_);
    open_exception_path();
    in_the_making = "listening sockets";
    listeners_ = std::make_unique<Listeners>(config_, log_);
    confine();
    in_the_making = "packet caches, 12 octets for each of their size";
    place_caches(config_, log_);
    topology_ = std::make_unique<Topology>(
        Topology::Frame{config_.tls_workers.threads, ports_->access(), readers_}, config_);
    make_cores();
    in_the_making = "TLS workers, about 20 MB each";
    make_workers();
    in_the_making = "the HTTP side and its thread";
    publish_sources();
    make_endpoint();
    open_control_socket();
    in_the_making = "threads of cores and workers";
  }

  ~Instance() {
    threads_.stop();
    take_rights_back();
  }

  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  int run();

 private:
  // Per core and worker. A ring has a power of two of slots and keeps one of them empty.
  static constexpr unsigned kMissRing = (1U << 14) - 1;  // Bursts, until the worker's next turn.
  // Every question that a core can have parked fits into the ring that brings its Fill. They are
  // 65,536, one more than the next smaller ring has room for.
  static constexpr unsigned kFillRing = (1U << 17) - 1;
  static_assert(kFillRing >= handler::PendingLimits{}.questions);

  [[nodiscard]] unsigned cores() const { return static_cast<unsigned>(config_.eal.cores.size()); }
  void open_exception_path();
  void confine();
  void set_rights_aside();
  void make_cores();
  void make_workers();
  void publish_sources();
  void make_endpoint();
  void open_control_socket();
  [[nodiscard]] Lines off() const;
  Lines come_into_force();
  [[nodiscard]] std::string status_line() const;
  [[nodiscard]] HealthReport health() const;  // Any thread.
  [[nodiscard]] Status status() const;        // The same.
  std::optional<int> serve_until(base::Time end);
  void start();
  void say_ready();
  void tick();

  Config config_;  // In force.
  // Other threads ask, who must not look at what a reload replaces.
  const bool over_udp_ = !config_.eal.binds.empty();
  Machine machine_ = this_machine();  // Before EAL puts this thread on one CPU.
  Signals signals_;                   // Before any thread.
  Log log_;
  PacedLog paced_log_;
  AllReminders reminders_;
  ServiceManager manager_;
  ReloadRecord reloads_;
  ports::Eal eal_;
  std::unique_ptr<Ports> ports_;
  std::unique_ptr<ports::ExceptionPath> exception_path_;  // Nullptr if no port wants one.
  cache::Readers readers_;
  transport::Tickets tickets_;
  exchange::Exchange exchange_;
  std::unique_ptr<Topology> topology_;
  std::unique_ptr<Listeners> listeners_;
  std::string metrics_fault_;  // Empty: they are served.
  frontend::ClientConnections client_connections_;
  std::vector<std::unique_ptr<poll::LcoreState>> lcores_;
  std::vector<std::unique_ptr<worker::Worker>> workers_;
  Watchdog watchdog_{base::Clock::now()};
  std::vector<std::unique_ptr<CoreLoad>> loads_;  // One for each core.
  std::unique_ptr<DropWatch> drop_watch_;
  Threads threads_;
  bool said_ready_ = false;
  std::unique_ptr<PublishedSources> sources_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<HttpEndpoint> endpoint_;
  std::unique_ptr<Reloader> reloader_;
  std::unique_ptr<ServedCommands> commands_;
  std::unique_ptr<ControlSocket> control_socket_;  // Nullptr if none is wanted.
  const base::Time started_ = base::Clock::now();
};

void Instance::open_exception_path() {
  std::vector<ports::ExceptionPort> wanted;
  for (size_t i = 0; i < ports_->size(); ++i) {
    const ports::PortSettings& settings = config_.eal.ports[i];
    if (settings.exception != ports::Exception::Tap) continue;
    const ports::Port* port = ports_->port(i);
    if (port == nullptr) continue;
    wanted.push_back({.index = static_cast<uint16_t>(i),
                      .tap = {.name = settings.tap, .mac = port->mac(), .mtu = port->mtu()}});
  }
  if (wanted.empty()) return;
  exception_path_ = value_or_throw(ports::ExceptionPath::open(cores(), wanted, config_.eal.binds));
  watchdog_.watch("the exception path", exception_path_->turns());
}

/// Core i polls queue i of every port.
void Instance::make_cores() {
  for (unsigned core = 0; core < cores(); ++core) {
    poll::LcoreSettings settings{.index = core,
                                 .idle = config_.idle,
                                 .pending = {.per_client = config_.max_misses_per_client}};
    for (size_t i = 0; i < ports_->size(); ++i) {
      const auto queue = static_cast<uint16_t>(core);
      if (queue >= config_.eal.ports[i].queues) continue;
      poll::ExceptionRing* const from_kernel =
          exception_path_ == nullptr ? nullptr
                                     : exception_path_->from_kernel(static_cast<uint16_t>(i));
      settings.queues.push_back(
          {.queue = queue,
           .index = static_cast<uint8_t>(i),
           .to_kernel = from_kernel == nullptr ? nullptr : &exception_path_->to_kernel(core),
           .from_kernel = queue == 0 ? from_kernel : nullptr});
    }
    lcores_.push_back(std::make_unique<poll::LcoreState>(std::move(settings), topology_->rules(),
                                                         exchange_, readers_));
    watchdog_.watch(fmt::format("core {}", config_.eal.cores[core]),
                    lcores_.back()->counters.cycles);
    loads_.push_back(std::make_unique<CoreLoad>(lcores_.back()->counters));
  }
  const bool xdp_alone = std::ranges::all_of(
      config_.eal.ports, [](const auto& port) { return port.kind == ports::DeviceKind::AfXdp; });
  drop_watch_ = std::make_unique<DropWatch>(xdp_alone ? DropWatch::OtherMacs::Odd
                                                      : DropWatch::OtherMacs::Usual);
}

void Instance::make_workers() {
  const auto notice = [this](worker::Severity severity, const std::string& subject,
                             const std::string& text) {
    paced_log_.write(level_of(severity), subject, text);
  };
  for (unsigned i = 0; i < config_.tls_workers.threads; ++i) {
    const worker::WorkerSettings settings{
        .index = i, .sessions_per_backend = config_.tls_workers.sessions_per_backend};
    auto clients = std::make_unique<frontend::Frontend>(
        i,
        frontend::Frontend::Sharing{exchange_, readers_, client_connections_,
                                    topology_->front_rules()},
        listeners_->take(i));
    workers_.push_back(std::make_unique<worker::Worker>(settings, topology_->configuration(),
                                                        exchange_, readers_, tickets_, notice,
                                                        std::move(clients)));
    watchdog_.watch(fmt::format("TLS worker {}", i), workers_.back()->counters().turns);
  }
}

void Instance::publish_sources() {
  sources_ = std::make_unique<PublishedSources>(
      PublishedSources::Running{.ports = *ports_,
                                .exception_path = exception_path_.get(),
                                .cores = lcores_,
                                .workers = workers_,
                                .loads = loads_,
                                .topology = *topology_,
                                .listeners = *listeners_,
                                .reloads = reloads_,
                                .log = log_,
                                .started = started_});
  sources_->publish(config_, off());
}

void Instance::make_endpoint() {
  metrics_ = std::make_unique<Metrics>([this] { return sources_->read()->counters; });
  base::Result<std::unique_ptr<HttpEndpoint>, std::string> opened = HttpEndpoint::open(
      config_.metrics_address,
      {*metrics_, [this] { return health(); }, [this] { return status_json(status()); }});
  if (opened) {
    endpoint_ = std::move(*opened);
    return;
  }
  if (config_.strict_start) throw std::runtime_error(opened.error());
  metrics_fault_ = std::move(opened.error());
  sources_->publish(config_, off());
}

void Instance::open_control_socket() {
  reloader_ = std::make_unique<Reloader>(Reloader::Running{.in_force = config_,
                                                           .machine = machine_,
                                                           .topology = *topology_,
                                                           .workers = workers_,
                                                           .manager = manager_,
                                                           .record = reloads_,
                                                           .log = log_,
                                                           .paced_log = paced_log_,
                                                           .reminders = reminders_.backends},
                                         [this] { return come_into_force(); });
  commands_ = std::make_unique<ServedCommands>(
      ServedCommands::Running{.topology = *topology_,
                              .workers = workers_,
                              .reloader = *reloader_,
                              .log = log_,
                              .status = [this] { return status(); }});
  if (config_.control_socket.empty()) return;
  control_socket_ =
      value_or_throw(ControlSocket::open(config_.control_socket, [this](std::string_view line) {
        return answer_command(line, *commands_);
      }));
}

Lines Instance::off() const {
  Lines off = parts_off(config_);
  const Lines not_listened = listeners_->off(config_);
  off.insert(off.end(), not_listened.begin(), not_listened.end());
  if (!metrics_fault_.empty())
    off.push_back(fmt::format("metrics.address: {}; a restart tries it again", metrics_fault_));
  return off;
}

/// What is shown is of the configuration in force; returns what is off under it.
Lines Instance::come_into_force() {
  Lines still_off = off();
  sources_->publish(config_, still_off);
  return still_off;
}

HealthReport Instance::health() const {
  return collect_health({.watchdog = watchdog_,
                         .ports = *ports_,
                         .drops = *drop_watch_,
                         .log = log_,
                         .over_udp = over_udp_},
                        *sources_->read(), base::Clock::now());
}

Status Instance::status() const {
  return collect_status(*sources_->read(), health(),
                        {base::Clock::now(), std::chrono::system_clock::now()});
}

/// What the start needed and nothing after it does. From here on every thread begins with it.
void Instance::confine() {
  worker::prepare_confinement();
  throw_unless(confine_process());
  Confined confined;
  const bool ran = eal_.run_on_interrupt_thread([&confined] { confined = confine_helper(); });
  if (!ran) throw std::runtime_error("EAL's interrupt thread does not run");
  throw_unless(confined);
  throw_unless(log_.start_thread(confine_helper));
}

/// A port whose interface comes back is opened by the rights that opened it at the start.
void Instance::set_rights_aside() {
  throw_unless(control::set_rights_aside(ports_->rights_to_keep()));
  log_.write(LogLevel::Info, "all rights are given up: no capability is in effect on any thread");
}

void Instance::start() {
  threads_.start({workers_, lcores_, exception_path_.get()}, config_);
  log_.write(LogLevel::Info,
             "TLS workers are confined: they can open TCP connections, and no other socket");
  set_rights_aside();
}

/// Whoever started us may read it late, or never, and is not waited for.
void Instance::say_ready() {
  if (!said_ready_) said_ready_ = write_if_there_is_room(STDOUT_FILENO, "ready\n");
}

/// For `systemctl status`.
std::string Instance::status_line() const {
  const std::shared_ptr<const MetricsSources> now = sources_->read()->counters;
  const auto up = std::ranges::count_if(now->backends,
                                        [](const auto& backend) { return backend.shared->up(); });
  return fmt::format("answering; {} of {} backends up", up, now->backends.size());
}

void Instance::tick() {
  watchdog_.beat(base::Clock::now());
  say_ready();
  watchdog_.look();
  for (const auto& load : loads_) load->look();
  drop_watch_->look(counts_of_drops(*sources_->read()->counters), base::Clock::now());
  ports_->look(*topology_);
  remind(reminders_, *sources_->read()->counters, base::Clock::now(), log_);
  reloader_->look_again(base::Clock::now());
  topology_->tick(workers_, base::Clock::now());
  paced_log_.flush();
  log_.tell_losses(base::Clock::now());
  watchdog_.tell(manager_, status_line());
}

/// Waits for a signal, a command or an interface, and serves the last two; not beyond `end`.
std::optional<int> Instance::serve_until(base::Time end) {
  std::array descriptors = {ports_->descriptor(), -1};
  base::Time until = end;
  if (control_socket_ != nullptr) {
    descriptors[1] = control_socket_->descriptor();
    until = std::min(end, control_socket_->next_deadline());
  }
  const std::optional<int> signal = signals_.wait(until - base::Clock::now(), descriptors);
  ports_->hear(*topology_);
  if (control_socket_ != nullptr) control_socket_->serve(base::Clock::now());
  return signal;
}

int Instance::run() {
  for (const std::string& warning : config_.warnings) log_.write(LogLevel::Warning, warning);
  for (const std::string& line : off()) log_.write(LogLevel::Error, line);
  start();
  announce_start(config_, *ports_, eal_, log_);
  for (size_t i = 0; i < config_.binds.size(); ++i)
    announce_bind(config_.binds[i], listeners_->serving(config_, machine_, i), log_);
  say_ready();
  manager_.ready();

  for (base::Time next_tick = base::Clock::now() + kTick;;) {
    const std::optional<int> signal = serve_until(next_tick);
    if (signal == SIGTERM || signal == SIGINT) break;
    if (signal == SIGHUP) (void)reloader_->from_file();
    if (base::Clock::now() < next_tick) continue;
    tick();
    next_tick = base::Clock::now() + kTick;
  }
  manager_.stopping();
  log_.write(LogLevel::Info, "stopping: answering who still waits");
  threads_.stop();
  log_.write(LogLevel::Info, "stopped");
  return 0;
}

}  // namespace

int run(const Config& config) {
  const auto complain = [&config](std::string_view what) {
    Log::to_stderr(config.log_level).write(LogLevel::Error, what);
  };
  try {
    base::draw_hash_secret();
    in_the_making = "rings between cores and workers, about 8 MB for each pair";
    return Instance(config).run();
  } catch (const std::bad_alloc&) {
    complain(fmt::format("no memory for {}{}", in_the_making, memory_left()));
  } catch (const std::system_error& fault) {
    complain(fmt::format("{}: {}{}", in_the_making, fault.what(), memory_left()));
  } catch (const std::exception& fault) {
    complain(fault.what());
  }
  return 1;
}

}  // namespace control
