// The name that decides which pool answers a question.
#pragma once

#include "dataplane/rules/policy.h"

namespace rules {

/// Of `name` in wire form, checked, any case: itself, or for DS the name above it, whose zone
/// answers (RFC 4035 §3.1.4.1). Unless that is a zone that is answered here: then only the pool
/// that has the name itself is to hear of it.
[[nodiscard]] inline base::ByteView deciding_name(const Policy& policy, base::ByteView name,
                                                  dns::Type type) {
  if (type != dns::Type::Ds || name.size() <= 1 || policy.routes.empty()) return name;
  const dns::Name lowered(name);
  const size_t label = 1 + std::to_integer<size_t>(name.front());
  const bool stays_here =
      policy.local.answer(lowered.wire(), type) &&
      policy.routes.depth(lowered.wire().subspan(label)) < policy.local.depth(lowered.wire());
  return stays_here ? name : name.subspan(label);
}

}  // namespace rules
