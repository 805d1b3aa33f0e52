#include "tests/tls-workers/frontend/http2_client.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace tests {
namespace {

void require(bool good) {
  if (!good) std::abort();
}

/// nghttp2 copies both.
nghttp2_nv copied(std::string_view name, std::string_view value) {
  nghttp2_nv made = transport::header(name, value);
  made.flags = NGHTTP2_NV_FLAG_NONE;
  return made;
}

}  // namespace

std::string HttpReply::header(const std::string& name) const {
  for (const auto& [has, value] : headers) {
    if (has == name) return value;
  }
  return "";
}

Http2Client::Http2Client(uint32_t window) {
  nghttp2_session_callbacks* made = nullptr;
  require(nghttp2_session_callbacks_new(&made) == 0);
  const transport::Http2Callbacks callbacks(made);
  nghttp2_session_callbacks_set_on_header_callback(
      made, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
               const uint8_t* value, size_t value_size, uint8_t, void* self) {
        static_cast<Http2Client*>(self)->replies_[frame->hd.stream_id].headers.emplace_back(
            std::string(reinterpret_cast<const char*>(name), name_size),
            std::string(reinterpret_cast<const char*>(value), value_size));
        return 0;
      });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      made,
      [](nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t size, void* self) {
        Bytes& body = static_cast<Http2Client*>(self)->replies_[stream].body;
        const auto* octets = reinterpret_cast<const std::byte*>(data);
        body.insert(body.end(), octets, octets + size);
        return 0;
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      made, [](nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
        auto& self = *static_cast<Http2Client*>(user_data);
        HttpReply& reply = self.replies_[frame->hd.stream_id];
        const bool may_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
        if (may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
          reply.whole = true;
        } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
          reply.was_reset = true;
          reply.error = frame->rst_stream.error_code;
        } else if (frame->hd.type == NGHTTP2_GOAWAY) {
          self.went_away_ = true;
          self.goodbye_ = frame->goaway.error_code;
        } else if (frame->hd.type == NGHTTP2_SETTINGS) {
          for (size_t i = 0; i < frame->settings.niv; ++i)
            self.settings_[frame->settings.iv[i].settings_id] = frame->settings.iv[i].value;
        }
        return 0;
      });
  nghttp2_option* options = nullptr;
  require(nghttp2_option_new(&options) == 0);
  const transport::Http2Options owned(options);
  nghttp2_option_set_no_auto_window_update(options, window == 0 ? 1 : 0);
  nghttp2_session* session = nullptr;
  require(nghttp2_session_client_new2(&session, made, this, options) == 0);
  session_.reset(session);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window}};
  require(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 1) == 0);
}

int32_t Http2Client::request(const HttpHeaders& headers, Bytes body, Ends ends) {
  std::vector<nghttp2_nv> fields;
  for (const auto& [name, value] : headers) fields.push_back(copied(name, value));
  nghttp2_data_provider provider{};
  provider.read_callback = [](nghttp2_session*, int32_t stream, uint8_t* into, size_t size,
                              uint32_t* flags, nghttp2_data_source*, void* self) -> ssize_t {
    Body& rest = static_cast<Http2Client*>(self)->bodies_[stream];
    const size_t part = std::min(size, rest.octets.size() - rest.sent);
    if (part == 0 && rest.ends == Ends::Later) return NGHTTP2_ERR_DEFERRED;
    if (part > 0) std::memcpy(into, &rest.octets[rest.sent], part);
    rest.sent += part;
    if (rest.sent == rest.octets.size() && rest.ends == Ends::WithBody)
      *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(part);
  };
  const int32_t stream =
      nghttp2_submit_request(session_.get(), nullptr, fields.data(), fields.size(),
                             ends == Ends::WithHeaders ? nullptr : &provider, nullptr);
  require(stream > 0);
  bodies_[stream] = {.octets = std::move(body), .sent = 0, .ends = ends};
  pump();
  return stream;
}

int32_t Http2Client::post(const Bytes& query, const std::string& path) {
  return request({{":method", "POST"},
                  {":scheme", "https"},
                  {":authority", "dns.example"},
                  {":path", path},
                  {"accept", "application/dns-message"},
                  {"content-type", "application/dns-message"},
                  {"content-length", std::to_string(query.size())}},
                 query);
}

int32_t Http2Client::get(const std::string& path) {
  return request({{":method", "GET"},
                  {":scheme", "https"},
                  {":authority", "dns.example"},
                  {":path", path},
                  {"accept", "application/dns-message"}},
                 {}, Ends::WithHeaders);
}

void Http2Client::reset(int32_t stream) {
  pump();
  require(nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL) ==
          0);
  pump();
}

void Http2Client::ping() {
  require(nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr) == 0);
  pump();
}

void Http2Client::raw(const Bytes& octets) {
  pump();
  output_.insert(output_.end(), octets.begin(), octets.end());
}

Bytes Http2Client::frame(uint8_t type, uint8_t flags, int32_t stream, const Bytes& payload) {
  std::array<std::byte, 9> head{};
  base::store_be32(&head[0], static_cast<uint32_t>(payload.size() << 8));
  head[3] = std::byte{type};
  head[4] = std::byte{flags};
  base::store_be32(&head[5], static_cast<uint32_t>(stream));
  return joined({bytes_of(head), payload});
}

Bytes Http2Client::take_output() {
  pump();
  return std::exchange(output_, {});
}

bool Http2Client::hear(base::ByteView octets) {
  const auto* data = reinterpret_cast<const uint8_t*>(octets.data());
  return nghttp2_session_mem_recv(session_.get(), data, octets.size()) >= 0;
}

void Http2Client::pump() {
  const uint8_t* data = nullptr;
  while (const ssize_t size = nghttp2_session_mem_send(session_.get(), &data)) {
    require(size > 0);
    const auto* octets = reinterpret_cast<const std::byte*>(data);
    output_.insert(output_.end(), octets, octets + size);
  }
}

}  // namespace tests
