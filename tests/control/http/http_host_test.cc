#include "control/http/http_host.h"

#include <gtest/gtest.h>

#include <string>

namespace control {
namespace {

struct Host {
  std::string name;
  std::string host;
  bool is_ours;
};

class OnLoopback : public testing::TestWithParam<Host> {};

TEST_P(OnLoopback, OnlyNamesThatNobodyElseCanHave) {
  EXPECT_EQ(names_us(GetParam().host, *base::IpAddress::parse("127.0.0.2")), GetParam().is_ours);
}

INSTANTIATE_TEST_SUITE_P(
    Hosts, OnLoopback,
    testing::Values(
        Host{"localhost", "localhost", true}, Host{"other_case", "LocalHost:9153", true},
        Host{"through_a_tunnel", "localhost:8080", true}, Host{"usual", "127.0.0.1:9153", true},
        Host{"without_port", "127.0.0.1", true}, Host{"configured", "127.0.0.2:9153", true},
        Host{"ipv6", "[::1]:9153", true}, Host{"ipv6_without_port", "[::1]", true},
        Host{"no_port_after_all", "localhost:", true}, Host{"empty", "", false},
        Host{"rebound", "evil.example", false},
        Host{"rebound_with_port", "evil.example:9153", false},
        Host{"begins_well", "localhost.evil.example", false},
        Host{"begins_with_the_address", "127.0.0.1.evil.example:9153", false},
        Host{"ends_well", "evil-localhost", false}, Host{"another_of_ours", "127.0.0.3", false},
        Host{"port_of_letters", "localhost:http", false}, Host{"two_ports", "localhost:1:2", false},
        Host{"long_port", "localhost:123456", false}, Host{"user", "localhost@evil.example", false},
        Host{"user_and_port", "localhost:1@evil", false}, Host{"bracket_alone", "[", false},
        Host{"bracket_not_closed", "[::1", false}, Host{"behind_the_bracket", "[::1]x", false},
        Host{"space", " localhost", false}),
    [](const auto& host) { return host.param.name; });

TEST(NamesUs, TakesAnyNameElsewhere) {
  EXPECT_TRUE(names_us("dns.example.org:9153", *base::IpAddress::parse("192.0.2.53")));
  EXPECT_TRUE(names_us("dns.example.org", *base::IpAddress::parse("0.0.0.0")));
}

}  // namespace
}  // namespace control
