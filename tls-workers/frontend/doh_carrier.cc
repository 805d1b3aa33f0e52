#include "tls-workers/frontend/doh_carrier.h"

#include <algorithm>
#include <array>
#include <new>
#include <string_view>
#include <utility>

#include "dataplane/base/assert.h"
#include "dataplane/dns/freshness.h"

namespace frontend {
namespace {

using transport::guarded;
using transport::header;

constexpr size_t kReadSize = size_t{16} * 1024;  // A TLS record at most.

/// To a client that has not spoken HTTP/2, in the version that all read. RFC 9110 §15.6.6.
constexpr std::string_view kWrongVersion =
    "HTTP/1.1 505 HTTP Version Not Supported\r\n"
    "content-type: text/plain\r\n"
    "content-length: 34\r\n"
    "connection: close\r\n"
    "\r\n"
    "DNS over HTTPS needs HTTP/2 here.\n";

DohCarrier& self_of(void* user_data) { return *static_cast<DohCarrier*>(user_data); }

/// For a value that does not last until the frame is made.
nghttp2_nv copied_header(std::string_view name, std::string_view value) {
  nghttp2_nv made = header(name, value);
  made.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
  return made;
}

/// Whether a frame as nghttp2 has written it is the last one of its response. RFC 9113 §4.1.
bool ends_stream(base::ByteView frame) {
  base::Reader reader(frame);
  reader.skip(3);  // Length.
  const uint8_t type = reader.u8();
  const uint8_t flags = reader.u8();
  return (type == NGHTTP2_DATA || type == NGHTTP2_HEADERS) &&
         (flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

/// Whether what is no HTTP/2 begins with a method, or with a part of one. RFC 9112 §3.1.
bool speaks_http_1(base::ByteView octets) {
  const auto is_letter = [](std::byte octet) {
    return octet >= std::byte{'A'} && octet <= std::byte{'Z'};
  };
  const auto behind = std::ranges::find_if_not(octets, is_letter);
  return behind != octets.begin() && (behind == octets.end() || *behind == std::byte{' '});
}

std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

DohCarrier::DohCarrier(Paths paths) : paths_(std::move(paths)), incoming_(kReadSize) {
  nghttp2_option* made = nullptr;
  nghttp2_session* session = nullptr;
  if (nghttp2_option_new(&made) == 0) {
    const transport::Http2Options options(made);
    nghttp2_option_set_no_closed_streams(made, 1);
    nghttp2_option_set_max_outbound_ack(made, kMaxAcknowledgements);
    (void)nghttp2_session_server_new2(&session, callbacks().get(), this, made);
  }
  session_.reset(session);
  if (session_ == nullptr) throw std::bad_alloc();
  introduce();
}

/// The preface: what we are ready to receive. Priorities mean nothing among replies of one record.
void DohCarrier::introduce() {
  const std::array<nghttp2_settings_entry, 4> settings = {{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxStreams},
      // One octet more than a query has at most: so what is too long shows.
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HttpRequest::kMaxQuery + 1},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HttpRequest::kMaxHeaderList},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  if (nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, settings.data(),
                              settings.size()) != 0) {
    break_off(Standing::Abusive);
  }
}

void DohCarrier::break_off(Standing standing) {
  if (standing_ == Standing::Open) standing_ = standing;
}

void DohCarrier::offend() {
  if (++offences_ > kMaxOffences) calm_down();
}

void DohCarrier::calm_down() {
  if (standing_ == Standing::Abusive) return;
  standing_ = Standing::Abusive;
  (void)nghttp2_session_terminate_session(session_.get(), NGHTTP2_ENHANCE_YOUR_CALM);
}

DohCarrier::Exchange* DohCarrier::find(int32_t stream) {
  const auto found = open_.find(stream);
  return found == open_.end() ? nullptr : &found->second;
}

// ---------------------------------------------------------------- requests

void DohCarrier::filled(size_t size) {
  heard_ = true;
  if (session_ == nullptr) return;
  idle_octets_ += size;
  const auto* octets = reinterpret_cast<const uint8_t*>(incoming_.data());
  const ssize_t taken = nghttp2_session_mem_recv(session_.get(), octets, size);
  if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
    const auto text = std::as_bytes(std::span(kWrongVersion));
    outgoing_.assign(text.begin(), text.end());
    session_.reset();
    return break_off(speaks_http_1(base::ByteView(incoming_).first(size)) ? Standing::Http1
                                                                          : Standing::Malformed);
  }
  if (taken < 0)
    return break_off(taken == NGHTTP2_ERR_FLOODED ? Standing::Abusive : Standing::Malformed);
  if (idle_octets_ > kMaxIdleOctets) calm_down();
  // An error of the whole connection shows once our GOAWAY is on its way.
  pump();
  if (!finishing_ && nghttp2_session_want_read(session_.get()) == 0) break_off(Standing::Malformed);
}

std::optional<Request> DohCarrier::next() {
  while (!asked_.empty()) {
    const int32_t stream = asked_.front();
    asked_.pop_front();
    const Exchange* exchange = find(stream);
    if (exchange == nullptr) continue;  // Reset since.
    const auto query = exchange->request.query();
    ASSERT(query.has_value());
    return Request{.stream = static_cast<uint32_t>(stream), .message = *query};
  }
  return std::nullopt;
}

void DohCarrier::begin_request(int32_t stream) {
  open_.try_emplace(stream);
  ++unfinished_;
}

void DohCarrier::take_header(int32_t stream, std::string_view name, std::string_view value) {
  Exchange* exchange = find(stream);
  if (exchange != nullptr && !exchange->has_headers)
    exchange->request.take_header(name, value, *paths_);
}

void DohCarrier::take_content(int32_t stream, base::ByteView content) {
  Exchange* exchange = find(stream);
  if (exchange != nullptr && !exchange->told) exchange->request.take_content(content);
}

void DohCarrier::take_frame(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
      return take_part(frame);
    case NGHTTP2_GOAWAY:
      return break_off(Standing::Finished);
    default:
      return;
  }
}

void DohCarrier::take_part(const nghttp2_frame& frame) {
  const int32_t stream = frame.hd.stream_id;
  Exchange* exchange = find(stream);
  if (exchange == nullptr || exchange->whole) return;
  exchange->has_headers = true;
  exchange->whole = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (exchange->whole) --unfinished_;
  if (exchange->told || !(exchange->whole || exchange->request.is_endless())) return;
  if (const auto query = exchange->request.query(); !query)
    return refuse(stream, *exchange, query.error());
  idle_octets_ = 0;
  asked_.push_back(stream);
}

/// However it ended: if nothing was told, the client gave it up or broke it.
void DohCarrier::close_stream(int32_t stream) {
  const auto node = open_.extract(stream);
  if (node.empty()) return;
  const Exchange& exchange = node.mapped();
  held_ -= exchange.response.size() - exchange.response_sent;
  if (!exchange.whole) --unfinished_;
  const bool answered = exchange.told && exchange.response_sent == exchange.response.size();
  if (!answered) {
    offend();
  } else if (!exchange.response.empty() && offences_ > 0) {
    --offences_;
  }
}

// ---------------------------------------------------------------- responses

void DohCarrier::reply(uint32_t stream, base::ByteView message, const dns::Content&) {
  const auto number = static_cast<int32_t>(stream);
  Exchange* exchange = find(number);
  if (exchange == nullptr || exchange->told) return;
  if (held_ + message.size() > kMaxHeld) {
    (void)nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, number,
                                    NGHTTP2_ENHANCE_YOUR_CALM);
    return;
  }
  respond(number, *exchange, message);
}

void DohCarrier::forgo(uint32_t stream) {
  const auto number = static_cast<int32_t>(stream);
  if (Exchange* exchange = find(number)) refuse(number, *exchange, HttpStatus::BadRequest);
}

/// No `date`: it would be the wall clock's, which may still be waiting for the names of its time
/// servers.
void DohCarrier::respond(int32_t stream, Exchange& exchange, base::ByteView message) {
  const std::string length = std::to_string(message.size());
  const std::string life = "max-age=" + std::to_string(dns::fresh_for(message));
  exchange.response.assign(message.begin(), message.end());
  exchange.told = true;
  held_ += message.size();
  submit(stream, exchange,
         std::array{header(":status", "200"), header("content-type", transport::kDnsMediaType),
                    copied_header("content-length", length), copied_header("cache-control", life)});
}

void DohCarrier::refuse(int32_t stream, Exchange& exchange, HttpStatus status) {
  const std::string code = std::to_string(static_cast<unsigned>(status));
  const std::array headers = {copied_header(":status", code), header("content-length", "0"),
                              header("allow", "GET, POST")};
  const bool names_methods = status == HttpStatus::MethodNotAllowed;
  exchange.told = true;
  submit(stream, exchange, std::span(headers).first(names_methods ? 3 : 2));
  offend();
}

void DohCarrier::submit(int32_t stream, const Exchange& exchange,
                        std::span<const nghttp2_nv> headers) {
  nghttp2_data_provider provider{};
  provider.read_callback = [](nghttp2_session*, int32_t of, uint8_t* buffer, size_t size,
                              uint32_t* flags, nghttp2_data_source*, void* user_data) -> ssize_t {
    const base::ByteSpan into(reinterpret_cast<std::byte*>(buffer), size);
    return static_cast<ssize_t>(self_of(user_data).give_response(of, into, *flags));
  };
  const bool has_content = !exchange.response.empty();
  if (nghttp2_submit_response(session_.get(), stream, headers.data(), headers.size(),
                              has_content ? &provider : nullptr) != 0) {
    break_off(Standing::Abusive);  // Out of memory.
  }
}

size_t DohCarrier::give_response(int32_t stream, base::ByteSpan into, uint32_t& flags) {
  Exchange* exchange = find(stream);
  ASSERT(exchange != nullptr);
  const base::ByteView rest = base::ByteView(exchange->response).subspan(exchange->response_sent);
  const base::ByteView part = rest.first(std::min(rest.size(), into.size()));
  std::ranges::copy(part, into.begin());
  exchange->response_sent += part.size();
  held_ -= part.size();
  if (part.size() == rest.size()) flags |= NGHTTP2_DATA_FLAG_EOF;
  return part.size();
}

/// A client that has been answered before the whole request is there does not need to send the
/// rest. RFC 9113 §8.1.
void DohCarrier::sent_frame(const nghttp2_frame& frame) {
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  const int32_t stream = frame.hd.stream_id;
  const Exchange* exchange = find(stream);
  if (exchange == nullptr || exchange->whole) return;
  (void)nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, NGHTTP2_NO_ERROR);
}

void DohCarrier::finish() {
  if (finishing_ || session_ == nullptr) return;
  finishing_ = true;
  const int32_t last = nghttp2_session_get_last_proc_stream_id(session_.get());
  (void)nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr,
                              0);
}

base::ByteView DohCarrier::unsent() {
  if (!heard_) return {};
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
  if (outgoing_.empty()) ends_response_ = false;
}

/// Takes from nghttp2 what it wants to say.
void DohCarrier::pump() {
  while (session_ != nullptr && !ends_response_ && outgoing_.size() - sent_ < kMaxUnsent) {
    const uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &data);
    if (size < 0) return break_off(Standing::Abusive);
    if (size == 0) return;
    const auto* octets = reinterpret_cast<const std::byte*>(data);
    outgoing_.insert(outgoing_.end(), octets, octets + size);
    ends_response_ = ends_stream({octets, static_cast<size_t>(size)});
  }
}

// ---------------------------------------------------------------- nghttp2

/// A session copies them.
const transport::Http2Callbacks& DohCarrier::callbacks() {
  static const transport::Http2Callbacks made = make_callbacks();
  return made;
}

transport::Http2Callbacks DohCarrier::make_callbacks() {
  nghttp2_session_callbacks* made = nullptr;
  if (nghttp2_session_callbacks_new(&made) != 0) return nullptr;
  nghttp2_session_callbacks_set_on_begin_headers_callback(
      made, [](nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
        return guarded([&] {
          if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
            self_of(user_data).begin_request(frame->hd.stream_id);
        });
      });
  nghttp2_session_callbacks_set_on_header_callback(
      made, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
               const uint8_t* value, size_t value_size, uint8_t, void* user_data) {
        return guarded([&] {
          self_of(user_data).take_header(frame->hd.stream_id, text_of(name, name_size),
                                         text_of(value, value_size));
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
  nghttp2_session_callbacks_set_on_frame_send_callback(
      made, [](nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
        return guarded([&] { self_of(user_data).sent_frame(*frame); });
      });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      made, [](nghttp2_session*, int32_t stream, uint32_t, void* user_data) {
        return guarded([&] { self_of(user_data).close_stream(stream); });
      });
  return transport::Http2Callbacks(made);
}

}  // namespace frontend
