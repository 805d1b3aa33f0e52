// What decides over a worker's questions, without threads and sockets: the test plays the cores,
// the backends and the clock.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "dataplane/cache/cache.h"
#include "dataplane/exchange/exchange.h"
#include "tests/message_builder.h"
#include "tls-workers/questions/completion.h"
#include "tls-workers/questions/fills.h"
#include "tls-workers/questions/nxdomain_cut.h"
#include "tls-workers/questions/questions.h"
#include "tls-workers/questions/stale_answers.h"

namespace tests {

struct QuestionRig {
  static constexpr base::Time kStart{base::seconds(1'000'000)};
  static constexpr base::seconds kDay{86'400};

  QuestionRig() { pools.use(settings); }
  ~QuestionRig() {
    for (const cache::Entry* entry : pinned) entry->unpin();
  }
  QuestionRig(const QuestionRig&) = delete;
  QuestionRig& operator=(const QuestionRig&) = delete;

  [[nodiscard]] static dns::Question question_for(const std::string& name) {
    return dns::make_question(wire_name(name), dns::Type::A, dns::Class::In, dns::Wants::Plain,
                              dns::PoolId{});
  }
  [[nodiscard]] static exchange::Miss miss_for(const std::string& name,
                                               base::Time deadline = kStart + base::seconds(2)) {
    return {.question = question_for(name), .ticket = {7, 1}, .deadline = deadline};
  }
  [[nodiscard]] static questions::Asker asker_of(const exchange::Miss& miss) {
    return {0, miss.ticket, miss.deadline};
  }
  /// Asked by core 0, and by others that ask the same.
  questions::OpenQuestion& open(const exchange::Miss& miss, unsigned core = 0) {
    return *questions.join(miss, core, kStart).question;
  }
  /// As a resolver's answer is read; the one before is gone.
  const dns::Answer& answer(const std::string& name, const MessageBuilder& message) {
    message_ = message.build();
    answer_ = dns::parse_answer(message_, question_for(name), places_).value();
    return *answer_;
  }
  const dns::Answer& address(const std::string& name, uint32_t ttl) {
    return answer(name,
                  an_answer(name).answer(a_record(pointer_to_question(), ttl, {192, 0, 2, 1})));
  }
  /// Puts `answer` into the cache, which lived for a minute, until `expires`.
  void leave(const std::string& name, const dns::Answer& answer, base::Time expires) {
    cache::Entry* entry = questions::EntryMaker().make(
        question_for(name), answer, {settings[0].limits, 60, false, expires - base::seconds(60)});
    cache.insert(question_for(name), entry, kStart, reclaim);
  }
  /// What the cache has for it, over or not.
  const cache::Entry* kept(const std::string& name) { return pin(cache.hold(question_for(name))); }
  /// The next Fill for `core`, if there is one.
  std::optional<exchange::Fill> fill(unsigned core = 0) {
    exchange::Fill fill;
    if (exchange.lane(core, 0).fill.pop({&fill, 1}) == 0) return std::nullopt;
    (void)pin(fill.entry);
    return fill;
  }

  exchange::Exchange exchange{{.cores = 2, .workers = 1, .misses = 16, .fills = 16}};
  cache::Readers readers{2};
  cache::Cache cache{"main", 64};
  cache::Reclaim reclaim{readers};
  std::vector<questions::PoolSettings> settings{{.name = "", .cache = &cache}};
  questions::Pools pools;
  questions::WorkerCounters counters;
  questions::Questions questions{16, base::seconds(5), kStart};
  questions::Fills fills{0, exchange, questions, counters};
  questions::StaleAnswers stale{pools, questions, fills, reclaim};
  questions::Completion completion{{pools, questions, fills, stale, reclaim, counters}};
  questions::NxdomainCut nxdomain_cut{pools, fills, counters};

 private:
  const cache::Entry* pin(const cache::Entry* entry) {
    if (entry != nullptr) pinned.push_back(entry);
    return entry;
  }

  std::vector<const cache::Entry*> pinned;
  Bytes message_;
  dns::TtlPlaces places_;
  std::optional<dns::Answer> answer_;
};

}  // namespace tests
