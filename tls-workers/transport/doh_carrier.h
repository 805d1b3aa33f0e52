// DNS over HTTPS: each query is one POST on one HTTP/2 stream, each answer that stream's response.
// RFC 8484, RFC 9113.
//
// nghttp2 reads and writes the frames; here is what a query says about its sender (nothing but the
// question), what counts as an answer, and what one server can make us hold or do.
#pragma once

#include <array>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "tls-workers/transport/carrier.h"
#include "tls-workers/transport/http2.h"

namespace transport {

class DohCarrier final : public Carrier {
 public:
  explicit DohCarrier(const backends::BackendSettings& settings);

  void open() override;
  void clear() override;

  /// As many as the server's SETTINGS allow; 100 until they are there (RFC 9113 §6.5.2).
  [[nodiscard]] bool has_room() const override;
  /// The message's own id is 0 (RFC 8484 §4.1): `id` is told by the stream.
  void ask(const dns::Question& question, uint16_t id) override;
  /// Its answer may still come, as long as half of the streams that the server allows are free.
  /// Otherwise the stream is reset, so that it does not count any longer.
  [[nodiscard]] bool give_up(uint16_t id) override;
  void remind() override;
  void finish() override;
  [[nodiscard]] base::ByteView unsent() override;
  void sent(size_t size) override;

  [[nodiscard]] base::ByteSpan room() override { return incoming_; }
  Came filled(size_t size) override;
  [[nodiscard]] std::optional<Outcome> next() override;
  [[nodiscard]] bool refuses_more() const override { return refuses_more_; }
  [[nodiscard]] const std::optional<backends::Fault>& fault() const override { return fault_; }

  static constexpr uint32_t kStreamsAtFirst = 100;
  /// One octet more than a message has at most: so what is too long shows, and no stream ever waits
  /// for its window.
  static constexpr uint32_t kStreamWindow = dns::kMaxMessage + 1;
  /// All unfinished bodies of a session together.
  static constexpr int32_t kSessionWindow = 1024 * 1024;
  /// Names, values and 32 for each pair, as RFC 9113 §6.5.2 counts; for all header sections of one
  /// response.
  static constexpr uint32_t kMaxHeaderList = 8 * 1024;
  /// What waits for the socket; then nghttp2 keeps the rest.
  static constexpr size_t kMaxUnsent = size_t{64} * 1024;
  /// What a server may send: so much, some for each answer, and so many times the content. Whatever
  /// has no end (PING, SETTINGS, empty DATA, frames unheard of) meets this one.
  static constexpr uint64_t kOctetsAtFirst = uint64_t{128} * 1024;
  static constexpr uint64_t kOctetsForAnAnswer = kMaxHeaderList;
  static constexpr uint64_t kOctetsForContent = 4;
  /// Replies to its PING and SETTINGS that wait to be sent.
  static constexpr size_t kMaxAcknowledgements = 1000;

 private:
  /// A query, and what has come of its response.
  struct Exchange {
    uint16_t id = 0;
    std::vector<std::byte> query;
    size_t query_sent = 0;
    int status = 0;
    bool is_dns_message = false;
    base::seconds age{0};
    bool was_reset = false;
    size_t header_list = 0;
    std::vector<std::byte> body;
    std::optional<backends::Fault> fault;
  };

  void introduce();
  [[nodiscard]] uint32_t limit() const;
  void pump();
  void break_off(std::string text);
  [[nodiscard]] int32_t stream_of(uint16_t id) const;
  [[nodiscard]] Exchange* find(int32_t stream);
  void end(int32_t stream, std::optional<backends::Fault> fault);
  void abort(int32_t stream, backends::Fault fault);
  [[nodiscard]] static std::optional<backends::Fault> judge(const Exchange& exchange);

  void take_header(int32_t stream, std::string_view name, std::string_view value);
  void take_content(int32_t stream, base::ByteView content);
  void take_frame(const nghttp2_frame& frame);
  void close_stream(int32_t stream, uint32_t error);
  [[nodiscard]] size_t give_query(int32_t stream, base::ByteSpan into, uint32_t& flags);
  [[nodiscard]] static nghttp2_session_callbacks* make_callbacks();

  const std::string authority_;
  const std::string path_;
  static constexpr size_t kHeaders = 6;
  std::array<nghttp2_nv, kHeaders> headers_;  // They borrow from the two above and from literals.
  const Http2Callbacks callbacks_;

  Http2Session session_;
  std::unordered_map<int32_t, Exchange> open_;  // By stream.
  std::deque<Exchange> ended_;
  Exchange told_;  // What `next` returned last.
  std::vector<std::byte> incoming_;
  std::vector<std::byte> outgoing_;
  size_t sent_ = 0;
  std::optional<uint16_t> first_id_;
  std::optional<backends::Fault> fault_;
  bool refuses_more_ = false;
  bool answers_came_ = false;  // In this `filled`.
  uint64_t octets_ = 0;
  uint64_t octets_allowed_ = kOctetsAtFirst;
};

}  // namespace transport
