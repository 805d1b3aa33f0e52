#include "dataplane/rules/routes.h"

namespace rules {

Routes::Routes(const std::vector<Route>& routes) {
  std::vector<dns::Name> domains;
  for (const Route& route : routes) {
    domains.push_back(route.domain);
    destinations_.push_back(route.to);
  }
  domains_ = DomainTable(std::move(domains));
}

}  // namespace rules
