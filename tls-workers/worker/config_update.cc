#include "tls-workers/worker/config_update.h"

#include <openssl/rand.h>

namespace worker {
namespace {

uint64_t random_seed() {
  uint64_t seed = 0;
  (void)RAND_bytes(reinterpret_cast<unsigned char*>(&seed), sizeof seed);
  return seed;
}

bool has(const questions::Configuration& configuration, uint32_t number,
         const std::shared_ptr<backends::SharedBackend>& shared) {
  return number < configuration.backends.size() && configuration.backends[number].shared == shared;
}

}  // namespace

ConfigUpdate prepare_update(const questions::Configuration* before,
                            std::shared_ptr<const questions::Configuration> next,
                            const SessionMaker& maker) {
  ConfigUpdate update{.configuration = std::move(next), .sessions = {}};
  const std::vector<questions::Configuration::Backend>& backends = update.configuration->backends;
  for (uint32_t number = 0; number < backends.size(); ++number) {
    const std::shared_ptr<backends::SharedBackend>& shared = backends[number].shared;
    if (shared == nullptr || (before != nullptr && has(*before, number, shared))) continue;
    const sessions::Sessions::Shape shape{.backend = number,
                                          .worker = maker.worker,
                                          .per_backend = maker.per_backend,
                                          .epoll = maker.epoll,
                                          .seed = random_seed()};
    update.sessions.emplace_back(
        number, std::make_unique<sessions::Sessions>(shape, shared, maker.tickets));
  }
  return update;
}

std::vector<StrandedQuery> replace_backends(sessions::Backends& backends, ConfigUpdate& update) {
  const questions::Configuration& next = *update.configuration;
  std::vector<StrandedQuery> stranded;
  for (uint32_t number = 0; number < backends.numbers(); ++number) {
    if (!backends.has(number) || has(next, number, backends[number].shared())) continue;
    for (sessions::Session& session : backends[number].all()) {
      session.abandon([&](const sessions::Asked& asked) { stranded.push_back({number, asked}); });
      session.close();
    }
    backends.put(number, nullptr);
  }
  for (auto& [number, sessions] : update.sessions) backends.put(number, std::move(sessions));
  for (uint32_t number = 0; number < next.backends.size(); ++number) {
    if (next.backends[number].shared != nullptr)
      backends[number].use(next.backends[number].settings);
  }
  return stranded;
}

}  // namespace worker
