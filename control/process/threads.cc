#include "control/process/threads.h"

#include <fmt/format.h>
#include <pthread.h>
#include <rte_launch.h>
#include <sched.h>

#include <future>
#include <stdexcept>
#include <utility>

#include "control/process/rights.h"
#include "dataplane/poll/loop.h"
#include "tls-workers/worker/confinement.h"

namespace control {
namespace {

void throw_unless(const Confined& result) {
  if (!result) throw std::runtime_error(result.error());
}

void run_on(std::thread& thread, unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(thread.native_handle(), sizeof set, &set);
}

struct CoreStart {
  poll::LcoreState& state;
  std::promise<Confined> confined;
};

int poll_core(void* argument) {
  auto& start = *static_cast<CoreStart*>(argument);
  poll::LcoreState& state = start.state;
  const Confined done = confine_helper();
  start.confined.set_value(done);  // `start` is gone after this.
  if (done) poll::run_lcore(state);
  return 0;
}

}  // namespace

void Threads::start(const Crew& crew, const Config& config) {
  crew_ = crew;
  start_workers(config.tls_workers);
  if (crew_.exception_path != nullptr) start_exception_path();
  start_cores(config.eal.cores);
}

/// None runs that could open another socket than TLS's.
void Threads::start_workers(const TlsWorkers& settings) {
  for (size_t i = 0; i < crew_.workers.size(); ++i) {
    std::promise<Confined> confined;
    std::future<Confined> outcome = confined.get_future();
    workers_.emplace_back(
        [worker = crew_.workers[i].get(), i, confined = std::move(confined)]() mutable {
          pthread_setname_np(pthread_self(), fmt::format("tls-worker-{}", i).c_str());
          Confined done = give_up_rights();
          if (done) done = worker::confine_worker();
          confined.set_value(done);
          if (done) worker->run();
        });
    if (!settings.cpus.empty()) run_on(workers_.back(), settings.cpus[i % settings.cpus.size()]);
    throw_unless(outcome.get());
  }
}

void Threads::start_exception_path() {
  std::promise<Confined> confined;
  std::future<Confined> outcome = confined.get_future();
  exception_path_ =
      std::thread([path = crew_.exception_path, confined = std::move(confined)]() mutable {
        pthread_setname_np(pthread_self(), "exception-path");
        const Confined done = confine_helper();
        confined.set_value(done);
        if (done) path->run();
      });
  throw_unless(outcome.get());
}

/// EAL's lcore 0 is the control thread.
void Threads::start_cores(const std::vector<unsigned>& cpus) {
  for (const auto& state : crew_.cores) {
    CoreStart start{.state = *state, .confined = {}};
    std::future<Confined> outcome = start.confined.get_future();
    if (rte_eal_remote_launch(poll_core, &start, cores_ + 1) != 0)
      throw std::runtime_error(fmt::format("CPU {} does not start polling", cpus[cores_]));
    ++cores_;
    throw_unless(outcome.get());
  }
}

void Threads::stop() {
  for (const auto& core : crew_.cores) core->request_stop();
  for (; cores_ > 0; --cores_) rte_eal_wait_lcore(cores_);
  if (exception_path_.joinable()) {
    crew_.exception_path->stop();
    exception_path_.join();
  }
  for (size_t i = 0; i < workers_.size(); ++i) crew_.workers[i]->stop();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
  crew_ = {};
}

}  // namespace control
