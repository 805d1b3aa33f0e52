// The HTTP side, for Prometheus and other monitoring: GET /metrics, /healthz, /api/status and the
// status page at /, nothing else. Small on purpose: one thread that waits for no client, a bounded
// number of connections of which an idle one gives way, one request each, no body read, five
// seconds for it and five for a slow reader. It answers no client that was led here by a name that
// is not ours (http_host.h).
#pragma once

#include <prometheus/collectable.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "control/http/health_verdict.h"
#include "dataplane/base/address.h"
#include "dataplane/base/result.h"

namespace control {

/// What there is to tell. It is asked by the endpoint's thread, and outlives the endpoint.
struct HttpSources {
  const prometheus::Collectable& metrics;
  std::function<HealthReport()> health;
  std::function<std::string()> status;  // One line of JSON.
};

class HttpEndpoint {
 public:
  /// Listens on `address`, [::] for all of both families; port 0 lets the kernel choose. Fails with
  /// a sentence that names the address.
  static base::Result<std::unique_ptr<HttpEndpoint>, std::string> open(
      const base::Endpoint& address, HttpSources sources);
  ~HttpEndpoint();
  HttpEndpoint(const HttpEndpoint&) = delete;
  HttpEndpoint& operator=(const HttpEndpoint&) = delete;

  [[nodiscard]] uint16_t port() const;

 private:
  class Server;
  explicit HttpEndpoint(std::unique_ptr<Server> server);

  std::unique_ptr<Server> server_;
};

}  // namespace control
