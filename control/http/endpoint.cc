#include "control/http/endpoint.h"

#include <microhttpd.h>
#include <prometheus/text_serializer.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <list>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "control/http/http_request.h"
#include "control/page/page.h"
#include "control/process/rights.h"
#include "control/text/escape.h"
#include "control/yaml/values.h"
#include "dataplane/base/clock.h"
#include "dataplane/base/descriptor.h"
#include "dataplane/base/socket_address.h"

namespace control {
namespace {

// A page takes about a millisecond of CPU to make; a storm of requests gets one in ten of those.
constexpr base::milliseconds kLeastBetweenPages{10};
// For the request; and from there on for the reply.
constexpr base::milliseconds kPatience{5000};
// Connections at once. One more, and another gives way.
constexpr size_t kMostVisits = 32;
// So long each has to ask, and to take the reply, before that. A request comes with the end of the
// handshake, whatever the way; a page takes a few turns of it.
constexpr base::milliseconds kGraceOfSilent{20};
constexpr base::milliseconds kGraceOfReader{1000};
// Taken at a time, before requests are looked at; and those that gave way and are not closed yet.
constexpr size_t kMostAtATime = 16;
constexpr size_t kMostLeaving = 16;
// The kernel's, which cost next to nothing.
constexpr int kBacklog = 512;
// Until the next is taken if it cannot be: for want of descriptors, or since all are busy.
constexpr base::milliseconds kUntilThereAreMore{100};
constexpr base::milliseconds kUntilOneEnds{10};
// A request, what the library notes of it, and the head of the reply.
constexpr size_t kMemoryOfVisit = 32768;

// Of every reply of ours. What a browser gets it may show, and run what came with it from here; no
// other site may use any of it.
constexpr std::pair<const char*, const char*> kHeaders[] = {
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy",
     "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"Connection", "close"}};

constexpr const char* kText = "text/plain; charset=utf-8";

struct DropResponse {
  void operator()(MHD_Response* response) const { MHD_destroy_response(response); }
};
using OwnedResponse = std::unique_ptr<MHD_Response, DropResponse>;

/// Throws std::bad_alloc, as everything that makes a reply does. `type`: nullptr without a body.
OwnedResponse make_response(const char* type, std::string_view body) {
  // The library does not write to it: it copies.
  OwnedResponse made(MHD_create_response_from_buffer(body.size(), const_cast<char*>(body.data()),
                                                     MHD_RESPMEM_MUST_COPY));
  if (made == nullptr) throw std::bad_alloc();
  const auto add = [&made](const char* name, const char* value) {
    if (MHD_add_response_header(made.get(), name, value) != MHD_YES) throw std::bad_alloc();
  };
  if (type != nullptr) add("Content-Type", type);
  for (const auto& [name, value] : kHeaders) add(name, value);
  return made;
}

struct Reply {
  unsigned status = 0;
  OwnedResponse response;
};

Reply found(const char* type, std::string_view body) {
  return {MHD_HTTP_OK, make_response(type, body)};
}

Reply with_what_is_allowed(Reply reply) {
  if (MHD_add_response_header(reply.response.get(), "Allow", "GET, HEAD") != MHD_YES)
    throw std::bad_alloc();
  return reply;
}

Reply refusal(unsigned status) {
  Reply reply{status, make_response(kText, std::string(MHD_get_reason_phrase_for(status)) + "\n")};
  if (status != MHD_HTTP_METHOD_NOT_ALLOWED) return reply;
  return with_what_is_allowed(std::move(reply));
}

/// A socket that listens at `address`, or errno.
base::Result<base::Descriptor, int> listen_at(const base::Endpoint& address) {
  const bool v4 = address.address.is_v4();
  base::Descriptor made(
      socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!made.ok()) return base::fail(errno);
  const auto set = [&made](int level, int option, int value) {
    return setsockopt(made.get(), level, option, &value, sizeof value) == 0;
  };
  // [::] is every address, those of IPv4 too, whatever net.ipv6.bindv6only says.
  const int only_v6 = is_wildcard(address.address) ? 0 : 1;
  const base::SocketAddress place = base::socket_address(address);
  // Without SO_REUSEADDR, connections of an instance that ended just now keep the address.
  if (!set(SOL_SOCKET, SO_REUSEADDR, 1) || (!v4 && !set(IPPROTO_IPV6, IPV6_V6ONLY, only_v6)) ||
      bind(made.get(), place.get(), place.size) != 0 || listen(made.get(), kBacklog) != 0) {
    return base::fail(errno);
  }
  return made;
}

/// Paths are compared as they came.
size_t leave_as_it_is(void* /*closure*/, MHD_Connection* /*connection*/, char* text) {
  return std::string_view(text).size();
}

}  // namespace

class HttpEndpoint::Server {
 public:
  Server(const base::Endpoint& address, HttpSources sources, base::Descriptor listener);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] base::Result<void, std::string> start();
  [[nodiscard]] uint16_t port() const;

 private:
  /// A connection.
  struct Visit {
    int descriptor;
    base::Time until;                      // Then it is cut off.
    std::optional<base::Time> asked = {};  // When its request was there.
    bool is_cut = false;
  };
  /// One that is made anew for each request, unless they come faster than that. It is good for the
  /// clients that asked before it was made.
  struct Page {
    const char* type;
    std::function<std::string()> make;
    OwnedResponse response = nullptr;
    base::Time begun{};
    base::Time done{};
    std::vector<MHD_Connection*> waiting = {};  // Suspended, until the next may be made.
  };

  static MHD_Result handle(void* server, MHD_Connection* connection, const char* url,
                           const char* method, const char* version, const char* /*body*/,
                           size_t* /*body_size*/, void** /*context*/);
  static MHD_Result fail(MHD_Connection* connection);
  static void notice(void* server, MHD_Connection* connection, void** context,
                     MHD_ConnectionNotificationCode what);
  void run();
  bool wait();
  bool watch(int operation, int descriptor, uint32_t for_what);
  void accept_some();
  void pause(base::milliseconds duration);
  Visit* who_gives_way();
  void cut(Visit& visit);
  void cut_the_overdue();
  void go_on(Page& page);
  MHD_Result answer(MHD_Connection* connection, const HttpHead& head);
  MHD_Result show(MHD_Connection* connection, Page& page);
  Reply reply_at(std::string_view path, std::string_view method) const;
  Reply health() const;

  const base::IpAddress address_;
  const HttpSources sources_;
  const base::Descriptor listener_;
  const base::Descriptor bell_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};  // Rung to stop.
  const base::Descriptor watched_{epoll_create1(EPOLL_CLOEXEC)};  // Those two, and the library's.
  // All that follows belongs to the thread while there is one.
  Page metrics_;
  Page status_;
  std::list<Visit> visits_;  // The oldest first.
  size_t cuts_ = 0;          // Of them.
  bool accepts_ = true;
  base::Time accept_from_{};  // If it does not.
  MHD_Daemon* daemon_ = nullptr;
  std::thread thread_;
};

HttpEndpoint::Server::Server(const base::Endpoint& address, HttpSources sources,
                             base::Descriptor listener)
    : address_(address.address),
      sources_(std::move(sources)),
      listener_(std::move(listener)),
      metrics_{.type = "text/plain; version=0.0.4; charset=utf-8",
               .make =
                   [this] {
                     return prometheus::TextSerializer().Serialize(sources_.metrics.Collect());
                   }},
      status_{.type = "application/json", .make = [this] { return sources_.status() + "\n"; }} {}

base::Result<void, std::string> HttpEndpoint::Server::start() {
  // It is handed connections, and run by our thread: so no other thread is there, and this one can
  // be confined before it does anything.
  daemon_ = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0,
                             nullptr, nullptr, &Server::handle, this, MHD_OPTION_NOTIFY_CONNECTION,
                             &Server::notice, this, MHD_OPTION_UNESCAPE_CALLBACK, &leave_as_it_is,
                             nullptr, MHD_OPTION_CONNECTION_LIMIT,
                             static_cast<unsigned>(kMostVisits + kMostLeaving),
                             MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMemoryOfVisit, MHD_OPTION_END);
  const MHD_DaemonInfo* const info =
      daemon_ != nullptr ? MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD) : nullptr;
  if (info == nullptr || !watch(EPOLL_CTL_ADD, info->epoll_fd, EPOLLIN) ||
      !watch(EPOLL_CTL_ADD, bell_.get(), EPOLLIN) ||
      !watch(EPOLL_CTL_ADD, listener_.get(), EPOLLIN)) {
    return base::fail(std::string("no memory, or no descriptors"));
  }
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return base::fail(std::string(error.what()));
  }
  return {};
}

HttpEndpoint::Server::~Server() {
  if (thread_.joinable()) {
    const uint64_t once = 1;
    (void)!::write(bell_.get(), &once, sizeof once);
    thread_.join();
  }
  if (daemon_ == nullptr) return;
  for (const Page* page : {&metrics_, &status_}) {
    for (MHD_Connection* connection : page->waiting) MHD_resume_connection(connection);
  }
  MHD_stop_daemon(daemon_);
}

uint16_t HttpEndpoint::Server::port() const {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0) return 0;
  // Both families have their port at the same place.
  return ntohs(reinterpret_cast<const sockaddr_in&>(own).sin_port);
}

// ---------------------------------------------------------------- the thread

void HttpEndpoint::Server::run() {
  pthread_setname_np(pthread_self(), "http");
  try {
    // A kernel that has done it for the process, as it has by now, does it for a thread.
    if (!confine_helper()) throw std::bad_alloc();
  } catch (const std::exception&) {
    // For want of memory, then. The thread may not run with all rights, and no caller
    // can be told.
    constexpr std::string_view kWhy = "error: no memory to confine a thread of the HTTP side\n";
    (void)!::write(STDERR_FILENO, kWhy.data(), kWhy.size());
    std::_Exit(1);
  }
  while (wait()) {
    accept_some();
    // Before the library runs: nothing else tells it.
    for (Page* page : {&metrics_, &status_}) go_on(*page);
    (void)MHD_run(daemon_);
    cut_the_overdue();
  }
}

/// For something to come, or for the first moment at which something is to be done without that.
/// False when it is the bell.
bool HttpEndpoint::Server::wait() {
  const base::Time now = base::Clock::now();
  base::Time until = now + kPatience;
  if (!accepts_ && accept_from_ <= now) accepts_ = watch(EPOLL_CTL_MOD, listener_.get(), EPOLLIN);
  if (!accepts_) until = std::min(until, std::max(accept_from_, now + kLeastBetweenPages));
  for (const Visit& visit : visits_) {
    if (!visit.is_cut) until = std::min(until, visit.until);
  }
  for (const Page* page : {&metrics_, &status_}) {
    if (!page->waiting.empty()) until = std::min(until, page->done + kLeastBetweenPages);
  }
  int64_t patience_ms =
      std::max<int64_t>(std::chrono::ceil<base::milliseconds>(until - now).count(), 0);
  constexpr auto kWaitMs = static_cast<uint64_t>(kPatience.count());
  MHD_UNSIGNED_LONG_LONG librarys_ms = 0;
  if (MHD_get_timeout(daemon_, &librarys_ms) == MHD_YES && librarys_ms < kWaitMs)
    patience_ms = std::min(patience_ms, static_cast<int64_t>(librarys_ms));
  std::array<epoll_event, 3> events{};
  const int got = epoll_wait(watched_.get(), events.data(), static_cast<int>(events.size()),
                             static_cast<int>(patience_ms));
  return std::none_of(events.begin(), events.begin() + std::max(got, 0),
                      [this](const epoll_event& event) { return event.data.fd == bell_.get(); });
}

bool HttpEndpoint::Server::watch(int operation, int descriptor, uint32_t for_what) {
  epoll_event event{.events = for_what, .data = {.fd = descriptor}};
  return epoll_ctl(watched_.get(), operation, descriptor, &event) == 0;
}

void HttpEndpoint::Server::accept_some() {
  // Later versions of the library tell of a new one only when they run.
  const size_t before = visits_.size();
  for (size_t there = before; accepts_ && there < before + kMostAtATime; ++there) {
    const bool is_full = there - cuts_ >= kMostVisits;
    Visit* const leaving = is_full ? who_gives_way() : nullptr;
    const bool has_place = there < kMostVisits + kMostLeaving;
    if (!has_place || (is_full && leaving == nullptr)) return pause(kUntilOneEnds);
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const int descriptor = accept4(listener_.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      const bool is_used_up =
          errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
      if (is_used_up) pause(kUntilThereAreMore);
      return;
    }
    if (leaving != nullptr) cut(*leaving);
    // It is the library's now, and closed by it if there is no memory for it.
    (void)MHD_add_connection(daemon_, descriptor, reinterpret_cast<const sockaddr*>(&peer), size);
  }
}

/// Lest it spins while none can be taken.
void HttpEndpoint::Server::pause(base::milliseconds duration) {
  accept_from_ = base::Clock::now() + duration;
  accepts_ = !watch(EPOLL_CTL_MOD, listener_.get(), 0);
}

/// So that clients that say nothing, or do not read, keep no other out: the oldest of the first
/// kind, or else the oldest of the second. Nullptr while all are as fast as may be expected.
HttpEndpoint::Server::Visit* HttpEndpoint::Server::who_gives_way() {
  const base::Time now = base::Clock::now();
  const auto oldest = [&](bool has_asked, base::milliseconds grace) {
    const auto found = std::ranges::find_if(visits_, [&](const Visit& visit) {
      return !visit.is_cut && visit.asked.has_value() == has_asked &&
             visit.until - kPatience + grace <= now;
    });
    return found == visits_.end() ? nullptr : &*found;
  };
  Visit* const silent = oldest(false, kGraceOfSilent);
  return silent != nullptr ? silent : oldest(true, kGraceOfReader);
}

/// The library notices, and closes it.
void HttpEndpoint::Server::cut(Visit& visit) {
  visit.is_cut = true;
  ++cuts_;
  (void)shutdown(visit.descriptor, SHUT_RDWR);
}

void HttpEndpoint::Server::cut_the_overdue() {
  const base::Time now = base::Clock::now();
  for (Visit& visit : visits_) {
    if (!visit.is_cut && visit.until <= now) cut(visit);
  }
}

void HttpEndpoint::Server::go_on(Page& page) {
  if (page.waiting.empty() || base::Clock::now() < page.done + kLeastBetweenPages) return;
  for (MHD_Connection* connection : std::exchange(page.waiting, {}))
    MHD_resume_connection(connection);
}

// ---------------------------------------------------------------- called by the library

void HttpEndpoint::Server::notice(void* server, MHD_Connection* connection, void** context,
                                  MHD_ConnectionNotificationCode what) {
  auto& self = *static_cast<Server*>(server);
  if (what == MHD_CONNECTION_NOTIFY_STARTED) {
    const MHD_ConnectionInfo* const info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    try {
      self.visits_.push_back({info->connect_fd, base::Clock::now() + kPatience});
      *context = &self.visits_.back();
    } catch (const std::bad_alloc&) {
      (void)shutdown(info->connect_fd, SHUT_RDWR);
    }
    return;
  }
  const auto* const visit = static_cast<const Visit*>(*context);
  if (visit == nullptr) return;
  if (visit->is_cut) --self.cuts_;
  self.visits_.remove_if([visit](const Visit& one) { return &one == visit; });
}

/// For each request when its head is there, and again when a connection goes on. No body is read.
MHD_Result HttpEndpoint::Server::handle(void* server, MHD_Connection* connection, const char* url,
                                        const char* method, const char* version,
                                        const char* /*body*/, size_t* /*body_size*/,
                                        void** /*context*/) {
  HttpHead head{.method = method, .target = url, .version = version};
  if (const MHD_ConnectionInfo* const info =
          MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE))
    head.octets = info->header_size;
  (void)MHD_get_connection_values(
      connection, MHD_HEADER_KIND,
      [](void* to, MHD_ValueKind /*kind*/, const char* name, const char* value) {
        static_cast<HttpHead*>(to)->add(name, value != nullptr ? value : "");
        return MHD_YES;
      },
      &head);
  try {
    return static_cast<Server*>(server)->answer(connection, head);
  } catch (const std::exception&) {
    return fail(connection);
  }
}

/// MHD_NO, upon which the library closes, if there is no memory for that either.
MHD_Result HttpEndpoint::Server::fail(MHD_Connection* connection) {
  try {
    const Reply reply = refusal(MHD_HTTP_INTERNAL_SERVER_ERROR);
    return MHD_queue_response(connection, reply.status, reply.response.get());
  } catch (const std::exception&) {
    return MHD_NO;
  }
}

MHD_Result HttpEndpoint::Server::answer(MHD_Connection* connection, const HttpHead& head) {
  const base::Time now = base::Clock::now();
  const MHD_ConnectionInfo* const info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  auto* const visit = static_cast<Visit*>(info->socket_context);
  if (visit == nullptr) return MHD_NO;
  if (!visit->asked) {
    visit->asked = now;
    visit->until = now + kPatience;
  }
  const base::Result<std::string_view, unsigned> path = path_of(head, address_);
  const bool reads = head.method == "GET" || head.method == "HEAD";
  if (path && reads && *path == "/metrics") return show(connection, metrics_);
  if (path && reads && *path == "/api/status") return show(connection, status_);
  const Reply reply = path ? reply_at(*path, head.method) : refusal(path.error());
  return MHD_queue_response(connection, reply.status, reply.response.get());
}

/// One after the other and not in a row, so that no number of requests takes the CPU from the
/// workers.
MHD_Result HttpEndpoint::Server::show(MHD_Connection* connection, Page& page) {
  const MHD_ConnectionInfo* const info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  const base::Time asked = *static_cast<const Visit*>(info->socket_context)->asked;
  if (page.response == nullptr || page.begun < asked) {
    const base::Time now = base::Clock::now();
    if (now < page.done + kLeastBetweenPages) {
      page.waiting.push_back(connection);
      MHD_suspend_connection(connection);
      return MHD_YES;
    }
    page.response = make_response(page.type, page.make());
    page.begun = now;
    page.done = base::Clock::now();
  }
  return MHD_queue_response(connection, MHD_HTTP_OK, page.response.get());
}

/// What is neither of the pages that `show` shows.
Reply HttpEndpoint::Server::reply_at(std::string_view path, std::string_view method) const {
  if (path == "*") return with_what_is_allowed({MHD_HTTP_NO_CONTENT, make_response(nullptr, "")});
  const auto* const file = std::ranges::find(kPage, path, &PageFile::path);
  if (file == kPage.end() && path != "/metrics" && path != "/healthz" && path != "/api/status")
    return refusal(MHD_HTTP_NOT_FOUND);
  if (method != "GET" && method != "HEAD") return refusal(MHD_HTTP_METHOD_NOT_ALLOWED);
  if (file != kPage.end()) return found(std::string(file->type).c_str(), file->content);
  return health();
}

Reply HttpEndpoint::Server::health() const {
  const HealthReport report = sources_.health();
  if (report.is_healthy()) return found(kText, "ok\n");
  std::string body;
  for (const std::string& reason : report.reasons) body += one_line(reason) + "\n";
  return {MHD_HTTP_SERVICE_UNAVAILABLE, make_response(kText, body)};
}

// ---------------------------------------------------------------- the owner

base::Result<std::unique_ptr<HttpEndpoint>, std::string> HttpEndpoint::open(
    const base::Endpoint& address, HttpSources sources) {
  const auto fault = [&address](const std::string& why) {
    return base::fail("metrics.address " + address.text() + ": cannot listen there: " + why);
  };
  base::Result<base::Descriptor, int> listener = listen_at(address);
  if (!listener) return fault(std::system_category().message(listener.error()));
  auto server = std::make_unique<Server>(address, std::move(sources), std::move(*listener));
  if (const auto started = server->start(); !started) return fault(started.error());
  return std::unique_ptr<HttpEndpoint>(new HttpEndpoint(std::move(server)));
}

HttpEndpoint::HttpEndpoint(std::unique_ptr<Server> server) : server_(std::move(server)) {}
HttpEndpoint::~HttpEndpoint() = default;

uint16_t HttpEndpoint::port() const { return server_->port(); }

}  // namespace control
