#include "control/text/text_table.h"

#include <algorithm>
#include <sstream>

#include "control/text/escape.h"

namespace control {
namespace {

constexpr std::string_view kEllipsis = "…";
constexpr std::string_view kGap = "  ";
constexpr size_t kLeastName = 4;

bool is_first_octet(char octet) { return (static_cast<unsigned char>(octet) & 0xC0) != 0x80; }

std::string_view code_of(Colour colour) {
  switch (colour) {
    case Colour::Good:
      return "\033[32m";
    case Colour::Bad:
      return "\033[1;31m";
    case Colour::Odd:
      return "\033[33m";
    case Colour::Faint:
      return "\033[2m";
    case Colour::Strong:
      return "\033[1m";
    case Colour::Plain:
      break;
  }
  return "";
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

void trim_right(std::string& line) { line.erase(line.find_last_not_of(' ') + 1); }

}  // namespace

unsigned TextStyle::columns() const { return std::clamp(width, kLeastWidth, kMostWidth); }

std::string coloured(std::string_view text, Colour colour, const TextStyle& style) {
  if (!style.colours || colour == Colour::Plain || text.empty()) return std::string(text);
  return std::string(code_of(colour)) + std::string(text) + "\033[0m";
}

size_t columns_of(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, is_first_octet));
}

std::string cut(std::string_view text, size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  size_t end = 0;
  for (size_t left = columns; end < text.size(); ++end) {
    if (is_first_octet(text[end]) && left-- <= 1) break;
  }
  return std::string(text.substr(0, end)) + std::string(columns > 0 ? kEllipsis : "");
}

std::string paragraph(std::string_view label, std::string_view text, size_t indent,
                      const TextStyle& style, Colour colour) {
  std::string result(label);
  const size_t begin = std::max(indent, label.empty() ? 0 : columns_of(label) + 1);
  result.resize(result.size() + begin - columns_of(label), ' ');
  std::string line;
  size_t room = style.columns() - std::min<size_t>(begin, style.columns());
  for (const std::string& word : words_of(one_line(text))) {
    if (!line.empty() && columns_of(line) + 1 + columns_of(word) > room) {
      result += coloured(line, colour, style) + '\n' + std::string(indent, ' ');
      line.clear();
      room = style.columns() - std::min<size_t>(indent, style.columns());
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return result + coloured(line, colour, style) + '\n';
}

std::vector<size_t> TextTable::widths(const TextStyle& style) const {
  std::vector<size_t> widths;
  for (size_t column = 0; column < columns_.size(); ++column) {
    size_t width = columns_of(columns_[column].title);
    for (const std::vector<Cell>& cells : rows_)
      width = std::max(width, columns_of(one_line(cells[column].text)));
    widths.push_back(width);
  }
  size_t others = kGap.size() * (columns_.size() - 1);
  for (size_t column = 1; column < widths.size(); ++column) others += widths[column];
  const size_t left = style.columns() - std::min<size_t>(others, style.columns());
  widths[0] = std::min(widths[0], std::max(left, kLeastName));
  return widths;
}

std::string TextTable::text(const TextStyle& style) const {
  const std::vector<size_t> widths = this->widths(style);
  const auto line_of = [&](const auto& cell_at) {
    std::string line;
    for (size_t column = 0; column < columns_.size(); ++column) {
      const Cell cell = cell_at(column);
      const std::string text = cut(one_line(cell.text), widths[column]);
      const std::string space(widths[column] - columns_of(text), ' ');
      const std::string shown = coloured(text, cell.colour, style);
      if (column > 0) line += kGap;
      line += columns_[column].side == Side::Left ? shown + space : space + shown;
    }
    trim_right(line);
    return line + '\n';
  };
  std::string text = line_of([&](size_t column) {
    return Cell{columns_[column].title, Colour::Faint};
  });
  for (const std::vector<Cell>& cells : rows_)
    text += line_of([&](size_t column) { return cells[column]; });
  return text;
}

}  // namespace control
