#include "dataplane/ports/xdp_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "dataplane/ports/eal.h"

namespace ports {
namespace {

using base::Result;

constexpr uint8_t kObject[] = {
#include "redirect_object.inc"
};

// As redirect.bpf.c calls them; the kernel keeps 15 characters of a name.
constexpr std::string_view kProgramName = "dotline_xdp";
constexpr std::string_view kEndpointsMap = "bound_endpoints";
constexpr unsigned kMostMaps = 8;

/// The key of `bound_endpoints`, laid out as redirect.bpf.c does.
struct EndpointKey {
  std::array<std::byte, 16> address{};
  std::array<std::byte, 2> port{};  // Big endian.
  uint16_t zero = 0;
};
static_assert(sizeof(EndpointKey) == 20);

struct Attached {
  uint32_t id = 0;
  uint32_t mode = 0;  // XDP_FLAGS_DRV_MODE, _SKB_MODE or _HW_MODE.
  base::Descriptor program;
  std::string name;
  std::vector<uint32_t> maps;
};

std::string sentence(std::string_view what, int error) {
  return std::string(what) + ": " + strerror(error);
}

std::string owner_of(const sockaddr_un& address, socklen_t size) {
  const base::Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ucred peer{};
  socklen_t peer_size = sizeof peer;
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      getsockopt(probe.get(), SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) != 0) {
    return "in use by another dotline";
  }
  return "in use by another dotline (process " + std::to_string(peer.pid) + ")";
}

Result<Attached, std::string> describe(uint32_t id, uint32_t mode) {
  Attached attached;
  attached.id = id;
  attached.mode = mode;
  attached.program = base::Descriptor(bpf_prog_get_fd_by_id(id));
  if (!attached.program.ok())
    return base::fail(sentence("the attached XDP program cannot be inspected", errno));
  std::array<uint32_t, kMostMaps> maps{};
  bpf_prog_info info{};
  info.nr_map_ids = kMostMaps;
  info.map_ids = reinterpret_cast<uintptr_t>(maps.data());
  uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(attached.program.get(), &info, &size) != 0) {
    return base::fail(sentence("the attached XDP program cannot be inspected", errno));
  }
  attached.name.assign(info.name, strnlen(info.name, sizeof info.name));
  const size_t count = info.nr_map_ids < kMostMaps ? info.nr_map_ids : kMostMaps;
  attached.maps.assign(maps.begin(), maps.begin() + static_cast<ptrdiff_t>(count));
  return attached;
}

/// What is on the interface now, in whichever mode.
Result<std::optional<Attached>, std::string> find_attached(const Interface& interface) {
  LIBBPF_OPTS(bpf_xdp_query_opts, found);
  if (const int error = bpf_xdp_query(static_cast<int>(interface.index), 0, &found); error != 0) {
    return base::fail(
        sentence("the kernel does not tell whether an XDP program is attached", -error));
  }
  const struct {
    uint32_t id;
    uint32_t mode;
  } modes[] = {{found.drv_prog_id, XDP_FLAGS_DRV_MODE},
               {found.skb_prog_id, XDP_FLAGS_SKB_MODE},
               {found.hw_prog_id, XDP_FLAGS_HW_MODE}};
  for (const auto& [id, mode] : modes) {
    if (id == 0) continue;
    auto attached = describe(id, mode);
    if (!attached) return base::fail(std::move(attached.error()));
    return std::move(*attached);
  }
  return std::nullopt;
}

std::string foreign(const Interface& interface, const Attached& attached) {
  const char* word = attached.mode == XDP_FLAGS_SKB_MODE  ? "xdpgeneric"
                     : attached.mode == XDP_FLAGS_HW_MODE ? "xdpoffload"
                                                          : "xdp";
  return "another XDP program is attached (\"" + attached.name + "\", id " +
         std::to_string(attached.id) +
         "), and an interface has room for one; if nobody needs it, take it off with: ip link set "
         "dev " +
         interface.name + " " + word + " off";
}

Result<base::Descriptor, std::string> open_endpoints_map(const Attached& attached) {
  for (const uint32_t id : attached.maps) {
    base::Descriptor map(bpf_map_get_fd_by_id(id));
    if (!map.ok()) return base::fail(sentence("the XDP program's maps cannot be opened", errno));
    bpf_map_info info{};
    uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(map.get(), &info, &size) == 0 && kEndpointsMap == info.name)
      return map;
  }
  return base::fail("the XDP program has no map " + std::string(kEndpointsMap));
}

}  // namespace

Result<XdpClaim, std::string> XdpClaim::take(const Interface& interface) {
  // An abstract name: scoped to the network namespace, as interface indices are, and let go of by
  // the kernel.
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = "dotline/xdp/" + std::to_string(interface.index);
  name.copy(&address.sun_path[1], sizeof address.sun_path - 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());

  XdpClaim claim;
  claim.socket_ = base::Descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (bind(claim.socket_.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    if (errno == EADDRINUSE) return base::fail(owner_of(address, size));
    return base::fail(sentence("the interface cannot be claimed", errno));
  }
  // Listening lets the next process ask which one holds the claim.
  if (listen(claim.socket_.get(), 1) != 0)
    return base::fail(sentence("the interface cannot be claimed", errno));
  return claim;
}

Result<XdpObject, std::string> XdpObject::create() {
  XdpObject object;
  object.file_ = base::Descriptor(memfd_create("dotline-xdp", MFD_CLOEXEC));
  if (!object.file_.ok() || write(object.file_.get(), kObject, sizeof kObject) != sizeof kObject) {
    return base::fail(sentence("no memory file for the XDP program", errno));
  }
  return object;
}

std::string XdpObject::path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

Result<void, std::string> clear_interface(const Interface& interface) {
  auto attached = find_attached(interface);
  if (!attached) return base::fail(std::move(attached.error()));
  if (!*attached) return {};
  const Attached& left = **attached;
  if (left.name != kProgramName) return base::fail(foreign(interface, left));
  // Only if it is still the program that was looked at.
  LIBBPF_OPTS(bpf_xdp_attach_opts, only_this);
  only_this.old_prog_fd = left.program.get();
  if (const int error = bpf_xdp_detach(static_cast<int>(interface.index), left.mode, &only_this);
      error != 0) {
    return base::fail(
        sentence("the XDP program of a dotline that died cannot be taken off", -error));
  }
  log_line(LogLevel::Warning, "interface " + interface.name + ": took off the XDP program (id " +
                                  std::to_string(left.id) + ") of a dotline that died");
  return {};
}

Result<XdpAttachment, std::string> XdpAttachment::admit(const Interface& interface,
                                                        const std::vector<base::Endpoint>& binds) {
  auto attached = find_attached(interface);
  if (!attached) return base::fail(std::move(attached.error()));
  if (!*attached) return base::fail(std::string("the driver attached no XDP program"));
  if ((*attached)->name != kProgramName) return base::fail(foreign(interface, **attached));
  const auto map = open_endpoints_map(**attached);
  if (!map) return base::fail(map.error());
  for (const base::Endpoint& endpoint : binds) {
    EndpointKey key;
    key.address = endpoint.address.mapped();
    base::store_be16(key.port.data(), endpoint.port);
    const uint8_t present = 1;
    if (bpf_map_update_elem(map->get(), &key, &present, BPF_ANY) != 0) {
      return base::fail(sentence("the XDP program does not take " + endpoint.text(), errno));
    }
  }
  XdpAttachment held;
  held.interface_ = interface.index;
  held.id_ = (*attached)->id;
  held.mode_ = (*attached)->mode;
  held.program_ = std::move((*attached)->program);
  return held;
}

XdpAttachment::Place XdpAttachment::place() const {
  LIBBPF_OPTS(bpf_xdp_query_opts, found);
  if (bpf_xdp_query(static_cast<int>(interface_), 0, &found) != 0) return Place::Attached;
  const std::array<uint32_t, 3> ids = {found.drv_prog_id, found.skb_prog_id, found.hw_prog_id};
  if (std::ranges::find(ids, id_) != ids.end()) return Place::Attached;
  const bool none = std::ranges::all_of(ids, [](uint32_t id) { return id == 0; });
  return none ? Place::TakenOff : Place::Replaced;
}

Result<void, std::string> XdpAttachment::attach_again() const {
  const int error = bpf_xdp_attach(static_cast<int>(interface_), program_.get(),
                                   mode_ | XDP_FLAGS_UPDATE_IF_NOEXIST, nullptr);
  if (error == 0) return {};
  return base::fail(sentence("the XDP program cannot be attached again", -error));
}

}  // namespace ports
