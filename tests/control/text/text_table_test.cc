// Lines and columns for a terminal.
#include "control/text/text_table.h"

#include <gtest/gtest.h>

namespace control {
namespace {

using Side = TextTable::Side;

TEST(Columns, AreCountedByCharacter) {
  EXPECT_EQ(columns_of(""), 0u);
  EXPECT_EQ(columns_of("abc"), 3u);
  EXPECT_EQ(columns_of("8µs…"), 4u);
}

TEST(Cut, KeepsWhatFits) {
  EXPECT_EQ(cut("abcd", 4), "abcd");
  EXPECT_EQ(cut("abcde", 4), "abc…");
  EXPECT_EQ(cut("µµµµµ", 4), "µµµ…");
  EXPECT_EQ(cut("ab", 1), "…");
  EXPECT_EQ(cut("ab", 0), "");
}

TEST(Paragraph, WrapsAtTheWidth) {
  const std::string word(30, 'a');
  const std::string text = word + ' ' + word + ' ' + word;
  EXPECT_EQ(paragraph("label", text, 10, {}),
            "label     " + word + ' ' + word + "\n          " + word + '\n');
  EXPECT_EQ(paragraph("label", text, 10, {.width = 120}),
            "label     " + word + ' ' + word + ' ' + word + '\n');
}

TEST(Paragraph, FillsALineToItsLastColumn) {
  EXPECT_EQ(paragraph("", std::string(40, 'a') + ' ' + std::string(39, 'b'), 0, {}),
            std::string(40, 'a') + ' ' + std::string(39, 'b') + '\n');
  EXPECT_EQ(paragraph("", std::string(40, 'a') + ' ' + std::string(40, 'b'), 0, {}),
            std::string(40, 'a') + '\n' + std::string(40, 'b') + '\n');
}

TEST(Paragraph, LeavesLongWordsWhole) {
  const std::string word(200, 'a');
  EXPECT_EQ(paragraph("x", "b " + word + " c", 4, {}), "x   b\n    " + word + "\n    c\n");
}

TEST(Paragraph, KeepsALongLabelApart) {
  EXPECT_EQ(paragraph("a long label", "text", 4, {}), "a long label text\n");
}

TEST(Paragraph, IsPrintableWhateverItSays) {
  EXPECT_EQ(paragraph("", "a\033[31mb\nc", 0, {}), "a\\027[31mb\\010c\n");
}

TEST(Paragraph, IsColouredLineByLine) {
  const TextStyle style{.width = 80, .colours = true};
  const std::string word(50, 'a');
  EXPECT_EQ(paragraph("", word + ' ' + word, 2, style, Colour::Good),
            "  \033[32m" + word + "\033[0m\n  \033[32m" + word + "\033[0m\n");
}

TEST(TextTable, AlignsItsColumns) {
  TextTable table({{"NAME", Side::Left}, {"STATE", Side::Left}, {"N"}});
  table.row({{"a"}, {"up"}, {"1"}});
  table.row({{"long name"}, {"down"}, {"1,234"}});
  EXPECT_EQ(table.text({}),
            "NAME       STATE      N\n"
            "a          up         1\n"
            "long name  down   1,234\n");
}

TEST(TextTable, CutsItsFirstColumnToTheWidth) {
  TextTable table({{"NAME", Side::Left}, {"VALUE"}});
  table.row({{std::string(100, 'n')}, {std::string(40, '7')}});
  EXPECT_EQ(table.text({}), "NAME" + std::string(71, ' ') + "VALUE\n" + std::string(37, 'n') +
                                "…  " + std::string(40, '7') + '\n');
  EXPECT_EQ(columns_of(table.text({}).substr(table.text({}).find('\n') + 1)), 81u);
}

TEST(TextTable, AlignsColouredCells) {
  TextTable table({{"A", Side::Left}, {"B"}, {"C", Side::Left}});
  table.row({{"x", Colour::Bad}, {"10", Colour::Good}, {"z", Colour::Plain}});
  EXPECT_EQ(table.text({.width = 80, .colours = true}),
            "\033[2mA\033[0m   \033[2mB\033[0m  \033[2mC\033[0m\n"
            "\033[1;31mx\033[0m  \033[32m10\033[0m  z\n");
}

TEST(TextTable, KeepsHostileTextOnItsLine) {
  TextTable table({{"NAME", Side::Left}, {"N"}});
  table.row({{"a\nb\033[2J"}, {"1"}});
  EXPECT_EQ(table.text({}), "NAME           N\na\\010b\\027[2J  1\n");
}

TEST(TextTable, WithoutRowsHasItsTitles) {
  EXPECT_EQ(TextTable({{"NAME", Side::Left}, {"N"}}).text({}), "NAME  N\n");
}

}  // namespace
}  // namespace control
