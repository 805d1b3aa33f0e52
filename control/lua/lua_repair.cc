#include "control/lua/lua_repair.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

namespace control {
namespace {

constexpr unsigned kMostRounds = 100;

/// How much is open where a line begins and where it ends.
struct Line {
  size_t begin = 0;  // Offsets.
  size_t end = 0;    // Of the newline.
  int brackets_before = 0;
  int brackets_after = 0;
  int blocks_before = 0;
  int blocks_after = 0;
  bool in_text_before = false;  // A long text or comment.
  bool in_text_after = false;
};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Reads only what it takes to tell where statements end: texts, comments, brackets and the words
/// that open and close blocks. Whatever else there is may be wrong.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : text_(text) {}

  std::vector<Line> read() {
    begin_line(0);
    while (at_ < text_.size()) step();
    end_line(text_.size());
    return std::move(lines_);
  }

 private:
  void begin_line(size_t at) {
    Line line;
    line.begin = at;
    line.brackets_before = brackets_;
    line.blocks_before = blocks_;
    line.in_text_before = in_text_;
    lines_.push_back(line);
  }
  void end_line(size_t at) {
    Line& line = lines_.back();
    line.end = at;
    line.brackets_after = brackets_;
    line.blocks_after = blocks_;
    line.in_text_after = in_text_;
  }
  void newline() {
    end_line(at_);
    begin_line(++at_);
  }

  void step() {
    const char c = text_[at_];
    if (c == '\n') return newline();
    if (c == '"' || c == '\'') return skip_short_text(c);
    if (text_.substr(at_).starts_with("--")) return skip_comment();
    if (const auto level = long_bracket()) return skip_long(*level);
    if (is_word(c)) return take_word();
    ++at_;
    if (c == '(' || c == '{' || c == '[') ++brackets_;
    if (c == ')' || c == '}' || c == ']') brackets_ = std::max(brackets_ - 1, 0);
  }

  void skip_short_text(char quote) {
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == quote) {
        ++at_;
        return;
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
    }
  }

  void skip_comment() {
    at_ += 2;
    if (const auto level = long_bracket()) return skip_long(*level);
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }

  /// How many '=' are in the "[==[" here, if there is one.
  [[nodiscard]] std::optional<size_t> long_bracket() const {
    if (at_ >= text_.size() || text_[at_] != '[') return std::nullopt;
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] == '=') ++end;
    if (end >= text_.size() || text_[end] != '[') return std::nullopt;
    return end - at_ - 1;
  }

  void skip_long(size_t level) {
    const std::string close = "]" + std::string(level, '=') + "]";
    const size_t end = text_.find(close, at_);
    const size_t stop = end == std::string_view::npos ? text_.size() : end + close.size();
    in_text_ = true;
    while (at_ < stop) {
      if (text_[at_] == '\n') {
        newline();
      } else {
        ++at_;
      }
    }
    in_text_ = false;
  }

  void take_word() {
    const size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    // `for` and `while` have a `do` of their own.
    if (word == "function" || word == "if" || word == "do" || word == "repeat") ++blocks_;
    if (word == "end" || word == "until") blocks_ = std::max(blocks_ - 1, 0);
  }

  std::string_view text_;
  size_t at_ = 0;
  int brackets_ = 0;
  int blocks_ = 0;
  bool in_text_ = false;
  std::vector<Line> lines_;
};

/// First and last, counted from 0.
struct Range {
  size_t first;
  size_t last;
};

/// "... (to close '(' at line 12) ...": what, and the line. Line 0 if it says nothing like it.
struct Unclosed {
  std::string_view what;
  unsigned line = 0;
};

Unclosed unclosed_in(std::string_view message) {
  constexpr std::string_view kFront = "to close '";
  constexpr std::string_view kMiddle = "' at line ";
  Unclosed unclosed;
  const size_t begin = message.find(kFront);
  if (begin == std::string_view::npos) return unclosed;
  const std::string_view rest = message.substr(begin + kFront.size());
  const size_t middle = rest.find(kMiddle);
  if (middle == std::string_view::npos) return unclosed;
  unclosed.what = rest.substr(0, middle);
  const char* const digits = rest.data() + middle + kMiddle.size();
  std::from_chars(digits, rest.data() + rest.size(), unclosed.line);
  return unclosed;
}

size_t first_of_statement(const std::vector<Line>& lines, size_t at) {
  while (at > 0 && (lines[at].brackets_before > 0 || lines[at].in_text_before)) --at;
  return at;
}

/// The lines of the statement that has line `at`; nothing if it has no end.
std::optional<Range> statement_at(const std::vector<Line>& lines, size_t at) {
  const size_t first = first_of_statement(lines, at);
  for (size_t last = at; last < lines.size(); ++last) {
    const Line& line = lines[last];
    const bool is_closed = line.brackets_after <= lines[first].brackets_before &&
                           line.blocks_after <= lines[first].blocks_before && !line.in_text_after;
    if (is_closed) return Range{first, last};
  }
  return std::nullopt;
}

size_t indentation_of(std::string_view text, const Line& line) {
  size_t at = line.begin;
  while (at < line.end && (text[at] == ' ' || text[at] == '\t')) ++at;
  return at - line.begin;
}

/// Where a statement ends that opens a bracket in line `opened` and does not close it: before Lua
/// noticed in line `noticed`, and before a line that looks like the next statement.
size_t last_of_unclosed(std::string_view text, const std::vector<Line>& lines, size_t opened,
                        size_t noticed) {
  const size_t indentation = indentation_of(text, lines[opened]);
  size_t last = opened;
  while (last + 1 < noticed) {
    const Line& next = lines[last + 1];
    const size_t first = next.begin + indentation_of(text, next);
    if (first - next.begin <= indentation && first < next.end && is_word(text[first])) break;
    ++last;
  }
  return last;
}

Range range_of(std::string_view text, const std::vector<Line>& lines, size_t at,
               const LuaFault& fault) {
  const Unclosed unclosed = unclosed_in(fault.text);
  if (unclosed.line != 0 && unclosed.line <= lines.size()) {
    const size_t opened = unclosed.line - 1;
    const bool is_bracket = unclosed.what == "(" || unclosed.what == "{" || unclosed.what == "[";
    // A block is there all the same without its first line.
    if (!is_bracket) return {opened, opened};
    return {first_of_statement(lines, opened), last_of_unclosed(text, lines, opened, at)};
  }
  return statement_at(lines, at).value_or(Range{at, at});
}

}  // namespace

LuaRepair::LuaRepair(std::string text) : text_(std::move(text)) {}

std::optional<Remark> LuaRepair::take_out(const LuaFault& fault) {
  const std::vector<Line> lines = LineReader(text_).read();
  if (fault.line == 0 || ++rounds_ > kMostRounds) return std::nullopt;
  const size_t at = std::min<size_t>(fault.line, lines.size()) - 1;
  const Range range = range_of(text_, lines, at, fault);
  Remark remark;
  remark.line = static_cast<unsigned>(range.first) + 1;
  remark.what = range.first == range.last ? "this line"
                                          : "lines " + std::to_string(range.first + 1) + " to " +
                                                std::to_string(range.last + 1);
  remark.why = "left out: " + fault.text;
  if (at != range.first) remark.why += ", in line " + std::to_string(at + 1);
  const std::string_view line =
      std::string_view(text_).substr(lines[at].begin, lines[at].end - lines[at].begin);
  if (const std::string oddity = oddity_of(line); !oddity.empty()) remark.why += "; " + oddity;
  remark.why += "; correct it and import the file again";
  bool is_changed = false;
  for (size_t i = lines[range.first].begin; i < lines[range.last].end; ++i) {
    if (text_[i] == '\n') continue;
    is_changed = is_changed || (text_[i] != ' ' && text_[i] != '\r' && text_[i] != '\t');
    text_[i] = ' ';
  }
  if (!is_changed) return std::nullopt;
  return remark;
}

std::string oddity_of(std::string_view line) {
  struct Oddity {
    std::string_view octets;  // UTF-8.
    const char* what;
  };
  constexpr Oddity kOddities[] = {
      {"\xE2\x80\x9C", "it has typographic quotes; Lua wants \" or '"},
      {"\xE2\x80\x9D", "it has typographic quotes; Lua wants \" or '"},
      {"\xE2\x80\x9E", "it has typographic quotes; Lua wants \" or '"},
      {"\xE2\x80\x98", "it has typographic quotes; Lua wants \" or '"},
      {"\xE2\x80\x99", "it has typographic quotes; Lua wants \" or '"},
      {"\xC2\xAB", "it has typographic quotes; Lua wants \" or '"},
      {"\xC2\xBB", "it has typographic quotes; Lua wants \" or '"},
      {"\xC2\xA0", "it has a no-break space; Lua wants an ordinary one"},
      {"\xE2\x80\x93", "it has a dash; Lua wants -"},
      {"\xE2\x80\x94", "it has a dash; Lua wants -"},
      {"&quot;", "it has &quot; of HTML; Lua wants \""},
  };
  for (const Oddity& oddity : kOddities) {
    if (line.find(oddity.octets) != std::string_view::npos) return oddity.what;
  }
  return {};
}

}  // namespace control
