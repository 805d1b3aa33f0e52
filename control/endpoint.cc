#include "control/endpoint.h"

#include <civetweb.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <atomic>
#include <exception>
#include <mutex>
#include <string_view>
#include <thread>

#include "control/escape.h"
#include "dataplane/base/clock.h"

namespace control {
namespace {

// A page takes about a millisecond of CPU to make; a storm of requests gets one in ten of those.
constexpr base::milliseconds kLeastBetweenPages{10};

struct Response {
  int status = 0;
  std::string_view reason;
  std::string_view type = "text/plain; charset=utf-8";
  std::string body;
};

Response refusal(int status, std::string_view reason) {
  return {.status = status, .reason = reason, .body = std::string(reason) + "\n"};
}

}  // namespace

class HttpEndpoint::Server {
 public:
  Server(const prometheus::Collectable& metrics, std::function<HealthReport()> health)
      : metrics_(metrics), health_(std::move(health)) {}
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] bool start(const base::Endpoint& endpoint);
  [[nodiscard]] uint16_t port() const;
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  static int begin_request(mg_connection* connection);
  static int log_message(const mg_connection* connection, const char* message);
  static int log_access(const mg_connection* /*connection*/, const char* /*message*/) { return 1; }
  Response respond(const mg_request_info& request);
  std::string page();

  const prometheus::Collectable& metrics_;
  std::function<HealthReport()> health_;
  std::string complaint_;  // What the library said while it started.
  const std::thread::id starter_ = std::this_thread::get_id();
  std::string host_;
  std::mutex page_mutex_;
  base::Time last_page_{};
  mg_context* context_ = nullptr;
};

/// The library looks whether it is to stop when a connection comes, or every other second: so one
/// comes.
HttpEndpoint::Server::~Server() {
  if (context_ == nullptr) return;
  const int port = this->port();
  std::atomic<bool> is_stopped{false};
  const std::jthread stopping([&] {
    mg_stop(context_);
    is_stopped = true;
  });
  while (!is_stopped) {
    std::array<char, 128> ignored{};
    mg_connection* knock =
        mg_connect_client(host_.c_str(), port, 0, ignored.data(), ignored.size());
    if (knock != nullptr) mg_close_connection(knock);
    std::this_thread::sleep_for(base::milliseconds(5));
  }
}

bool HttpEndpoint::Server::start(const base::Endpoint& endpoint) {
  const std::string address = endpoint.text();
  host_ = endpoint.address.text();
  const std::array<const char*, 15> options = {"listening_ports",
                                               address.c_str(),
                                               "num_threads",
                                               "8",
                                               "connection_queue",
                                               "8",  // With the threads: 16 connections.
                                               "max_request_size",
                                               "8192",
                                               "request_timeout_ms",
                                               "5000",
                                               "enable_keep_alive",
                                               "no",
                                               "decode_url",
                                               "no",
                                               nullptr};
  mg_callbacks callbacks{};
  callbacks.begin_request = begin_request;
  callbacks.log_message = log_message;
  callbacks.log_access = log_access;
  context_ = mg_start(&callbacks, this, const_cast<const char**>(options.data()));
  return context_ != nullptr;
}

uint16_t HttpEndpoint::Server::port() const {
  std::array<mg_server_port, 1> ports{};
  if (mg_get_server_ports(context_, static_cast<int>(ports.size()), ports.data()) != 1) return 0;
  return static_cast<uint16_t>(ports[0].port);
}

/// The library calls this before any of its own handlers; whatever it is asked, we answer.
int HttpEndpoint::Server::begin_request(mg_connection* connection) {
  const mg_request_info& request = *mg_get_request_info(connection);
  Response response;
  try {
    response = static_cast<Server*>(request.user_data)->respond(request);
  } catch (const std::exception&) {
    response = refusal(500, "Internal Server Error");
  }
  std::string text =
      "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(response.reason) +
      "\r\nContent-Type: " + std::string(response.type) +
      "\r\nContent-Length: " + std::to_string(response.body.size()) +
      "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n";
  if (response.status == 405) text += "Allow: GET, HEAD\r\n";
  text += "\r\n";
  if (std::string_view(request.request_method) != "HEAD") text += response.body;
  // Also keeps the library from reading a body to its end, which need not have one.
  mg_disable_connection_keep_alive(connection);
  mg_write(connection, text.data(), text.size());
  return response.status;
}

int HttpEndpoint::Server::log_message(const mg_connection* connection, const char* message) {
  const mg_context* context = mg_get_context(connection);
  auto* server = context == nullptr ? nullptr : static_cast<Server*>(mg_get_user_data(context));
  // Its own threads only have complaints about clients, which are no operator's business.
  if (server == nullptr || std::this_thread::get_id() != server->starter_) return 1;
  server->complaint_ += (server->complaint_.empty() ? "" : "; ") + std::string(message);
  return 1;
}

Response HttpEndpoint::Server::respond(const mg_request_info& request) {
  const std::string_view path = request.local_uri_raw != nullptr ? request.local_uri_raw : "";
  const std::string_view method = request.request_method;
  if (path != "/metrics" && path != "/healthz") return refusal(404, "Not Found");
  if (method != "GET" && method != "HEAD") return refusal(405, "Method Not Allowed");
  if (path == "/metrics") {
    return {.status = 200,
            .reason = "OK",
            .type = "text/plain; version=0.0.4; charset=utf-8",
            .body = page()};
  }
  const HealthReport report = health_();
  if (report.is_healthy) return {.status = 200, .reason = "OK", .body = "ok\n"};
  return {.status = 503, .reason = "Service Unavailable", .body = one_line(report.reason) + "\n"};
}

/// One at a time and not in a row, so that no number of requests takes the CPU from the workers.
std::string HttpEndpoint::Server::page() {
  const std::lock_guard lock(page_mutex_);
  std::this_thread::sleep_until(last_page_ + kLeastBetweenPages);
  last_page_ = base::Clock::now();
  return prometheus::TextSerializer().Serialize(metrics_.Collect());
}

base::Result<std::unique_ptr<HttpEndpoint>, std::string> HttpEndpoint::open(
    const base::Endpoint& address, const prometheus::Collectable& metrics,
    std::function<HealthReport()> health) {
  auto server = std::make_unique<Server>(metrics, std::move(health));
  if (!server->start(address)) {
    return base::fail("metrics.address " + address.text() +
                      ": cannot listen there: " + one_line(server->complaint()));
  }
  return std::unique_ptr<HttpEndpoint>(new HttpEndpoint(std::move(server)));
}

HttpEndpoint::HttpEndpoint(std::unique_ptr<Server> server) : server_(std::move(server)) {}
HttpEndpoint::~HttpEndpoint() = default;

uint16_t HttpEndpoint::port() const { return server_->port(); }

}  // namespace control
