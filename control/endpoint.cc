#include "control/endpoint.h"

#include <civetweb.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>

#include "control/http_host.h"
#include "control/page/page.h"
#include "control/rights.h"
#include "control/text/escape.h"
#include "dataplane/base/clock.h"

namespace control {
namespace {

// A page takes about a millisecond of CPU to make; a storm of requests gets one in ten of those.
constexpr base::milliseconds kLeastBetweenPages{10};

// For the request; and for each piece of the reply, at the end of which the whole has to be in
// time.
constexpr const char* kPatienceMs = "5000";
constexpr base::milliseconds kPatience{5000};
constexpr size_t kPiece = 16384;

// Of every reply. What a browser gets it may show, and run what came with it from here; no other
// site may use any of it.
constexpr std::string_view kHeaders =
    "\r\nCache-Control: no-store"
    "\r\nContent-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
    "\r\nCross-Origin-Resource-Policy: same-origin"
    "\r\nReferrer-Policy: no-referrer"
    "\r\nX-Content-Type-Options: nosniff"
    "\r\nConnection: close\r\n";

struct Response {
  int status = 0;
  std::string_view reason;
  std::string_view type = "text/plain; charset=utf-8";
  std::string body;
};

Response refusal(int status, std::string_view reason) {
  return {.status = status, .reason = reason, .body = std::string(reason) + "\n"};
}

Response found(std::string_view type, std::string body) {
  return {.status = 200, .reason = "OK", .type = type, .body = std::move(body)};
}

/// Neither a client that reads nothing nor one that reads an octet now and then keeps its thread.
void write(mg_connection* connection, std::string_view text) {
  const base::Time deadline = base::Clock::now() + kPatience;
  while (!text.empty() && base::Clock::now() < deadline) {
    const std::string_view piece = text.substr(0, kPiece);
    if (mg_write(connection, piece.data(), piece.size()) != static_cast<int>(piece.size())) return;
    text.remove_prefix(piece.size());
  }
}

void write(mg_connection* connection, const Response& response) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " " +
                     std::string(response.reason) +
                     "\r\nContent-Type: " + std::string(response.type) +
                     "\r\nContent-Length: " + std::to_string(response.body.size());
  text += kHeaders;
  if (response.status == 405) text += "Allow: GET, HEAD\r\n";
  text += "\r\n";
  const char* method = mg_get_request_info(connection)->request_method;
  if (method == nullptr || std::string_view(method) != "HEAD") text += response.body;
  // Also keeps the library from reading a body to its end, which need not have one.
  mg_disable_connection_keep_alive(connection);
  write(connection, text);
}

/// Why a request is not looked at, if it is not: the hosts it names, RFC 9112 §3.2.
std::optional<Response> unfit(const mg_request_info& request, const base::IpAddress& address) {
  std::optional<std::string_view> host;
  for (int i = 0; i < request.num_headers; ++i) {
    if (strcasecmp(request.http_headers[i].name, "Host") != 0) continue;
    if (host) return refusal(400, "Bad Request");
    host = request.http_headers[i].value;
  }
  const bool is_old = std::string_view(request.http_version) == "1.0";
  if (request.request_uri[0] != '/' || (!host && !is_old)) return refusal(400, "Bad Request");
  if (host && !names_us(*host, address)) return refusal(421, "Misdirected Request");
  return std::nullopt;
}

}  // namespace

class HttpEndpoint::Server {
 public:
  explicit Server(HttpSources sources) : sources_(std::move(sources)) {}
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] bool start(const base::Endpoint& endpoint);
  [[nodiscard]] uint16_t port() const;
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  static void* init_thread(const mg_context* /*context*/, int /*kind*/);
  static int begin_request(mg_connection* connection);
  static int http_error(mg_connection* connection, int status, const char* /*message*/);
  static int log_message(const mg_connection* connection, const char* message);
  static int log_access(const mg_connection* /*connection*/, const char* /*message*/) { return 1; }
  Response respond(const mg_request_info& request);
  Response health() const;
  std::string slowly(const std::function<std::string()>& make);

  HttpSources sources_;
  std::string complaint_;  // What the library said while it started.
  const std::thread::id starter_ = std::this_thread::get_id();
  base::IpAddress address_;
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
  std::jthread stopping;
  try {
    stopping = std::jthread([&] {
      mg_stop(context_);
      is_stopped = true;
    });
  } catch (const std::system_error&) {
    mg_stop(context_);  // No memory for a thread: so it takes its other second.
    return;
  }
  while (!is_stopped) {
    std::array<char, 128> ignored{};
    mg_connection* knock =
        mg_connect_client(address_.text().c_str(), port, 0, ignored.data(), ignored.size());
    if (knock != nullptr) mg_close_connection(knock);
    std::this_thread::sleep_for(base::milliseconds(5));
  }
}

bool HttpEndpoint::Server::start(const base::Endpoint& endpoint) {
  const std::string address = endpoint.text();
  address_ = endpoint.address;
  const std::array<const char*, 17> options = {"listening_ports",
                                               address.c_str(),
                                               "num_threads",
                                               "8",
                                               "connection_queue",
                                               "8",  // With the threads: 16 connections.
                                               "listen_backlog",
                                               "16",  // The kernel's, which cost next to nothing.
                                               "max_request_size",
                                               "8192",
                                               "request_timeout_ms",
                                               kPatienceMs,
                                               "enable_keep_alive",
                                               "no",
                                               "decode_url",
                                               "no",
                                               nullptr};
  mg_callbacks callbacks{};
  callbacks.init_thread = init_thread;
  callbacks.begin_request = begin_request;
  callbacks.http_error = http_error;
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

/// Of each thread the library makes, before it does anything.
void* HttpEndpoint::Server::init_thread(const mg_context* /*context*/, int /*kind*/) {
  // A kernel that has done it for the process, as it has by now, does it for a thread.
  try {
    if (confine_helper()) return nullptr;
  } catch (const std::exception&) {
  }
  // For want of memory, then. The thread may not run with all rights, and nobody up the stack can
  // be told.
  constexpr std::string_view kWhy = "error: no memory to confine a thread of the HTTP side\n";
  (void)!::write(STDERR_FILENO, kWhy.data(), kWhy.size());
  std::_Exit(1);
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
  write(connection, response);
  return response.status;
}

/// What the library refuses by itself, it refuses in our words.
int HttpEndpoint::Server::http_error(mg_connection* connection, int status,
                                     const char* /*message*/) {
  write(connection, refusal(status, mg_get_response_code_text(connection, status)));
  return 0;
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
  if (std::optional<Response> no = unfit(request, address_)) return *std::move(no);
  const std::string_view path = request.local_uri_raw != nullptr ? request.local_uri_raw : "";
  const std::string_view method = request.request_method;
  const bool reads = method == "GET" || method == "HEAD";
  const auto* const file = std::ranges::find(kPage, path, &PageFile::path);
  if (file == kPage.end() && path != "/metrics" && path != "/healthz" && path != "/api/status")
    return refusal(404, "Not Found");
  if (!reads) return refusal(405, "Method Not Allowed");
  if (file != kPage.end()) return found(file->type, std::string(file->content));
  if (path == "/healthz") return health();
  if (path == "/api/status")
    return found("application/json", slowly([this] { return sources_.status() + "\n"; }));
  return found("text/plain; version=0.0.4; charset=utf-8", slowly([this] {
                 return prometheus::TextSerializer().Serialize(sources_.metrics.Collect());
               }));
}

Response HttpEndpoint::Server::health() const {
  const HealthReport report = sources_.health();
  if (report.is_healthy()) return found("text/plain; charset=utf-8", "ok\n");
  std::string body;
  for (const std::string& reason : report.reasons) body += one_line(reason) + "\n";
  return {.status = 503, .reason = "Service Unavailable", .body = std::move(body)};
}

/// One at a time and not in a row, so that no number of requests takes the CPU from the workers.
std::string HttpEndpoint::Server::slowly(const std::function<std::string()>& make) {
  const std::lock_guard lock(page_mutex_);
  std::this_thread::sleep_until(last_page_ + kLeastBetweenPages);
  last_page_ = base::Clock::now();
  return make();
}

base::Result<std::unique_ptr<HttpEndpoint>, std::string> HttpEndpoint::open(
    const base::Endpoint& address, HttpSources sources) {
  auto server = std::make_unique<Server>(std::move(sources));
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
