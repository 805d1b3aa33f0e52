// Timed scenarios. Each is played second by second, once as dnsdist would judge and once strictly;
// the outcome is every change of rotation, with its time, and how many checks were sent.
#include "tls-workers/upstream/health.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>
#include <string>

namespace tests {
namespace {

using base::milliseconds;
using base::seconds;
using tls::Health;
using tls::HealthSettings;
using tls::Sample;

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
///   ok*N lost*N servfail*N   N queries meet that
///   +T                       T seconds pass, in steps of a tenth
///   unreachable, silent      no session can be had; and a query has waited for nothing
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
    } else if (word == "unreachable" || word == "silent") {
      word == "silent" ? health_.fell_silent(now_) : health_.unreachable(now_);
      note();
      step();
    } else if (word.starts_with("load:")) {
      load_ = word.substr(5);
    } else {
      const size_t star = word.find('*');
      sample(word.substr(0, star), static_cast<uint32_t>(std::stoul(word.substr(star + 1))));
      step();
    }
  }

  void sample(const std::string& kind, uint32_t count) {
    const Sample what = kind == "ok"     ? Sample::Answered
                        : kind == "lost" ? Sample::Lost
                                         : Sample::ServFail;
    health_.sample(what, count, now_);
    note();
  }

  void step() {
    if (!load_.empty() && load_ != "none" && now_ != loaded_) sample(load_, 10);
    loaded_ = now_;
    if (answer_at_ <= now_) {
      answer_at_ = base::Time::max();
      health_.checked(answer_, now_);
      note();
    }
    // Asking early or often changes nothing.
    while (health_.check_due(now_)) {
      ++checks_;
      note();
      if (good_) {
        health_.checked(true, now_);
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
    {"lazy_at_the_threshold_is_checked", copied(), "ok*70 lost*30 +60", "checks 2", "checks 1"},
    {"below_the_minimum_nothing_is_doubted", copied(), "lost*9 +60", "checks 1", "checks 0"},
    {"at_the_minimum_it_is", copied(), "lost*10 +60", "checks 2", "checks 1"},
    {"checked_and_bad_goes_out", copied(), "+5 bad lost*10 +20", "9 down, checks 4",
     "8 down, checks 3"},
    {"black_hole_under_load", copied(), "load:ok +5 bad load:lost +20", "9 down, checks 4",
     "5.6 down, checks 1"},
    {"black_hole_after_few_queries", copied(), "ok*5 +10 bad lost*6 +20", "14 down, checks 4",
     "13 down, checks 3"},
    {"out_and_back", copied(), "+5 bad lost*10 +20 good +70", "9 down, 69 up, checks 6",
     "8 down, 39 up, checks 5"},
    {"out_for_a_day", copied(), "+5 bad lost*10 +86400 good +61", "9 down, 86439 up, checks 2885",
     "8 down, 86409 up, checks 2884"},
    {"back_while_checks_are_spaced", copied(), "+5 bad lost*10 +10 good +25", "9 down, checks 5",
     "8 down, 39 up, checks 5"},
    {"one_good_check_between_bad_ones", copied(), "+5 bad lost*10 +3.5 good +32 bad +100",
     "9 down, checks 8", "8 down, 39 up, checks 5"},
    {"one_good_check_ends_the_doubt", copied(), "+5 bad lost*10 +1.5 good +60", "checks 3",
     "checks 3"},
    {"samples_of_this_morning", copied(), "lost*9 +14400 lost*1 +60", "checks 2", "checks 0"},
    {"samples_of_a_minute_ago", copied(), "lost*9 +59 lost*1 +60", "checks 2", "checks 1"},
    {"only_the_last_ones_count", copied(), "lost*100 ok*100 +0", "checks 1", "checks 1"},
    {"servfail_is_an_answer", copied(), "load:servfail +60", "checks 1", "checks 0"},
    {"servfail_is_a_failure_if_so_set",
     with([](HealthSettings& s) { s.lazy.failing = Failing::TimeoutOrServFail; }),
     "load:servfail +10", "checks 11", "0.4 down, checks 1"},
    {"checks_lie_while_queries_fail", copied(), "load:lost +40", "checks 41",
     "0.4 down, 31.4 up, 31.6 down, checks 3"},
    {"checks_lie_and_servfail_counts",
     with([](HealthSettings& s) { s.lazy.failing = Failing::TimeoutOrServFail; }),
     "+2 bad load:servfail +5 good load:none +65", "6 down, 66 up, checks 6",
     "2.4 down, 33.1 up, checks 3"},
    {"checks_fail_while_queries_succeed", copied(), "+2 load:ok bad lost*60 +60", "checks 1",
     "checks 1"},
    {"interval_while_in_doubt", with([](HealthSettings& s) { s.interval = seconds(5); }),
     "+5 bad lost*10 +30", "9 down, checks 4", "16 down, checks 3"},
    {"interval_after_the_first_good_check",
     with([](HealthSettings& s) { s.interval = seconds(3); }), "+5 bad lost*10 +30 good +70",
     "9 down, 69 up, checks 6", "12 down, 45 up, checks 5"},
    {"one_failure_is_enough", with([](HealthSettings& s) { s.max_failures = 1; }),
     "+5 bad lost*10 +10", "7 down, checks 2", "6 down, checks 1"},
    {"ten_failures_are_needed", with([](HealthSettings& s) { s.max_failures = 10; }),
     "+5 bad lost*10 +20", "16 down, checks 11", "15 down, checks 10"},
    {"one_good_check_brings_it_back", with([](HealthSettings& s) { s.rise = 1; }),
     "+5 bad lost*10 +10 good +40", "9 down, 39 up, checks 5", "8 down, 38 up, checks 4"},
    {"five_good_checks_bring_it_back", with([](HealthSettings& s) { s.rise = 5; }),
     "+5 bad lost*10 +10 good +200", "9 down, 159 up, checks 9", "8 down, 42 up, checks 8"},
    {"short_lazy_interval", with([](HealthSettings& s) { s.lazy.interval = seconds(5); }),
     "+5 bad lost*10 +20 good +20", "9 down, 34 up, checks 9", "8 down, 29 up, checks 8"},
    {"back_off_doubles", with([](HealthSettings& s) { s.lazy.exponential_back_off = true; }),
     "+5 bad lost*10 +1000", "9 down, checks 9", "8 down, checks 8"},
    {"back_off_has_an_end", with([](HealthSettings& s) {
       s.lazy.exponential_back_off = true;
       s.lazy.max_back_off = seconds(60);
     }),
     "+5 bad lost*10 +1000", "9 down, checks 21", "8 down, checks 20"},
    {"back_off_ends_with_the_first_good_check",
     with([](HealthSettings& s) { s.lazy.exponential_back_off = true; }),
     "+5 bad lost*10 +300 good +400", "9 down, 489 up, checks 9", "8 down, 459 up, checks 8"},
    {"small_ring", with([](HealthSettings& s) { s.lazy.sample_size = 10; }),
     "load:ok +10 bad lost*3 +20", "checks 1", "checks 1"},
    {"minimum_of_one", with([](HealthSettings& s) { s.lazy.min_sample_count = 1; }),
     "+2 bad lost*1 +20", "6 down, checks 4", "5 down, checks 3"},
    {"threshold_of_one_hundred", with([](HealthSettings& s) { s.lazy.threshold = 100; }),
     "+2 bad ok*1 lost*99 +20", "checks 1", "checks 0"},
    {"threshold_of_one", with([](HealthSettings& s) { s.lazy.threshold = 1; }),
     "+2 bad ok*99 lost*1 +20", "6 down, checks 4", "5 down, checks 3"},
    {"slow_checks", with([](HealthSettings& s) { s.timeout = milliseconds(3000); }),
     "+5 bad lost*10 +20", "15 down, checks 4", "14 down, checks 3"},
    {"no_session_can_be_had", copied(), "+5 bad unreachable +20", "checks 1", "8 down, checks 3"},
    {"silence_is_like_a_failed_check", copied(), "+5 bad silent +20", "checks 1",
     "7 down, checks 2"},
    {"silence_alone_takes_nobody_out", with([](HealthSettings& s) { s.max_failures = 1; }),
     "+5 bad silent +0.9 good +40", "checks 1", "6 down, 37 up, checks 3"},
    {"silence_that_is_over_changes_nothing", copied(), "+5 silent +20", "checks 1", "checks 1"},
    {"flapping", copied(),
     "+2 bad lost*10 +10 good +60 bad lost*10 +10 good +60 bad lost*10 +10 good +60",
     "6 down, 66 up, 76 down, 136 up, 146 down, 206 up, checks 16",
     "5 down, 36 up, 75 down, 106 up, 145 down, 176 up, checks 15"},
    {"dead_from_the_start", copied(), "bad +10 lost*10 +20 good +60", "1 down, 61 up, checks 3",
     "13 down, 44 up, checks 5"},
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

INSTANTIATE_TEST_SUITE_P(Scenarios, HealthScenario, testing::ValuesIn(kScenarios),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tests
