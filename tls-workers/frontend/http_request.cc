#include "tls-workers/frontend/http_request.h"

#include <algorithm>

#include "dataplane/dns/protocol.h"
#include "tls-workers/frontend/base64url.h"
#include "tls-workers/transport/http2.h"

namespace frontend {
namespace {

constexpr size_t kMaxEncodedQuery = (HttpRequest::kMaxQuery * 4 + 2) / 3;

}  // namespace

void HttpRequest::take_header(std::string_view name, std::string_view value,
                              const std::vector<std::string>& paths) {
  header_list_ += name.size() + value.size() + transport::kHeaderOverhead;
  if (header_list_ > kMaxHeaderList) return;
  if (name == ":method") {
    method_ = value == "GET" ? Method::Get : value == "POST" ? Method::Post : Method::Other;
  } else if (name == ":path") {
    take_path(value, paths);
  } else if (name == "content-type") {
    content_is_dns_ = transport::is_dns_media_type(value);
  }
}

/// Parameters that are not for us may be there: a client may have been given them with the URL.
void HttpRequest::take_path(std::string_view value, const std::vector<std::string>& paths) {
  const size_t path_size = std::min(value.find('?'), value.size());
  path_is_ours_ = std::ranges::find(paths, value.substr(0, path_size)) != paths.end();
  std::string_view rest = value.substr(path_size);
  while (path_is_ours_ && !rest.empty()) {
    rest.remove_prefix(1);  // `?` or `&`.
    const std::string_view parameter = rest.substr(0, rest.find('&'));
    rest.remove_prefix(parameter.size());
    const size_t name_size = std::min(parameter.find('='), parameter.size());
    if (name_size < parameter.size())
      take_parameter(parameter.substr(0, name_size), parameter.substr(name_size + 1));
  }
}

/// Two queries in one request are none.
void HttpRequest::take_parameter(std::string_view name, std::string_view value) {
  if (name != "dns") return;
  if (++parameters_ > 1) {
    wrong_parameter_ = HttpStatus::BadRequest;
  } else if (value.size() > kMaxEncodedQuery) {
    wrong_parameter_ = HttpStatus::UriTooLong;
  } else if (auto octets = decode_base64url(value)) {
    wrong_parameter_.reset();
    from_url_ = std::move(*octets);
  }
}

void HttpRequest::take_content(base::ByteView content) {
  content_size_ += content.size();
  if (method_ != Method::Post || content_size_ > kMaxQuery) return;
  content_.insert(content_.end(), content.begin(), content.end());
}

std::optional<HttpStatus> HttpRequest::refusal() const {
  if (header_list_ > kMaxHeaderList) return HttpStatus::HeaderFieldsTooLarge;
  if (!path_is_ours_) return HttpStatus::NotFound;
  switch (method_) {
    case Method::Other:
      return HttpStatus::MethodNotAllowed;
    case Method::Get:
      return wrong_parameter_;
    case Method::Post:
      if (!content_is_dns_) return HttpStatus::UnsupportedMediaType;
      if (content_size_ > kMaxQuery) return HttpStatus::ContentTooLarge;
  }
  return std::nullopt;
}

base::Result<base::ByteView, HttpStatus> HttpRequest::query() const {
  if (const auto status = refusal()) return base::fail(*status);
  const base::ByteView message = method_ == Method::Get ? from_url_ : content_;
  if (message.size() < dns::kHeaderSize) return base::fail(HttpStatus::BadRequest);
  return message;
}

}  // namespace frontend
