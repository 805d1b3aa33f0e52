// Health over drawn populations: domains that are good, dead, slow or flaky, clients, one of whom
// may ask for nothing but bad ones, and rates from one query a minute up. Whatever is drawn, the
// promises of docs/decisions/0063 hold. RC_PARAMS=max_success=100000 draws as many populations.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <ostream>
#include <queue>
#include <random>
#include <tuple>
#include <vector>

#include "tls-workers/backends/health.h"

namespace tests {
namespace {

using backends::Health;
using backends::HealthSettings;
using backends::Sample;
using backends::Source;
using base::milliseconds;
using base::seconds;

constexpr base::Time kStart{seconds(1'000'000)};
constexpr milliseconds kQueryTimeout{1500};
constexpr milliseconds kRoundTrip{20};
constexpr double kMostQueries = 3000;

enum class Kind : uint8_t { Good, Dead, Slow, Flaky, ServFail };

struct Population {
  uint32_t seed = 0;
  std::vector<Kind> domains;  // Good ones first.
  uint32_t good = 0;
  uint32_t clients = 1;
  double rate = 1;               // Queries a second.
  double skew = 0;               // How much more the first domains are asked for than the others.
  double scanner = 0;            // This part of all queries is client 0's, for bad domains alone.
  bool others_ask_good = false;  // And all bad ones are asked for by client 0.
  bool dies = false;             // The resolver answers nothing from the middle on, ...
  bool lies = false;             // ... but checks.
  bool check_name_is_dead = false;
  HealthSettings::Failing failing{};
};

std::ostream& operator<<(std::ostream& out, const Population& population) {
  out << "seed " << population.seed << ", " << population.domains.size() << " domains, "
      << population.good << " good, the others:";
  for (size_t i = population.good; i < population.domains.size(); ++i)
    out << ' ' << static_cast<int>(population.domains[i]);
  return out << "; " << population.clients << " clients, " << population.rate << "/s, skew "
             << population.skew << ", scanner " << population.scanner << ", check name dead "
             << population.check_name_is_dead << ", failing "
             << static_cast<int>(population.failing);
}

/// One backend, its clients and its checks, event by event.
class World {
 public:
  explicit World(const Population& population)
      : population_(population), random_(population.seed), health_(settings(population), kStart) {
    const double length = std::clamp(kMostQueries / population.rate, 20.0, 3600.0);
    end_ = kStart + of(length);
    death_ = population.dies ? kStart + of(length / 2) : base::Time::max();
    at(kStart + of(pause()), [this] { ask(); });
  }

  /// `look` after each event.
  void run(const std::function<void()>& look) {
    while (!events_.empty() && now_ < end_) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.at;
      event.act();
      check();
      look();
    }
  }

  [[nodiscard]] const Health& health() const { return health_; }
  [[nodiscard]] base::Time now() const { return now_; }
  [[nodiscard]] bool dead(base::Time when) const { return when >= death_; }
  /// When the first query that the dead resolver got was given up.
  [[nodiscard]] base::Time first_lost() const { return first_lost_; }
  /// An answer to a query of this moment or later came, at `now`.
  [[nodiscard]] base::Time last_answered_ask() const { return last_answered_ask_; }
  [[nodiscard]] uint32_t checks() const { return checks_; }

 private:
  struct Event {
    base::Time at;
    uint64_t number;
    std::function<void()> act;
    bool operator<(const Event& other) const {
      return std::tie(other.at, other.number) < std::tie(at, number);
    }
  };

  static HealthSettings settings(const Population& population) {
    HealthSettings settings;
    settings.lazy.failing = population.failing;
    return settings;
  }
  static base::Duration of(double length) {
    return std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(length));
  }
  void at(base::Time when, std::function<void()> act) {
    events_.push({when, number_++, std::move(act)});
  }
  [[nodiscard]] double draw() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  [[nodiscard]] double pause() { return -std::log(1 - draw()) / population_.rate; }

  [[nodiscard]] uint32_t domain(bool bad) {
    auto size = static_cast<uint32_t>(population_.domains.size());
    if (bad) return population_.good + static_cast<uint32_t>(draw() * (size - population_.good));
    if (population_.others_ask_good) size = population_.good;
    return std::min(static_cast<uint32_t>(std::pow(draw(), 1 + population_.skew) * size), size - 1);
  }

  void ask() {
    at(now_ + of(pause()), [this] { ask(); });
    const bool scans =
        population_.good < population_.domains.size() && draw() < population_.scanner;
    const uint32_t number = domain(scans);
    const auto client = scans ? 0u : 1 + static_cast<uint32_t>(draw() * population_.clients);
    // Places are found by hash.
    const Source source{static_cast<uint16_t>((number + 1) * 40503u),
                        static_cast<uint16_t>(client + 1)};
    const base::Time asked = now_;
    if (dead(now_)) return lose(source, asked);
    switch (population_.domains[number]) {
      case Kind::Good:
        return answer(source, asked, kRoundTrip);
      case Kind::Dead:
        return lose(source, asked);
      case Kind::Slow:
        lose(source, asked);
        return answer(source, asked, of(1.6 + 2.4 * draw()));
      case Kind::Flaky:
        return draw() < 0.5 ? lose(source, asked) : answer(source, asked, kRoundTrip);
      case Kind::ServFail:
        at(now_ + kRoundTrip, [=, this] { vote({Sample::ServFail, source, asked}); });
    }
  }
  void answer(Source source, base::Time asked, base::Duration after) {
    at(now_ + after, [=, this] {
      if (dead(now_)) return lose(source, asked);
      last_answered_ask_ = asked;
      vote({Sample::Answered, source, asked});
    });
  }
  void lose(Source source, base::Time asked) {
    at(asked + kQueryTimeout, [=, this] {
      if (dead(asked)) first_lost_ = std::min(first_lost_, now_);
      vote({Sample::Lost, source, asked});
    });
  }
  void vote(const backends::Vote& vote) { health_.vote({&vote, 1}, now_); }

  void check() {
    if (health_.check_due(now_)) {
      ++checks_;
      const bool good = (!dead(now_) || population_.lies) && !population_.check_name_is_dead;
      at(now_ + (good ? base::Duration(kRoundTrip) : base::Duration(seconds(1))), [this, good] {
        health_.checked(good ? Health::Check::Good : Health::Check::Failed, now_);
      });
    } else if (health_.next_look() != base::Time::max() && health_.next_look() != look_at_) {
      look_at_ = health_.next_look();
      at(std::max(now_, look_at_), [] {});
    }
  }

  const Population& population_;
  std::mt19937 random_;
  Health health_;
  std::priority_queue<Event> events_;
  uint64_t number_ = 0;
  base::Time now_ = kStart;
  base::Time end_;
  base::Time death_;
  base::Time look_at_{};
  base::Time first_lost_ = base::Time::max();
  base::Time last_answered_ask_{};
  uint32_t checks_ = 0;
};

/// The generators of whole numbers draw small ones first, unless they are told not to.
template <typename Value>
Value full(const rc::Gen<Value>& gen) {
  return *rc::gen::resize(rc::kNominalSize, gen);
}

double logarithmic(double low, double high) {
  return low * std::pow(high / low, full(rc::gen::inRange(0, 10'001)) / 10'000.0);
}

/// `most_bad`: this part of the domains may be anything but good.
Population drawn(double most_bad, double least_rate) {
  Population population;
  population.seed = full(rc::gen::arbitrary<uint32_t>());
  const auto size = static_cast<uint32_t>(logarithmic(1, 500));
  const auto bad = full(rc::gen::inRange(0u, static_cast<uint32_t>(size * most_bad) + 1));
  population.good = size - bad;
  population.domains.assign(population.good, Kind::Good);
  for (uint32_t i = 0; i < bad; ++i)
    population.domains.push_back(static_cast<Kind>(full(rc::gen::inRange(1, 5))));
  population.clients = static_cast<uint32_t>(logarithmic(1, 300));
  population.rate = logarithmic(least_rate, 1000);
  population.skew = *rc::gen::element(0.0, 0.5, 2.0, 5.0);
  population.scanner = *rc::gen::element(0.0, 0.0, 0.3, 0.8);
  population.failing = *rc::gen::element(HealthSettings::Failing::TimeoutOnly,
                                         HealthSettings::Failing::TimeoutOrServFail);
  return population;
}

void expect_always_up(const Population& population) {
  RC_LOG() << population << std::endl;
  World world(population);
  world.run([&] { RC_ASSERT(world.health().up()); });
}

TEST(HealthPopulations, WhoAnswersNineDomainsOfTenIsNeverOut) {
  EXPECT_TRUE(rc::check([] { expect_always_up(drawn(0.1, 1.0 / 60)); }));
}

TEST(HealthPopulations, NoSingleDomainTakesItOut) {
  EXPECT_TRUE(rc::check([] {
    Population population = drawn(0, 1.0 / 60);
    population.domains.back() = static_cast<Kind>(full(rc::gen::inRange(1, 5)));
    --population.good;
    expect_always_up(population);
  }));
}

TEST(HealthPopulations, NoSingleClientTakesItOut) {
  EXPECT_TRUE(rc::check([] {
    Population population = drawn(1, 1.0 / 60);
    RC_PRE(population.good > 0);
    population.others_ask_good = true;
    population.scanner = *rc::gen::element(0.3, 0.8, 0.99);
    expect_always_up(population);
  }));
}

TEST(HealthPopulations, WhoAnswersNothingIsOutWithinThreeSeconds) {
  EXPECT_TRUE(rc::check([] {
    Population population = drawn(0.5, 10);
    population.dies = true;
    RC_LOG() << population << std::endl;
    World world(population);
    world.run([&] {
      const bool late = world.first_lost() < world.now() - seconds(3);
      RC_ASSERT(!late || !world.health().up());
    });
    RC_ASSERT(!world.health().up());
  }));
}

TEST(HealthPopulations, WhoAnswersChecksAloneIsOutToo) {
  EXPECT_TRUE(rc::check([] {
    Population population = drawn(0.1, 10);
    population.dies = population.lies = true;
    population.skew = population.scanner = 0;
    RC_PRE(population.good >= 20u && population.clients >= 2u);
    RC_LOG() << population << std::endl;
    World world(population);
    bool was_out = false;
    world.run([&] { was_out |= !world.health().up(); });
    RC_ASSERT(was_out);
  }));
}

/// Whatever part of the domains is bad, and also if the check's own name is.
TEST(HealthPopulations, WhoeverAnswersWhileOutIsBackAtOnce) {
  EXPECT_TRUE(rc::check([] {
    Population population = drawn(1, 1.0 / 60);
    population.check_name_is_dead = *rc::gen::arbitrary<bool>();
    RC_LOG() << population << std::endl;
    World world(population);
    world.run([&] {
      const Health& health = world.health();
      RC_ASSERT(health.up() || world.last_answered_ask() < health.since());
    });
  }));
}

TEST(HealthPopulations, ChecksComeOnceASecondAtMost) {
  EXPECT_TRUE(rc::check([] {
    const Population population = drawn(1, 1.0 / 60);
    RC_LOG() << population << std::endl;
    World world(population);
    world.run([] {});
    const auto length = std::chrono::ceil<seconds>(world.now() - kStart).count();
    RC_ASSERT(world.checks() <= static_cast<uint64_t>(length) + 1);
  }));
}

}  // namespace
}  // namespace tests
