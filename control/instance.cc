// Start-up is a list, in the order things need each other; members go in reverse. Cores stop before
// workers, so that whoever is parked is still told something; workers stop before the caches that
// they write.
#include "control/instance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pthread.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <sched.h>
#include <systemd/sd-daemon.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <deque>
#include <exception>
#include <future>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "control/domains.h"
#include "control/endpoint.h"
#include "control/log.h"
#include "control/metrics.h"
#include "control/paced_log.h"
#include "control/reminders.h"
#include "control/signals.h"
#include "control/version.h"
#include "dataplane/base/keyed_hash.h"
#include "dataplane/cache/cache.h"
#include "dataplane/cache/pages.h"
#include "dataplane/exchange.h"
#include "dataplane/poll/eal.h"
#include "dataplane/poll/exception_path.h"
#include "dataplane/poll/loop.h"
#include "dataplane/poll/port.h"
#include "tls-workers/confinement.h"
#include "tls-workers/worker.h"

namespace control {
namespace {

using base::seconds;
using Confined = base::Result<void, std::string>;

// How often what moves is looked at: held-back log lines, and whether cores and workers still turn.
constexpr base::Duration kTick = seconds{1};

template <typename T>
T value_or_throw(base::Result<T, std::string> result) {
  if (!result) throw std::runtime_error(std::move(result.error()));
  return std::move(*result);
}

LogLevel level_of(poll::LogLevel level) {
  switch (level) {
    case poll::LogLevel::Debug:
      return LogLevel::Debug;
    case poll::LogLevel::Info:
      return LogLevel::Info;
    case poll::LogLevel::Warning:
      return LogLevel::Warning;
    case poll::LogLevel::Error:
      break;
  }
  return LogLevel::Error;
}

LogLevel level_of(tls::Severity severity) {
  switch (severity) {
    case tls::Severity::Info:
      return LogLevel::Info;
    case tls::Severity::Warning:
      return LogLevel::Warning;
    case tls::Severity::Error:
      break;
  }
  return LogLevel::Error;
}

/// The NUMA nodes of the cores that poll, each once.
std::set<unsigned> nodes_of_cores(unsigned cores) {
  std::set<unsigned> nodes;
  for (unsigned core = 0; core < cores; ++core) nodes.insert(rte_lcore_to_socket_id(core + 1));
  return nodes;
}

/// Cached answers lie where they are read from. With cores on several nodes there is no such place,
/// and half a table on each loads both nodes' memory alike.
void place_caches(unsigned cores, Log& log) {
  const std::set<unsigned> nodes = nodes_of_cores(cores);
  const std::vector<unsigned> list(nodes.begin(), nodes.end());
  const std::string names = fmt::format("{}", fmt::join(list, " and "));
  if (const auto placed = cache::use_nodes(list); !placed) {
    return log.write(LogLevel::Warning, fmt::format("packet caches: not placed on NUMA node {}: {}",
                                                    names, placed.error()));
  }
  log.write(LogLevel::Info, list.size() == 1
                                ? fmt::format("packet caches: on NUMA node {}", names)
                                : fmt::format("packet caches: spread over NUMA nodes {}", names));
}

std::vector<std::unique_ptr<cache::Cache>> make_caches(const Config& config, Log& log) {
  const bool large = config.eal.hugepages != poll::Hugepages::Off;
  cache::use_large_pages(large ? cache::LargePages::Auto : cache::LargePages::Off);
  place_caches(static_cast<unsigned>(config.eal.cores.size()), log);
  std::vector<std::unique_ptr<cache::Cache>> caches;
  for (const PacketCache& settings : config.packet_caches) {
    caches.push_back(std::make_unique<cache::Cache>(settings.name, settings.size));
  }
  return caches;
}

poll::Acceptance acceptance_of(const poll::Port& port) {
  return {.mac = port.mac(), .vlan = port.vlan(), .verify_checksum = port.verify_checksum()};
}

/// What a backend must prove, in words.
std::string identity_of(const tls::BackendSettings& backend) {
  std::string subject =
      backend.subject_name.empty() ? backend.subject_address : backend.subject_name;
  if (backend.pins.empty()) return subject;
  const std::string keys = fmt::format("the owner of a pinned key (of {})", backend.pins.size());
  return subject.empty() ? keys : subject + " and " + keys;
}

/// How a backend is reached, in words.
std::string way_to(const tls::BackendSettings& backend) {
  const char* protocol = backend.protocol == tls::Protocol::DoH ? "over HTTPS" : "over TLS";
  if (!backend.socks5) return protocol;
  return fmt::format("{} through the proxy {}", protocol, backend.socks5->proxy.text());
}

void run_on(std::thread& thread, unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(thread.native_handle(), sizeof set, &set);
}

/// What turns, and how often it had turned when last looked at.
class Heartbeat {
 public:
  Heartbeat(std::string who, const base::Counter& turns) : who_(std::move(who)), turns_(turns) {}

  void look() {
    const uint64_t turns = turns_.read();
    still_ = turns == seen_ ? still_ + 1 : 0;
    seen_ = turns;
  }
  /// A worker with nothing to do may sleep from one look to the next; it does not sleep through
  /// several.
  [[nodiscard]] bool moving() const { return still_ < kLooks; }
  [[nodiscard]] const std::string& who() const { return who_; }

 private:
  static constexpr unsigned kLooks = 5;

  std::string who_;
  const base::Counter& turns_;
  uint64_t seen_ = 0;
  std::atomic<unsigned> still_{0};  // Looks in a row that found it where it was.
};

/// A port's link, as it was when last looked at. Drivers are asked by the control thread alone.
class Link {
 public:
  explicit Link(const poll::Port& port) : port_(port) {}

  /// Whether it has changed.
  bool look() {
    const bool up = port_.link_is_up();
    return up_.exchange(up) != up;
  }
  [[nodiscard]] bool up() const { return up_; }
  [[nodiscard]] const std::string& port() const { return port_.name(); }

 private:
  const poll::Port& port_;
  std::atomic<bool> up_{true};
};

class Instance {
 public:
  explicit Instance(const Config& config)
      : config_(config),
        log_(Log::to_stderr(config.log_level)),
        paced_log_(log_),
        reminders_(config.backends, base::Clock::now()),
        eal_(value_or_throw(poll::Eal::start(config.eal,
                                             [this](poll::LogLevel level, std::string_view line) {
                                               paced_log_.write(level_of(level), "eal", line);
                                             }))),
        readers_(cores()),
        caches_(make_caches(config, log_)),
        exchange_({.cores = cores(),
                   .workers = config.tls_workers.threads,
                   .misses = kMisses,
                   .fills = kFills}) {
    open_ports();
    open_exception_path();
    make_rules();
    make_cores();
    make_workers();
    make_endpoint();
  }

  ~Instance() { stop(); }

  int run();

 private:
  // Per core and worker. Every question that a core can have parked fits into the ring that brings
  // its Fill.
  static constexpr unsigned kMisses = 8192;
  static constexpr unsigned kFills = 65536;

  [[nodiscard]] unsigned cores() const { return static_cast<unsigned>(config_.eal.cores.size()); }
  [[nodiscard]] MetricsSources sources() const;
  [[nodiscard]] HealthReport health() const;
  void open_ports();
  void open_exception_path();
  void make_rules();
  void make_cores();
  void make_workers();
  void make_endpoint();
  void start();
  void start_workers();
  void stop();
  void tick();
  void remind();
  void say_who_polls(const poll::Port& port, unsigned core);
  void say_what_started();

  const Config& config_;
  Signals signals_;  // Before any thread.
  Log log_;
  PacedLog paced_log_;
  Reminders reminders_;
  poll::Eal eal_;
  std::vector<poll::Port> ports_;
  std::unique_ptr<poll::ExceptionPath> exception_path_;  // Nullptr if no port wants one.
  cache::Readers readers_;
  std::vector<std::unique_ptr<cache::Cache>> caches_;
  tls::Tickets tickets_;
  std::deque<tls::Rotation> rotations_;  // One for each backend.
  exchange::Exchange exchange_;
  std::unique_ptr<const poll::Rules> rules_;
  poll::PublishedRules published_rules_;
  std::vector<std::unique_ptr<poll::LcoreState>> lcores_;
  std::vector<std::unique_ptr<tls::Worker>> workers_;
  std::vector<std::unique_ptr<Heartbeat>> heartbeats_;
  std::vector<std::unique_ptr<Link>> links_;  // One for each port.
  std::vector<std::thread> worker_threads_;
  std::thread exception_thread_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<HttpEndpoint> endpoint_;
  bool running_ = false;
};

void Instance::open_ports() {
  for (size_t i = 0; i < config_.eal.ports.size(); ++i) {
    ports_.push_back(value_or_throw(
        poll::Port::open(config_.eal.ports[i], config_.eal.binds, static_cast<unsigned>(i))));
  }
  for (const poll::Port& port : ports_) links_.push_back(std::make_unique<Link>(port));
}

void Instance::open_exception_path() {
  std::vector<poll::ExceptionPort> wanted;
  for (size_t i = 0; i < ports_.size(); ++i) {
    const poll::PortSettings& settings = config_.eal.ports[i];
    if (settings.exception != poll::Exception::Tap) continue;
    wanted.push_back(
        {.index = static_cast<uint16_t>(i),
         .tap = {.name = settings.tap, .mac = ports_[i].mac(), .mtu = ports_[i].mtu()}});
  }
  if (wanted.empty()) return;
  exception_path_ = value_or_throw(poll::ExceptionPath::open(cores(), wanted, config_.eal.binds));
  heartbeats_.push_back(
      std::make_unique<Heartbeat>("the exception path", exception_path_->turns()));
}

void Instance::make_rules() {
  poll::Policy policy;
  const auto destination = [this](dns::PoolId id) {
    const Pool& pool = config_.pools[static_cast<size_t>(id)];
    poll::Destination made{.pool = id};
    if (!pool.packet_cache) return made;
    made.cache = caches_[*pool.packet_cache].get();
    made.cache_index = static_cast<uint16_t>(*pool.packet_cache);
    return made;
  };
  for (const Bind& bind : config_.binds)
    policy.binds.push_back({.address = bind.address, .to = destination(bind.pool)});
  policy.routes = routes_of(config_, destination);
  policy.acl = poll::AddressSet(config_.acl);
  std::vector<poll::Acceptance> acceptances;
  for (const poll::Port& port : ports_) acceptances.push_back(acceptance_of(port));
  rules_ = std::make_unique<poll::Rules>(std::move(policy), acceptances);
  published_rules_ = rules_.get();
}

/// Core i polls queue i of every port.
void Instance::make_cores() {
  for (unsigned core = 0; core < cores(); ++core) {
    poll::LcoreSettings settings{.index = core, .idle = config_.idle};
    for (size_t i = 0; i < ports_.size(); ++i) {
      const poll::Port& port = ports_[i];
      const auto queue = static_cast<uint16_t>(core);
      if (queue >= port.queues()) continue;
      poll::ExceptionRing* const from_kernel =
          exception_path_ == nullptr ? nullptr
                                     : exception_path_->from_kernel(static_cast<uint16_t>(i));
      settings.queues.push_back(
          {.port = port.id(),
           .queue = queue,
           .index = static_cast<uint8_t>(i),
           .pool = port.pool(queue),
           .acceptance = acceptance_of(port),
           .to_kernel = from_kernel == nullptr ? nullptr : &exception_path_->to_kernel(core),
           .from_kernel = queue == 0 ? from_kernel : nullptr});
    }
    lcores_.push_back(std::make_unique<poll::LcoreState>(std::move(settings), published_rules_,
                                                         exchange_, readers_));
    heartbeats_.push_back(std::make_unique<Heartbeat>(
        fmt::format("core {}", config_.eal.cores[core]), lcores_.back()->counters.cycles));
  }
}

void Instance::make_workers() {
  std::vector<tls::PoolSettings> pools;
  for (const Pool& pool : config_.pools) {
    tls::PoolSettings settings{.name = pool.name, .policy = pool.policy};
    if (pool.packet_cache) {
      settings.cache = caches_[*pool.packet_cache].get();
      settings.limits = config_.packet_caches[*pool.packet_cache].limits;
    }
    pools.push_back(settings);
  }
  const auto notice = [this](tls::Severity severity, const std::string& subject,
                             const std::string& text) {
    paced_log_.write(level_of(severity), subject, text);
  };
  std::vector<tls::Rotation*> rotations;
  for (const tls::BackendSettings& backend : config_.backends)
    rotations.push_back(&rotations_.emplace_back(backend.health, base::Clock::now()));
  for (unsigned i = 0; i < config_.tls_workers.threads; ++i) {
    workers_.push_back(std::make_unique<tls::Worker>(
        tls::WorkerSettings{.index = i,
                            .sessions_per_backend = config_.tls_workers.sessions_per_backend,
                            .hedging = config_.tls_workers.hedging,
                            .backends = config_.backends,
                            .rotations = rotations,
                            .pools = pools},
        exchange_, readers_, tickets_, notice));
    heartbeats_.push_back(std::make_unique<Heartbeat>(fmt::format("TLS worker {}", i),
                                                      workers_.back()->counters().turns));
  }
}

MetricsSources Instance::sources() const {
  MetricsSources sources{.version = version()};
  for (unsigned core = 0; core < cores(); ++core) {
    sources.cores.push_back({config_.eal.cores[core], &lcores_[core]->counters});
  }
  for (size_t i = 0; i < ports_.size(); ++i) {
    const poll::Port& port = ports_[i];
    sources.ports.push_back(
        {.name = port.name(),
         .losses =
             [&port] {
               const poll::PortStatistics lost = port.statistics();
               return MetricsSources::PortLosses{lost.missed, lost.no_buffer,
                                                 lost.receive_errors + lost.send_errors};
             },
         .mempool_in_use =
             [&port] {
               uint64_t in_use = 0;
               for (uint16_t queue = 0; queue < port.queues(); ++queue)
                 in_use += port.pool_in_use(queue);
               return in_use;
             },
         .link_is_up = [link = links_[i].get()] { return link->up(); },
         .exceptions = exception_path_ == nullptr
                           ? nullptr
                           : exception_path_->counters(static_cast<uint16_t>(i))});
  }
  for (const auto& cache : caches_) sources.caches.push_back(cache.get());
  for (const tls::BackendSettings& backend : config_.backends)
    sources.backends.push_back(backend.name);
  for (const tls::Rotation& rotation : rotations_) sources.rotations.push_back(&rotation);
  for (const auto& worker : workers_) {
    MetricsSources::Worker made{.counters = &worker->counters()};
    for (size_t i = 0; i < config_.backends.size(); ++i) {
      made.backends.push_back(&worker->backend_counters(i));
      made.records.push_back(&worker->backend_record(i));
    }
    sources.workers.push_back(std::move(made));
  }
  return sources;
}

/// Healthy: everything turns, and at least one backend can be asked.
HealthReport Instance::health() const {
  for (const auto& heartbeat : heartbeats_) {
    if (!heartbeat->moving()) return {false, heartbeat->who() + " does not move"};
  }
  for (const auto& worker : workers_) {
    for (size_t i = 0; i < config_.backends.size(); ++i) {
      if (worker->backend_counters(i).up.read() != 0 && rotations_[i].up()) return {true, {}};
    }
  }
  return {false, "no backend is up"};
}

void Instance::make_endpoint() {
  metrics_ = std::make_unique<Metrics>(sources());
  endpoint_ = value_or_throw(
      HttpEndpoint::open(config_.metrics_address, *metrics_, [this] { return health(); }));
}

/// None runs that could open another socket than TLS's.
void Instance::start_workers() {
  const std::vector<unsigned>& cpus = config_.tls_workers.cpus;
  for (size_t i = 0; i < workers_.size(); ++i) {
    std::promise<Confined> confined;
    std::future<Confined> outcome = confined.get_future();
    worker_threads_.emplace_back(
        [worker = workers_[i].get(), i, confined = std::move(confined)]() mutable {
          pthread_setname_np(pthread_self(), fmt::format("tls-worker-{}", i).c_str());
          const Confined done = tls::confine_worker();
          confined.set_value(done);
          if (done) worker->run();
        });
    if (!cpus.empty()) run_on(worker_threads_.back(), cpus[i % cpus.size()]);
    if (const Confined done = outcome.get(); !done) throw std::runtime_error(done.error());
  }
  log_.write(LogLevel::Info,
             "TLS workers are confined: they can open TCP connections, and no other socket");
}

void Instance::start() {
  running_ = true;
  start_workers();
  if (exception_path_ != nullptr) {
    exception_thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "exception-path");
      exception_path_->run();
    });
  }
  for (unsigned core = 0; core < lcores_.size(); ++core) {
    const auto poll_core = [](void* state) {
      poll::run_lcore(*static_cast<poll::LcoreState*>(state));
      return 0;
    };
    if (rte_eal_remote_launch(poll_core, lcores_[core].get(), core + 1) != 0) {
      throw std::runtime_error(
          fmt::format("CPU {} does not start polling", config_.eal.cores[core]));
    }
  }
}

void Instance::stop() {
  if (!std::exchange(running_, false)) return;
  for (const auto& lcore : lcores_) lcore->request_stop();
  for (unsigned core = 0; core < lcores_.size(); ++core) rte_eal_wait_lcore(core + 1);
  if (exception_thread_.joinable()) {
    exception_path_->stop();
    exception_thread_.join();
  }
  for (const auto& worker : workers_) worker->stop();
  for (std::thread& thread : worker_threads_) thread.join();
}

void Instance::tick() {
  for (const auto& heartbeat : heartbeats_) heartbeat->look();
  for (const auto& link : links_) {
    if (!link->look()) continue;
    paced_log_.write(
        link->up() ? LogLevel::Info : LogLevel::Warning, link->port(),
        fmt::format("port {}: the link is {}", link->port(), link->up() ? "up" : "down"));
  }
  remind();
  paced_log_.flush();
}

void Instance::remind() {
  std::vector<tls::BackendReport> reports;
  for (size_t i = 0; i < config_.backends.size(); ++i) {
    std::vector<const tls::BackendRecord*> records;
    for (const auto& worker : workers_) records.push_back(&worker->backend_record(i));
    reports.push_back(tls::latest(records));
  }
  for (const std::string& line :
       reminders_.look(reports, base::Clock::now(), std::chrono::system_clock::now())) {
    log_.write(LogLevel::Warning, line);
  }
}

/// Memory of another node takes half as long again to reach, so whoever polls a port should be of
/// its node.
void Instance::say_who_polls(const poll::Port& port, unsigned core) {
  const int cpu_node = static_cast<int>(rte_lcore_to_socket_id(core + 1));
  const std::optional<int> port_node = port.numa_node();
  log_.write(LogLevel::Info, fmt::format("port {}: queue {} polled by CPU {} (NUMA node {})",
                                         port.name(), core, config_.eal.cores[core], cpu_node));
  if (!port_node || *port_node == cpu_node) return;
  log_.write(
      LogLevel::Warning,
      fmt::format("port {}: it is on NUMA node {}, and CPU {} is not; choose cores of that node",
                  port.name(), *port_node, config_.eal.cores[core]));
}

void Instance::say_what_started() {
  log_.write(LogLevel::Info,
             fmt::format("dotline {}: {} MB of memory, {}", version().dotline,
                         config_.eal.memory_megabytes,
                         eal_.uses_hugepages() ? "in hugepages" : "without hugepages"));
  for (size_t i = 0; i < ports_.size(); ++i) {
    for (unsigned core = 0; core < cores(); ++core) {
      if (core >= ports_[i].queues()) continue;
      say_who_polls(ports_[i], core);
    }
    if (const std::string& tap = config_.eal.ports[i].tap; !tap.empty()) {
      log_.write(LogLevel::Info,
                 fmt::format("port {}: what is not ours goes to the kernel by tap:{}",
                             ports_[i].name(), tap));
    }
  }
  for (size_t i = 0; i < workers_.size() && !config_.tls_workers.cpus.empty(); ++i) {
    log_.write(LogLevel::Info,
               fmt::format("TLS worker {} runs on CPU {}", i,
                           config_.tls_workers.cpus[i % config_.tls_workers.cpus.size()]));
  }
  log_.write(LogLevel::Info,
             fmt::format("cached answers take the {} path", poll::hit_paths().front().name));
  for (const Bind& bind : config_.binds)
    log_.write(LogLevel::Info, fmt::format("answering at {} over UDP", bind.address.text()));
  for (const tls::BackendSettings& backend : config_.backends) {
    log_.write(LogLevel::Info, fmt::format("backend {}: {} {}, as {}", backend.name,
                                           backend.where(), way_to(backend), identity_of(backend)));
  }
  log_.write(LogLevel::Info,
             fmt::format("metrics at http://{}/metrics", config_.metrics_address.text()));
}

int Instance::run() {
  for (const std::string& warning : config_.warnings) log_.write(LogLevel::Warning, warning);
  start();
  say_what_started();
  std::puts("ready");
  std::fflush(stdout);
  sd_notify(0, "READY=1");

  for (;;) {
    const std::optional<int> signal = signals_.wait(kTick);
    if (signal == SIGTERM || signal == SIGINT) break;
    if (signal == SIGHUP)
      log_.write(LogLevel::Warning,
                 "SIGHUP: this version does not reload; restart to change the configuration");
    tick();
  }
  sd_notify(0, "STOPPING=1");
  log_.write(LogLevel::Info, "stopping: answering who still waits");
  stop();
  log_.write(LogLevel::Info, "stopped");
  return 0;
}

}  // namespace

int run(const Config& config) {
  try {
    base::draw_hash_secret();
    return Instance(config).run();
  } catch (const std::exception& fault) {
    Log::to_stderr(config.log_level).write(LogLevel::Error, fault.what());
    return 1;
  }
}

}  // namespace control
