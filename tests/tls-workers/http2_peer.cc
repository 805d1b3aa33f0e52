#include "tests/tls-workers/http2_peer.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace tests {
namespace {

void require(bool good) {
  if (!good) std::abort();
}

/// Borrows both.
nghttp2_nv header(std::string_view name, std::string_view value) {
  const auto octets = [](std::string_view text) {
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
  };
  return {octets(name), octets(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

std::string HttpRequest::header(const std::string& name) const {
  for (const auto& [has, value] : headers) {
    if (has == name) return value;
  }
  return "";
}

Http2Peer::Http2Peer(uint32_t max_concurrent_streams, uint32_t initial_window) {
  nghttp2_session_callbacks* callbacks = nullptr;
  require(nghttp2_session_callbacks_new(&callbacks) == 0);
  nghttp2_session_callbacks_set_on_header_callback(
      callbacks,
      [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
         const uint8_t* value, size_t value_size, uint8_t, void* self) {
        HttpRequest& request = static_cast<Http2Peer*>(self)->open_[frame->hd.stream_id];
        request.headers.emplace_back(std::string(reinterpret_cast<const char*>(name), name_size),
                                     std::string(reinterpret_cast<const char*>(value), value_size));
        return 0;
      });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      callbacks,
      [](nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t size, void* self) {
        Bytes& body = static_cast<Http2Peer*>(self)->open_[stream].body;
        const auto* octets = reinterpret_cast<const std::byte*>(data);
        body.insert(body.end(), octets, octets + size);
        return 0;
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
        auto& self = *static_cast<Http2Peer*>(user_data);
        const int32_t stream = frame->hd.stream_id;
        const bool may_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
        if (may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
          self.open_[stream].stream = stream;
          self.requests_.push_back(self.open_[stream]);
        } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
          self.cancelled_.push_back(stream);
        } else if (frame->hd.type == NGHTTP2_GOAWAY) {
          self.client_went_away_ = true;
        } else if (frame->hd.type == NGHTTP2_SETTINGS) {
          for (size_t i = 0; i < frame->settings.niv; ++i)
            self.settings_[frame->settings.iv[i].settings_id] = frame->settings.iv[i].value;
        }
        return 0;
      });
  require(nghttp2_session_server_new(&session_, callbacks, this) == 0);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_concurrent_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, initial_window}};
  require(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 2) == 0);
}

Http2Peer::~Http2Peer() { nghttp2_session_del(session_); }

bool Http2Peer::hear(base::ByteView octets) {
  const auto* data = reinterpret_cast<const uint8_t*>(octets.data());
  return nghttp2_session_mem_recv(session_, data, octets.size()) >= 0;
}

std::vector<HttpRequest> Http2Peer::take_requests() { return std::exchange(requests_, {}); }

void Http2Peer::respond(int32_t stream, HttpResponse response) {
  Body& body = bodies_[stream] = {.octets = std::move(response.body)};
  std::vector<nghttp2_nv> headers = {header(":status", response.status)};
  if (!response.content_type.empty())
    headers.push_back(header("content-type", response.content_type));
  for (const auto& [name, value] : response.more) headers.push_back(header(name, value));
  nghttp2_data_provider provider{};
  provider.source.ptr = &body;
  provider.read_callback = [](nghttp2_session*, int32_t, uint8_t* into, size_t size,
                              uint32_t* flags, nghttp2_data_source* source, void*) -> ssize_t {
    Body& rest = *static_cast<Body*>(source->ptr);
    const size_t part = std::min(size, rest.octets.size() - rest.sent);
    if (part > 0) std::memcpy(into, &rest.octets[rest.sent], part);
    rest.sent += part;
    if (rest.sent == rest.octets.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(part);
  };
  require(nghttp2_submit_response(session_, stream, headers.data(), headers.size(), &provider) ==
          0);
  pump();
}

void Http2Peer::reset(int32_t stream, uint32_t error) {
  require(nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, error) == 0);
  pump();
}

void Http2Peer::go_away(int32_t last_stream, uint32_t error) {
  // By hand: nghttp2's own would also refuse what a test may still want to say.
  Bytes payload(8);
  base::store_be32(&payload[0], static_cast<uint32_t>(last_stream));
  base::store_be32(&payload[4], error);
  raw(frame(NGHTTP2_GOAWAY, 0, 0, payload));
}

void Http2Peer::ping() {
  require(nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr) == 0);
  pump();
}

void Http2Peer::set_max_concurrent_streams(uint32_t most) {
  const nghttp2_settings_entry setting{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, most};
  require(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &setting, 1) == 0);
  pump();
}

void Http2Peer::raw(const Bytes& octets) {
  pump();
  output_.insert(output_.end(), octets.begin(), octets.end());
}

Bytes Http2Peer::frame(uint8_t type, uint8_t flags, int32_t stream, const Bytes& payload) {
  std::array<std::byte, 9> head{};
  base::store_be32(&head[0], static_cast<uint32_t>(payload.size() << 8));
  head[3] = std::byte{type};
  head[4] = std::byte{flags};
  base::store_be32(&head[5], static_cast<uint32_t>(stream));
  return joined({bytes_of(head), payload});
}

Bytes Http2Peer::take_output() {
  pump();
  return std::exchange(output_, {});
}

void Http2Peer::pump() {
  const uint8_t* data = nullptr;
  while (const ssize_t size = nghttp2_session_mem_send(session_, &data)) {
    require(size > 0);
    const auto* octets = reinterpret_cast<const std::byte*>(data);
    output_.insert(output_.end(), octets, octets + size);
  }
}

}  // namespace tests
