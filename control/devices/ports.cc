#include "control/devices/ports.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "dataplane/ports/interface.h"

namespace control {
namespace {

// After a driver has refused a port: what it waits for may make no sound.
constexpr base::seconds kBetweenTries{1};

bool is_of_kernel(ports::DeviceKind kind) {
  return kind == ports::DeviceKind::AfXdp || kind == ports::DeviceKind::AfPacket;
}

poll::PortAccess access_to(const ports::Port& port) {
  poll::PortAccess access{
      .id = port.id(),
      .acceptance = {
          .mac = port.mac(), .vlan = port.vlan(), .verify_checksum = port.verify_checksum()}};
  for (uint16_t queue = 0; queue < port.queues(); ++queue) access.pools.push_back(port.pool(queue));
  return access;
}

bool contains(const std::vector<unsigned>& indices, unsigned index) {
  return std::ranges::find(indices, index) != indices.end();
}

void add(ports::PortStatistics& sum, const ports::PortStatistics& more) {
  sum.missed += more.missed;
  sum.no_buffer += more.no_buffer;
  sum.receive_errors += more.receive_errors;
  sum.send_errors += more.send_errors;
}

/// An interface that is not there, or down, lacks its addresses too.
ports::KernelMute::Addresses addresses_of(const std::vector<ports::PortSettings>& ports) {
  const bool all_there = std::ranges::all_of(ports, [](const ports::PortSettings& port) {
    if (!is_of_kernel(port.kind)) return true;
    const auto interface = ports::look_at_interface(port.target);
    return interface && interface->up;
  });
  return all_there ? ports::KernelMute::Addresses::MustExist
                   : ports::KernelMute::Addresses::MayComeLater;
}

/// `fault` as Port::open has it, without the port's name.
std::string reason_in(std::string fault, const ports::PortSettings& settings) {
  const std::string prefix = "port " + settings.device + ": ";
  if (fault.starts_with(prefix)) fault.erase(0, prefix.size());
  return fault;
}

PortSight sight_of(const ports::Port& port, const ports::PortSettings& settings,
                   const ports::LinkNews& news) {
  PortSight sight{.kind = settings.kind, .had = *port.interface()};
  const unsigned index = sight.had.index;
  if (auto now = ports::look_at_interface(index)) sight.now = std::move(*now);
  if (const auto namesake = ports::look_at_interface(settings.target))
    sight.namesake = namesake->index;
  if (port.program() != nullptr) sight.program = port.program()->place();
  // What was not heard may have been anything.
  sight.was_gone = news.lost || contains(news.gone, index);
  sight.was_down = contains(news.down, index);
  return sight;
}

}  // namespace

Ports::Ports(const ports::EalSettings& settings, Missing missing, PacedLog& log)
    : binds_(settings.binds), log_(log) {
  const auto of_kernel = [](const auto& port) { return is_of_kernel(port.kind); };
  if (std::ranges::any_of(settings.ports, of_kernel)) {
    // Before anything is looked at, so that no change falls between.
    auto watch = ports::LinkWatch::open();
    if (!watch) throw std::runtime_error(watch.error());
    watch_ = std::move(*watch);
  }
  const ports::KernelMute::Addresses addresses = addresses_of(settings.ports);
  std::vector<std::string> faults;  // By port; empty: it is open.
  for (const ports::PortSettings& port : settings.ports) {
    auto place = std::make_unique<Place>();
    place->settings = port;
    place->index = static_cast<unsigned>(places_.size());
    auto opened = ports::Port::open(port, binds_, place->index, addresses);
    if (opened) place->port = std::move(*opened);
    // Only an interface of the kernel's can be looked for.
    if (!opened && (missing == Missing::IsAFault || !is_of_kernel(port.kind)))
      throw std::runtime_error(opened.error());
    faults.push_back(opened ? "" : std::move(opened.error()));
    places_.push_back(std::move(place));
  }
  if (!faults.empty() && std::ranges::none_of(faults, &std::string::empty))
    throw std::runtime_error(fmt::format("{}", fmt::join(faults, "; ")));
  for (const auto& place : places_) {
    if (place->port) continue;
    place->condition.link = false;
    set_why(*place, reason_in(faults[place->index], place->settings));
  }
}

Ports::~Ports() = default;

/// The same that the start took.
std::vector<Capability> Ports::rights_to_keep() const {
  std::vector<Capability> rights;
  for (const auto& place : places_) {
    if (!is_of_kernel(place->settings.kind)) continue;
    rights.insert(rights.end(), {Capability::NetAdmin, Capability::NetRaw, Capability::IpcLock});
    rights.push_back(place->settings.kind == ports::DeviceKind::AfXdp ? Capability::SysAdmin
                                                                      : Capability::NetBindService);
  }
  return rights;
}

std::vector<poll::PortAccess> Ports::access() const {
  std::vector<poll::PortAccess> all;
  for (const auto& place : places_) {
    const bool open = place->port && !place->leaving;
    all.push_back(open ? access_to(*place->port) : poll::PortAccess{.open = false});
  }
  return all;
}

void Ports::hear(Topology& cores) {
  const ports::LinkNews news = watch_.take();
  if (news.any) look(news, cores);
}

void Ports::look(Topology& cores) { look(watch_.take(), cores); }

void Ports::look(const ports::LinkNews& news, Topology& cores) {
  for (const auto& place : places_) look_at(*place, news, cores);
}

void Ports::look_at(Place& place, const ports::LinkNews& news, Topology& cores) {
  if (!is_of_kernel(place.settings.kind)) {
    const bool link = place.port->link_is_up();
    {
      const std::lock_guard lock(place.mutex);
      place.condition.link = link;
    }
    return set_why(place, link ? "" : "the link is down");
  }
  if (place.port && !place.leaving) {
    const PortSight sight = sight_of(*place.port, place.settings, news);
    const PortJudgement judgement = judge(sight);
    {
      const std::lock_guard lock(place.mutex);
      place.condition.link = sight.now && sight.now->up && sight.now->carrier;
    }
    set_why(place, judgement.why);
    switch (judgement.step) {
      case PortStep::Keep:
        return follow(place, *sight.now, cores);
      case PortStep::AttachProgram:
        return attach_program(place);
      case PortStep::OpenAnew:
        leave(place, sight, cores);
    }
  }
  if (place.leaving && cores.cores_have_gone_over()) close(place);
  if (!place.port) try_to_open(place, cores);
}

/// The interface is the same and may have another name, MAC or MTU.
void Ports::follow(Place& place, const ports::InterfaceState& now, Topology& cores) {
  const ports::InterfaceState before = *place.port->interface();
  const std::string changes = changes_of(before, now);
  if (changes.empty()) return;
  {
    const std::lock_guard lock(place.mutex);
    place.port->take(now);
  }
  if (before.mac != now.mac) cores.set_ports(access());
  write(LogLevel::Warning, place, changes);
}

void Ports::leave(Place& place, const PortSight& sight, Topology& cores) {
  place.leaving = true;
  place.renamed.reset();
  if (sight.now && !sight.was_gone) place.renamed = sight.now->index;
  cores.set_ports(access());
}

void Ports::close(Place& place) {
  const RightsInEffect rights;  // The driver takes its program off.
  std::optional<ports::Port> port;
  {
    const std::lock_guard lock(place.mutex);
    add(place.earlier, place.port->statistics());
    port = std::exchange(place.port, std::nullopt);
    place.condition.link = false;
  }
  place.leaving = false;
}

void Ports::try_to_open(Place& place, Topology& cores) {
  auto interface = ports::look_at_interface(place.settings.target);
  if (!interface && place.renamed) interface = ports::look_at_interface(*place.renamed);
  if (!interface) return set_why(place, "the interface is gone");
  if (!interface->up) return set_why(place, "the interface is down");
  if (base::Clock::now() < place.next_try) return;
  ports::PortSettings settings = place.settings;
  settings.target = interface->name;
  auto opened = [&] {
    const RightsInEffect rights;
    return ports::Port::open(settings, binds_, place.index,
                             ports::KernelMute::Addresses::MayComeLater);
  }();
  if (!opened) {
    place.next_try = base::Clock::now() + kBetweenTries;
    return set_why(place, reason_in(std::move(opened.error()), place.settings));
  }
  {
    const std::lock_guard lock(place.mutex);
    place.port = std::move(*opened);
    place.condition.link = interface->carrier;
    ++place.condition.reopened;
  }
  cores.set_ports(access());
  const std::string opened_anew = fmt::format("opened anew at {}", interface->name);
  if (interface->carrier) return set_why(place, "", opened_anew + ", it serves again");
  write(LogLevel::Warning, place, opened_anew);
  set_why(place, "the link is down");
}

void Ports::attach_program(Place& place) {
  const auto done = [&] {
    const RightsInEffect rights;
    return place.port->program()->attach_again();
  }();
  if (!done) return set_why(place, done.error());
  {
    const std::lock_guard lock(place.mutex);
    ++place.condition.programs_back;
  }
  set_why(place, "", "its XDP program is attached again");
}

void Ports::set_why(Place& place, std::string why, std::string_view if_none) {
  {
    const std::lock_guard lock(place.mutex);
    if (place.condition.why == why) return;
    place.condition.why = why;
  }
  if (why.empty()) return write(LogLevel::Warning, place, if_none);
  write(LogLevel::Warning, place, fmt::format("it cannot serve: {}", why));
}

void Ports::write(LogLevel level, const Place& place, std::string_view text) {
  log_.write(level, place.settings.device, fmt::format("port {}: {}", place.settings.device, text));
}

// ---------------------------------------------------------------- any thread

const std::string& Ports::name(size_t index) const { return places_[index]->settings.device; }

PortCondition Ports::condition(size_t index) const {
  const std::lock_guard lock(places_[index]->mutex);
  return places_[index]->condition;
}

std::vector<std::string> Ports::troubles() const {
  std::vector<std::string> troubles;
  for (const auto& place : places_) {
    const std::lock_guard lock(place->mutex);
    if (place->condition.serves()) continue;
    troubles.push_back(fmt::format("port {}: {}", place->settings.device, place->condition.why));
  }
  return troubles;
}

ports::PortStatistics Ports::statistics(size_t index) const {
  const Place& place = *places_[index];
  const std::lock_guard lock(place.mutex);
  ports::PortStatistics sum = place.earlier;
  if (place.port) add(sum, place.port->statistics());
  return sum;
}

uint64_t Ports::buffers_in_use(size_t index) const {
  const Place& place = *places_[index];
  const std::lock_guard lock(place.mutex);
  uint64_t in_use = 0;
  for (uint16_t queue = 0; place.port && queue < place.port->queues(); ++queue)
    in_use += place.port->pool_in_use(queue);
  return in_use;
}

}  // namespace control
