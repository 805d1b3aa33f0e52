#include "tls-workers/backends/rotation.h"

namespace backends {
namespace {

HealthSettings under(HealthSettings settings, Rotation::Override word) {
  if (word == Rotation::Override::Up) settings.mode = HealthSettings::Mode::Up;
  if (word == Rotation::Override::Down) settings.mode = HealthSettings::Mode::Down;
  return settings;
}

bool is_judged(HealthSettings::Mode mode) {
  return mode == HealthSettings::Mode::Auto || mode == HealthSettings::Mode::Lazy;
}

/// The owner of a name can make a resolver silent about it, but cannot make it refuse us.
Health::Check how_it_ended(std::optional<Failure> failed) {
  if (!failed) return Health::Check::Good;
  const bool no_session =
      *failed == Failure::Connect || *failed == Failure::Tls || *failed == Failure::Certificate;
  return no_session ? Health::Check::NoSession : Health::Check::Failed;
}

}  // namespace

Rotation::Rotation(const HealthSettings& settings, base::Time now)
    : settings_(settings),
      health_(settings, now),
      up_(health_.up()),
      barred_(settings.mode == HealthSettings::Mode::Down),
      judged_(is_judged(settings.mode)),
      next_look_(health_.next_look().time_since_epoch().count()) {}

Rotation::Change Rotation::set_override(Override word, base::Time now) {
  const std::lock_guard lock(mutex_);
  if (word == this->current_override() && word != Override::Auto) return Change::None;
  const bool was_up = health_.up();
  const HealthSettings settings = under(settings_, word);
  health_ = Health(settings, now);
  override_.store(word, std::memory_order_relaxed);
  barred_.store(settings.mode == HealthSettings::Mode::Down, std::memory_order_relaxed);
  judged_.store(is_judged(settings.mode), std::memory_order_relaxed);
  return publish(was_up);
}

Rotation::Change Rotation::sample(const Met& met, base::Time now) {
  const std::lock_guard lock(mutex_);
  const bool was_up = health_.up();
  if (!met.answers().empty())
    last_answer_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  if (health_.wants_votes()) {
    health_.vote(met.answers(), now);
    health_.vote(met.failures(), now);
  } else {
    for (const Sample what : {Sample::Answered, Sample::ServFail, Sample::Lost})
      health_.count(what, met.number(what));
  }
  return publish(was_up);
}

Rotation::Change Rotation::unreachable(Failure why, base::Time now) {
  const std::lock_guard lock(mutex_);
  const bool was_up = health_.up();
  // A session that fell silent has queries to lose, which say so by themselves.
  if (why != Failure::Deadline || !health_.wants_votes()) health_.unreachable(now);
  return publish(was_up);
}

bool Rotation::check_due(base::Time now) {
  if (now < next_look()) return false;
  const std::lock_guard lock(mutex_);
  const bool due = health_.check_due(now);
  (void)publish(health_.up());
  return due;
}

Rotation::Change Rotation::checked(std::optional<Failure> failed, base::Time now) {
  const std::lock_guard lock(mutex_);
  const bool was_up = health_.up();
  health_.checked(how_it_ended(failed), now);
  last_check_ = now;
  last_check_failed_ = failed;
  (failed ? failed_[*failed] : good_).add();
  return publish(was_up);
}

Rotation::Report Rotation::report() const {
  const std::lock_guard lock(mutex_);
  return {health_.state(), health_.since(), last_check_, last_check_failed_};
}

Rotation::Change Rotation::publish(bool was_up) {
  const bool up = health_.up();
  up_.store(up, std::memory_order_relaxed);
  next_look_.store(health_.next_look().time_since_epoch().count(), std::memory_order_relaxed);
  if (up == was_up) return Change::None;
  if (!up) last_answer_.store(0, std::memory_order_relaxed);
  return up ? Change::WentUp : Change::WentDown;
}

}  // namespace backends
