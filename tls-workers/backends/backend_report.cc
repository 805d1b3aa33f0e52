#include "tls-workers/backends/backend_report.h"

namespace backends {

void BackendRecord::failed(const Fault& fault, Date now) {
  const std::lock_guard lock(mutex_);
  report_.last_failure = {fault.kind, fault.text, now};
}

void BackendRecord::saw_certificate(Date not_after, Date now) {
  const std::lock_guard lock(mutex_);
  report_.certificate = {not_after, now};
}

BackendReport BackendRecord::read() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

BackendReport latest(std::span<const BackendRecord* const> records) {
  BackendReport all;
  for (const BackendRecord* record : records) {
    BackendReport one = record->read();
    if (one.last_failure && (!all.last_failure || all.last_failure->at < one.last_failure->at))
      all.last_failure = std::move(one.last_failure);
    if (one.certificate && (!all.certificate || all.certificate->seen < one.certificate->seen))
      all.certificate = one.certificate;
  }
  return all;
}

}  // namespace backends
