#include "dataplane/ports/capability.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <string_view>

namespace ports {
namespace {

static_assert(CAP_NET_ADMIN == 12 && CAP_NET_RAW == 13 && CAP_IPC_LOCK == 14 &&
              CAP_SYS_ADMIN == 21);
constexpr unsigned kBitsPerWord = 32;

std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> own_capabilities() {
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> words{};
  // glibc has no wrapper; libcap would be one more library for one call that cannot fail with this
  // header.
  (void)syscall(SYS_capget, &header, words.data());
  return words;
}

std::string_view name_of(Capability capability) {
  switch (capability) {
    case Capability::NetAdmin:
      return "CAP_NET_ADMIN";
    case Capability::NetRaw:
      return "CAP_NET_RAW";
    case Capability::IpcLock:
      return "CAP_IPC_LOCK";
    case Capability::SysAdmin:
      return "CAP_SYS_ADMIN";
  }
  return "a capability";
}

}  // namespace

std::string missing_capabilities(std::initializer_list<Capability> needed) {
  const auto words = own_capabilities();
  std::string missing;
  for (const Capability capability : needed) {
    const auto bit = static_cast<unsigned>(capability);
    if ((words[bit / kBitsPerWord].effective >> (bit % kBitsPerWord) & 1) != 0) continue;
    if (!missing.empty()) missing += ", ";
    missing += name_of(capability);
  }
  return missing;
}

}  // namespace ports
