#include "control/yaml/yaml_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/control/config/config_rig.h"

namespace control {
namespace {

using testing::HasSubstr;

struct Wrong {
  const char* name;
  std::string text;
  unsigned line;
  unsigned column;
  const char* fault;
};

class WrongLayout : public testing::TestWithParam<Wrong> {};

TEST_P(WrongLayout, IsToldInWordsAboutIt) {
  const Wrong& wrong = GetParam();
  const std::vector<ConfigError> errors = errors_of(wrong.text);
  ASSERT_EQ(errors.size(), 1u) << all_messages(errors);
  EXPECT_THAT(errors[0].text, HasSubstr(wrong.fault));
  EXPECT_EQ(errors[0].line, wrong.line);
  EXPECT_EQ(errors[0].column, wrong.column);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, WrongLayout,
    testing::Values(Wrong{"tab", "metrics:\n\taddress: 127.0.0.1\n", 2, 1,
                          "a tab in the indentation, expected spaces"},
                    Wrong{"tab_behind_spaces", "tuning:\n  tcp:\n  \tidle_timeout: 5\n", 3, 3,
                          "a tab in the indentation, expected spaces"},
                    Wrong{"less_than_its_neighbours",
                          "backends:\n    - address: 192.0.2.1\n      order: 1\n     weight: 2\n",
                          4, 6, "line 4 begins with 5 spaces, and line 3 above it with 6"},
                    Wrong{"more_than_its_neighbours",
                          "packet_caches:\n- name: main\n  size: 5\n   max_ttl: 7\n", 4, 4,
                          "line 4 begins with 3 spaces, and line 3 above it with 2"},
                    Wrong{"a_section_that_begins_too_far_right",
                          "metrics:\n  address: 127.0.0.1\n logging:\n  level: info\n", 3, 2,
                          "line 3 begins with 1 space, and line 2 above it with 2"}),
    [](const auto& wrong) { return std::string(wrong.param.name); });

TEST(Layout, OfGoodFilesIsGood) {
  for (const char* name :
       {"full", "minimal", "split-horizon", "all-protocols", "several-vendors"}) {
    std::ifstream file(std::string(std::getenv("SOURCE_ROOT")) + "/docs/examples/" + name +
                       ".yaml");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    ASSERT_FALSE(text.empty());
    const auto fault = fault_of_layout(text, 1'000'000);
    EXPECT_FALSE(fault) << name << ": " << fault->place.line << ": " << fault->text;
  }
  EXPECT_FALSE(fault_of_layout("", 1));
  EXPECT_FALSE(fault_of_layout("a: [1,\n  2,\n 3]\n", 3)) << "inside of brackets nobody minds";
}

TEST(Layout, OfOtherFaultsIsTheParsersAffair) {
  EXPECT_THAT(errors_of(minimal("acl: [10.0.0.0/8\n")).at(0).text,
              HasSubstr("not readable as YAML: "));
}

}  // namespace
}  // namespace control
