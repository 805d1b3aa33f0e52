// The two-octet length before each message on a stream, both ways. RFC 1035 §4.2.2, RFC 7766 §8.
//
// A stream may cut anything anywhere: a prefix between its octets, a message into single octets,
// many messages into one read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/dns/protocol.h"

namespace transport {

inline constexpr size_t kLengthPrefix = 2;

/// Cuts a stream into messages. Memory: twice what has come of the longest message so far, at most
/// 64 KiB + 2; a prefix alone, whatever it announces, takes none.
class FrameReader {
 public:
  /// Where the next bytes of the stream belong; never empty. Ends the life of views that `next`
  /// returned. Not once `malformed`.
  [[nodiscard]] base::ByteSpan room();
  /// `size` bytes were put at the front of `room()`.
  void filled(size_t size) { end_ += size; }

  /// The next whole message without its prefix, or nothing yet. Good until the next call of `room`
  /// or `clear`.
  [[nodiscard]] std::optional<base::ByteView> next();
  /// A prefix announced fewer octets than a header has: the peer is out of step and nothing after
  /// it can be trusted.
  [[nodiscard]] bool malformed() const { return malformed_; }
  /// Once `next` has nothing: whether a part of a message is here.
  [[nodiscard]] bool is_amid_message() const { return begin_ != end_; }
  /// Gives the memory back.
  void clear() { *this = FrameReader(); }

  static constexpr size_t kSmallest = 4096;
  static constexpr size_t kLargest = kLengthPrefix + dns::kMaxMessage;

 private:
  [[nodiscard]] size_t announced() const;

  std::vector<std::byte> buffer_;
  size_t begin_ = 0;  // First octet that no message has taken.
  size_t end_ = 0;    // First octet not filled.
  bool malformed_ = false;
};

/// Messages on their way out, one behind the other, each with its prefix.
class FrameWriter {
 public:
  /// Appends the message that `build(ByteSpan) -> size` writes into at most `limit` octets.
  template <typename Build>
  void append(size_t limit, Build build) {
    const size_t at = frames_.size();
    frames_.resize(at + kLengthPrefix + limit);
    const size_t size = build(base::ByteSpan(frames_).subspan(at + kLengthPrefix));
    base::store_be16(&frames_[at], static_cast<uint16_t>(size));
    frames_.resize(at + kLengthPrefix + size);
  }
  /// Appends a message of at most 65,535 octets.
  void append(base::ByteView message);
  [[nodiscard]] base::ByteView unsent() const { return base::ByteView(frames_).subspan(sent_); }
  void sent(size_t size);
  void clear();
  /// Octets of memory in use, those of sent messages included.
  [[nodiscard]] size_t held() const { return frames_.size(); }

 private:
  std::vector<std::byte> frames_;
  size_t sent_ = 0;
};

}  // namespace transport
