#include "tls-workers/frontend/http_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/message_builder.h"
#include "tests/tls-workers/frontend/http2_client.h"
#include "tls-workers/frontend/base64url.h"

namespace tests {
namespace {

using frontend::HttpRequest;
using frontend::HttpStatus;

const std::vector<std::string> kPaths = {"/dns-query", "/other"};

std::string base64url(const Bytes& octets) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  for (size_t bit = 0; bit < octets.size() * 8; bit += 6) {
    size_t value = 0;
    for (size_t i = bit; i < bit + 6; ++i) {
      const bool set = i / 8 < octets.size() &&
                       (std::to_integer<unsigned>(octets[i / 8]) >> (7 - i % 8) & 1u) != 0;
      value = value * 2 + (set ? 1 : 0);
    }
    text += kAlphabet[value];
  }
  return text;
}

// ---------------------------------------------------------------- base64url

TEST(Base64url, ReadsTheExampleOfRfc8484) {
  // RFC 8484 §4.1.1: a query for www.example.com.
  const auto octets = frontend::decode_base64url("AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB");
  ASSERT_TRUE(octets.has_value());
  EXPECT_EQ(hex(*octets), hex(a_query("www.example.com.").id(0).build()));
}

TEST(Base64url, ReadsEveryLengthAndEveryOctet) {
  Bytes octets;
  for (int i = 0; i < 256; ++i) {
    EXPECT_EQ(frontend::decode_base64url(base64url(octets)), octets) << octets.size();
    octets.push_back(static_cast<std::byte>(255 - i));
  }
}

TEST(Base64url, TakesNoOtherSpelling) {
  struct Spelling {
    const char* name;
    const char* text;
  };
  for (const Spelling& spelling : {Spelling{"padded", "AAA="},
                                   {"plus_of_plain_base64", "AA+A"},
                                   {"slash", "AA/A"},
                                   {"percent", "AA%3D"},
                                   {"space", "AA A"},
                                   {"newline", "AAA\n"},
                                   {"beyond_ascii", "AA\xC3\xA9"},
                                   {"one_character_over", "AAAAA"},
                                   {"bits_behind_one_octet", "AB"},
                                   {"bits_behind_two_octets", "AAB"}}) {
    EXPECT_FALSE(frontend::decode_base64url(spelling.text).has_value()) << spelling.name;
  }
}

// ---------------------------------------------------------------- requests

/// A request and what is to become of it.
struct Case {
  const char* name;
  HttpHeaders headers;
  Bytes content;
  HttpStatus status;
};

class HttpRequests : public testing::TestWithParam<Case> {};

HttpRequest made_of(const HttpHeaders& headers, const Bytes& content = {}) {
  HttpRequest request;
  for (const auto& [name, value] : headers) request.take_header(name, value, kPaths);
  request.take_content(content);
  return request;
}

const Bytes kQuery = a_query("www.example.").build();

HttpHeaders get(const std::string& path) { return {{":method", "GET"}, {":path", path}}; }
HttpHeaders post(const std::string& path = "/dns-query",
                 const std::string& type = "application/dns-message") {
  return {{":path", path}, {":method", "POST"}, {"content-type", type}};
}
HttpHeaders with(HttpHeaders headers, const std::string& name, const std::string& value) {
  headers.emplace_back(name, value);
  return headers;
}

TEST_P(HttpRequests, AreQueriesOrHaveAStatus) {
  const HttpRequest request = made_of(GetParam().headers, GetParam().content);
  const auto query = request.query();
  if (GetParam().status == HttpStatus::Ok) {
    ASSERT_TRUE(query.has_value());
    EXPECT_EQ(hex(*query), hex(kQuery));
  } else {
    ASSERT_FALSE(query.has_value());
    EXPECT_EQ(query.error(), GetParam().status);
  }
}

std::vector<Case> cases() {
  const std::string dns = "?dns=" + base64url(kQuery);
  const auto of_size = [](size_t size) {
    return "/dns-query?dns=" + base64url(Bytes(size, std::byte{1}));
  };
  return {
      {"get", get("/dns-query" + dns), {}, HttpStatus::Ok},
      {"get_at_another_path", get("/other" + dns), {}, HttpStatus::Ok},
      {"get_among_parameters",
       get("/dns-query?a=b&" + dns.substr(1) + "&dnsx=AAAA&x"),
       {},
       HttpStatus::Ok},
      {"get_with_a_content_type",
       with(get("/dns-query" + dns), "content-type", "text/html"),
       {},
       HttpStatus::Ok},
      {"get_with_content", get("/dns-query" + dns), bytes_of({1, 2, 3}), HttpStatus::Ok},
      {"get_nothing", get("/dns-query"), {}, HttpStatus::BadRequest},
      {"get_empty", get("/dns-query?dns="), {}, HttpStatus::BadRequest},
      {"get_without_value", get("/dns-query?dns"), {}, HttpStatus::BadRequest},
      {"get_twice", get("/dns-query" + dns + "&" + dns.substr(1)), {}, HttpStatus::BadRequest},
      {"get_twice_the_second_bad", get("/dns-query" + dns + "&dns=="), {}, HttpStatus::BadRequest},
      {"get_padded", get("/dns-query" + dns + "="), {}, HttpStatus::BadRequest},
      {"get_eleven_octets", get(of_size(11)), {}, HttpStatus::BadRequest},
      {"get_too_long", get(of_size(HttpRequest::kMaxQuery + 1)), {}, HttpStatus::UriTooLong},
      {"get_dns_in_capitals", get("/dns-query?DNS" + dns.substr(4)), {}, HttpStatus::BadRequest},
      {"no_such_path", get("/" + dns), {}, HttpStatus::NotFound},
      {"path_goes_on", get("/dns-query/" + dns), {}, HttpStatus::NotFound},
      {"path_in_capitals", get("/DNS-query" + dns), {}, HttpStatus::NotFound},
      {"path_of_another_spelling", get("/dns%2Dquery" + dns), {}, HttpStatus::NotFound},
      {"asterisk", get("*"), {}, HttpStatus::NotFound},
      {"no_path", {{":method", "CONNECT"}, {":authority", "a:1"}}, {}, HttpStatus::NotFound},
      {"head",
       {{":method", "HEAD"}, {":path", "/dns-query" + dns}},
       {},
       HttpStatus::MethodNotAllowed},
      {"put", {{":method", "PUT"}, {":path", "/dns-query"}}, kQuery, HttpStatus::MethodNotAllowed},
      {"method_in_small_letters",
       {{":method", "get"}, {":path", "/dns-query" + dns}},
       {},
       HttpStatus::MethodNotAllowed},
      {"post", post(), kQuery, HttpStatus::Ok},
      {"post_with_a_parameter", post("/dns-query?dns=AAAA"), kQuery, HttpStatus::Ok},
      {"post_with_a_length", with(post(), "content-length", std::to_string(kQuery.size())), kQuery,
       HttpStatus::Ok},
      {"post_with_type_in_capitals", post("/dns-query", "Application/DNS-Message; charset=utf-8"),
       kQuery, HttpStatus::Ok},
      {"post_of_another_type", post("/dns-query", "application/dns-json"), kQuery,
       HttpStatus::UnsupportedMediaType},
      {"post_of_a_longer_type", post("/dns-query", "application/dns-messages"), kQuery,
       HttpStatus::UnsupportedMediaType},
      {"post_without_type",
       {{":method", "POST"}, {":path", "/dns-query"}},
       kQuery,
       HttpStatus::UnsupportedMediaType},
      {"post_nothing", post(), {}, HttpStatus::BadRequest},
      {"post_eleven_octets", post(), Bytes(11), HttpStatus::BadRequest},
      {"post_too_much", post(), Bytes(HttpRequest::kMaxQuery + 1), HttpStatus::ContentTooLarge},
      {"post_another_length_than_announced", with(post(), "content-length", "9"), kQuery,
       HttpStatus::Ok},  // That is nghttp2's to say.
      {"one_header_too_long", with(post(), "cookie", std::string(HttpRequest::kMaxHeaderList, 'c')),
       kQuery, HttpStatus::HeaderFieldsTooLarge},
      {"path_too_long",
       get("/dns-query?x=" + std::string(HttpRequest::kMaxHeaderList, 'x')),
       {},
       HttpStatus::HeaderFieldsTooLarge},
  };
}

INSTANTIATE_TEST_SUITE_P(Rfc8484, HttpRequests, testing::ValuesIn(cases()),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(HttpRequest, TakesTheLargestQueryEitherWay) {
  const Bytes largest(HttpRequest::kMaxQuery, std::byte{0xA5});
  EXPECT_EQ(made_of(post(), largest).query()->size(), largest.size());
  const auto query = made_of(get("/dns-query?dns=" + base64url(largest))).query();
  ASSERT_TRUE(query.has_value());
  EXPECT_EQ(query->size(), largest.size());
}

TEST(HttpRequest, ManySmallHeadersAreTooMuchAsWell) {
  HttpRequest request = made_of(post());
  request.take_content(kQuery);
  EXPECT_TRUE(request.query().has_value());
  for (size_t i = 0; i < HttpRequest::kMaxHeaderList / 32; ++i) request.take_header("", "", kPaths);
  ASSERT_FALSE(request.query().has_value());
  EXPECT_EQ(request.query().error(), HttpStatus::HeaderFieldsTooLarge);
}

TEST(HttpRequest, IsHeardToItsEndIfItHasOne) {
  for (const HttpHeaders& headers : {post(), get("/")}) {
    HttpRequest request = made_of(headers, Bytes(HttpRequest::kMaxContent));
    EXPECT_FALSE(request.is_endless());
    request.take_content(Bytes(1));
    EXPECT_TRUE(request.is_endless());
  }
}

}  // namespace
}  // namespace tests
