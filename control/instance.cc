// Start-up is a list, in the order things need each other; members go in reverse. Cores stop before
// workers, so that whoever is parked is still told something; workers stop before the caches that
// they write.
#include "control/instance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "control/announce.h"
#include "control/commands/commands.h"
#include "control/commands/control_socket.h"
#include "control/config/check.h"
#include "control/config/fixed_settings.h"
#include "control/config/named_files.h"
#include "control/devices/drop_watch.h"
#include "control/devices/ports.h"
#include "control/http/endpoint.h"
#include "control/http/health_verdict.h"
#include "control/log/log.h"
#include "control/log/paced_log.h"
#include "control/log/reminders.h"
#include "control/log/stdio_redirect.h"
#include "control/metrics/metrics.h"
#include "control/process/core_load.h"
#include "control/process/descriptors.h"
#include "control/process/heartbeat.h"
#include "control/process/pulse.h"
#include "control/process/rights.h"
#include "control/process/service_manager.h"
#include "control/process/signals.h"
#include "control/process/threads.h"
#include "control/reload/cache_memory.h"
#include "control/reload/changes.h"
#include "control/reload/memory_estimate.h"
#include "control/reload/topology.h"
#include "control/status/collect_status.h"
#include "control/status/reach.h"
#include "control/status/status_json.h"
#include "control/text/escape.h"
#include "control/text/version.h"
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

// How long the log may wait for its reader before anybody is told.
constexpr base::Duration kUnreadLog = seconds{5};

// How often it is looked whether what is off can be on.
constexpr base::Duration kLookAgain = seconds{5};

void throw_unless(const Confined& result) {
  if (!result) throw std::runtime_error(result.error());
}

template <typename T>
T value_or_throw(base::Result<T, std::string> result) {
  if (!result) throw std::runtime_error(std::move(result.error()));
  return std::move(*result);
}

LogLevel level_of(ports::LogLevel level) {
  switch (level) {
    case ports::LogLevel::Debug:
      return LogLevel::Debug;
    case ports::LogLevel::Info:
      return LogLevel::Info;
    case ports::LogLevel::Warning:
      return LogLevel::Warning;
    case ports::LogLevel::Error:
      break;
  }
  return LogLevel::Error;
}

LogLevel level_of(worker::Severity severity) {
  switch (severity) {
    case worker::Severity::Info:
      return LogLevel::Info;
    case worker::Severity::Warning:
      return LogLevel::Warning;
    case worker::Severity::Error:
      break;
  }
  return LogLevel::Error;
}

/// What is being made, in case there is no memory for it. Exceptions of the library's cannot say.
std::string_view in_the_making;

/// "backend one: held down by the operator's word".
std::string line_of(const SetBackend& what) {
  const auto done = [&] {
    switch (what.word) {
      case backends::Rotation::Override::Up:
        return "held up";
      case backends::Rotation::Override::Down:
        return "held down";
      case backends::Rotation::Override::Auto:
        break;
    }
    return "left to its health checks";
  };
  return fmt::format("backend {}: {} by the operator's word", what.name, done());
}

/// "there is no cache `b`, expected one of `a`".
template <typename Names>
std::string no_such(const char* kind, const std::string& name, const Names& names) {
  return fmt::format("there is no {} `{}`, expected one of `{}`", kind, escaped(name, 63),
                     fmt::join(names, "`, `"));
}

class Instance final : private Commanded {
 public:
  explicit Instance(const Config& config)
      : config_(config),
        log_(Log::to_stderr(config.log_level)),
        paced_log_(log_),
        reminders_(config.backends, base::Clock::now()),
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
    open_listeners();
    confine();
    in_the_making = "packet caches, 12 octets for each of their size";
    place_caches(config_, log_);
    topology_ = std::make_unique<Topology>(
        Topology::Frame{config_.tls_workers.threads, ports_->access(), readers_}, config_);
    make_cores();
    in_the_making = "TLS workers, about 20 MB each";
    make_workers();
    in_the_making = "the HTTP side and its thread";
    make_endpoint();
    open_control_socket();
    in_the_making = "threads of cores and workers";
  }

  ~Instance() override {
    threads_.stop();
    take_rights_back();
  }

  int run();

 private:
  // Per core and worker. A ring has a power of two of slots and keeps one of them empty.
  static constexpr unsigned kMissRing = (1U << 14) - 1;  // Bursts, until the worker's next turn.
  // Every question that a core can have parked fits into the ring that brings its Fill. They are
  // 65,536, one more than the next smaller ring has room for.
  static constexpr unsigned kFillRing = (1U << 17) - 1;
  static_assert(kFillRing >= handler::PendingLimits{}.questions);

  [[nodiscard]] unsigned cores() const { return static_cast<unsigned>(config_.eal.cores.size()); }
  [[nodiscard]] MetricsSources fixed_sources() const;
  void publish_sources();
  [[nodiscard]] std::shared_ptr<const StatusSources> sources();  // Any thread.
  [[nodiscard]] HealthReport health();                           // The same.
  void open_exception_path();
  void open_listeners();
  void open_listener(size_t bind);
  [[nodiscard]] bool listens(size_t bind) const { return listener_faults_[bind].empty(); }
  [[nodiscard]] std::vector<std::string> off() const;
  [[nodiscard]] MetricsSources::Bind state_of(size_t bind) const;
  [[nodiscard]] Serving serving(size_t bind) const;
  void look_again(base::Time now);
  void confine();
  void set_rights_aside();
  void make_cores();
  void make_workers();
  void make_endpoint();
  void open_control_socket();
  Status status() override;  // Any thread.
  base::Result<Reloaded, Lines> reload() override;
  base::Result<uint64_t, std::string> flush(const FlushCache& what) override;
  base::Result<void, std::string> set_backend(const SetBackend& what) override;
  std::optional<int> serve_until(base::Time end);
  void start();
  void say_ready();
  void tick();
  void look_at_drops();
  void remind();
  void remind_of_own();
  void remind_of_http_1();
  void tell_manager();
  base::Result<Reloaded, Lines> read_and_take_up();
  base::Result<Reloaded, Lines> take_up(Config next);

  Config config_;                     // In force.
  Machine machine_ = this_machine();  // Before EAL puts this thread on one CPU.
  Signals signals_;                   // Before any thread.
  Log log_;
  PacedLog paced_log_;
  Reminders reminders_;
  OwnCertificateReminder own_certificates_;
  Http1Reminder http_1_;
  ServiceManager manager_;
  ReloadRecord reloads_;
  ports::Eal eal_;
  std::unique_ptr<Ports> ports_;
  std::unique_ptr<ports::ExceptionPath> exception_path_;  // Nullptr if no port wants one.
  cache::Readers readers_;
  transport::Tickets tickets_;
  exchange::Exchange exchange_;
  std::unique_ptr<Topology> topology_;
  std::vector<std::vector<frontend::Listener>> listeners_;  // By worker, until it has its own.
  std::vector<std::string> listener_faults_;  // By bind; empty: every worker listens there.
  std::string metrics_fault_;                 // Empty: they are served.
  base::Time look_again_at_{};
  frontend::ClientConnections client_connections_;
  std::vector<std::unique_ptr<poll::LcoreState>> lcores_;
  std::vector<std::unique_ptr<worker::Worker>> workers_;
  std::vector<std::unique_ptr<Heartbeat>> heartbeats_;
  Pulse control_pulse_{base::Clock::now()};
  std::vector<std::unique_ptr<CoreLoad>> loads_;  // One for each core.
  std::unique_ptr<DropWatch> drop_watch_;
  Threads threads_;
  bool said_ready_ = false;
  std::mutex sources_mutex_;
  std::shared_ptr<const StatusSources> sources_;  // Under the mutex.
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<HttpEndpoint> endpoint_;
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
  heartbeats_.push_back(
      std::make_unique<Heartbeat>("the exception path", exception_path_->turns()));
}

/// Every worker listens at every address.
void Instance::open_listeners() {
  if (const auto fault = fault_of_descriptors(allow_all_descriptors(), config_))
    log_.write(LogLevel::Warning, *fault);
  listeners_.resize(config_.tls_workers.threads);
  listener_faults_.resize(config_.binds.size());
  for (size_t i = 0; i < config_.binds.size(); ++i) open_listener(i);
}

/// All workers or none: the kernel deals connections out among those that listen.
void Instance::open_listener(size_t bind) {
  const base::Endpoint& address = config_.binds[bind].address;
  std::vector<frontend::Listener> made;
  while (made.size() < listeners_.size()) {
    base::Result<frontend::Listener, std::string> one =
        frontend::Listener::open(address, config_.stream_limits.listen_queue_size);
    if (!one) {
      if (config_.strict_start) throw std::runtime_error(one.error());
      listener_faults_[bind] = std::move(one.error());
      break;
    }
    made.push_back(std::move(*one));
  }
  for (size_t worker = 0; worker < listeners_.size(); ++worker) {
    listeners_[worker].push_back(listens(bind) ? std::move(made[worker])
                                               : frontend::Listener::none(address));
  }
}

std::vector<std::string> Instance::off() const {
  std::vector<std::string> off = parts_off(config_);
  for (size_t i = 0; i < config_.binds.size(); ++i) {
    if (listens(i)) continue;
    const bool over_udp = config_.binds[i].protocol == Protocol::Do53;
    off.push_back(fmt::format("{} is {}: {}; a restart tries it again", name_of(config_.binds[i]),
                              over_udp ? "answered over UDP only" : "off", listener_faults_[i]));
  }
  if (!metrics_fault_.empty())
    off.push_back(fmt::format("metrics.address: {}; a restart tries it again", metrics_fault_));
  return off;
}

/// Addresses of a TAP come when it is there, so that only the kernel's own are looked for.
Serving Instance::serving(size_t bind) const {
  const Bind& one = config_.binds[bind];
  const bool over_udp = one.protocol == Protocol::Do53;
  if (!one.is_on() || (!listens(bind) && !over_udp)) return Serving::Nothing;
  if (addresses_are_the_kernels(config_) && !has_address(machine_, one.address.address))
    return Serving::Later;
  return listens(bind) ? Serving::All : Serving::UdpOnly;
}

MetricsSources::Bind Instance::state_of(size_t bind) const {
  const Bind& one = config_.binds[bind];
  return {.address = one.address.text(),
          .protocol = protocol_name(one.protocol),
          .up = one.is_on() && listens(bind)};
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
    heartbeats_.push_back(std::make_unique<Heartbeat>(
        fmt::format("core {}", config_.eal.cores[core]), lcores_.back()->counters.cycles));
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
        std::move(listeners_[i]));
    workers_.push_back(std::make_unique<worker::Worker>(settings, topology_->configuration(),
                                                        exchange_, readers_, tickets_, notice,
                                                        std::move(clients)));
    heartbeats_.push_back(std::make_unique<Heartbeat>(fmt::format("TLS worker {}", i),
                                                      workers_.back()->counters().turns));
  }
}

/// Those that no reload changes.
MetricsSources Instance::fixed_sources() const {
  MetricsSources sources{.workers = {},
                         .reloads = &reloads_,
                         .log_lines_lost = [this] { return log_.lost(); },
                         .version = version()};
  for (unsigned core = 0; core < cores(); ++core) {
    sources.cores.push_back({config_.eal.cores[core], &lcores_[core]->counters});
  }
  for (size_t i = 0; i < ports_->size(); ++i) {
    sources.ports.push_back(
        {.name = ports_->name(i),
         .losses =
             [this, i] {
               const ports::PortStatistics lost = ports_->statistics(i);
               return MetricsSources::PortLosses{lost.missed, lost.no_buffer,
                                                 lost.receive_errors + lost.send_errors};
             },
         .mempool_in_use = [this, i] { return ports_->buffers_in_use(i); },
         .condition = [this, i] { return ports_->condition(i); },
         .exceptions = exception_path_ == nullptr
                           ? nullptr
                           : exception_path_->counters(static_cast<uint16_t>(i))});
  }
  for (const auto& worker : workers_) {
    sources.workers.push_back(&worker->counters());
    sources.fronts.push_back(worker->client_counters());
  }
  return sources;
}

void Instance::publish_sources() {
  auto counters = std::make_shared<MetricsSources>(fixed_sources());
  for (const Topology::NumberedCache& numbered : topology_->caches())
    counters->caches.push_back({numbered.index, numbered.cache});
  counters->backends = topology_->backends();
  for (const Bind& bind : config_.binds) {
    if (bind.tls && bind.is_on())
      counters->certificates.push_back({bind.address.text(), expiry_of(*bind.tls)});
  }
  for (size_t i = 0; i < config_.binds.size(); ++i) counters->binds.push_back(state_of(i));
  counters->off = off();
  auto sources = std::make_shared<StatusSources>();
  sources->counters = std::move(counters);
  for (const auto& load : loads_) sources->loads.push_back(load.get());
  sources->pools = pools_in(config_);
  for (const Bind& bind : config_.binds)
    sources->bound_pools.push_back(config_.pools[static_cast<size_t>(bind.pool)].name);
  sources->file = config_.file;
  sources->started = started_;
  const std::lock_guard lock(sources_mutex_);
  sources_ = std::move(sources);
}

std::shared_ptr<const StatusSources> Instance::sources() {
  const std::lock_guard lock(sources_mutex_);
  return sources_;
}

/// Asked by the thread of the HTTP side, which is none of those that are judged here. What is
/// known of the others is as old as the control thread's last look, so that one is judged first.
HealthReport Instance::health() {
  std::vector<Finding> findings;
  if (!control_pulse_.is_felt(base::Clock::now()))
    findings.push_back({Trouble::ThreadStands, "the control thread does not move"});
  for (const auto& heartbeat : heartbeats_) {
    if (!heartbeat->moving())
      findings.push_back({Trouble::ThreadStands, heartbeat->who() + " does not move"});
  }
  for (std::string& trouble : ports_->troubles())
    findings.push_back({Trouble::PortDoesNotServe, std::move(trouble)});
  const std::shared_ptr<const MetricsSources> now = sources()->counters;
  const bool any_bind = std::ranges::any_of(now->binds, &MetricsSources::Bind::up);
  const bool over_udp = !config_.eal.binds.empty();  // The same in every configuration.
  if (!any_bind && !over_udp) findings.push_back({Trouble::NoAnswers, "no bind is up"});
  if (std::string why = out_of_reach(*sources(), base::Clock::now()); !why.empty())
    findings.push_back({Trouble::NoAnswers, std::move(why)});
  if (std::string why = drop_watch_->why(); !why.empty())
    findings.push_back({Trouble::MostIsDropped, std::move(why)});
  if (const base::Duration unread = log_.unread_for(base::Clock::now()); unread >= kUnreadLog) {
    findings.push_back(
        {Trouble::LogIsStuck, fmt::format("nobody has read the log for {} s",
                                          std::chrono::duration_cast<seconds>(unread).count())});
  }
  return verdict_on(std::move(findings));
}

void Instance::make_endpoint() {
  publish_sources();
  metrics_ = std::make_unique<Metrics>([this] { return sources()->counters; });
  base::Result<std::unique_ptr<HttpEndpoint>, std::string> opened = HttpEndpoint::open(
      config_.metrics_address,
      {*metrics_, [this] { return health(); }, [this] { return status_json(status()); }});
  if (opened) {
    endpoint_ = std::move(*opened);
    return;
  }
  if (config_.strict_start) throw std::runtime_error(opened.error());
  metrics_fault_ = std::move(opened.error());
  publish_sources();
}

void Instance::open_control_socket() {
  if (config_.control_socket.empty()) return;
  control_socket_ =
      value_or_throw(ControlSocket::open(config_.control_socket, [this](std::string_view line) {
        return answer_command(line, *this);
      }));
}

Status Instance::status() {
  return collect_status(*sources(), health(),
                        {base::Clock::now(), std::chrono::system_clock::now()});
}

base::Result<uint64_t, std::string> Instance::flush(const FlushCache& what) {
  uint64_t flushed = 0;
  bool found = !what.cache;
  std::vector<std::string> names;
  for (const Topology::NumberedCache& numbered : topology_->caches()) {
    names.push_back(numbered.cache->name());
    if (what.cache && *what.cache != names.back()) continue;
    found = true;
    flushed += numbered.cache->flush(what.selection, topology_->reclaim());
  }
  if (!found) return base::fail(no_such("cache", *what.cache, names));
  // Whoever asks for a name again wants it asked for, be it that the last time nobody knew.
  for (const auto& worker : workers_) worker->forget_failures();
  log_.write(LogLevel::Info, fmt::format("{} answers flushed from {}", flushed,
                                         what.cache ? "cache " + *what.cache : "all caches"));
  return flushed;
}

base::Result<void, std::string> Instance::set_backend(const SetBackend& what) {
  std::vector<std::string> names;
  for (const questions::Configuration::Backend& backend : topology_->backends()) {
    names.push_back(backend.settings.name);
    if (what.name != names.back()) continue;
    (void)backend.shared->rotation.set_override(what.word, base::Clock::now());
    log_.write(LogLevel::Info, line_of(what));
    return {};
  }
  return base::fail(no_such("backend", what.name, names));
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

void Instance::tick() {
  control_pulse_.beat(base::Clock::now());
  say_ready();
  for (const auto& heartbeat : heartbeats_) heartbeat->look();
  for (const auto& load : loads_) load->look();
  look_at_drops();
  ports_->look(*topology_);
  remind();
  remind_of_own();
  remind_of_http_1();
  look_again(base::Clock::now());
  topology_->tick(workers_, base::Clock::now());
  paced_log_.flush();
  log_.tell_losses(base::Clock::now());
  tell_manager();
}

void Instance::look_at_drops() {
  DropWatch::Counts counts;
  for (const rules::ClientCounters* clients : sources()->counters->clients()) {
    counts.replies += clients->replies.total();
    for (size_t i = 0; i < counts.dropped.size(); ++i)
      counts.dropped[i] += clients->dropped[rules::Drop(i)].read();
  }
  drop_watch_->look(counts, base::Clock::now());
}

/// What files could not be used may be good now: they were replaced, or the clock was set.
void Instance::look_again(base::Time now) {
  if (now < look_again_at_) return;
  look_again_at_ = now + kLookAgain;
  if (parts_off(config_).empty()) return;
  Config next = config_;
  if (!control::look_again(next, std::chrono::system_clock::now())) return;
  if (const auto done = topology_->reload(next, workers_); !done)
    return paced_log_.write(LogLevel::Error, "files", done.error());
  config_ = std::move(next);
  publish_sources();
  log_.write(LogLevel::Info, "what could not be used before can be now, and is");
  for (const std::string& line : off()) log_.write(LogLevel::Error, line);
}

void Instance::remind() {
  std::vector<backends::BackendReport> reports;
  for (const auto& backend : topology_->backends()) reports.push_back(backend.shared->report());
  for (const std::string& line :
       reminders_.look(reports, base::Clock::now(), std::chrono::system_clock::now())) {
    log_.write(LogLevel::Warning, line);
  }
}

void Instance::remind_of_own() {
  std::vector<OwnCertificateReminder::Shown> shown;
  for (const auto& one : sources()->counters->certificates) shown.push_back({one.bind, one.expiry});
  for (const std::string& line :
       own_certificates_.look(shown, base::Clock::now(), std::chrono::system_clock::now()))
    log_.write(LogLevel::Warning, line);
}

void Instance::remind_of_http_1() {
  uint64_t closed = 0;
  for (const frontend::Counters* front : sources()->counters->fronts) {
    for (const frontend::Closed why : {frontend::Closed::Http1, frontend::Closed::Http1InHello})
      closed += front->closed[why].read();
  }
  if (const auto line = http_1_.look(closed, base::Clock::now()))
    log_.write(LogLevel::Warning, *line);
}

/// The watchdog is for threads that hang, which a restart cures, and not for backends that are
/// down.
void Instance::tell_manager() {
  const auto stands = [](const auto& heartbeat) { return !heartbeat->moving(); };
  const auto standing = std::ranges::find_if(heartbeats_, stands);
  if (standing != heartbeats_.end()) {
    return manager_.tick(ServiceManager::Threads::SomeStand, (*standing)->who() + " does not move");
  }
  const std::shared_ptr<const MetricsSources> now = sources()->counters;
  const auto up = std::ranges::count_if(now->backends,
                                        [](const auto& backend) { return backend.shared->up(); });
  manager_.tick(ServiceManager::Threads::AllMove,
                fmt::format("answering; {} of {} backends up", up, now->backends.size()));
}

/// What has changed, or why nothing has.
base::Result<Reloaded, Lines> Instance::reload() {
  manager_.reloading();
  base::Result<Reloaded, Lines> done = read_and_take_up();
  manager_.ready();
  if (done) {
    reloads_.succeeded();
    log_.write(LogLevel::Info, fmt::format("{}: reloaded", config_.file));
    return done;
  }
  reloads_.failed(done.error().front());
  for (const std::string& error : done.error()) log_.write(LogLevel::Error, error);
  log_.write(LogLevel::Error,
             fmt::format("{}: not reloaded, what was in force stays so", config_.file));
  return done;
}

base::Result<Reloaded, Lines> Instance::read_and_take_up() {
  look_at_network(machine_);
  base::Result<Config, std::vector<ConfigError>> next = read_config(config_.file, machine_);
  if (next && next->strict_start && !next->off.empty()) return base::fail(std::move(next->off));
  if (next) return take_up(std::move(*next));
  Lines errors;
  for (const ConfigError& error : next.error()) errors.push_back(error.message());
  return base::fail(std::move(errors));
}

/// All of `next` but what needs a restart, or nothing.
base::Result<Reloaded, Lines> Instance::take_up(Config next) {
  const base::Result<std::vector<std::string>, std::string> kept =
      keep_fixed_settings(config_, next);
  if (!kept) return base::fail(std::vector{kept.error()});
  keep_former_files(config_, next);
  if (const auto done = topology_->reload(next, workers_); !done)
    return base::fail(std::vector{done.error()});

  std::vector<std::string> lines = changes_between(config_, next);
  for (const std::string& line : lines) log_.write(LogLevel::Info, line);
  for (const std::string& line : next.warnings) log_.write(LogLevel::Warning, line);
  for (const std::string& line : *kept) log_.write(LogLevel::Warning, line);
  lines.insert(lines.end(), kept->begin(), kept->end());
  if (lines.empty()) lines.emplace_back("nothing has changed");
  config_ = std::move(next);
  log_.set_least(config_.log_level);
  reminders_ = Reminders(config_.backends, base::Clock::now());
  publish_sources();
  Lines still_off = off();
  for (const std::string& line : still_off) log_.write(LogLevel::Error, line);
  return Reloaded{std::move(lines), std::move(still_off)};
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
    announce_bind(config_.binds[i], serving(i), log_);
  say_ready();
  manager_.ready();

  for (base::Time next_tick = base::Clock::now() + kTick;;) {
    const std::optional<int> signal = serve_until(next_tick);
    if (signal == SIGTERM || signal == SIGINT) break;
    if (signal == SIGHUP) (void)reload();
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
