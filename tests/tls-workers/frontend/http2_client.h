// The client's end of an HTTP/2 connection, in memory: requests in, octets out, and whatever a test
// wants to say, right or wrong.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/message_builder.h"
#include "tls-workers/transport/http2.h"

namespace tests {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

/// What came back on one stream.
struct HttpReply {
  HttpHeaders headers;  // In order, `:status` included.
  Bytes body;
  bool whole = false;
  bool was_reset = false;
  uint32_t error = 0;  // Of the reset.
  [[nodiscard]] std::string header(const std::string& name) const;
  [[nodiscard]] std::string status() const { return header(":status"); }
};

class Http2Client {
 public:
  /// `window`: octets of a response that may come before the client says that it wants more, which
  /// it does by itself unless it is 0.
  explicit Http2Client(uint32_t window = 65535);

  /// The stream. Without `END_STREAM` if `ends` is Later.
  enum class Ends : uint8_t { WithHeaders, WithBody, Later };
  int32_t request(const HttpHeaders& headers, Bytes body = {}, Ends ends = Ends::WithBody);
  /// `application/dns-message` to `path`.
  int32_t post(const Bytes& query, const std::string& path = "/dns-query");
  int32_t get(const std::string& path);
  /// CANCEL.
  void reset(int32_t stream);
  void ping();
  /// Octets of our own making, after all that was said before.
  void raw(const Bytes& octets);
  [[nodiscard]] static Bytes frame(uint8_t type, uint8_t flags, int32_t stream,
                                   const Bytes& payload);

  /// What is to be sent now.
  [[nodiscard]] Bytes take_output();
  /// What the server sent. False if it broke the protocol.
  bool hear(base::ByteView octets);

  [[nodiscard]] HttpReply& reply(int32_t stream) { return replies_[stream]; }
  [[nodiscard]] bool server_went_away() const { return went_away_; }
  [[nodiscard]] uint32_t goodbye() const { return goodbye_; }
  [[nodiscard]] const std::map<int32_t, uint32_t>& server_settings() const { return settings_; }

 private:
  struct Body {
    Bytes octets;
    size_t sent = 0;
    Ends ends = Ends::WithBody;
  };

  void pump();

  transport::Http2Session session_;
  std::map<int32_t, Body> bodies_;
  std::map<int32_t, HttpReply> replies_;
  std::map<int32_t, uint32_t> settings_;
  bool went_away_ = false;
  uint32_t goodbye_ = 0;
  Bytes output_;
};

}  // namespace tests
