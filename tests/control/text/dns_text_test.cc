// Names and types as they are written in configurations and on command lines.
#include "control/text/dns_text.h"

#include <gtest/gtest.h>

#include <string>

namespace control {
namespace {

std::string octets(const std::vector<std::byte>& wire) {
  std::string text;
  for (const std::byte octet : wire) text += static_cast<char>(octet);
  return text;
}

struct GoodName {
  const char* name;
  std::string text;
  std::string wire;
};

class WireForm : public testing::TestWithParam<GoodName> {};

TEST_P(WireForm, IsMadeOfLabels) {
  const auto wire = wire_form(GetParam().text);
  ASSERT_TRUE(wire);
  EXPECT_EQ(octets(*wire), GetParam().wire);
}

INSTANTIATE_TEST_SUITE_P(
    Names, WireForm,
    testing::Values(GoodName{"root", ".", std::string(1, '\0')},
                    GoodName{"nothing_is_the_root", "", std::string(1, '\0')},
                    GoodName{"one_label", "example", std::string("\7example\0", 9)},
                    GoodName{"final_dot", "a.Example.", std::string("\1a\7Example\0", 11)},
                    GoodName{"underscore", "_dns.a-b", std::string("\4_dns\3a-b\0", 10)},
                    GoodName{"longest_label", std::string(63, 'a'),
                             "\x3f" + std::string(63, 'a') + std::string(1, '\0')}),
    [](const auto& name) { return name.param.name; });

TEST(WireForm, RefusesWhatIsNoName) {
  for (const char* text : {"..", "a..b", "a..", ".a", "a b", "a\\046b", "caf\xc3\xa9", "*.example"})
    EXPECT_FALSE(wire_form(text)) << text;
  EXPECT_FALSE(wire_form(std::string(64, 'a')));
}

TEST(WireForm, HasAtMost255Octets) {
  std::string name;
  for (int i = 0; i < 126; ++i) name += "a.";
  EXPECT_TRUE(wire_form(name + "b"));  // 127 labels of one octet, and the root: 255.
  EXPECT_FALSE(wire_form(name + "bb"));
  EXPECT_FALSE(wire_form(name + "b.c"));
}

TEST(ParseType, KnowsNamesAndNumbers) {
  EXPECT_EQ(parse_type("A"), dns::Type::A);
  EXPECT_EQ(parse_type("aaaa"), dns::Type::Aaaa);
  EXPECT_EQ(parse_type("HTTPS"), dns::Type::Https);
  EXPECT_EQ(parse_type("TYPE28"), dns::Type::Aaaa);
  EXPECT_EQ(parse_type("type65280"), static_cast<dns::Type>(65280));
}

TEST(ParseType, RefusesTheRest) {
  for (const char* text : {"", "B", "TYPE", "TYPE0", "TYPE41", "TYPE65536", "TYPE1x", "TYPE-1",
                           "28", "A ", "TYPE0000000000000000000000001"})
    EXPECT_FALSE(parse_type(text)) << text;
}

}  // namespace
}  // namespace control
