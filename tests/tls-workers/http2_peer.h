// The server's end of an HTTP/2 connection, in memory: octets in, requests out, and whatever a test
// wants to say, right or wrong.
#pragma once

#include <nghttp2/nghttp2.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/message_builder.h"

namespace tests {

struct HttpRequest {
  int32_t stream = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // In order.
  Bytes body;
  [[nodiscard]] std::string header(const std::string& name) const;
};

struct HttpResponse {
  std::string status = "200";
  std::string content_type = "application/dns-message";
  Bytes body;
  std::vector<std::pair<std::string, std::string>> more = {};
};

class Http2Peer {
 public:
  explicit Http2Peer(uint32_t max_concurrent_streams = 100, uint32_t initial_window = 65535);
  ~Http2Peer();
  Http2Peer(const Http2Peer&) = delete;
  Http2Peer& operator=(const Http2Peer&) = delete;

  /// What the client sent. False if it broke the protocol.
  bool hear(base::ByteView octets);
  /// Requests that have ended since the last call, oldest first.
  [[nodiscard]] std::vector<HttpRequest> take_requests();

  void respond(int32_t stream, HttpResponse response);
  void reset(int32_t stream, uint32_t error);
  /// No request after `last_stream` was or will be looked at.
  void go_away(int32_t last_stream, uint32_t error = NGHTTP2_NO_ERROR);
  void ping();
  void set_max_concurrent_streams(uint32_t most);
  /// Octets of our own making, after all that was said before.
  void raw(const Bytes& octets);
  [[nodiscard]] static Bytes frame(uint8_t type, uint8_t flags, int32_t stream,
                                   const Bytes& payload);

  /// What is to be sent now.
  [[nodiscard]] Bytes take_output();

  [[nodiscard]] const std::vector<int32_t>& cancelled() const { return cancelled_; }
  [[nodiscard]] bool client_went_away() const { return client_went_away_; }
  [[nodiscard]] const std::map<int32_t, uint32_t>& client_settings() const { return settings_; }

 private:
  struct Body {
    Bytes octets;
    size_t sent = 0;
  };

  void pump();

  nghttp2_session* session_ = nullptr;
  std::map<int32_t, HttpRequest> open_;
  std::vector<HttpRequest> requests_;
  std::map<int32_t, Body> bodies_;
  std::vector<int32_t> cancelled_;
  std::map<int32_t, uint32_t> settings_;
  bool client_went_away_ = false;
  Bytes output_;
};

}  // namespace tests
