// DNS over TLS: each message behind its length, many of them in one record. RFC 7858 §3.3.
#pragma once

#include "tls-workers/transport/carrier.h"
#include "tls-workers/transport/framing.h"

namespace transport {

class DotCarrier final : public Carrier {
 public:
  void open() override { is_unused_ = true; }
  void clear() override;

  [[nodiscard]] bool has_room() const override { return true; }
  /// The first query asks the server how long it keeps idle sessions (RFC 7828 §3.2.1).
  void ask(const dns::Question& question, uint16_t id) override;
  [[nodiscard]] bool give_up(uint16_t) override { return true; }
  void remind() override {}
  void finish() override {}
  [[nodiscard]] base::ByteView unsent() override { return outgoing_.unsent(); }
  void sent(size_t size) override { outgoing_.sent(size); }

  [[nodiscard]] base::ByteSpan room() override { return incoming_.room(); }
  Came filled(size_t size) override;
  [[nodiscard]] std::optional<Outcome> next() override;
  [[nodiscard]] bool refuses_more() const override { return false; }
  [[nodiscard]] const std::optional<backends::Fault>& fault() const override { return fault_; }

 private:
  FrameReader incoming_;
  FrameWriter outgoing_;
  std::optional<backends::Fault> fault_;
  bool is_unused_ = true;
};

}  // namespace transport
