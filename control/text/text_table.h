// Text for a terminal: lines that wrap at its width, and tables whose columns are aligned. Colours
// only add to the words, and only where they are wanted. Whatever a text contains, it stays
// printable and on its line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace control {

struct TextStyle {
  unsigned width = 80;  // Columns; what is less than kLeastWidth counts as that.
  bool colours = false;

  static constexpr unsigned kLeastWidth = 80;
  static constexpr unsigned kMostWidth = 160;  // Wider lines are hard to follow.
  /// Columns that there are to fill.
  [[nodiscard]] unsigned columns() const;
};

enum class Colour : unsigned char { Plain, Good, Bad, Odd, Faint, Strong };

[[nodiscard]] std::string coloured(std::string_view text, Colour colour, const TextStyle& style);

/// How many columns UTF-8 takes, at one for each character.
[[nodiscard]] size_t columns_of(std::string_view text);
/// `text`, or its front and "…", in at most `columns` columns.
[[nodiscard]] std::string cut(std::string_view text, size_t columns);

/// `label` and, `indent` columns from the left, `text`, on as many lines as it takes; a word that
/// is longer than a line gets one of its own.
[[nodiscard]] std::string paragraph(std::string_view label, std::string_view text, size_t indent,
                                    const TextStyle& style, Colour colour = Colour::Plain);

struct Cell {
  std::string text;
  Colour colour = Colour::Plain;
};

/// The first column takes what the others leave, and is cut; the others take what they need.
class TextTable {
 public:
  enum class Side : unsigned char { Left, Right };
  struct Column {
    std::string title;
    Side side = Side::Right;
  };

  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// As many cells as there are columns.
  void row(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }
  /// The whole, titles first, each line with its end.
  [[nodiscard]] std::string text(const TextStyle& style) const;

 private:
  [[nodiscard]] std::vector<size_t> widths(const TextStyle& style) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace control
