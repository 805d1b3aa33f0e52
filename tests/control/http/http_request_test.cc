#include "control/http/http_request.h"

#include <gtest/gtest.h>

#include <string>

namespace control {
namespace {

const base::IpAddress kLoopback = *base::IpAddress::parse("::1");

HttpHead head_of(std::string_view method, std::string_view target) {
  HttpHead head{.method = method, .target = target, .version = "HTTP/1.1", .octets = 100};
  head.add("Host", "localhost");
  return head;
}

std::string told(const HttpHead& head, const base::IpAddress& address = kLoopback) {
  const auto path = path_of(head, address);
  return path ? std::string(*path) : std::to_string(path.error());
}

struct Asked {
  std::string name;
  std::string method;
  std::string target;
  std::string told;
};

class PathOf : public testing::TestWithParam<Asked> {};

TEST_P(PathOf, IsWhatIsAskedForOrARefusal) {
  EXPECT_EQ(told(head_of(GetParam().method, GetParam().target)), GetParam().told);
}

INSTANTIATE_TEST_SUITE_P(
    Targets, PathOf,
    testing::Values(Asked{"path", "GET", "/metrics", "/metrics"}, Asked{"root", "GET", "/", "/"},
                    Asked{"whole_url", "GET", "http://[::1]:9153/metrics", "/metrics"},
                    Asked{"other_case", "GET", "HTTP://LocalHost/healthz", "/healthz"},
                    Asked{"url_without_a_path", "GET", "http://localhost", "/"},
                    Asked{"url_of_another", "GET", "http://evil.example/metrics", "421"},
                    Asked{"url_with_a_user", "GET", "http://localhost@evil.example/", "421"},
                    Asked{"url_without_a_host", "GET", "http:///metrics", "400"},
                    Asked{"url_that_ends", "GET", "http://", "400"},
                    Asked{"other_scheme", "GET", "https://localhost/metrics", "400"},
                    Asked{"all_of_us", "OPTIONS", "*", "*"},
                    Asked{"all_of_us_as_a_url", "OPTIONS", "http://localhost", "*"},
                    Asked{"all_of_another", "OPTIONS", "http://evil.example", "421"},
                    Asked{"star_that_is_read", "GET", "*", "400"},
                    Asked{"authority", "CONNECT", "localhost:53", "400"},
                    Asked{"nothing", "GET", "", "400"}, Asked{"no_slash", "GET", "metrics", "400"}),
    [](const auto& asked) { return asked.param.name; });

TEST(PathOfHost, HasToBeNamedOnceByAllButOldClients) {
  HttpHead none{.method = "GET", .target = "/", .version = "HTTP/1.1"};
  EXPECT_EQ(told(none), "400");
  none.version = "HTTP/1.0";
  EXPECT_EQ(told(none), "/");
  HttpHead two = head_of("GET", "/");
  two.add("host", "localhost");
  EXPECT_EQ(told(two), "400");
}

TEST(PathOfHost, HasToBeOurs) {
  HttpHead head{.method = "GET", .target = "/", .version = "HTTP/1.1"};
  head.add("HOST", "evil.example");
  EXPECT_EQ(told(head), "421");
  EXPECT_EQ(told(head, *base::IpAddress::parse("2001:db8::1")), "/") << "names we do not know";
}

TEST(PathOfHost, OfAWholeUrlCountsInsteadOfTheHeader) {
  HttpHead head{.method = "GET", .target = "http://localhost/", .version = "HTTP/1.1"};
  EXPECT_EQ(told(head), "400") << "which has to be there all the same";
  head.add("Host", "evil.example");
  EXPECT_EQ(told(head), "/");
}

TEST(PathOfHeaders, HaveNamesThatAreTokens) {
  for (const char* name : {"Host ", "X\t", " X", "", "X Y", "X\"", "\xC3\xA4", "X:"}) {
    HttpHead head = head_of("GET", "/");
    head.add(name, "y");
    EXPECT_EQ(told(head), "400") << name;
  }
  HttpHead head = head_of("GET", "/");
  head.add("X-1_~", "y");
  EXPECT_EQ(told(head), "/");
}

TEST(PathOfHeaders, AreSixtyFourAndEightKibibytesAtMost) {
  HttpHead head = head_of("GET", "/");
  while (head.headers < 64) head.add("X", "y");
  head.octets = 8192;
  EXPECT_EQ(told(head), "/");
  ++head.octets;
  EXPECT_EQ(told(head), "431");
  --head.octets;
  head.add("X", "y");
  EXPECT_EQ(told(head), "431");
}

}  // namespace
}  // namespace control
