// Which lines are taken out of a file that Lua cannot read or run.
#include "control/lua/lua_repair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace control {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

struct Case {
  const char* name;
  const char* text;
  const char* what;  // "LINE what" for each that is taken out.
  const char* rest;  // What Lua reads in the end.
};

std::string repaired(std::string text, std::string& told) {
  LuaRepair repair(std::move(text));
  while (const auto fault = LuaSandbox::fault_in(repair.text(), {})) {
    const auto remark = repair.take_out(*fault);
    if (!remark) {
      told += "given up\n";
      break;
    }
    told += std::to_string(remark->line) + " " + remark->what + "\n";
  }
  return repair.text();
}

/// Without spaces where lines end.
std::string without_ends(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\n') result.erase(result.find_last_not_of(' ') + 1);
    result += c;
  }
  return result.erase(result.find_last_not_of(' ') + 1);
}

class Repairs : public testing::TestWithParam<Case> {};

TEST_P(Repairs, ByTakingStatementsOut) {
  std::string told;
  const std::string rest = repaired(GetParam().text, told);
  EXPECT_EQ(told, GetParam().what);
  EXPECT_EQ(without_ends(rest), GetParam().rest);
}

INSTANTIATE_TEST_SUITE_P(
    Files, Repairs,
    testing::Values(
        Case{"one_line", "a = 1\nb = = 2\nc = 3", "2 this line\n", "a = 1\n\nc = 3"},
        Case{"call_of_several_lines", "a = 1\nf({\n  x = = 1,\n  y = 2})\nc = 3",
             "2 lines 2 to 4\n", "a = 1\n\n\n\nc = 3"},
        Case{"call_that_is_not_closed", "f({x = 1\ng({y = 2})", "1 this line\n", "\ng({y = 2})"},
        Case{"call_that_is_not_closed_at_the_end", "g()\nf(", "2 this line\n", "g()\n"},
        Case{"condition_with_its_block", "if a = = b then\n  f()\nelse\n  g()\nend\nh()",
             "1 lines 1 to 5\n", "\n\n\n\n\nh()"},
        Case{"line_in_a_block", "if a then\n  b = = 1\n  f()\nend", "2 this line\n",
             "if a then\n\n  f()\nend"},
        Case{"loop", "for i = = 1, 2 do\n  f(i)\nend\ng()", "1 lines 1 to 3\n", "\n\n\ng()"},
        Case{"call_that_is_not_closed_before_others",
             "f((\ng({y = 2})\nh({\n  x = 1,\n  y = 2\ng()", "1 this line\n3 lines 3 to 5\n",
             "\ng({y = 2})\n\n\n\ng()"},
        Case{"end_too_many", "f()\nend\ng()", "2 this line\n", "f()\n\ng()"},
        Case{"bracket_in_a_text", "f('(')\nb = = 1\ng(\"{\", [[(\n(]])", "2 this line\n",
             "f('(')\n\ng(\"{\", [[(\n(]])"},
        Case{"bracket_in_a_comment", "-- (\nb = = 1 --[[ (\n( ]]\ng()", "2 lines 2 to 3\n",
             "-- (\n\n\ng()"},
        Case{"block_without_an_end", "f()\nfunction g()\n  h()\n", "2 this line\n",
             "f()\n\n  h()\n"}),
    [](const auto& tried) { return tried.param.name; });

TEST(LuaRepair, GivesUpWhereNothingIsLeft) {
  LuaRepair repair("f()\n\n");
  EXPECT_FALSE(repair.take_out({.line = 2, .text = "x"}));
  EXPECT_FALSE(repair.take_out({.line = 0, .text = "x"}));
  EXPECT_TRUE(repair.take_out({.line = 1, .text = "x"}));
  EXPECT_FALSE(repair.take_out({.line = 1, .text = "x"}));
}

TEST(LuaRepair, GivesUpAfterAHundredStatements) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "b = = 1\n";
  std::string told;
  (void)repaired(text, told);
  EXPECT_THAT(told, HasSubstr("100 this line\ngiven up\n"));
}

TEST(LuaRepair, SaysWhatIsOddAboutALine) {
  EXPECT_THAT(oddity_of("f(\xE2\x80\x9Cx\xE2\x80\x9D)"), HasSubstr("typographic quotes"));
  EXPECT_THAT(oddity_of("f(\xC2\xA0x)"), HasSubstr("no-break space"));
  EXPECT_THAT(oddity_of("f('x')"), IsEmpty());
}

}  // namespace
}  // namespace control
