#include "tls-workers/transport/framing.h"

#include <algorithm>
#include <cstring>

#include "dataplane/base/assert.h"

namespace transport {

base::ByteSpan FrameReader::room() {
  if (begin_ == end_) begin_ = end_ = 0;
  const size_t waiting = end_ - begin_;
  const size_t whole = waiting >= kLengthPrefix ? kLengthPrefix + announced() : 0;
  const size_t needed = std::max(kSmallest, std::min(whole, 2 * waiting));
  const bool at_the_end = end_ == buffer_.size();
  if (begin_ > 0 && (at_the_end || begin_ + needed > buffer_.size())) {
    std::memmove(buffer_.data(), &buffer_[begin_], waiting);
    begin_ = 0;
    end_ = waiting;
  }
  if (buffer_.size() < needed) buffer_.resize(needed);
  // After this point there is room: every whole message was taken, so what waits is shorter than
  // `needed`.
  ASSERT(end_ < buffer_.size());
  return base::ByteSpan(buffer_).subspan(end_);
}

std::optional<base::ByteView> FrameReader::next() {
  if (malformed_ || end_ - begin_ < kLengthPrefix) return std::nullopt;
  const size_t size = announced();
  if (size < dns::kHeaderSize) {
    malformed_ = true;
    return std::nullopt;
  }
  if (end_ - begin_ < kLengthPrefix + size) return std::nullopt;
  const base::ByteView message = base::ByteView(buffer_).subspan(begin_ + kLengthPrefix, size);
  begin_ += kLengthPrefix + size;
  return message;
}

size_t FrameReader::announced() const { return base::load_be16(&buffer_[begin_]); }

void FrameWriter::append(base::ByteView message) {
  ASSERT(message.size() <= dns::kMaxMessage);
  append(message.size(), [message](base::ByteSpan into) {
    std::ranges::copy(message, into.begin());
    return message.size();
  });
}

void FrameWriter::sent(size_t size) {
  sent_ += size;
  ASSERT(sent_ <= frames_.size());
  // A peer that reads slowly but never stops would let what it has read pile up. Moved at most once
  // for each octet that is sent.
  if (sent_ < frames_.size() && sent_ < frames_.size() - sent_) return;
  frames_.erase(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(sent_));
  sent_ = 0;
}

void FrameWriter::clear() {
  frames_.clear();
  frames_.shrink_to_fit();
  sent_ = 0;
}

}  // namespace transport
