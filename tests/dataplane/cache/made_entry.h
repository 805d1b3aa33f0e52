// Questions and entries for the cache's tests. An entry's one record is its own check: it says
// which question and which generation it was made for.
#pragma once

#include <array>
#include <string>

#include "dataplane/cache/entry.h"

namespace tests {

inline constexpr base::Time kStart{base::seconds{1000}};

inline dns::Question question(unsigned number, dns::PoolId pool = dns::PoolId{0}) {
  const std::string label = "n" + std::to_string(number);
  std::array<std::byte, 64> wire{};
  wire[0] = static_cast<std::byte>(label.size());
  for (size_t i = 0; i < label.size(); ++i) wire[i + 1] = static_cast<std::byte>(label[i]);
  return dns::make_question({wire.data(), label.size() + 2}, dns::Type::A, dns::Class::In,
                            dns::Wants::Plain, pool);
}

/// Records of 16 octets: the question's hash twice over, xor the generation.
inline cache::Entry* made_entry(const dns::Question& question, uint64_t generation = 0,
                                base::Time inserted = kStart,
                                base::Duration lifetime = base::seconds{60}) {
  std::array<uint64_t, 2> words = {question.hash ^ generation, question.hash ^ generation};
  std::array<std::byte, 16> records;
  std::memcpy(records.data(), words.data(), sizeof words);
  return cache::make_entry({.question = question,
                            .content = {.answers = 1, .records = records},
                            .inserted = inserted,
                            .expires = inserted + lifetime});
}

/// Whether what a reader sees is one whole entry for this question.
inline bool whole(const cache::Entry& entry, const dns::Question& question) {
  const dns::Content content = entry.content(kStart);
  std::array<uint64_t, 2> words;
  if (content.records.size() != sizeof words || !entry.answers(question)) return false;
  std::memcpy(words.data(), content.records.data(), sizeof words);
  return words[0] == words[1];
}

}  // namespace tests
