#include "control/text/escape.h"

#include <algorithm>
#include <cstdint>

namespace control {
namespace {

void append_decimal(std::string& to, char octet) {
  const auto value = static_cast<unsigned char>(octet);
  to += '\\';
  to += static_cast<char>('0' + value / 100);
  to += static_cast<char>('0' + value / 10 % 10);
  to += static_cast<char>('0' + value % 10);
}

bool is_visible(char octet) { return octet >= ' ' && octet <= '~'; }

/// How many octets the UTF-8 character at the front of `text` has; 0 if it is not one (RFC 3629 §4)
/// or a control character.
size_t printable_character(std::string_view text) {
  const auto octet = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = octet(0);
  if (first < 0x80) return is_visible(text[0]) ? 1 : 0;
  size_t size = 0;
  uint32_t point = 0;
  if (first >= 0xC2 && first < 0xE0) size = 2, point = first & 0x1Fu;
  if (first >= 0xE0 && first < 0xF0) size = 3, point = first & 0x0Fu;
  if (first >= 0xF0 && first < 0xF5) size = 4, point = first & 0x07u;
  if (size == 0 || size > text.size()) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((octet(i) & 0xC0u) != 0x80) return 0;
    point = point << 6 | (octet(i) & 0x3Fu);
  }
  if (size == 3 && (point < 0x800 || (point >= 0xD800 && point < 0xE000))) return 0;
  if (size == 4 && (point < 0x10000 || point > 0x10FFFF)) return 0;
  // U+0080..9F are controls; U+2028, U+2029 end a line and U+202A..2E, U+2066..69 turn its
  // direction.
  if (point < 0xA0 || (point >= 0x2028 && point <= 0x202E)) return 0;
  if (point >= 0x2066 && point <= 0x2069) return 0;
  return size;
}

}  // namespace

std::string escaped(std::string_view text, size_t limit) {
  std::string result;
  for (const char octet : text.substr(0, limit)) {
    if (is_visible(octet) && octet != '\\') {
      result += octet;
    } else {
      append_decimal(result, octet);
    }
  }
  if (text.size() > limit) result += "...";
  return result;
}

std::string one_line(std::string_view line) {
  std::string result;
  result.reserve(line.size());
  while (!line.empty()) {
    const size_t size = printable_character(line);
    if (size == 0) {
      append_decimal(result, line.front());
    } else {
      result += line.substr(0, size);
    }
    line.remove_prefix(std::max<size_t>(size, 1));
  }
  return result;
}

}  // namespace control
