// Files that want more than to be read: each must end, soon, with a reason and without having
// reached anything.
#include "control/lua/lua_sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace control {
namespace {

using testing::HasSubstr;

constexpr LuaSandbox::Limits kSmall{.memory_octets = size_t{4} << 20, .steps = 1'000'000};

/// The message of the fault, "LINE: what"; "" if there was none.
std::string fault_of(const std::string& text, LuaSandbox::Limits limits = kSmall) {
  LuaSandbox sandbox(limits);
  const auto fault = sandbox.run(text, [](lua_State*) {});
  return fault ? std::to_string(fault->line) + ": " + fault->text : "";
}

struct Case {
  const char* name;
  const char* text;
  const char* says;
};

class Hostile : public testing::TestWithParam<Case> {};

TEST_P(Hostile, EndsWithAReason) {
  EXPECT_THAT(fault_of(GetParam().text), HasSubstr(GetParam().says));
}

constexpr const char* kTooLong = "it takes too long";
constexpr const char* kTooMuch = "more memory";

INSTANTIATE_TEST_SUITE_P(
    Files, Hostile,
    testing::Values(
        Case{"loop_without_an_end", "while true do end", kTooLong},
        Case{"loop_that_catches_its_end",
             "while true do pcall(function() while true do end end) end", kTooLong},
        Case{"loop_in_a_message_handler",
             "xpcall(error, function() while true do end end) while true do end", kTooLong},
        Case{"loop_when_a_variable_closes",
             "local x <close> = setmetatable({}, {__close = function() while true do end end})",
             kTooLong},
        Case{"tables_without_an_end", "local t = {} for i = 1, 1e9 do t[i] = {} end", "it takes"},
        Case{"texts_that_double", "local s = 'x' while true do s = s .. s end", kTooMuch},
        Case{"text_that_is_copied_again_and_again",
             "local s = ('x'):rep(1e6) while true do local t = s .. 'y' end", kTooLong},
        Case{"repeated_text", "string.rep('x', 1e15)", kTooLong},
        Case{"nothing_repeated", "string.rep('', math.maxinteger)", kTooLong},
        Case{"repeated_separator", "string.rep('', 1e9, ('x'):rep(1e5))", kTooLong},
        Case{"pattern_that_tries_everything", "(('a'):rep(40)):find(('a*'):rep(30) .. 'b')",
             kTooLong},
        Case{"pattern_of_what_may_be_left_out", "(('a'):rep(40)):match(('a?'):rep(64) .. 'b')",
             kTooLong},
        Case{"list_that_says_it_is_long",
             "table.insert(setmetatable({}, {__len = function() return 1e15 end}), 1, 1)",
             "1: bad argument"},
        Case{"deep_recursion", "local function f() return 1 + f() end f()", ""},
        Case{"deep_nesting", "local s = ('('):rep(1e4)", ""},
        Case{"finalizer", "setmetatable({}, {__gc = function() error('x') end})", "__gc"},
        Case{"finalizer_added_later",
             "local m = {} setmetatable({}, m) m.__gc = function() while true do end end "
             "error('end')",
             "1: end"},
        Case{"bytecode", "\x1bLua", "binary"},
        Case{"error_that_is_no_text", "error({})", "an error that is a table"},
        Case{"metatable_of_texts", "getmetatable('').__index = nil", "1: "},
        Case{"what_the_shell_would_do", "os.execute('true')", "1: "},
        Case{"files", "io.open('/etc/passwd')", "1: "},
        Case{"other_code", "load('return 1')()", "1: "},
        Case{"other_files", "dofile('/etc/passwd')", "1: "},
        Case{"libraries", "require('os')", "1: "}, Case{"debugger", "debug.sethook()", "1: "},
        Case{"dumped_function", "string.dump(function() end)", "1: "},
        Case{"dumped_by_a_text", "(''):dump()", "1: "},
        Case{"moved_without_an_end", "table.move({}, 1, math.maxinteger, 2)", "1: "},
        Case{"coroutines", "coroutine.create(function() end)", "1: "},
        Case{"collector", "collectgarbage('stop')", "1: "}),
    [](const auto& tried) { return tried.param.name; });

TEST(LuaSandbox, NestsOnlySoDeep) {
  EXPECT_NE(fault_of(std::string(100'000, '(')), "");
  EXPECT_NE(fault_of("local t = " + std::string(100'000, '{')), "");
}

TEST(LuaSandbox, NamesTheLineOfAMistake) {
  EXPECT_THAT(fault_of("local a = 1\n\nlocal b = = 2"), HasSubstr("3: unexpected symbol"));
  EXPECT_EQ(fault_of("local a = 1\nerror('no')"), "2: no");
  EXPECT_THAT(fault_of("local a\nlocal b = a.c"), HasSubstr("2: attempt to index a nil value"));
}

TEST(LuaSandbox, HasWhatAConfigurationComputesWith) {
  EXPECT_EQ(fault_of(R"(
    local names = {}
    for i, octet in ipairs({5, 6}) do table.insert(names, string.format('192.0.2.%d', octet)) end
    assert(table.concat(names, ',') == '192.0.2.5,192.0.2.6')
    assert(('A.b'):lower():gsub('%.', '-') == 'a-b')
    assert(select('#', unpack({1, 2})) == 2)
    assert(math.floor(7 / 2) == 3 and tonumber('53') == 53)
    assert(not pcall(error, 'x'))
    print('this goes nowhere')
  )"),
            "");
}

TEST(LuaSandbox, EndsTheSameWayEachTime) {
  constexpr const char* kText = "local n = 0 while true do n = n + 1 end";
  EXPECT_EQ(fault_of(kText), fault_of(kText));
}

TEST(LuaSandbox, SaysSoWhereMemoryIsOutFromTheStart) {
  EXPECT_THAT(fault_of("", {.memory_octets = 100, .steps = 1000}), HasSubstr(kTooMuch));
  EXPECT_THAT(fault_of("", {.memory_octets = 8000, .steps = 1'000'000}), HasSubstr(kTooMuch));
}

}  // namespace
}  // namespace control
