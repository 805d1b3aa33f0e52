// Views of wire bytes and the two cursors that are the only way to read or write them.
//
// A Reader or Writer that runs out of room fails once and stays failed: every later read yields
// zero, every later write is dropped, and `ok()` is asked once at the end. So a parser reads
// straight down without a check per field.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace base {

using ByteView = std::span<const std::byte>;
using ByteSpan = std::span<std::byte>;

/// Big-endian loads and stores at a place the caller has already bounds-checked.
inline uint16_t load_be16(const std::byte* at) {
  uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap16(value);
}
inline uint32_t load_be32(const std::byte* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap32(value);
}
inline uint64_t load_be64(const std::byte* at) {
  uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap64(value);
}
inline void store_be16(std::byte* at, uint16_t value) {
  value = __builtin_bswap16(value);
  std::memcpy(at, &value, sizeof value);
}
inline void store_be32(std::byte* at, uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(at, &value, sizeof value);
}
static_assert(std::endian::native == std::endian::little, "the loads above swap");

/// Reads `bytes` from the front. Borrows them; copies and allocates nothing.
class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] size_t position() const { return position_; }
  [[nodiscard]] size_t remaining() const { return bytes_.size() - position_; }
  [[nodiscard]] bool at_end() const { return remaining() == 0; }

  uint8_t u8() {
    if (!has(1)) return 0;
    return static_cast<uint8_t>(bytes_[position_++]);
  }
  uint16_t be16() {
    if (!has(2)) return 0;
    const uint16_t value = load_be16(&bytes_[position_]);
    position_ += 2;
    return value;
  }
  uint32_t be32() {
    if (!has(4)) return 0;
    const uint32_t value = load_be32(&bytes_[position_]);
    position_ += 4;
    return value;
  }
  /// The next `size` bytes, or an empty view and failure.
  ByteView take(size_t size) {
    if (!has(size)) return {};
    const ByteView taken = bytes_.subspan(position_, size);
    position_ += size;
    return taken;
  }
  void skip(size_t size) { (void)take(size); }
  void fail() { ok_ = false; }

 private:
  bool has(size_t size) {
    if (size > remaining()) ok_ = false;
    return ok_;
  }

  ByteView bytes_;
  size_t position_ = 0;
  bool ok_ = true;
};

/// Writes into `bytes` from the front; never past its end.
class Writer {
 public:
  explicit Writer(ByteSpan bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] size_t size() const { return position_; }
  [[nodiscard]] size_t room() const { return bytes_.size() - position_; }
  [[nodiscard]] ByteView written() const { return bytes_.first(position_); }

  void u8(uint8_t value) {
    if (has(1)) bytes_[position_++] = std::byte{value};
  }
  void be16(uint16_t value) {
    if (!has(2)) return;
    store_be16(&bytes_[position_], value);
    position_ += 2;
  }
  void be32(uint32_t value) {
    if (!has(4)) return;
    store_be32(&bytes_[position_], value);
    position_ += 4;
  }
  /// `source` may be the very place that is written to (a question that stays where it is) but not
  /// overlap it otherwise.
  void bytes(ByteView source) {
    if (source.empty() || !has(source.size())) return;
    if (source.data() != &bytes_[position_]) {
      std::memcpy(&bytes_[position_], source.data(), source.size());
    }
    position_ += source.size();
  }
  void zeros(size_t size) {
    if (size == 0 || !has(size)) return;
    std::memset(&bytes_[position_], 0, size);
    position_ += size;
  }

 private:
  bool has(size_t size) {
    if (size > room()) ok_ = false;
    return ok_;
  }

  ByteSpan bytes_;
  size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace base
