#include "tls-workers/backends/health.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace backends {
namespace {

/// dnsdist looks once a second, whatever happens in between.
constexpr base::seconds kRound{1};

}  // namespace

std::vector<std::byte> usual_check_name() {
  constexpr std::string_view kName("\1a\14root-servers\3net\0", 20);
  std::vector<std::byte> name(kName.size());
  std::ranges::transform(kName, name.begin(), [](char c) { return static_cast<std::byte>(c); });
  return name;
}

void Health::Samples::add(bool failed) {
  const auto size = static_cast<uint32_t>(ring_.size());
  if (count_ == size) {
    failed_ -= ring_[first_] ? 1 : 0;
    first_ = (first_ + 1) % size;
    --count_;
  }
  ring_[(first_ + count_) % size] = failed;
  ++count_;
  failed_ += failed ? 1 : 0;
}

Health::Health(const HealthSettings& settings, base::Time now)
    : settings_(settings),
      state_(settings.mode == HealthSettings::Mode::Down ? State::Failed : State::Healthy),
      since_(now),
      samples_(std::max(settings.lazy.sample_size, 1u)),
      // dnsdist checks every backend once before it serves clients; a strict lazy one is not
      // checked as long as it does its work.
      first_check_(judges() && !(lazy() && strict())),
      next_check_(now) {}

bool Health::is_failure(Sample what) const {
  return what == Sample::Lost ||
         (what == Sample::ServFail &&
          settings_.lazy.failing == HealthSettings::Failing::TimeoutOrServFail);
}

// ---------------------------------------------------------------- as dnsdist

void Health::count(Sample what, uint32_t queries) {
  if (!lazy() || strict() || state_ == State::Failed) return;
  for (uint32_t i = 0; i < std::min(queries, settings_.lazy.sample_size); ++i)
    samples_.add(is_failure(what));
}

/// Enough queries have been seen, and enough of them have failed.
bool Health::doubtful() const {
  return samples_.count() >= std::max(settings_.lazy.min_sample_count, 1u) &&
         uint64_t{100} * samples_.failed() >= uint64_t{settings_.lazy.threshold} * samples_.count();
}

// ---------------------------------------------------------------- strict

void Health::vote(std::span<const Vote> votes, base::Time now) {
  if (!wants_votes()) return;
  for (const Vote& vote : votes)
    is_failure(vote.what) ? take_failure(vote, now) : take_answer(vote, now);
}

/// Out is not off: with all of a pool out all are tried, and one that answers is back at once.
void Health::take_answer(const Vote& vote, base::Time now) {
  if (state_ == State::Failed && vote.asked >= since_) come_back(now);
  evidence_.answered(vote.source, now);
}

void Health::take_failure(const Vote& vote, base::Time now) {
  if (state_ == State::Failed) return;
  const bool news = evidence_.failed(vote.source, vote.asked, now);
  const bool silent = std::max(evidence_.last_answer(), good_) <= vote.asked;
  if (state_ == State::Healthy && (silent || (news && looks_doubtful(now)))) doubt(now);
  // A query that waited for nothing waited longer than a check does. The last failure before a
  // backend goes out has to be a check all the same. docs/decisions/0039
  if (state_ == State::Doubted && silent && !outweighed_ && vote.what == Sample::Lost)
    failures_ = std::max(failures_, std::min(1u, settings_.max_failures - 1));
}

/// So many domains that neither chance nor a handful of dead ones explains it.
uint32_t Health::enough_domains() const {
  return std::clamp(settings_.lazy.min_sample_count, kFewDomains, kManyDomains);
}

bool Health::looks_doubtful(base::Time now) const {
  const Evidence::Tally tally = evidence_.tally(now);
  return tally.unbroken >= enough_domains() ||
         (tally.asked >= enough_domains() &&
          100 * tally.failing >= settings_.lazy.threshold * tally.asked);
}

/// Whether clients get nothing though checks are answered. Names are dead, and many at once, on
/// good days too: it takes domains that used to be answered, asked for by more than one client, and
/// either not one answer since, or more than half of very many.
bool Health::outweighs_checks(base::Time now) const {
  const Evidence::Tally tally = evidence_.tally(now);
  const uint32_t part = std::max(settings_.lazy.threshold, 50u);
  const bool most = tally.asked >= kManyDomains && 100 * tally.failing_known >= part * tally.asked;
  return tally.of_several && (most || tally.unbroken >= enough_domains());
}

void Health::good_check(base::Time now) {
  name_is_at_fault_ = false;
  good_ = now;
  // With no client asking any more, what was lost before is no reason to doubt a good check.
  const bool goes_on = evidence_.last_failure() > sent_ - settings_.interval;
  const bool outweighed =
      state_ == State::Doubted && wants_votes() && goes_on && outweighs_checks(now);
  if (!outweighed) return good_once_more(now);
  if (!std::exchange(outweighed_, true)) failures_ = 0;
  failed_once_more(now);
}

/// Queries that are answered outweigh a check that is not: then its name is what fails, and until
/// it does not, it takes several domains to say that a backend does.
void Health::failed_check(Check how, base::Time now) {
  if (!wants_votes() || state_ == State::Failed) return failed_once_more(now);
  if (evidence_.last_answer() > sent_) {
    name_is_at_fault_ = true;
    return outweighs_checks(now) ? failed_once_more(now) : good_once_more(now);
  }
  const bool few = evidence_.tally(now).unbroken < kFewDomains;
  if (name_is_at_fault_ && how != Check::NoSession && few) return;
  failed_once_more(now);
}

// ---------------------------------------------------------------- both

void Health::unreachable(base::Time now) {
  if (!lazy() || state_ != State::Healthy) return;
  if (strict()) return doubt(now);
  count(Sample::Lost, 1);
}

void Health::doubt(base::Time now) {
  samples_.clear();
  failures_ = 0;
  outweighed_ = false;
  enter(State::Doubted, now);
  next_check_ = std::max(now, sent_ + (strict() ? settings_.interval : base::seconds(0)));
}

bool Health::check_due(base::Time now) {
  if (!judges() || checking_ || now < next_look()) return false;
  if (lazy() && state_ == State::Healthy && !first_check_) {
    next_check_ = now + kRound;  // Not strict: the round is over.
    if (!doubtful()) return false;
    doubt(now);
  }
  checking_ = true;
  sent_ = now;
  return true;
}

base::Time Health::next_look() const {
  const bool idle = lazy() && strict() && state_ == State::Healthy;
  return !judges() || checking_ || idle ? base::Time::max() : next_check_;
}

void Health::checked(Check how, base::Time now) {
  if (!std::exchange(checking_, false)) return;
  const bool first = std::exchange(first_check_, false);
  const bool good = how == Check::Good;
  if (first && !good) {
    failures_ = 1;
    successes_ = 0;
    enter(State::Failed, now);
  } else if (good) {
    good_check(now);
  } else {
    failed_check(how, now);
  }
  // dnsdist counts from the end of the check that took a backend out, and otherwise from the start.
  const bool out_now = !up() && since_ == now;
  next_check_ = std::max(now, (out_now ? now : sent_) + pause());
}

void Health::failed_once_more(base::Time now) {
  successes_ = 0;
  ++failures_;
  if (state_ == State::Failed || failures_ < settings_.max_failures) return;
  failures_ = 1;
  samples_.clear();
  enter(State::Failed, now);
  next_check_ = now + pause();
}

void Health::good_once_more(base::Time now) {
  if (state_ == State::Failed && ++successes_ < settings_.rise) return;
  if (state_ == State::Failed) return come_back(now);
  failures_ = 0;
  if (state_ == State::Healthy) return;
  samples_.clear();
  enter(State::Healthy, now);
}

/// What happened before says nothing about it as it is now.
void Health::come_back(base::Time now) {
  failures_ = successes_ = 0;
  samples_.clear();
  evidence_.forget();
  enter(State::Healthy, now);
}

/// From one check to the next.
base::Duration Health::pause() const {
  const HealthSettings::Lazy& settings = settings_.lazy;
  if (!lazy()) return settings_.interval;
  if (state_ != State::Failed) return strict() ? settings_.interval : kRound;
  // Once it has answered, there is no reason to wait long for the next answer.
  if (successes_ > 0) return strict() ? settings_.interval : settings.interval;
  if (!settings.exponential_back_off) return settings.interval;
  const uint32_t doublings = std::min(failures_ - std::min(failures_, 1u), 20u);
  return std::min<base::Duration>(settings.interval * (int64_t{1} << doublings),
                                  settings.max_back_off);
}

void Health::enter(State state, base::Time now) {
  state_ = state;
  since_ = now;
}

}  // namespace backends
