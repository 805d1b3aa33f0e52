#include "control/draft/resolver_names.h"

namespace control {
namespace {

struct KnownResolver {
  std::string_view address;
  std::string_view name;
};

// As their operators publish them.
constexpr KnownResolver kKnown[] = {
    {"8.8.8.8", "dns.google"},
    {"8.8.4.4", "dns.google"},
    {"2001:4860:4860::8888", "dns.google"},
    {"2001:4860:4860::8844", "dns.google"},
    {"1.1.1.1", "one.one.one.one"},
    {"1.0.0.1", "one.one.one.one"},
    {"2606:4700:4700::1111", "one.one.one.one"},
    {"2606:4700:4700::1001", "one.one.one.one"},
    {"9.9.9.9", "dns.quad9.net"},
    {"149.112.112.112", "dns.quad9.net"},
    {"2620:fe::fe", "dns.quad9.net"},
    {"2620:fe::9", "dns.quad9.net"},
    {"103.2.57.5", "public.dns.iij.jp"},
    {"103.2.57.6", "public.dns.iij.jp"},
    {"2001:300::5", "public.dns.iij.jp"},
    {"2001:300::6", "public.dns.iij.jp"},
};

}  // namespace

std::string_view known_name_of(const base::IpAddress& address) {
  for (const KnownResolver& known : kKnown) {
    if (base::IpAddress::parse(known.address) == address) return known.name;
  }
  return {};
}

}  // namespace control
