#include "tls-workers/upstream/rotation.h"

namespace tls {
namespace {

HealthSettings under(HealthSettings settings, Rotation::Word word) {
  if (word == Rotation::Word::Up) settings.mode = HealthSettings::Mode::Up;
  if (word == Rotation::Word::Down) settings.mode = HealthSettings::Mode::Down;
  return settings;
}

}  // namespace

Rotation::Rotation(const HealthSettings& settings, base::Time now)
    : settings_(settings),
      health_(settings, now),
      up_(health_.up()),
      barred_(settings.mode == HealthSettings::Mode::Down),
      next_look_(health_.next_look().time_since_epoch().count()) {}

Rotation::Change Rotation::obey(Word word, base::Time now) {
  const std::lock_guard lock(mutex_);
  if (word == this->word() && word != Word::Auto) return Change::None;
  const bool was_up = health_.up();
  const HealthSettings settings = under(settings_, word);
  health_ = Health(settings, now);
  word_.store(word, std::memory_order_relaxed);
  barred_.store(settings.mode == HealthSettings::Mode::Down, std::memory_order_relaxed);
  return publish(was_up);
}

Rotation::Change Rotation::sample(const Samples& met, base::Time now) {
  const std::lock_guard lock(mutex_);
  const bool was_up = health_.up();
  for (size_t what = 0; what < met.size(); ++what) {
    if (met[what] > 0) health_.sample(static_cast<Sample>(what), met[what], now);
  }
  return publish(was_up);
}

Rotation::Change Rotation::unreachable(Failure why, base::Time now) {
  const std::lock_guard lock(mutex_);
  const bool was_up = health_.up();
  if (why == Failure::Deadline) {
    health_.fell_silent(now);
  } else {
    health_.unreachable(now);
  }
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
  health_.checked(!failed, now);
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
  return up ? Change::WentUp : Change::WentDown;
}

}  // namespace tls
