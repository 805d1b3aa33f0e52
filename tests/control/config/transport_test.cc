// How a resolver is reached: what may be said about protocol, path and proxy, and what is wrong
// with the rest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/control/config/config_rig.h"

namespace control {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The third line, with the settings from column 12 on.
std::string backend(const std::string& settings) {
  return std::string(kPorts) + kBinds + "backends: [{" + settings +
         ", tls: {subject_name: a.example}}]\n";
}

backends::BackendSettings backend_of(const std::string& settings) {
  const Config config = config_of(backend(settings));
  return config.backends.at(0);
}

TEST(Transport, IsTlsUnlessSaidOtherwise) {
  const backends::BackendSettings settings = backend_of("address: 192.0.2.1");
  EXPECT_EQ(settings.protocol, backends::Protocol::DoT);
  EXPECT_EQ(settings.address.text(), "192.0.2.1:853");
  EXPECT_FALSE(settings.socks5);
}

TEST(Transport, HttpsHasItsPortAndPath) {
  const backends::BackendSettings settings = backend_of("address: 192.0.2.1, protocol: DoH");
  EXPECT_EQ(settings.protocol, backends::Protocol::DoH);
  EXPECT_EQ(settings.address.text(), "192.0.2.1:443");
  EXPECT_EQ(settings.path, "/dns-query");
  EXPECT_EQ(settings.name, "192.0.2.1:443");
}

TEST(Transport, PathMayBeAnother) {
  const backends::BackendSettings settings =
      backend_of("address: '[2001:db8::1]:8443', protocol: DoH, doh: {path: '/a/b?c=d'}");
  EXPECT_EQ(settings.path, "/a/b?c=d");
  EXPECT_EQ(settings.address.text(), "[2001:db8::1]:8443");
}

TEST(Transport, EmptyProxyIsNone) {
  EXPECT_FALSE(backend_of("address: 192.0.2.1, socks5: ''").socks5);
}

TEST(Transport, ProxyWithoutALoginGetsOneForEachBackend) {
  const Config config =
      config_of(std::string(kPorts) + kBinds +
                "backends:\n"
                "- {address: 192.0.2.1, socks5: '127.0.0.1:9050', tls: {subject_name: a.example}}\n"
                "- {address: 192.0.2.2, socks5: '[::1]:9050', tls: {subject_name: a.example}}\n");
  const auto& one = config.backends.at(0).socks5;
  const auto& two = config.backends.at(1).socks5;
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->proxy.text(), "127.0.0.1:9050");
  EXPECT_EQ(two->proxy.text(), "[::1]:9050");
  EXPECT_GE(one->user.size(), 16u);
  EXPECT_NE(one->user, two->user);
  EXPECT_TRUE(warnings_of(config).empty());
}

TEST(Transport, ProxyHasAPortOfItsOwn) {
  EXPECT_EQ(backend_of("address: 192.0.2.1, socks5: 127.0.0.1").socks5->proxy.text(),
            "127.0.0.1:1080");
}

TEST(Transport, LoginEndsAtTheLastAt) {
  const auto proxy = backend_of("address: 192.0.2.1, socks5: 'me:a:b@c@127.0.0.1:1'").socks5;
  ASSERT_TRUE(proxy);
  EXPECT_EQ(proxy->user, "me");
  EXPECT_EQ(proxy->password, "a:b@c");
  EXPECT_EQ(proxy->proxy.text(), "127.0.0.1:1");
}

TEST(Transport, LoginForAnotherMachineIsAWarning) {
  const Config config =
      config_of(backend("address: 192.0.2.1, socks5: 'me:secret@192.0.2.9:1080'"));
  const std::vector<std::string> warnings = warnings_of(config);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("in the clear"));
  EXPECT_THAT(warnings[0], Not(HasSubstr("secret")));
}

TEST(Transport, WithAProxyTheResolverMayBeAName) {
  const backends::BackendSettings dot =
      backend_of("address: dns.example, socks5: '127.0.0.1:9050'");
  EXPECT_EQ(dot.host, "dns.example");
  EXPECT_EQ(dot.where(), "dns.example:853");
  EXPECT_EQ(dot.name, "dns.example:853");
  const backends::BackendSettings doh =
      backend_of("address: 'dns.example:8443', protocol: DoH, socks5: '127.0.0.1:9050'");
  EXPECT_EQ(doh.where(), "dns.example:8443");
  EXPECT_EQ(backend_of("address: 192.0.2.1, socks5: '127.0.0.1:9050'").host, "");
}

struct Bad {
  std::string name;
  std::string settings;
  unsigned column;
  std::string text;
};

class BadTransport : public testing::TestWithParam<Bad> {};

TEST_P(BadTransport, HasOneErrorAtItsPlace) {
  const Bad& bad = GetParam();
  const std::vector<ConfigError> errors = errors_of(backend(bad.settings));
  ASSERT_EQ(errors.size(), 1u) << all_messages(errors);
  EXPECT_EQ(errors[0].line, 3u);
  EXPECT_EQ(errors[0].column, bad.column) << errors[0].text;
  EXPECT_THAT(errors[0].text, HasSubstr(bad.text));
  EXPECT_THAT(errors[0].text, Not(HasSubstr("secret")));
}

INSTANTIATE_TEST_SUITE_P(
    Settings, BadTransport,
    testing::Values(
        Bad{"unknown_protocol", "address: 192.0.2.1, protocol: DoQ", 43,
            "expected one of `DoT` `DoH`"},
        Bad{"clear_text_protocol", "address: 192.0.2.1, protocol: Do53", 43,
            "expected one of `DoT` `DoH`"},
        Bad{"clear_text_port", "address: '192.0.2.1:53', protocol: DoH", 22,
            "would speak TLS to a clear-text port, expected port 443, which is HTTPS"},
        Bad{"path_is_a_url", "address: 192.0.2.1, protocol: DoH, doh: {path: 'https://a/b'}", 60,
            "`path`: `https://a/b` is a URL or a template for one, expected the path"},
        Bad{"path_is_a_template", "address: 192.0.2.1, protocol: DoH, doh: {path: '/q{?dns}'}", 60,
            "is a URL or a template"},
        Bad{"path_without_slash", "address: 192.0.2.1, protocol: DoH, doh: {path: dns-query}", 60,
            "`path`: `dns-query` is not a path, expected the path of the resolver's URL"},
        Bad{"path_empty", "address: 192.0.2.1, protocol: DoH, doh: {path: ''}", 60,
            "is not a path"},
        Bad{"path_with_fragment", "address: 192.0.2.1, protocol: DoH, doh: {path: '/q#a'}", 60,
            "is not a path"},
        Bad{"path_with_space", "address: 192.0.2.1, protocol: DoH, doh: {path: '/q a'}", 60,
            "`path`"},
        Bad{"path_too_long",
            "address: 192.0.2.1, protocol: DoH, doh: {path: /" + std::string(255, 'a') + "}", 60,
            "is not a path"},
        Bad{"doh_of_dot", "address: 192.0.2.1, doh: {path: /dns-query}", 38,
            "`doh` is given, expected `protocol: DoH` beside it"},
        Bad{"doh_setting_unknown",
            "address: 192.0.2.1, protocol: DoH, doh: {add_x_forwarded_headers: true}", 54,
            "`add_x_forwarded_headers`: unknown setting in `backends.doh`"},
        Bad{"name_without_a_proxy", "address: dns.example, protocol: DoH", 22,
            "is a name, expected an address: looking the name up would leak it"},
        Bad{"name_with_an_empty_proxy", "address: dns.example, socks5: ''", 22, "is a name"},
        Bad{"resolver_name_with_bad_port", "address: 'dns.example:0', socks5: '127.0.0.1:9050'", 22,
            "is a name"},
        Bad{"resolver_name_with_clear_text_port",
            "address: 'dns.example:53', socks5: '127.0.0.1:9050'", 22, "clear-text port"},
        Bad{"proxy_is_a_name", "address: 192.0.2.1, socks5: 'localhost:9050'", 41,
            "`socks5`: `localhost:9050` is a name, expected ADDRESS:PORT, such as 127.0.0.1:9050: "
            "looking the name up would leak it"},
        Bad{"proxy_is_nothing_known", "address: 192.0.2.1, socks5: '127.0.0.1:99999'", 41,
            "`socks5`: `127.0.0.1:99999` is not an address"},
        Bad{"proxy_is_a_url", "address: 192.0.2.1, socks5: 'socks5://127.0.0.1:9050'", 41, "is a"},
        Bad{"proxy_is_a_wildcard", "address: 192.0.2.1, socks5: '0.0.0.0:9050'", 41,
            "expected that of one proxy"},
        Bad{"login_without_password", "address: 192.0.2.1, socks5: 'secret@127.0.0.1:9050'", 41,
            "`socks5`: what is before the `@` is not a login, expected USER:PASSWORD"},
        Bad{"login_with_empty_password", "address: 192.0.2.1, socks5: 'secret:@127.0.0.1:9050'", 41,
            "is not a login"},
        Bad{"login_with_empty_user", "address: 192.0.2.1, socks5: ':secret@127.0.0.1:9050'", 41,
            "is not a login"},
        Bad{"login_too_long",
            "address: 192.0.2.1, socks5: 'secret:" + std::string(256, 'p') + "@127.0.0.1:9050'", 41,
            "is not a login"},
        Bad{"login_not_ascii", "address: 192.0.2.1, socks5: 'me:secret\xC3\xA9@127.0.0.1:1'", 41,
            "`socks5` has characters that are not visible ASCII"},
        Bad{"login_before_a_name", "address: 192.0.2.1, socks5: 'me:secret@proxy.example:1'", 41,
            "`socks5`: `proxy.example:1` is a name"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace control
