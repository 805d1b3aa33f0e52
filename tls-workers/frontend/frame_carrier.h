// DNS over TCP and over TLS: each message behind its length, replies in whatever order they become
// ready. RFC 7766 §8, §6.2.1.1; RFC 7858 §3.3.
#pragma once

#include "tls-workers/frontend/carrier.h"
#include "tls-workers/transport/framing.h"

namespace frontend {

class FrameCarrier final : public Carrier {
 public:
  [[nodiscard]] base::ByteSpan room() override { return incoming_.room(); }
  void filled(size_t size) override { incoming_.filled(size); }
  [[nodiscard]] std::optional<Request> next() override;
  [[nodiscard]] bool is_amid_query() const override { return incoming_.is_amid_message(); }
  /// Malformed: a prefix announced less than a header.
  [[nodiscard]] Standing standing() const override {
    return incoming_.malformed() ? Standing::Malformed : Standing::Open;
  }

  void reply(uint32_t stream, base::ByteView message, const dns::Content& content) override;
  void forgo(uint32_t) override {}
  void finish() override {}
  [[nodiscard]] base::ByteView unsent() override { return outgoing_.unsent(); }
  void sent(size_t size) override { outgoing_.sent(size); }
  [[nodiscard]] size_t held() const override { return outgoing_.unsent().size(); }

 private:
  transport::FrameReader incoming_;
  transport::FrameWriter outgoing_;
};

}  // namespace frontend
