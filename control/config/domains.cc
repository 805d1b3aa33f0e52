#include "control/config/domains.h"

#include <utility>
#include <vector>

#include "control/text/dns_text.h"

namespace control {

rules::Routes routes_of(const Config& config,
                        const std::function<rules::Destination(dns::PoolId)>& destination) {
  std::vector<rules::Route> routes;
  for (size_t i = 0; i < config.pools.size(); ++i) {
    const dns::PoolId pool{static_cast<uint8_t>(i)};
    for (const std::string& domain : config.pools[i].domains)
      routes.push_back({.domain = dns::Name(wire_form(domain).value()), .to = destination(pool)});
  }
  return rules::Routes(std::move(routes));
}

}  // namespace control
