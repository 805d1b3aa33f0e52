// C2: how many queries a cache answers that holds a quarter of the names in use, beside a list that
// always gives up the least recently used name, exactly. Both get the same draws; prints one line
// of JSON.
#include <cstdio>
#include <cstring>
#include <list>
#include <vector>

#include "dataplane/base/keyed_hash.h"
#include "dataplane/cache/cache.h"
#include "perf/load/draw.h"

namespace perf {
namespace {

constexpr uint32_t kEntries = 50'000;
constexpr uint32_t kNames = 4 * kEntries;
constexpr size_t kQueries = 20'000'000;
constexpr size_t kWarmUp = kQueries / 4;
constexpr double kExponent = 0.9;

class LeastRecentlyUsed {
 public:
  LeastRecentlyUsed() : places_(kNames, order_.end()) {}
  /// Whether it was there; it is now.
  bool ask(uint32_t name) {
    if (places_[name] != order_.end()) {
      order_.splice(order_.begin(), order_, places_[name]);
      return true;
    }
    if (order_.size() == kEntries) {
      places_[order_.back()] = order_.end();
      order_.pop_back();
    }
    order_.push_front(name);
    places_[name] = order_.begin();
    return false;
  }

 private:
  std::list<uint32_t> order_;
  std::vector<std::list<uint32_t>::iterator> places_;
};

class OurCache {
 public:
  OurCache() { readers_.join(0); }
  ~OurCache() { readers_.leave(0); }
  bool ask(uint32_t name) {
    const dns::Question question = question_of(name);
    now_ += base::microseconds{10};
    if (cache_.find(question, now_) != nullptr) return true;
    cache::Entry* entry = cache::make_entry({.question = question,
                                             .content = {},
                                             .inserted = now_,
                                             .expires = now_ + base::seconds{3600}});
    cache_.insert(question, entry, now_, reclaim_);
    readers_.quiescent(0);
    reclaim_.collect();
    return false;
  }

 private:
  static dns::Question question_of(uint32_t name) {
    std::array<std::byte, 9> wire{std::byte{7}};
    for (size_t i = 0; i < 7; ++i, name /= 10)
      wire[1 + i] = static_cast<std::byte>('0' + name % 10);
    return dns::make_question(wire, dns::Type::A, dns::Class::In, dns::Wants::Plain, dns::PoolId{});
  }

  base::Time now_{base::seconds{1000}};
  cache::Readers readers_{1};
  cache::Cache cache_{"main", kEntries};
  cache::Reclaim reclaim_{readers_};
};

template <typename Any>
double hit_ratio(const std::vector<uint32_t>& drawn) {
  Any cache;
  size_t hits = 0;
  for (size_t i = 0; i < drawn.size(); ++i) {
    const bool hit = cache.ask(drawn[i]);
    hits += hit && i >= kWarmUp ? 1 : 0;
  }
  return static_cast<double>(hits) / static_cast<double>(drawn.size() - kWarmUp);
}

}  // namespace
}  // namespace perf

int main() {
  base::draw_hash_secret();
  const std::vector<uint32_t> drawn = load::draw(perf::kNames, perf::kQueries, perf::kExponent, 1);
  const double lru = perf::hit_ratio<perf::LeastRecentlyUsed>(drawn);
  const double ours = perf::hit_ratio<perf::OurCache>(drawn);
  std::printf("{\"dotline\": %.4f, \"lru\": %.4f}\n", ours, lru);
  return 0;
}
