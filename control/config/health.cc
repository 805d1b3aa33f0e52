// The section `backends.health_checks`: how it is judged whether a resolver is asked. Names and
// meaning are dnsdist's.
#include <iterator>

#include "control/config/reader.h"
#include "control/text/dns_text.h"
#include "dataplane/dns/protocol.h"

namespace control {
namespace {

using Health = backends::HealthSettings;

constexpr Choice<Health::Mode> choice_of(Health::Mode mode) {
  return {Health::kModeNames[static_cast<size_t>(mode)], mode};
}
constexpr Choice<Health::Mode> kModes[] = {
    choice_of(Health::Mode::Auto), choice_of(Health::Mode::Lazy), choice_of(Health::Mode::Up),
    choice_of(Health::Mode::Down)};
static_assert(std::size(kModes) == Health::kModeNames.size());
constexpr Choice<Health::Failing> kFailing[] = {
    {"TimeoutOnly", Health::Failing::TimeoutOnly},
    {"TimeoutOrServFail", Health::Failing::TimeoutOrServFail}};
constexpr Choice<dns::Type> kTypes[] = {{"A", dns::Type::A},         {"AAAA", dns::Type::Aaaa},
                                        {"CNAME", dns::Type::Cname}, {"DS", dns::Type::Ds},
                                        {"MX", dns::Type::Mx},       {"NS", dns::Type::Ns},
                                        {"HTTPS", dns::Type::Https}, {"PTR", dns::Type::Ptr},
                                        {"SOA", dns::Type::Soa},     {"TXT", dns::Type::Txt}};

constexpr size_t kMostOfRandomLabel = 17;  // With its length octet.

void read_qname(Section& section, Health& health) {
  const std::string expected = "a name of letters, digits, hyphens and underscores";
  const auto text = section.text("qname", expected);
  if (!text) return;
  const auto wire = text->empty() ? std::nullopt : wire_form(*text);
  if (!wire || wire->size() > dns::kMaxName - kMostOfRandomLabel)
    return section.refuse("qname", "is not a name to ask for, expected " + expected);
  health.qname = *wire;
}

void read_seconds(Section& section, std::string_view key, base::seconds& target, Range range) {
  int64_t count = target.count();
  section.number(key, count, range);
  target = base::seconds(count);
}

void read_lazy(Section section, Health::Lazy& lazy) {
  read_seconds(section, "interval", lazy.interval, {1, 86'400});
  section.number("threshold", lazy.threshold, {1, 100});
  section.number("sample_size", lazy.sample_size, {1, 65'535});
  section.number("min_sample_count", lazy.min_sample_count, {1, 65'535});
  section.choice("mode", lazy.failing, kFailing);
  section.flag("use_exponential_back_off", lazy.exponential_back_off);
  read_seconds(section, "max_back_off", lazy.max_back_off, {1, 86'400});
  section.flag("strict", lazy.strict);
  if (lazy.min_sample_count > lazy.sample_size) {
    section.refuse("min_sample_count",
                   "is larger than `sample_size`, so that nothing would ever be doubted");
  }
  section.refuse_unknown();
}

}  // namespace

void read_health(Section section, backends::HealthSettings& health) {
  section.choice("mode", health.mode, kModes);
  read_qname(section, health);
  section.choice("qtype", health.qtype, kTypes);
  section.flag("random_label", health.random_label);
  read_seconds(section, "interval", health.interval, {1, 86'400});
  section.milliseconds("timeout", health.timeout, {10, 60'000});
  section.number("max_failures", health.max_failures, {1, 255});
  section.number("rise", health.rise, {1, 255});
  read_lazy(section.inner("lazy"), health.lazy);
  section.refuse_unknown();
}

}  // namespace control
