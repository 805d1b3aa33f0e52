// How much of TLS's own (key updates, tickets, requests to renegotiate, empty records) a server may
// send for the data it sends. Each costs us work and brings no client an answer, so a session with
// a server that sends little else is ended.
#pragma once

#include <cstddef>
#include <cstdint>

namespace transport {

class RecordBudget {
 public:
  /// A record, or a handshake message in one, has arrived.
  void received() { ++unsettled_; }
  /// The last record has brought `octets` of data.
  void carried(size_t octets) {
    // A record that is read in two parts was received once.
    overhead_ += unsettled_ > 0 ? unsettled_ - 1 : 0;
    unsettled_ = 0;
    octets_ += octets;
  }
  [[nodiscard]] bool exceeded() const {
    return overhead_ + unsettled_ > kFree + octets_ / kOctetsForEach;
  }

  /// A handshake is followed by two tickets, of a record and a message each; the rest is rare.
  static constexpr uint64_t kFree = 128;
  static constexpr uint64_t kOctetsForEach = 4096;

 private:
  uint64_t overhead_ = 0;
  uint64_t unsettled_ = 0;  // Received since the last data.
  uint64_t octets_ = 0;
};

}  // namespace transport
