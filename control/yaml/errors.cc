#include "control/yaml/errors.h"

#include <algorithm>
#include <tuple>

namespace control {
namespace {

/// Insertions, deletions, substitutions and swaps of neighbours that lead from one word to the
/// other.
size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::vector<size_t>> cost(from.size() + 1, std::vector<size_t>(to.size() + 1));
  for (size_t i = 0; i <= from.size(); ++i) cost[i][0] = i;
  for (size_t j = 0; j <= to.size(); ++j) cost[0][j] = j;
  for (size_t i = 1; i <= from.size(); ++i) {
    for (size_t j = 1; j <= to.size(); ++j) {
      const size_t substituted = cost[i - 1][j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, substituted});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[from.size()][to.size()];
}

/// Hyphens, camel case and capitals do not count: `maxInFlight` is `max_in_flight`.
std::string squeezed(std::string_view word) {
  std::string result;
  for (const char letter : word) {
    if (letter == '_' || letter == '-') continue;
    result += letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  }
  return result;
}

constexpr size_t kLongestWord = 64;  // Of what is worth comparing; our longest key has 21 letters.

}  // namespace

std::string_view closest(std::string_view word, std::span<const std::string_view> known) {
  if (word.size() > kLongestWord) return {};
  const std::string squeezed_word = squeezed(word);
  std::string_view best;
  // One slip in three letters still reads as the word.
  size_t best_distance = std::max<size_t>(1, squeezed_word.size() / 3) + 1;
  for (const std::string_view candidate : known) {
    const size_t distance = edit_distance(squeezed_word, squeezed(candidate));
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

std::string ConfigError::message() const {
  if (line == 0) return file + ": " + text;
  return file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + text;
}

void ConfigErrors::add(Place place, std::string text) {
  errors_.push_back({file_, place.line, place.column, std::move(text)});
}

bool ConfigErrors::has(Place place) const {
  return std::any_of(errors_.begin(), errors_.end(), [&](const ConfigError& error) {
    return Place{error.line, error.column} == place;
  });
}

void ConfigErrors::add_unless_known(Place place, std::string text) {
  if (!has(place)) add(place, std::move(text));
}

void ConfigErrors::warn(Place place, std::string text) {
  warnings_.push_back({file_, place.line, place.column, std::move(text)});
}

void ConfigErrors::turn_off(Place place, std::string text) {
  off_.push_back({file_, place.line, place.column, std::move(text)});
}

std::vector<ConfigError> ConfigErrors::errors() const {
  std::vector<ConfigError> all = errors_;
  all.insert(all.end(), off_.begin(), off_.end());
  return sorted(std::move(all));
}

std::vector<ConfigError> ConfigErrors::sorted(std::vector<ConfigError> errors) {
  std::stable_sort(errors.begin(), errors.end(), [](const ConfigError& a, const ConfigError& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return errors;
}

}  // namespace control
