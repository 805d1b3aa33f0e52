// DNS over HTTPS for clients: each request is one query, each reply that request's response, over
// HTTP/2 only. RFC 8484, RFC 9113.
//
// nghttp2 reads and writes the frames; here is what a response says, and what one client can make
// us hold or do.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "tls-workers/frontend/carrier.h"
#include "tls-workers/frontend/http_request.h"
#include "tls-workers/transport/http2.h"

namespace frontend {

class DohCarrier final : public Carrier {
 public:
  /// Where DNS is to be had. Shared by all connections to one address; one of them may outlive the
  /// configuration that it began with.
  using Paths = std::shared_ptr<const std::vector<std::string>>;
  /// Throws std::bad_alloc.
  explicit DohCarrier(Paths paths);

  [[nodiscard]] base::ByteSpan room() override { return incoming_; }
  void filled(size_t size) override;
  [[nodiscard]] std::optional<Request> next() override;
  [[nodiscard]] bool is_amid_query() const override { return unfinished_ > 0; }
  [[nodiscard]] Standing standing() const override { return standing_; }
  [[nodiscard]] bool reads_on() const override { return true; }

  /// The response may be kept for as long as all that `message` says is true (RFC 8484 §5.1).
  void reply(uint32_t stream, base::ByteView message, const dns::Content& content) override;
  /// 400: HTTP has no silence.
  void forgo(uint32_t stream) override;
  void finish() override;
  /// Nothing before the client has spoken: it may not be HTTP/2. One response at a time, so that it
  /// becomes a record of its own: dnsperf (2.10) looks at one response for each record that it
  /// reads.
  [[nodiscard]] base::ByteView unsent() override;
  void sent(size_t size) override;
  [[nodiscard]] size_t held() const override { return held_ + outgoing_.size() - sent_; }

  /// Requests under way at once; more are refused in a way that lets the client repeat them.
  static constexpr uint32_t kMaxStreams = 100;
  /// Replies that the client's windows do not let out. Those above are given up.
  static constexpr size_t kMaxHeld = size_t{256} * 1024;
  /// What waits for the socket; then nghttp2 keeps the rest.
  static constexpr size_t kMaxUnsent = size_t{64} * 1024;
  /// What a client may send without a query in it: whatever has no end (PING, SETTINGS, empty DATA,
  /// frames unheard of) meets this one. kMaxStreams queries of the largest kind fit.
  static constexpr size_t kMaxIdleOctets = size_t{512} * 1024;
  /// Requests that were refused, reset or broken, less those that have got their replies: a client
  /// that only costs is shown the door. CVE-2023-44487 is a client that resets all it asks.
  static constexpr size_t kMaxOffences = 100;
  /// Our acknowledgements of its PING and SETTINGS that wait to be sent.
  static constexpr size_t kMaxAcknowledgements = 100;

 private:
  /// A request, and the response to it.
  struct Exchange {
    HttpRequest request;
    bool has_headers = false;  // What comes now are trailers.
    bool whole = false;
    bool told = false;  // A response is on its way.
    std::vector<std::byte> response;
    size_t response_sent = 0;
  };

  void introduce();
  void pump();
  void break_off(Standing standing);
  void offend();
  void calm_down();
  [[nodiscard]] Exchange* find(int32_t stream);
  void respond(int32_t stream, Exchange& exchange, base::ByteView message);
  void refuse(int32_t stream, Exchange& exchange, HttpStatus status);
  void submit(int32_t stream, const Exchange& exchange, std::span<const nghttp2_nv> headers);

  void begin_request(int32_t stream);
  void take_header(int32_t stream, std::string_view name, std::string_view value);
  void take_content(int32_t stream, base::ByteView content);
  void take_frame(const nghttp2_frame& frame);
  void take_part(const nghttp2_frame& frame);
  void sent_frame(const nghttp2_frame& frame);
  void close_stream(int32_t stream);
  [[nodiscard]] size_t give_response(int32_t stream, base::ByteSpan into, uint32_t& flags);
  [[nodiscard]] static const transport::Http2Callbacks& callbacks();
  [[nodiscard]] static transport::Http2Callbacks make_callbacks();

  const Paths paths_;
  transport::Http2Session session_;
  std::unordered_map<int32_t, Exchange> open_;  // By stream.
  std::deque<int32_t> asked_;                   // Streams with a query not taken yet.
  std::vector<std::byte> incoming_;
  std::vector<std::byte> outgoing_;
  size_t sent_ = 0;
  size_t held_ = 0;        // Octets of responses that nghttp2 has not taken.
  size_t unfinished_ = 0;  // Requests that are not whole.
  size_t idle_octets_ = 0;
  size_t offences_ = 0;
  bool ends_response_ = false;  // What is in `outgoing_`.
  bool heard_ = false;          // Anything.
  bool finishing_ = false;
  Standing standing_ = Standing::Open;
};

}  // namespace frontend
