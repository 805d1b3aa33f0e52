#include "dataplane/ports/eal.h"

#include <bpf/libbpf.h>
#include <rte_alarm.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include <atomic>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <optional>
#include <semaphore>
#include <utility>

#include "dataplane/ports/eal_plan.h"

namespace ports {
namespace {

using base::Result;

/// EAL writes some of its reasons to `stderr` past its own log, and a page of usage to `stdout`
/// after an argument it does not like. These two stand in for them meanwhile: the first leads into
/// the log as well, the second nowhere.
class StdioRedirect {
 public:
  StdioRedirect(FILE* log, FILE* nowhere) : error_(log), output_(nowhere) {}
  void swap() {
    std::swap(stderr, error_);
    std::swap(stdout, output_);
  }

 private:
  FILE* error_;
  FILE* output_;
};

/// What EAL warns of and what is meant to be so: hugepages are taken without a mount, and of the
/// sizes that there are.
bool is_harmless(std::string_view text) {
  return text.find("no mounted hugetlbfs found") != std::string_view::npos ||
         text.find("hugepages reported on node") != std::string_view::npos;
}

/// Where EAL, its drivers, libbpf and libxdp end up talking to. It lives as long as the process,
/// since they may talk from a destructor; what comes without a listener is dropped.
class LogSink {
 public:
  void listen(EalLog log) {
    const std::lock_guard lock(mutex_);
    log_ = std::move(log);
    complaints_.clear();
  }
  /// On while `muzzle` is given, off with nullptr.
  void set_muzzle(StdioRedirect* muzzle) {
    const std::lock_guard lock(mutex_);
    if (muzzle_ != nullptr) muzzle_->swap();
    muzzle_ = muzzle;
    if (muzzle_ != nullptr) muzzle_->swap();
  }
  void write(LogLevel level, std::string_view text) {
    const std::lock_guard lock(mutex_);
    unfinished_ += text;
    for (size_t end; (end = unfinished_.find('\n')) != std::string::npos;) {
      line(level, std::string_view(unfinished_).substr(0, end));
      unfinished_.erase(0, end + 1);
    }
  }
  void write_line(LogLevel level, std::string_view text) {
    const std::lock_guard lock(mutex_);
    line(level, text);
  }
  std::string take_complaints() {
    const std::lock_guard lock(mutex_);
    return std::exchange(complaints_, {});
  }

 private:
  void line(LogLevel level, std::string_view text) {
    // EAL prints what is fatal twice: past its log, on stderr, and then into the log.
    if (text.starts_with("EAL: FATAL: ")) return;
    while (!text.empty() && (text.back() == ' ' || text.back() == '\r' || text.back() == '\n'))
      text.remove_suffix(1);
    if (text.empty()) return;
    if (is_harmless(text)) level = LogLevel::Debug;
    if (level == LogLevel::Error || level == LogLevel::Warning) remember(text);
    if (!log_) return;
    if (muzzle_ != nullptr) muzzle_->swap();  // The listener may print.
    log_(level, text);
    if (muzzle_ != nullptr) muzzle_->swap();
  }

  /// The first complaint names the cause and the last ones only what failed of it, so the first
  /// ones are kept.
  void remember(std::string_view text) {
    if (complaints_.size() + text.size() > kComplaintsKept) return;
    if (!complaints_.empty()) complaints_ += "; ";
    complaints_ += text;
  }

  static constexpr size_t kComplaintsKept = 600;

  std::mutex mutex_;
  EalLog log_;
  std::string unfinished_;
  std::string complaints_;
  StdioRedirect* muzzle_ = nullptr;
};

LogSink& sink() {
  static auto* const only = new LogSink;
  return *only;
}

/// DPDK's levels run from 1 (emergency) to 8 (debug). What it calls information is of no use to an
/// operator.
LogLevel level_of(int level) {
  if (level <= static_cast<int>(RTE_LOG_ERR)) return LogLevel::Error;
  if (level == static_cast<int>(RTE_LOG_WARNING)) return LogLevel::Warning;
  if (level == static_cast<int>(RTE_LOG_NOTICE)) return LogLevel::Info;
  return LogLevel::Debug;
}

ssize_t write_eal_text(void* /*cookie*/, const char* text, size_t size) {
  sink().write(level_of(rte_log_cur_msg_loglevel()), {text, size});
  return static_cast<ssize_t>(size);
}

/// The stream that EAL prints to. Never closed: a driver's thread may hold it.
FILE* eal_stream() {
  FILE* const opened = fopencookie(nullptr, "w", {nullptr, write_eal_text, nullptr, nullptr});
  if (opened != nullptr) (void)setvbuf(opened, nullptr, _IOLBF, 0);
  return opened;
}

FILE* nowhere_stream() { return fopencookie(nullptr, "w", {}); }

void print_bpf_text(bool warning, const char* format, va_list arguments) {
  char text[1024];
  const int size = vsnprintf(text, sizeof text, format, arguments);
  if (size <= 0) return;
  sink().write_line(warning ? LogLevel::Warning : LogLevel::Debug, text);
}

int print_libbpf(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_DEBUG) print_bpf_text(level == LIBBPF_WARN, format, arguments);
  return 0;
}

int print_libxdp(libxdp_print_level level, const char* format, va_list arguments) {
  if (level != LIBXDP_DEBUG) print_bpf_text(level == LIBXDP_WARN, format, arguments);
  return 0;
}

Result<void, std::string> initialise(std::vector<std::string> arguments) {
  FILE* const stream = eal_stream();
  FILE* const nowhere = nowhere_stream();
  if (stream == nullptr || nowhere == nullptr) {
    return base::fail(std::string("EAL: no stream for its log, out of memory"));
  }
  (void)rte_openlog_stream(stream);
  (void)libbpf_set_print(print_libbpf);
  (void)libxdp_set_print(print_libxdp);

  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  const auto count = static_cast<int>(pointers.size());
  pointers.push_back(nullptr);

  StdioRedirect muzzle(stream, nowhere);
  sink().set_muzzle(&muzzle);
  const int done = rte_eal_init(count, pointers.data());
  const std::string reason = rte_strerror(rte_errno);
  sink().set_muzzle(nullptr);
  (void)fclose(nowhere);
  if (done >= 0) return {};
  const std::string said = sink().take_complaints();
  return base::fail("EAL does not start: " + reason + (said.empty() ? "" : "; it said: " + said));
}

/// EAL's alarms run on its interrupt thread, and are the one way to have something run there.
struct Errand {
  std::function<void()> work;
  std::binary_semaphore done{0};
};

constexpr std::chrono::seconds kErrandPatience{10};

void do_errand(void* errand) {
  static_cast<Errand*>(errand)->work();
  static_cast<Errand*>(errand)->done.release();
}

}  // namespace

struct Eal::Running {
  bool hugepages = false;
  unsigned memory_megabytes = 0;
  std::vector<unsigned> control_cpus;
  std::vector<std::string> notes;

  ~Running() {
    // EAL makes a folder of its own even when it keeps nothing there, and forgets it.
    const std::string folder = rte_eal_get_runtime_dir();
    (void)rte_eal_cleanup();
    (void)rmdir(folder.c_str());
    sink().listen(nullptr);
  }
};

Eal::Eal(std::unique_ptr<Running> running) : running_(std::move(running)) {}
Eal::~Eal() = default;
Eal::Eal(Eal&&) noexcept = default;
Eal& Eal::operator=(Eal&&) noexcept = default;

Result<Eal, std::string> Eal::start(const EalSettings& settings, EalLog log,
                                    unsigned other_megabytes) {
  static std::atomic_flag started;
  if (started.test_and_set()) {
    return base::fail(std::string("EAL can be started once in a process, and has been"));
  }
  Machine machine = survey_machine(settings);
  machine.other_megabytes = other_megabytes;
  auto plan = plan_eal(settings, machine, static_cast<unsigned>(getpid()));
  if (!plan) return base::fail(std::move(plan.error()));
  sink().listen(std::move(log));
  if (auto up = initialise(std::move(plan->arguments)); !up) {
    sink().listen(nullptr);
    return base::fail(std::move(up.error()));
  }
  auto running = std::make_unique<Running>();
  running->hugepages = plan->hugepages;
  running->memory_megabytes = plan->memory_megabytes;
  running->notes = std::move(plan->notes);
  running->control_cpus = std::move(plan->control_cpus);
  return Eal(std::move(running));
}

bool Eal::uses_hugepages() const { return running_->hugepages; }
unsigned Eal::memory_megabytes() const { return running_->memory_megabytes; }
const std::vector<std::string>& Eal::notes() const { return running_->notes; }
const std::vector<unsigned>& Eal::control_cpus() const { return running_->control_cpus; }

bool Eal::run_on_interrupt_thread(std::function<void()> work) const {
  Errand errand{.work = std::move(work)};
  if (rte_eal_alarm_set(1, do_errand, &errand) != 0) return false;
  if (errand.done.try_acquire_for(kErrandPatience)) return true;
  // Waits for it should it run just now, and leaves nothing that could run later.
  (void)rte_eal_alarm_cancel(do_errand, &errand);
  return errand.done.try_acquire();
}

void log_line(LogLevel level, std::string_view line) { sink().write_line(level, line); }
std::string take_complaints() { return sink().take_complaints(); }

}  // namespace ports
