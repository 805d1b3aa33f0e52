#include "dataplane/ports/exception_path.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/base/assert.h"
#include "dataplane/ports/eal.h"

namespace ports {
namespace {

using base::Result;

// Of one ring or TAP before the others have their turn.
constexpr unsigned kFramesAtOnce = 64;
constexpr int kLongestSleepMilliseconds = 1000;  // So that a watcher of `turns` sees it move.
// A frame has 14 octets before what the MTU counts, 4 if the operator put a VLAN interface on the
// TAP, and 4 for the port's own tag. One octet more than that tells a frame that was cut.
constexpr unsigned kMtuMax = poll::ExceptionFrame::kRoom - 14 - 4 - 4 - 1;
constexpr size_t kReadRoom = poll::ExceptionFrame::kRoom - 4;

}  // namespace

struct ExceptionPath::Lane {
  Lane(const ExceptionPort& settings, Tap opened, KernelMute muted)
      : port(settings.index),
        name(settings.tap.name),
        tap(std::move(opened)),
        mute(std::move(muted)) {}

  uint16_t port;
  std::string name;
  Tap tap;
  KernelMute mute;
  poll::ExceptionRing from_kernel;
  PortCounters counters;
  int trouble = 0;  // Why the TAP takes no frames; 0 while it does.
};

ExceptionPath::ExceptionPath()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), frame_(std::make_unique<poll::ExceptionFrame>()) {}
ExceptionPath::~ExceptionPath() = default;

Result<std::unique_ptr<ExceptionPath>, std::string> ExceptionPath::open(
    unsigned cores, const std::vector<ExceptionPort>& ports,
    const std::vector<base::Endpoint>& binds) {
  std::unique_ptr<ExceptionPath> path(new ExceptionPath);
  epoll_event rung{.events = EPOLLIN, .data = {.ptr = nullptr}};
  if (!path->epoll_.ok() || path->doorbell_.fd() < 0 ||
      epoll_ctl(path->epoll_.get(), EPOLL_CTL_ADD, path->doorbell_.fd(), &rung) != 0) {
    return base::fail(std::string("exception path: ") + strerror(errno));
  }
  for (unsigned core = 0; core < cores; ++core) {
    path->cores_.push_back(std::make_unique<poll::ToKernel>(path->doorbell_));
  }
  for (const ExceptionPort& port : ports) {
    if (auto added = path->add(port, binds); !added) {
      return base::fail("tap:" + port.tap.name + ": " + added.error());
    }
  }
  return path;
}

Result<void, std::string> ExceptionPath::add(const ExceptionPort& port,
                                             const std::vector<base::Endpoint>& binds) {
  TapSettings settings = port.tap;
  settings.mtu = std::min(settings.mtu, kMtuMax);
  auto tap = Tap::open(settings);
  if (!tap) return base::fail(std::move(tap.error()));
  auto mute = KernelMute::start(settings.name, binds, KernelMute::Addresses::MayComeLater);
  if (!mute) return base::fail(std::move(mute.error()));

  auto lane = std::make_unique<Lane>(port, std::move(*tap), std::move(*mute));
  epoll_event readable{.events = EPOLLIN, .data = {.ptr = lane.get()}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, lane->tap.fd(), &readable) != 0) {
    return base::fail(std::string("it cannot be waited for: ") + strerror(errno));
  }
  lanes_.push_back(std::move(lane));
  return {};
}

ExceptionPath::Lane* ExceptionPath::lane_of(uint16_t port) const {
  for (const auto& lane : lanes_) {
    if (lane->port == port) return lane.get();
  }
  return nullptr;
}

poll::ExceptionRing* ExceptionPath::from_kernel(uint16_t port) {
  Lane* const lane = lane_of(port);
  return lane == nullptr ? nullptr : &lane->from_kernel;
}

const ExceptionPath::PortCounters* ExceptionPath::counters(uint16_t port) const {
  const Lane* const lane = lane_of(port);
  return lane == nullptr ? nullptr : &lane->counters;
}

void ExceptionPath::stop() {
  stop_.store(true, std::memory_order_relaxed);
  doorbell_.ring();
}

void ExceptionPath::run() {
  for (;;) {
    const bool last = stop_requested();
    const unsigned delivered = deliver();
    const unsigned collected = last ? 0 : collect();
    turns_.add();
    if (delivered + collected > 0) continue;
    if (last) return;
    sleep();
  }
}

/// Cores → TAPs.
unsigned ExceptionPath::deliver() {
  unsigned taken = 0;
  for (const auto& core : cores_) {
    for (unsigned i = 0; i < kFramesAtOnce && core->ring.pop({frame_.get(), 1}) == 1; ++i) {
      write(*frame_);
      ++taken;
    }
  }
  return taken;
}

void ExceptionPath::write(const poll::ExceptionFrame& frame) {
  Lane* const lane = lane_of(frame.port);
  ASSERT(lane != nullptr);
  const int error = lane->tap.write(frame.bytes());
  (error == 0 ? lane->counters.to_kernel : lane->counters.refused).add();
  if (std::exchange(lane->trouble, error) == error) return;
  const std::string subject = "tap:" + lane->name;
  if (error == 0) return log_line(LogLevel::Info, subject + ": takes frames again");
  log_line(LogLevel::Warning,
           subject + ": takes no frames: " +
               (error == EIO ? "it is down; expected: ip link set dev " + lane->name + " up"
                             : std::string(strerror(error))));
}

/// TAPs → the core that has the port's first queue.
unsigned ExceptionPath::collect() {
  unsigned taken = 0;
  for (const auto& lane : lanes_) {
    for (unsigned i = 0; i < kFramesAtOnce; ++i) {
      const base::ByteView read = lane->tap.read(base::ByteSpan(frame_->octets).first(kReadRoom));
      if (read.empty()) break;
      ++taken;
      frame_->port = lane->port;
      frame_->size = static_cast<uint16_t>(read.size());
      if (read.size() == kReadRoom || read.size() < base::kEthernetHeader) {
        lane->counters.unsent[poll::Unsent::TooLong].add();
      } else if (!lane->from_kernel.push(*frame_)) {
        lane->counters.unsent[poll::Unsent::RingFull].add();
      }
    }
  }
  return taken;
}

void ExceptionPath::sleep() {
  doorbell_.about_to_sleep();
  const bool idle =
      !stop_requested() && std::all_of(cores_.begin(), cores_.end(),
                                       [](const auto& core) { return core->ring.empty(); });
  std::array<epoll_event, 8> events;
  const int count =
      epoll_wait(epoll_.get(), events.data(), events.size(), idle ? kLongestSleepMilliseconds : 0);
  doorbell_.awake();
  for (int i = 0; i < count; ++i) {
    auto* const lane = static_cast<Lane*>(events[static_cast<size_t>(i)].data.ptr);
    if (lane == nullptr) doorbell_.silence();
    if (lane == nullptr || (events[static_cast<size_t>(i)].events & EPOLLERR) == 0) continue;
    // Its interface was removed; from now on the file only says so.
    (void)epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, lane->tap.fd(), nullptr);
    log_line(LogLevel::Error, "tap:" + lane->name + ": was removed; expected a restart");
  }
}

}  // namespace ports
