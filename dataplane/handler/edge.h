// What a handler needs of the edge that its queries come in by: how replies go back, and nothing
// else. A transport is added by writing one of these.
#pragma once

#include <concepts>
#include <optional>
#include <type_traits>

#include "dataplane/base/address.h"
#include "dataplane/base/clock.h"
#include "dataplane/dns/reply.h"
#include "dataplane/rules/outcome.h"
#include "dataplane/rules/transport.h"

namespace handler {

/// How much of what has come from workers one turn deals with, so that new queries are served in
/// between: many clients that waited for one answer are told in several turns.
struct Pace {
  unsigned fills = 0;  // From each worker.
  unsigned expiries = 0;
  unsigned releases = 0;
};

/// - `Return`: where one reply goes, copied into what is parked. `client()`: the address that asks.
/// - `kMayBeForged`: whether a query's source is only claimed. Then replies to errors are rationed
///   and all replies limited (rules/rate_limit.h).
/// - `kPace`, above.
/// - `transport`: what the query came over.
/// - `reply`: says `content`, and counts it as `outcome` once it is gone.
/// - `drop`: there is no reply; the reason has been counted.
/// - `park`: the query waits; what it holds of the edge (a packet buffer) is given back.
/// - `recover`: it waits no more, and is to be replied to. Why not, if there is no way back.
template <typename T>
concept Edge = std::is_trivially_copyable_v<typename T::Return> &&
    requires(T edge, typename T::Return& back, const dns::Asker& asker, const dns::Content& content,
             rules::Outcome outcome, base::Time received) {
  { T::kMayBeForged } -> std::convertible_to<bool>;
  { T::kPace } -> std::convertible_to<Pace>;
  { back.client() } -> std::convertible_to<const base::IpAddress&>;
  { edge.transport(back) } -> std::same_as<rules::Transport>;
  edge.reply(back, asker, content, outcome, received);
  edge.drop(back);
  edge.park(back);
  { edge.recover(back) } -> std::same_as<std::optional<rules::Drop>>;
};

}  // namespace handler
