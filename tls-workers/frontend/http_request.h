// One HTTP request of a client, as far as DNS over HTTPS looks at it: its method, its path, its
// content type and its content. RFC 8484 §4.1. Nothing else that a client says about itself is
// looked at or kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"

namespace frontend {

/// What a request can be told, in HTTP's terms. RFC 9110 §15, RFC 6585 §5.
enum class HttpStatus : uint16_t {
  Ok = 200,
  BadRequest = 400,
  NotFound = 404,
  MethodNotAllowed = 405,
  ContentTooLarge = 413,
  UriTooLong = 414,
  UnsupportedMediaType = 415,
  HeaderFieldsTooLarge = 431,
};

class HttpRequest {
 public:
  /// Largest message that is taken for a query: many times what a question with any option needs.
  static constexpr size_t kMaxQuery = 4096;
  static constexpr size_t kMaxContent = size_t{64} * 1024;
  /// Names, values and 32 for each pair, as RFC 9113 §6.5.2 counts. A GET of the largest query
  /// needs a third of it.
  static constexpr size_t kMaxHeaderList = size_t{16} * 1024;

  /// One pseudo-header or header, in any order; trailers are not to be told. `paths`: where DNS is
  /// to be had.
  void take_header(std::string_view name, std::string_view value,
                   const std::vector<std::string>& paths);
  void take_content(base::ByteView content);

  /// Whether it goes on for longer than we listen to. Content that is too long for a query is heard
  /// to its end otherwise: there are clients that lose a response which comes before that.
  [[nodiscard]] bool is_endless() const { return content_size_ > kMaxContent; }
  /// The query in a whole request, of 12 octets or more, or what is wrong with it. Borrows.
  [[nodiscard]] base::Result<base::ByteView, HttpStatus> query() const;

 private:
  enum class Method : uint8_t { Other, Get, Post };

  [[nodiscard]] std::optional<HttpStatus> refusal() const;
  void take_path(std::string_view value, const std::vector<std::string>& paths);
  void take_parameter(std::string_view name, std::string_view value);

  Method method_ = Method::Other;
  bool path_is_ours_ = false;
  bool content_is_dns_ = false;
  size_t header_list_ = 0;
  size_t content_size_ = 0;  // As it came, whatever is kept of it.
  std::optional<HttpStatus> wrong_parameter_ =
      HttpStatus::BadRequest;        // Until there is a good one.
  size_t parameters_ = 0;            // That are called `dns`.
  std::vector<std::byte> from_url_;  // GET's query, decoded.
  std::vector<std::byte> content_;   // POST's.
};

}  // namespace frontend
