#include "tls-workers/backends/evidence.h"

#include <span>
#include <utility>

namespace backends {

/// Its place; or one for it, that of a domain that was never answered before others, then that of
/// the one left alone for longest. Nullptr: what is known of others says more.
Evidence::Place* Evidence::place_of(Source source, Met met, base::Time now) {
  const size_t set = source.domain % (kPlaces / kWays);
  const std::span<Place> ways = std::span(places_).subspan(set * kWays, kWays);
  const auto worth = [](const Place& place) {
    return std::pair(place.answered != base::Time{}, place.last());
  };
  Place* least = &ways.front();
  for (Place& place : ways) {
    if (place.source.domain == source.domain && place.last() != base::Time{}) return &place;
    if (worth(place) < worth(*least)) least = &place;
  }
  const bool is_known = least->answered != base::Time{} && least->last() >= now - kLife;
  if (met == Met::Failure && is_known) return nullptr;
  *least = Place{};
  return least;
}

void Evidence::answered(Source source, base::Time now) {
  Place& place = *place_of(source, Met::Answer, now);
  place.answered = now;
  place.source = source;
  last_answer_ = now;
  ++run_;
}

bool Evidence::failed(Source source, base::Time asked, base::Time now) {
  last_failure_ = now;
  Place* place = place_of(source, Met::Failure, now);
  if (place == nullptr || place->answered == now) return false;
  const uint32_t run = last_answer_ <= asked ? run_ : 0;
  const bool news = !place->failing() || place->run != run || place->failed < now - kLife;
  place->failed = now;
  place->run = run;
  place->source = source;
  return news;
}

Evidence::Tally Evidence::tally(base::Time now) const {
  // One that never answered anything has nothing to be compared with.
  const bool any_known = last_answer_ != base::Time{};
  Tally tally;
  const Place* asked = nullptr;
  const Place* failing = nullptr;
  bool one_asks = true;
  bool one_fails = true;
  for (const Place& place : places_) {
    if (place.last() == base::Time{} || place.last() < now - kLife) continue;
    ++tally.asked;
    if (asked == nullptr) asked = &place;
    one_asks &= place.source.client == asked->source.client;
    if (!place.failing()) continue;
    ++tally.failing;
    if (any_known && place.answered == base::Time{}) continue;
    if (failing == nullptr) failing = &place;
    one_fails &= place.source.client == failing->source.client;
    ++tally.failing_known;
    if (place.run == run_) ++tally.unbroken;
  }
  tally.of_several = !one_fails || one_asks;
  return tally;
}

}  // namespace backends
