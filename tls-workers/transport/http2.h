// What both ends of DNS over HTTPS have in common: nghttp2's objects with an owner, headers as it
// wants them, and the media type of a DNS message (RFC 8484 §6).
#pragma once

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <string_view>

namespace transport {

struct FreeHttp2 {
  void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  void operator()(nghttp2_session_callbacks* made) const { nghttp2_session_callbacks_del(made); }
  void operator()(nghttp2_option* made) const { nghttp2_option_del(made); }
};
using Http2Session = std::unique_ptr<nghttp2_session, FreeHttp2>;
using Http2Callbacks = std::unique_ptr<nghttp2_session_callbacks, FreeHttp2>;
using Http2Options = std::unique_ptr<nghttp2_option, FreeHttp2>;

inline constexpr std::string_view kDnsMediaType = "application/dns-message";
inline constexpr size_t kHeaderOverhead = 32;  // What RFC 9113 §6.5.2 adds for each header.

/// A media type may have parameters (RFC 9110 §8.3.1); case does not matter.
[[nodiscard]] inline bool is_dns_media_type(std::string_view value) {
  const std::string_view type = value.substr(0, value.find_first_of("; \t"));
  return std::ranges::equal(type, kDnsMediaType, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

/// Borrows both, until the frame has been made.
[[nodiscard]] inline nghttp2_nv header(std::string_view name, std::string_view value) {
  const auto octets = [](std::string_view text) {
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
  };
  return {octets(name), octets(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

/// nghttp2 is C: nothing may be thrown through it.
template <typename Act>
int guarded(Act act) {
  try {
    act();
    return 0;
  } catch (const std::exception&) {
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
}

}  // namespace transport
