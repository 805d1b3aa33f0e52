// Whether a backend is in rotation: judged by what its queries meet and, when they leave doubt or
// there are none, by checks. The settings and, with `strict` off, the results are dnsdist's; with
// `strict` on (docs/decisions/0063) queries are evidence by client and by domain, so that no single
// domain or client moves a backend.
//
// A value that does nothing by itself: it is told what happened and when, and says whether a check
// is due. So days of it are tested in milliseconds.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "dataplane/base/clock.h"
#include "dataplane/dns/protocol.h"
#include "tls-workers/backends/evidence.h"

namespace backends {

/// a.root-servers.net, as dnsdist has it: a name that every resolver has at hand.
[[nodiscard]] std::vector<std::byte> usual_check_name();

/// `health_checks` of a backend.
struct HealthSettings {
  enum class Mode : uint8_t {
    Auto,  // A check every `interval`.
    Lazy,  // Checks only when queries fail, and to find out when that is over.
    Up,    // In rotation, whatever happens.
    Down,  // Out of rotation, whatever happens.
  };
  static constexpr std::array<std::string_view, 4> kModeNames = {"auto", "lazy", "up", "down"};
  /// What counts as a failed query.
  enum class Failing : uint8_t { TimeoutOnly, TimeoutOrServFail };

  Mode mode = Mode::Lazy;
  std::vector<std::byte> qname = usual_check_name();  // In wire form.
  dns::Type qtype = dns::Type::A;
  bool random_label = false;  // Before `qname`, a new one each time.
  base::seconds interval{1};
  base::milliseconds timeout{1000};
  uint32_t max_failures = 3;  // Failed checks in a row that take the backend out.
  uint32_t rise = 2;          // Good ones in a row that bring it back.
  struct Lazy {
    base::seconds interval{30};  // Between checks while it is out.
    uint32_t threshold = 30;     // Per cent of failed queries that leave doubt.
    uint32_t sample_size = 100;  // How many of the last queries are looked at.
    uint32_t min_sample_count = 10;
    Failing failing = Failing::TimeoutOnly;
    bool exponential_back_off = false;  // Of `interval`.
    base::seconds max_back_off{3600};
    bool strict = true;

    friend bool operator==(const Lazy&, const Lazy&) = default;
  } lazy;

  friend bool operator==(const HealthSettings&, const HealthSettings&) = default;
};

/// What a query met.
enum class Sample : uint8_t { Answered, ServFail, Lost, Count_ };

/// The same of one query in particular.
struct Vote {
  Sample what{};
  Source source;
  base::Time asked{};
};

class Health {
 public:
  enum class State : uint8_t {
    Healthy,  // In rotation.
    Doubted,  // In rotation, and checked.
    Failed,   // Out of rotation.
  };

  Health(const HealthSettings& settings, base::Time now);

  /// What its queries met. `strict` looks at votes, those of answers first, and dnsdist at numbers.
  [[nodiscard]] bool wants_votes() const { return lazy() && strict(); }
  void count(Sample what, uint32_t queries);
  void vote(std::span<const Vote> votes, base::Time now);
  /// No session can be had, so what answers there are come from others. As good as a failed query;
  /// with `strict`, reason enough for doubt.
  void unreachable(base::Time now);
  /// Whether a check is to be sent now; if so, `checked` follows. Ask whenever time has passed.
  [[nodiscard]] bool check_due(base::Time now);
  enum class Check : uint8_t { Good, Failed, NoSession };
  /// How the check ended.
  void checked(Check how, base::Time now);
  /// When to ask `check_due` again at the latest; Time::max() if only a sample can change anything.
  [[nodiscard]] base::Time next_look() const;

  [[nodiscard]] bool up() const { return state_ != State::Failed; }
  [[nodiscard]] State state() const { return state_; }
  /// Since when it has been in this state.
  [[nodiscard]] base::Time since() const { return since_; }

  /// Fewer domains than this leave doubt, never a verdict.
  static constexpr uint32_t kFewDomains = 3;
  /// Of so many domains or more, failures count though others are answered.
  static constexpr uint32_t kManyDomains = 32;

 private:
  /// The last queries, a ring.
  class Samples {
   public:
    explicit Samples(uint32_t size) : ring_(size) {}
    void add(bool failed);
    void clear() { count_ = failed_ = 0; }
    [[nodiscard]] uint32_t count() const { return count_; }
    [[nodiscard]] uint32_t failed() const { return failed_; }

   private:
    std::vector<bool> ring_;
    uint32_t first_ = 0;
    uint32_t count_ = 0;
    uint32_t failed_ = 0;
  };

  [[nodiscard]] bool judges() const {
    return settings_.mode == HealthSettings::Mode::Auto ||
           settings_.mode == HealthSettings::Mode::Lazy;
  }
  [[nodiscard]] bool lazy() const { return settings_.mode == HealthSettings::Mode::Lazy; }
  [[nodiscard]] bool strict() const { return settings_.lazy.strict; }
  [[nodiscard]] bool is_failure(Sample what) const;
  void take_answer(const Vote& vote, base::Time now);
  void take_failure(const Vote& vote, base::Time now);
  [[nodiscard]] bool doubtful() const;
  [[nodiscard]] bool looks_doubtful(base::Time now) const;
  [[nodiscard]] bool outweighs_checks(base::Time now) const;
  [[nodiscard]] uint32_t enough_domains() const;
  [[nodiscard]] base::Duration pause() const;
  void enter(State state, base::Time now);
  void come_back(base::Time now);
  void doubt(base::Time now);
  void failed_check(Check how, base::Time now);
  void good_check(base::Time now);
  void failed_once_more(base::Time now);
  void good_once_more(base::Time now);

  HealthSettings settings_;
  State state_ = State::Healthy;
  base::Time since_;
  Samples samples_;         // Not strict.
  Evidence evidence_;       // Strict.
  uint32_t failures_ = 0;   // Checks failed in a row, and what counts as such.
  uint32_t successes_ = 0;  // Good checks in a row while Failed.
  bool checking_ = false;
  bool outweighed_ = false;        // A check was good in this doubt, and did not settle it.
  bool first_check_ = false;       // Its result counts at once.
  bool name_is_at_fault_ = false;  // Checks failed while queries were answered, until one is good.
  base::Time sent_{};              // The last check.
  base::Time good_{};              // The last good one.
  base::Time next_check_;          // Doubted and Failed; always, in mode auto.
};

}  // namespace backends
