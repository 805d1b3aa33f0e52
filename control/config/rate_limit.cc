// The section `rate_limit`: how many replies of one kind a network gets in a second.
#include "control/config/reader.h"

namespace control {
namespace {

constexpr Range kRates{0, 100'000};  // Replies a second.
constexpr size_t kMaxExempt = 4096;

void read_exempt(Section& section, Reading& reading) {
  const auto nodes = section.list("exempt", kMaxExempt);
  if (!nodes) return;
  std::vector<base::Prefix> blocks;
  for (const YamlNode& node : *nodes) {
    const auto block = read_block(node, "exempt", reading.errors);
    if (block) blocks.push_back(*block);
  }
  reading.config.rate_limit.exempt = rules::AddressSet(blocks);
  reading.config.rate_limit_exempt = std::move(blocks);
}

}  // namespace

void read_rate_limit(Section section, Reading& reading) {
  rules::RateLimit& limit = reading.config.rate_limit;
  const auto rate = [&](rules::ReplyKind kind) -> uint32_t& {
    return limit.per_second[static_cast<size_t>(kind)];
  };
  section.number("responses_per_second", rate(rules::ReplyKind::Answer), kRates);
  // As in BIND, one figure is enough.
  rate(rules::ReplyKind::NxDomain) = rate(rules::ReplyKind::Error) = rate(rules::ReplyKind::Answer);
  section.number("nxdomains_per_second", rate(rules::ReplyKind::NxDomain), kRates);
  section.number("errors_per_second", rate(rules::ReplyKind::Error), kRates);
  section.number("slip", limit.slip, {0, 10});
  section.number("ipv4_prefix_length", limit.ipv4_prefix_length, {1, 32});
  section.number("ipv6_prefix_length", limit.ipv6_prefix_length, {1, 64});
  section.flag("log_only", limit.log_only);
  read_exempt(section, reading);
  section.refuse_unknown();
}

}  // namespace control
