// What a worker tells the operator, so seldom that a failing backend cannot fill a disk: the first
// notice of a kind about a subject at once, then one every ten seconds at most.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "dataplane/base/clock.h"

namespace worker {

enum class Severity : uint8_t { Info, Warning, Error };
/// Called on the worker's thread; should not block.
using Notice = std::function<void(Severity, const std::string& subject, const std::string& text)>;

class Notices {
 public:
  explicit Notices(Notice sink) : sink_(std::move(sink)) {}

  /// Subjects come from the configuration, so there are few.
  void say(Severity severity, const std::string& subject, const std::string& text, base::Time now) {
    const auto [said, first] = last_.try_emplace({severity, subject}, now);
    if (!first && now < said->second + kPause) return;
    said->second = now;
    if (sink_) sink_(severity, subject, text);
  }

  static constexpr base::seconds kPause{10};

 private:
  Notice sink_;
  std::map<std::pair<Severity, std::string>, base::Time> last_;
};

}  // namespace worker
