// Lines of the log: their front, their level, what becomes of text that is no line, and the pace
// for those who talk a lot.
#include "control/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "control/log/paced_log.h"
#include "control/text/escape.h"

namespace control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::SizeIs;

/// A log that remembers its lines.
class LogTest : public testing::Test {
 protected:
  Log log(LogLevel least, Log::Front front) {
    return {std::make_shared<spdlog::sinks::ostream_sink_mt>(text_), least, front};
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::istringstream text(text_.str());
    std::vector<std::string> result;
    for (std::string line; std::getline(text, line);) result.push_back(line);
    return result;
  }

  std::ostringstream text_;
};

TEST_F(LogTest, StartsWithTheTime) {
  log(LogLevel::Info, Log::Front::Time).write(LogLevel::Warning, "backend lost");
  EXPECT_THAT(
      lines(),
      ElementsAre(MatchesRegex("20..-..-..T..:..:..\\....[-+]..:.. warning: backend lost")));
}

TEST_F(LogTest, StartsWithThePriorityForTheJournal) {
  Log journal = log(LogLevel::Debug, Log::Front::Priority);
  journal.write(LogLevel::Error, "a");
  journal.write(LogLevel::Warning, "b");
  journal.write(LogLevel::Info, "c");
  journal.write(LogLevel::Debug, "d");
  EXPECT_THAT(lines(), ElementsAre("<3>a", "<4>b", "<6>c", "<7>d"));
}

TEST_F(LogTest, LeavesOutWhatIsBelowItsLevel) {
  Log journal = log(LogLevel::Warning, Log::Front::Priority);
  journal.write(LogLevel::Debug, "a");
  journal.write(LogLevel::Info, "b");
  journal.write(LogLevel::Warning, "c");
  EXPECT_THAT(lines(), ElementsAre("<4>c"));
}

TEST_F(LogTest, KeepsOneLineWhateverTheTextHolds) {
  log(LogLevel::Info, Log::Front::Priority)
      .write(LogLevel::Info,
             std::string_view("a\nb\r\0c\x1B[2J\x7F {} %n \xC3\xBC \xFF \xC0\x80", 25));
  EXPECT_THAT(lines(),
              ElementsAre("<6>a\\010b\\013\\000c\\027[2J\\127 {} %n \xC3\xBC \\255 \\192\\128"));
}

TEST_F(LogTest, KeepsLinesApartWhenManyThreadsWrite) {
  Log journal = log(LogLevel::Info, Log::Front::Priority);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 100; ++j) journal.write(LogLevel::Info, "the same line");
    });
  }
  threads.clear();
  EXPECT_THAT(lines(), testing::AllOf(SizeIs(400), testing::Each("<6>the same line")));
}

struct Line {
  std::string name;
  std::string from;
  std::string to;
};

class OneLine : public testing::TestWithParam<Line> {};

TEST_P(OneLine, IsPrintable) { EXPECT_EQ(one_line(GetParam().from), GetParam().to); }

INSTANTIATE_TEST_SUITE_P(
    Texts, OneLine,
    testing::Values(Line{"plain", "a \\b\"", "a \\b\""}, Line{"two_octets", "\xC3\xBC", "\xC3\xBC"},
                    Line{"three_octets", "\xE2\x82\xAC", "\xE2\x82\xAC"},
                    Line{"four_octets", "\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
                    Line{"cut_short", "\xF0\x9F\x98", "\\240\\159\\152"},
                    Line{"not_shortest", "\xE0\x80\xAF", "\\224\\128\\175"},
                    Line{"surrogate", "\xED\xA0\x80", "\\237\\160\\128"},
                    Line{"beyond_unicode", "\xF4\x90\x80\x80", "\\244\\144\\128\\128"},
                    Line{"c1_control", "\xC2\x85", "\\194\\133"},
                    Line{"line_separator", "\xE2\x80\xA8", "\\226\\128\\168"},
                    Line{"right_to_left_override", "\xE2\x80\xAE", "\\226\\128\\174"}),
    [](const auto& line) { return line.param.name; });

TEST(Escaped, LetsTheOriginalBeTold) {
  EXPECT_EQ(escaped("a.b\\c\n\xFF\""), "a.b\\092c\\010\\255\"");
  EXPECT_EQ(escaped("abcdef", 3), "abc...");
  EXPECT_EQ(escaped("abc", 3), "abc");
}

class PacedLogTest : public LogTest {
 protected:
  base::Time at(int64_t milliseconds) const { return start_ + base::milliseconds(milliseconds); }

  base::Time start_{base::seconds(1000)};
  Log log_ = log(LogLevel::Info, Log::Front::Priority);
  PacedLog paced_{log_};
};

TEST_F(PacedLogTest, WritesTheFirstFewAtOnce) {
  for (int i = 0; i < 5; ++i) paced_.write(LogLevel::Info, "a", "line " + std::to_string(i), at(i));
  EXPECT_THAT(lines(),
              ElementsAre("<6>line 0", "<6>line 1", "<6>line 2", "<6>line 3", "<6>line 4"));
}

TEST_F(PacedLogTest, HoldsTheRestBackAndTellsHowManyThereWere) {
  for (int i = 0; i < 19; ++i)
    paced_.write(LogLevel::Info, "a", "line " + std::to_string(i), at(i));
  EXPECT_THAT(lines(), SizeIs(5));
  paced_.flush(at(9999));
  EXPECT_THAT(lines(), SizeIs(5));
  paced_.flush(at(10000));
  ASSERT_THAT(lines(), SizeIs(6));
  EXPECT_EQ(lines()[5], "<6>line 18 (14 more in the last 10 s)");
}

TEST_F(PacedLogTest, SaysTheOnlyHeldLineAsItIs) {
  for (int i = 0; i < 5; ++i) paced_.write(LogLevel::Info, "a", "down", at(0));
  paced_.write(LogLevel::Warning, "a", "up again", at(1));
  paced_.flush(at(10000));
  EXPECT_EQ(lines().back(), "<4>up again");
}

TEST_F(PacedLogTest, WritesWhatWasHeldBeforeTheNextLine) {
  for (int i = 0; i < 8; ++i) paced_.write(LogLevel::Info, "a", "old", at(0));
  paced_.write(LogLevel::Info, "a", "new", at(10000));
  ASSERT_THAT(lines(), SizeIs(7));
  EXPECT_EQ(lines()[5], "<6>old (3 more in the last 10 s)");
  EXPECT_EQ(lines()[6], "<6>new");
}

TEST_F(PacedLogTest, CountsEachSubjectByItself) {
  for (int i = 0; i < 100; ++i) paced_.write(LogLevel::Info, "a", "from a", at(0));
  paced_.write(LogLevel::Info, "b", "from b", at(0));
  EXPECT_EQ(lines().back(), "<6>from b");
}

TEST_F(PacedLogTest, DoesNotCountLinesThatNobodyReads) {
  for (int i = 0; i < 100; ++i) paced_.write(LogLevel::Debug, "a", "chatter", at(i));
  paced_.write(LogLevel::Warning, "a", "in time", at(100));
  EXPECT_THAT(lines(), ElementsAre("<4>in time"));
}

TEST_F(PacedLogTest, SaysNothingTwice) {
  for (int i = 0; i < 8; ++i) paced_.write(LogLevel::Info, "a", "old", at(0));
  paced_.flush(at(10000));
  paced_.flush(at(20000));
  EXPECT_THAT(lines(), SizeIs(6));
}

TEST_F(PacedLogTest, IsBoundedInSubjects) {
  // Once the table is full, those that are left share one subject, and its few lines.
  const size_t more = 1000;
  for (size_t i = 0; i < PacedLog::kMaxSubjects + more; ++i) {
    paced_.write(LogLevel::Info, "subject " + std::to_string(i), "x", at(0));
  }
  EXPECT_THAT(lines(), SizeIs(PacedLog::kMaxSubjects + PacedLog::kLinesInWindow));
  paced_.write(LogLevel::Info, "another", "x", at(10000));
  EXPECT_THAT(lines(), SizeIs(PacedLog::kMaxSubjects + PacedLog::kLinesInWindow + 2));
}

}  // namespace
}  // namespace control
