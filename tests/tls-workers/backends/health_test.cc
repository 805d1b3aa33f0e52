// Timed scenarios. Each is played second by second, once as dnsdist would judge and once strictly;
// the outcome is every change of rotation, with its time, and how many checks were sent.
#include "tls-workers/backends/health.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <sstream>
#include <string>

namespace tests {
namespace {

using backends::Health;
using backends::HealthSettings;
using backends::Sample;
using base::milliseconds;
using base::seconds;

using Mode = HealthSettings::Mode;
using Failing = HealthSettings::Failing;

/// What dnsdist's users copy for an encrypted resolver.
HealthSettings copied() { return {}; }
HealthSettings with(auto change) {
  HealthSettings settings = copied();
  change(settings);
  return settings;
}

/// Plays a script and writes down what happens. Words of a script:
///   ok*N lost*N servfail*N   N queries meet that: for forty domains by turns, of three clients
///   lost*N@D                 the same for domain D alone
///   +T                       T seconds pass, in steps of a tenth
///   unreachable              no session can be had
///   bad, good                from now on checks time out, are answered
///   load:KIND                from now on ten queries a tenth of a second meet that; load:none ends
///   it
class Play {
 public:
  explicit Play(const HealthSettings& settings)
      : settings_(settings), health_(settings, start_), up_(health_.up()) {}

  std::string run(const std::string& script) {
    if (!script.starts_with("bad")) step();
    std::istringstream words(script);
    for (std::string word; words >> word;) act(word);
    return outcome_ + "checks " + std::to_string(checks_);
  }

 private:
  void act(const std::string& word) {
    if (word == "bad" || word == "good") {
      good_ = word == "good";
      step();
    } else if (word.front() == '+') {
      const long steps = std::lround(std::stod(word.substr(1)) * 10);
      for (long i = 0; i < steps; ++i) {
        now_ += kStep;
        step();
      }
    } else if (word == "unreachable") {
      health_.unreachable(now_);
      note();
      step();
    } else if (word.starts_with("load:")) {
      load_ = word.substr(5);
    } else {
      const size_t star = word.find('*');
      const size_t domain = word.find('@');
      sample(word.substr(0, star), static_cast<uint32_t>(std::stoul(word.substr(star + 1))),
             domain == std::string::npos
                 ? std::nullopt
                 : std::optional(static_cast<uint16_t>(std::stoul(word.substr(domain + 1)))));
      step();
    }
  }

  void sample(const std::string& kind, uint32_t count, std::optional<uint16_t> domain = {}) {
    const Sample what = kind == "ok"     ? Sample::Answered
                        : kind == "lost" ? Sample::Lost
                                         : Sample::ServFail;
    health_.count(what, count);
    for (uint32_t i = 0; i < count; ++i) {
      const auto other = static_cast<uint16_t>(100 + asked_ % 40);
      const auto client = static_cast<uint16_t>(asked_++ % 3);
      const backends::Vote vote{what, {domain.value_or(other), client}, now_ - kStep};
      health_.vote({&vote, 1}, now_);
    }
    note();
  }

  void step() {
    if (!load_.empty() && load_ != "none" && now_ != loaded_) sample(load_, 10);
    loaded_ = now_;
    if (answer_at_ <= now_) {
      answer_at_ = base::Time::max();
      health_.checked(answer_ ? Health::Check::Good : Health::Check::Failed, now_);
      note();
    }
    // Asking early or often changes nothing.
    while (health_.check_due(now_)) {
      ++checks_;
      note();
      if (good_) {
        health_.checked(Health::Check::Good, now_);
        note();
      } else {
        answer_ = false;
        answer_at_ = now_ + settings_.timeout;
      }
    }
  }

  void note() {
    if (health_.up() == up_) return;
    up_ = health_.up();
    std::ostringstream line;
    line << std::chrono::duration<double>(now_ - start_).count() << (up_ ? " up, " : " down, ");
    outcome_ += line.str();
    EXPECT_EQ(health_.since(), now_);
  }

  static constexpr milliseconds kStep{100};

  HealthSettings settings_;
  base::Time start_{seconds(1'000'000)};
  base::Time now_ = start_;
  base::Time loaded_{};
  Health health_;
  bool up_;
  bool good_ = true;
  bool answer_ = true;
  base::Time answer_at_ = base::Time::max();
  std::string load_;
  uint32_t asked_ = 0;
  std::string outcome_;
  int checks_ = 0;
};

struct Scenario {
  const char* name;
  HealthSettings settings;
  const char* script;
  const char* as_dnsdist;
  const char* strict;
};

void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

class HealthScenario : public testing::TestWithParam<Scenario> {};

std::string play(HealthSettings settings, bool strict, const char* script) {
  settings.lazy.strict = strict;
  return Play(settings).run(script);
}

TEST_P(HealthScenario, AsDnsdist) {
  EXPECT_EQ(play(GetParam().settings, false, GetParam().script), GetParam().as_dnsdist);
}

TEST_P(HealthScenario, Strict) {
  EXPECT_EQ(play(GetParam().settings, true, GetParam().script), GetParam().strict);
}

const Scenario kScenarios[] = {
    {"lazy_without_queries_is_left_alone", copied(), "+3600", "checks 1", "checks 0"},
    {"lazy_and_healthy_is_left_alone", copied(), "load:ok +600", "checks 1", "checks 0"},
    {"lazy_below_the_threshold_is_left_alone", copied(), "ok*71 lost*29 +60", "checks 1",
     "checks 0"},
    {"lazy_at_the_threshold_is_checked", copied(), "ok*70 +0.2 lost*30 +60", "checks 2",
     "checks 2"},
    {"below_the_minimum_silence_is_doubted", copied(), "lost*9 +60", "checks 1", "checks 1"},
    {"at_the_minimum_it_is", copied(), "lost*10 +60", "checks 2", "checks 2"},
    {"checked_and_bad_goes_out", copied(), "+5 bad lost*10 +20", "9 down, checks 4",
     "7 down, checks 2"},
    {"black_hole_under_load", copied(), "load:ok +5 bad load:lost +20", "9 down, checks 4",
     "7.1 down, checks 2"},
    {"black_hole_after_few_queries", copied(), "ok*5 +10 bad lost*6 +20", "14 down, checks 4",
     "12 down, checks 2"},
    {"out_and_back", copied(), "+5 bad lost*10 +20 good +70", "9 down, 69 up, checks 6",
     "7 down, 38 up, checks 4"},
    {"out_for_a_day", copied(), "+5 bad lost*10 +86400 good +61", "9 down, 86439 up, checks 2885",
     "7 down, 86408 up, checks 2883"},
    {"back_while_checks_are_spaced", copied(), "+5 bad lost*10 +10 good +25", "9 down, checks 5",
     "7 down, 38 up, checks 4"},
    {"one_good_check_between_bad_ones", copied(), "+5 bad lost*10 +3.5 good +32 bad +100",
     "9 down, checks 8", "7 down, 38 up, checks 4"},
    {"one_good_check_ends_the_doubt", copied(), "+5 bad lost*10 +0.5 good +60", "checks 2",
     "checks 2"},
    {"samples_of_this_morning", copied(), "lost*9 +14400 lost*1 +60", "checks 2", "checks 2"},
    {"samples_of_a_minute_ago", copied(), "lost*9 +59 lost*1 +60", "checks 2", "checks 3"},
    {"only_the_last_ones_count", copied(), "lost*100 ok*100 +0", "checks 1", "checks 1"},
    {"servfail_is_an_answer", copied(), "load:servfail +60", "checks 1", "checks 0"},
    {"servfail_is_a_failure_if_so_set",
     with([](HealthSettings& s) { s.lazy.failing = Failing::TimeoutOrServFail; }),
     "load:servfail +10", "checks 11", "2.1 down, checks 3"},
    {"checks_lie_while_queries_fail", copied(), "load:lost +40", "checks 41",
     "2.1 down, 33.1 up, 36.1 down, checks 8"},
    {"checks_lie_and_servfail_counts",
     with([](HealthSettings& s) { s.lazy.failing = Failing::TimeoutOrServFail; }),
     "+2 bad load:servfail +5 good load:none +65", "6 down, 66 up, checks 6",
     "5.1 down, 36.1 up, checks 5"},
    {"checks_fail_while_queries_succeed", copied(), "+2 load:ok bad lost*60 +60", "checks 1",
     "checks 1"},
    {"interval_while_in_doubt", with([](HealthSettings& s) { s.interval = seconds(5); }),
     "+5 bad lost*10 +30", "9 down, checks 4", "11 down, checks 2"},
    {"interval_after_the_first_good_check",
     with([](HealthSettings& s) { s.interval = seconds(3); }), "+5 bad lost*10 +30 good +70",
     "9 down, 69 up, checks 6", "9 down, 42 up, checks 4"},
    {"one_failure_is_enough", with([](HealthSettings& s) { s.max_failures = 1; }),
     "+5 bad lost*10 +10", "7 down, checks 2", "6 down, checks 1"},
    {"ten_failures_are_needed", with([](HealthSettings& s) { s.max_failures = 10; }),
     "+5 bad lost*10 +20", "16 down, checks 11", "14 down, checks 9"},
    {"one_good_check_brings_it_back", with([](HealthSettings& s) { s.rise = 1; }),
     "+5 bad lost*10 +10 good +40", "9 down, 39 up, checks 5", "7 down, 37 up, checks 3"},
    {"five_good_checks_bring_it_back", with([](HealthSettings& s) { s.rise = 5; }),
     "+5 bad lost*10 +10 good +200", "9 down, 159 up, checks 9", "7 down, 41 up, checks 7"},
    {"short_lazy_interval", with([](HealthSettings& s) { s.lazy.interval = seconds(5); }),
     "+5 bad lost*10 +20 good +20", "9 down, 34 up, checks 9", "7 down, 28 up, checks 7"},
    {"back_off_doubles", with([](HealthSettings& s) { s.lazy.exponential_back_off = true; }),
     "+5 bad lost*10 +1000", "9 down, checks 9", "7 down, checks 7"},
    {"back_off_has_an_end", with([](HealthSettings& s) {
       s.lazy.exponential_back_off = true;
       s.lazy.max_back_off = seconds(60);
     }),
     "+5 bad lost*10 +1000", "9 down, checks 21", "7 down, checks 19"},
    {"back_off_ends_with_the_first_good_check",
     with([](HealthSettings& s) { s.lazy.exponential_back_off = true; }),
     "+5 bad lost*10 +300 good +400", "9 down, 489 up, checks 9", "7 down, 458 up, checks 7"},
    {"small_ring_is_dnsdists", with([](HealthSettings& s) { s.lazy.sample_size = 10; }),
     "load:ok +10 bad lost*3 +20", "checks 1", "checks 0"},
    {"minimum_of_one", with([](HealthSettings& s) { s.lazy.min_sample_count = 1; }),
     "+2 bad lost*1 +20", "6 down, checks 4", "4 down, checks 2"},
    {"threshold_of_one_hundred", with([](HealthSettings& s) { s.lazy.threshold = 100; }),
     "+2 bad ok*1 lost*99 +20", "checks 1", "checks 0"},
    {"threshold_of_one", with([](HealthSettings& s) { s.lazy.threshold = 1; }),
     "+2 bad ok*99 lost*1@7 +20", "6 down, checks 4", "5 down, checks 3"},
    {"slow_checks", with([](HealthSettings& s) { s.timeout = milliseconds(3000); }),
     "+5 bad lost*10 +20", "15 down, checks 4", "11 down, checks 2"},
    {"no_session_can_be_had", copied(), "+5 bad unreachable +20", "checks 1", "8 down, checks 3"},
    {"flapping", copied(),
     "+2 bad lost*10 +10 good +60 bad lost*10 +10 good +60 bad lost*10 +10 good +60",
     "6 down, 66 up, 76 down, 136 up, 146 down, 206 up, checks 16",
     "4 down, 35 up, 74 down, 105 up, 144 down, 175 up, checks 12"},
    {"dead_from_the_start", copied(), "bad +10 lost*10 +20 good +60", "1 down, 61 up, checks 3",
     "12 down, 43 up, checks 4"},
    {"auto_is_checked_all_the_time", with([](HealthSettings& s) { s.mode = Mode::Auto; }), "+60",
     "checks 61", "checks 61"},
    {"auto_at_its_interval", with([](HealthSettings& s) {
       s.mode = Mode::Auto;
       s.interval = seconds(10);
     }),
     "+60", "checks 7", "checks 7"},
    {"auto_goes_out_and_comes_back", with([](HealthSettings& s) { s.mode = Mode::Auto; }),
     "+10 bad +10 good +10", "14 down, 22 up, checks 30", "14 down, 22 up, checks 30"},
    {"auto_is_not_moved_by_queries", with([](HealthSettings& s) { s.mode = Mode::Auto; }),
     "load:lost +60", "checks 61", "checks 61"},
    {"auto_dead_from_the_start", with([](HealthSettings& s) { s.mode = Mode::Auto; }),
     "bad +10 good +10", "1 down, 12 up, checks 20", "1 down, 12 up, checks 20"},
    {"up_stays_up", with([](HealthSettings& s) { s.mode = Mode::Up; }), "bad load:lost +60",
     "checks 0", "checks 0"},
    {"down_stays_down", with([](HealthSettings& s) { s.mode = Mode::Down; }), "load:ok +60",
     "checks 0", "checks 0"},
};

/// What one domain or one client can do, strictly judged: "checks" are answered.
const std::pair<const char*, const char*> kOneOfMany[] = {
    {"ok*40 +10 lost*1@7 +2 lost*1@7 +2 lost*1@7 +2 lost*1@7 +2 lost*1@7 +60", "checks 5"},
    {"load:ok +5 lost*100@7 +60", "checks 0"},
    {"load:ok +5 bad lost*100@7 +60", "checks 0"},
    {"+5 lost*1000@7 +60", "checks 1"},
    {"+5 lost*1@7 lost*1@8 lost*1@9 +60", "checks 1"},
    // It falls silent for good: one query is enough to look, and checks decide.
    {"ok*40 +10 bad lost*1@7 +20", "12 down, checks 2"},
    // Asked again after it went out.
    {"ok*40 +10 bad lost*1@7 +5 ok*1 +10", "12 down, 15 up, checks 2"},
    // The check's name is dead. While it answers something, it is not the resolver.
    {"bad load:ok +5 unreachable +20", "checks 1"},
};

TEST(Health, NoDomainMovesItByItself) {
  for (const auto& [script, outcome] : kOneOfMany) {
    SCOPED_TRACE(script);
    EXPECT_EQ(Play(copied()).run(script), outcome);
  }
}

TEST(Health, DomainsThatFailAreCountedOnce) {
  Health health(copied(), base::Time(seconds(1000)));
  base::Time now(seconds(1000));
  const auto vote = [&](Sample what, uint16_t domain) {
    const backends::Vote one{what, {domain, domain}, now - milliseconds(1)};
    health.vote({&one, 1}, now += milliseconds(2));
  };
  // 29 % of the domains, each a hundred times; an answer before each, so that nothing is silent.
  for (int round = 0; round < 100; ++round) {
    for (uint16_t i = 1; i <= 35; ++i) vote(Sample::Answered, i);
    for (uint16_t i = 36; i <= 49; ++i) {
      vote(Sample::Answered, 1);
      now -= milliseconds(1);
      vote(Sample::Lost, i);
    }
  }
  EXPECT_EQ(health.state(), Health::State::Healthy);
  vote(Sample::Answered, 1);
  now -= milliseconds(1);
  vote(Sample::Lost, 35);
  EXPECT_EQ(health.state(), Health::State::Doubted) << "30 %";
}

INSTANTIATE_TEST_SUITE_P(Scenarios, HealthScenario, testing::ValuesIn(kScenarios),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tests
