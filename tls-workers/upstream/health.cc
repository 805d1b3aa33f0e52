#include "tls-workers/upstream/health.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace tls {
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

void Health::Samples::add(bool failed, base::Time now) {
  const auto size = static_cast<uint32_t>(ring_.size());
  if (count_ == size) {
    failed_ -= ring_[first_].failed ? 1 : 0;
    first_ = (first_ + 1) % size;
    --count_;
  }
  ring_[(first_ + count_) % size] = {now, failed};
  ++count_;
  failed_ += failed ? 1 : 0;
}

void Health::Samples::forget_before(base::Time oldest) {
  while (count_ > 0 && ring_[first_].at < oldest) {
    failed_ -= ring_[first_].failed ? 1 : 0;
    first_ = (first_ + 1) % static_cast<uint32_t>(ring_.size());
    --count_;
  }
}

Health::Health(const HealthSettings& settings, base::Time now)
    : settings_(settings),
      state_(settings.mode == HealthSettings::Mode::Down ? State::Failed : State::Healthy),
      since_(now),
      samples_(std::max(settings.lazy.sample_size, 1u)),
      // dnsdist checks every backend once before it serves anybody; a strict lazy one is not
      // checked as long as it does its work.
      first_check_(judges() && !(lazy() && strict())),
      next_check_(now) {}

void Health::sample(Sample what, uint32_t count, base::Time now) {
  if (!lazy() || state_ == State::Failed) return;
  const bool failed = what == Sample::Lost ||
                      (what == Sample::ServFail &&
                       settings_.lazy.failing == HealthSettings::Failing::TimeoutOrServFail);
  for (uint32_t i = 0; i < std::min(count, settings_.lazy.sample_size); ++i)
    samples_.add(failed, now);
  if (!strict()) return;
  samples_.forget_before(now - kSampleLife);
  if (state_ == State::Healthy) {
    if (doubtful()) doubt(now);
  } else if (enough()) {
    settle_doubt(now);
  }
}

void Health::unreachable(base::Time now) {
  if (!lazy() || state_ != State::Healthy) return;
  if (strict()) return doubt(now);
  sample(Sample::Lost, 1, now);
}

void Health::fell_silent(base::Time now) {
  if (!lazy() || state_ != State::Healthy) return;
  unreachable(now);
  if (state_ != State::Doubted || !strict()) return;
  failures_ = std::max(failures_, std::min(1u, settings_.max_failures - 1));
}

/// Enough queries since the doubt began: what they met outweighs checks, which a resolver may
/// answer while it fails everybody, and the other way round.
void Health::settle_doubt(base::Time now) {
  const bool failing = doubtful();
  samples_.clear();
  if (failing) return failed_once_more(now);
  failures_ = 0;
  enter(State::Healthy, now);
}

bool Health::enough() const {
  return samples_.count() >= std::max(settings_.lazy.min_sample_count, 1u);
}

/// Enough queries have been seen, and enough of them have failed.
bool Health::doubtful() const {
  return enough() &&
         uint64_t{100} * samples_.failed() >= uint64_t{settings_.lazy.threshold} * samples_.count();
}

void Health::doubt(base::Time now) {
  samples_.clear();
  // A check was good, but the queries go on failing: then the doubts count.
  const bool again = strict() && cleared_ && now < *cleared_ + kSampleLife;
  failures_ = again ? doubts_ : 0;
  enter(State::Doubted, now);
  next_check_ = std::max(now, sent_ + (strict() ? settings_.interval : base::seconds(0)));
  if (again) failed_once_more(now);
  doubts_ = failures_;
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

void Health::checked(bool good, base::Time now) {
  if (!std::exchange(checking_, false)) return;
  const bool first = std::exchange(first_check_, false);
  if (first && !good) {
    failures_ = 1;
    successes_ = 0;
    enter(State::Failed, now);
  } else if (good) {
    good_once_more(now);
  } else {
    failed_once_more(now);
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
  failures_ = successes_ = 0;
  if (state_ == State::Healthy) return;
  if (state_ == State::Doubted) cleared_ = now;
  samples_.clear();
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

}  // namespace tls
