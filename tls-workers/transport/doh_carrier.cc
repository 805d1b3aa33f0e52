#include "tls-workers/transport/doh_carrier.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "dataplane/base/assert.h"
#include "dataplane/dns/upstream_query.h"

namespace transport {
namespace {

constexpr uint16_t kHttpsPort = 443;
constexpr size_t kReadSize = size_t{16} * 1024;  // A TLS record at most.

DohCarrier& self_of(void* user_data) { return *static_cast<DohCarrier*>(user_data); }

/// The host that the certificate is for, and the port if it is not the usual one. RFC 9110 §7.2.
std::string authority_of(const backends::BackendSettings& settings) {
  std::string host = settings.subject_name;
  if (host.empty() && !settings.subject_address.empty()) host = settings.subject_address;
  if (host.empty()) host = settings.host;
  if (host.empty()) host = settings.address.address.text();
  if (host.find(':') != std::string::npos) host = '[' + host + ']';
  if (settings.address.port == kHttpsPort) return host;
  return host + ':' + std::to_string(settings.address.port);
}

/// RFC 9111 §5.1: whole seconds; RFC 8484 §5.1: they count against the TTLs. What is no number does
/// not count, and what is too large a one is as good as 2^31.
base::seconds age_in(std::string_view value) {
  constexpr uint64_t kMost = uint64_t{1} << 31;
  uint64_t age = 0;
  for (const char digit : value) {
    if (digit < '0' || digit > '9') return base::seconds(0);
    age = std::min(age * 10 + static_cast<uint64_t>(digit - '0'), kMost);
  }
  return base::seconds(age);
}

}  // namespace

DohCarrier::DohCarrier(const backends::BackendSettings& settings)
    : authority_(authority_of(settings)),
      path_(settings.path),
      // Nothing is said of the sender: no user agent, no language, no cookie (RFC 8484 §8.2).
      headers_{header(":method", "POST"),        header(":scheme", "https"),
               header(":authority", authority_), header(":path", path_),
               header("accept", kDnsMediaType),  header("content-type", kDnsMediaType)},
      callbacks_(make_callbacks()) {}

void DohCarrier::open() {
  nghttp2_option* options = nullptr;
  nghttp2_session* session = nullptr;
  if (callbacks_ != nullptr && nghttp2_option_new(&options) == 0) {
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_peer_max_concurrent_streams(options, kStreamsAtFirst);
    nghttp2_option_set_no_closed_streams(options, 1);
    nghttp2_option_set_max_outbound_ack(options, kMaxAcknowledgements);
    (void)nghttp2_session_client_new2(&session, callbacks_.get(), this, options);
    nghttp2_option_del(options);
  }
  session_.reset(session);
  if (session == nullptr) return break_off("out of memory");
  incoming_.resize(kReadSize);
  introduce();
}

/// The preface: what we are ready to receive.
void DohCarrier::introduce() {
  const std::array<nghttp2_settings_entry, 3> settings = {{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeaderList},
  }};
  if (nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, settings.data(),
                              settings.size()) != 0 ||
      nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, 0, kSessionWindow) !=
          0) {
    break_off("out of memory");
  }
}

void DohCarrier::clear() {
  session_.reset();
  open_.clear();
  ended_.clear();
  told_ = {};
  incoming_ = {};
  outgoing_ = {};
  sent_ = 0;
  first_id_.reset();
  fault_.reset();
  refuses_more_ = false;
  octets_ = 0;
  octets_allowed_ = kOctetsAtFirst;
}

void DohCarrier::break_off(std::string text) {
  if (!fault_) fault_ = backends::Fault{backends::Failure::Malformed, "HTTP/2: " + std::move(text)};
}

// ---------------------------------------------------------------- queries

bool DohCarrier::has_room() const {
  return session_ != nullptr && !fault_ && !refuses_more_ && open_.size() < limit();
}

uint32_t DohCarrier::limit() const {
  return nghttp2_session_get_remote_settings(session_.get(),
                                             NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

void DohCarrier::ask(const dns::Question& question, uint16_t id) {
  ASSERT(backends::has_room());
  if (!first_id_) first_id_ = id;
  nghttp2_data_provider provider{};
  provider.read_callback = [](nghttp2_session*, int32_t stream, uint8_t* buffer, size_t size,
                              uint32_t* flags, nghttp2_data_source*, void* user_data) -> ssize_t {
    const base::ByteSpan into(reinterpret_cast<std::byte*>(buffer), size);
    return static_cast<ssize_t>(self_of(user_data).give_query(stream, into, *flags));
  };
  Exchange exchange{.id = id, .query = std::vector<std::byte>(dns::kMaxUpstreamQuery)};
  exchange.query.resize(
      dns::build_upstream_query(exchange.query, question, 0, dns::Keepalive::Leave));
  // HTTP/2 needs no length, but a server that has none may set 64 KiB aside for each query; one of
  // 4 MiB for all (unbound's default) then has room for 64.
  const std::string length = std::to_string(exchange.query.size());
  std::array<nghttp2_nv, kHeaders + 1> headers{};
  std::ranges::copy(headers_, headers.begin());
  headers.back() = header("content-length", length);
  headers.back().flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
  const int32_t stream = nghttp2_submit_request(session_.get(), nullptr, headers.data(),
                                                headers.size(), &provider, nullptr);
  if (stream < 0) return break_off(nghttp2_strerror(stream));
  ASSERT(stream == stream_of(id));
  open_.emplace(stream, std::move(exchange));
}

/// Ids and streams both count up, streams by two from one (RFC 9113 §5.1.1).
int32_t DohCarrier::stream_of(uint16_t id) const {
  return 1 + 2 * static_cast<uint16_t>(id - first_id_.value_or(id));
}

DohCarrier::Exchange* DohCarrier::find(int32_t stream) {
  const auto found = open_.find(stream);
  return found == open_.end() ? nullptr : &found->second;
}

size_t DohCarrier::give_query(int32_t stream, base::ByteSpan into, uint32_t& flags) {
  Exchange* exchange = find(stream);
  if (exchange == nullptr) {  // Answered before it was asked; the reset is on its way.
    flags |= NGHTTP2_DATA_FLAG_EOF;
    return 0;
  }
  const base::ByteView rest = base::ByteView(exchange->query).subspan(exchange->query_sent);
  const base::ByteView part = rest.first(std::min(rest.size(), into.size()));
  std::ranges::copy(part, into.begin());
  exchange->query_sent += part.size();
  if (part.size() == rest.size()) flags |= NGHTTP2_DATA_FLAG_EOF;
  return part.size();
}

bool DohCarrier::give_up(uint16_t id) {
  const int32_t stream = stream_of(id);
  const Exchange* exchange = find(stream);
  if (exchange == nullptr || open_.size() <= limit() / 2) return true;
  (void)nghttp2_session_consume_connection(session_.get(), exchange->body.size());
  open_.erase(stream);
  (void)nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  return false;
}

/// A PING, RFC 9113 §6.7. Unbound 1.17 with every stream taken may forget requests that it has read
/// until more octets come.
void DohCarrier::remind() { (void)nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr); }

void DohCarrier::finish() {
  if (session_ != nullptr && !fault_)
    (void)nghttp2_session_terminate_session(session_.get(), NGHTTP2_NO_ERROR);
}

base::ByteView DohCarrier::unsent() {
  pump();
  return base::ByteView(outgoing_).subspan(sent_);
}

void DohCarrier::sent(size_t size) {
  sent_ += size;
  ASSERT(sent_ <= outgoing_.size());
  // A socket that never takes all must not make it grow for ever.
  if (sent_ < outgoing_.size() && sent_ < kMaxUnsent) return;
  outgoing_.erase(outgoing_.begin(), outgoing_.begin() + static_cast<ptrdiff_t>(sent_));
  sent_ = 0;
}

/// Takes from nghttp2 what it wants to say.
void DohCarrier::pump() {
  while (session_ != nullptr && !fault_ && outgoing_.size() - sent_ < kMaxUnsent) {
    const uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &data);
    if (size < 0) return break_off(nghttp2_strerror(static_cast<int>(size)));
    if (size == 0) return;
    const auto* octets = reinterpret_cast<const std::byte*>(data);
    outgoing_.insert(outgoing_.end(), octets, octets + size);
  }
}

// ---------------------------------------------------------------- answers

Carrier::Came DohCarrier::filled(size_t size) {
  answers_came_ = false;
  octets_ += size;
  const auto* octets = reinterpret_cast<const uint8_t*>(incoming_.data());
  const ssize_t taken = nghttp2_session_mem_recv(session_.get(), octets, size);
  if (taken < 0) break_off(nghttp2_strerror(static_cast<int>(taken)));
  if (octets_ > octets_allowed_) break_off("the server sends without end, but no answers");
  // An error of the whole connection shows once our GOAWAY is on its way.
  pump();
  const bool more_is_due = !refuses_more_ || !open_.empty();
  if (more_is_due && nghttp2_session_want_read(session_.get()) == 0)
    break_off("the server breaks the protocol");
  return answers_came_ ? Came::Answers : Came::Nothing;
}

std::optional<Outcome> DohCarrier::next() {
  if (ended_.empty()) return std::nullopt;
  told_ = std::move(ended_.front());
  ended_.pop_front();
  return Outcome{.id = told_.id,
                 .message = told_.body,
                 .age = told_.age,
                 .fault = told_.fault ? &*told_.fault : nullptr};
}

void DohCarrier::take_header(int32_t stream, std::string_view name, std::string_view value) {
  Exchange* exchange = find(stream);
  if (exchange == nullptr) return;
  answers_came_ = true;
  exchange->header_list += name.size() + value.size() + kHeaderOverhead;
  if (exchange->header_list > kMaxHeaderList)
    return abort(stream, {backends::Failure::Malformed, "more HTTP headers than anybody needs"});
  if (name == ":status") {
    exchange->status = 0;  // nghttp2 has seen to it that it is three digits.
    for (const char digit : value) exchange->status = exchange->status * 10 + (digit - '0');
  } else if (name == "content-type") {
    exchange->is_dns_message = is_dns_media_type(value);
  } else if (name == "age") {
    exchange->age = age_in(value);
  }
}

void DohCarrier::take_content(int32_t stream, base::ByteView content) {
  octets_allowed_ += kOctetsForContent * content.size();
  Exchange* exchange = find(stream);
  if (exchange == nullptr) {
    (void)nghttp2_session_consume_connection(session_.get(), content.size());
    return;
  }
  answers_came_ = true;
  if (exchange->body.size() + content.size() > dns::kMaxMessage) {
    (void)nghttp2_session_consume_connection(session_.get(), content.size());
    return abort(stream, {backends::Failure::Malformed, "a message too long to be one"});
  }
  exchange->body.insert(exchange->body.end(), content.begin(), content.end());
}

void DohCarrier::take_frame(const nghttp2_frame& frame) {
  const int32_t stream = frame.hd.stream_id;
  switch (frame.hd.type) {
    case NGHTTP2_GOAWAY:
      refuses_more_ = true;
      break;
    case NGHTTP2_RST_STREAM:
      if (Exchange* exchange = find(stream)) exchange->was_reset = true;
      break;
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA: {
      if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) break;
      const Exchange* exchange = find(stream);
      if (exchange == nullptr) break;
      // A server that answers before the whole query is there does not need the rest.
      const bool asked = exchange->query_sent == exchange->query.size();
      end(stream, judge(*exchange));
      if (!asked)
        (void)nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
      break;
    }
    default:
      break;
  }
}

/// What is wrong with a response that has ended in order. RFC 8484 §4.2.1. A redirection is as good
/// as any other refusal: which server we ask is the operator's decision.
std::optional<backends::Fault> DohCarrier::judge(const Exchange& exchange) {
  if (exchange.status != 200)
    return backends::Fault{backends::Failure::Refused,
                           "answers with HTTP status " + std::to_string(exchange.status)};
  if (!exchange.is_dns_message)
    return backends::Fault{backends::Failure::Malformed,
                           "answers with something else than a DNS message"};
  if (exchange.body.size() < dns::kHeaderSize)
    return backends::Fault{backends::Failure::Malformed, "a message too short to be one"};
  return std::nullopt;
}

/// Streams that end in order have been taken care of; what is left has failed.
void DohCarrier::close_stream(int32_t stream, uint32_t error) {
  const Exchange* exchange = find(stream);
  if (exchange == nullptr) return;
  if (exchange->was_reset) {
    end(stream, backends::Fault{backends::Failure::Reset,
                                std::string("resets a query: ") + nghttp2_http2_strerror(error)});
  } else if (refuses_more_ && error == NGHTTP2_REFUSED_STREAM) {
    end(stream, backends::Fault{backends::Failure::Eof, "closes before it answers"});
  } else {
    end(stream, backends::Fault{backends::Failure::Malformed, "answers with broken HTTP"});
  }
}

void DohCarrier::end(int32_t stream, std::optional<backends::Fault> fault) {
  auto node = open_.extract(stream);
  if (node.empty()) return;
  Exchange& exchange = node.mapped();
  (void)nghttp2_session_consume_connection(session_.get(), exchange.body.size());
  exchange.fault = std::move(fault);
  octets_allowed_ += kOctetsForAnAnswer;
  ended_.push_back(std::move(exchange));
}

void DohCarrier::abort(int32_t stream, backends::Fault fault) {
  end(stream, std::move(fault));
  (void)nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
}

nghttp2_session_callbacks* DohCarrier::make_callbacks() {
  nghttp2_session_callbacks* made = nullptr;
  if (nghttp2_session_callbacks_new(&made) != 0) return nullptr;
  nghttp2_session_callbacks_set_on_header_callback(
      made, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
               const uint8_t* value, size_t value_size, uint8_t, void* user_data) {
        return guarded([&] {
          self_of(user_data).take_header(frame->hd.stream_id,
                                         {reinterpret_cast<const char*>(name), name_size},
                                         {reinterpret_cast<const char*>(value), value_size});
        });
      });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      made, [](nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t size,
               void* user_data) {
        return guarded([&] {
          self_of(user_data).take_content(stream, {reinterpret_cast<const std::byte*>(data), size});
        });
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      made, [](nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
        return guarded([&] { self_of(user_data).take_frame(*frame); });
      });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      made, [](nghttp2_session*, int32_t stream, uint32_t error, void* user_data) {
        return guarded([&] { self_of(user_data).close_stream(stream, error); });
      });
  nghttp2_session_callbacks_set_on_frame_not_send_callback(
      made, [](nghttp2_session*, const nghttp2_frame* frame, int, void* user_data) {
        return guarded([&] {
          if (frame->hd.type == NGHTTP2_HEADERS)
            self_of(user_data).close_stream(frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
        });
      });
  return made;
}

}  // namespace transport
