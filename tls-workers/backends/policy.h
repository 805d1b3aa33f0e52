// How a pool shares its questions out among its backends: the policy an operator has chosen, and
// what one worker remembers from question to question.
//
// A policy only ranks. A backend that can answer at once comes before one that would be best
// (chooser.h), so no client waits for a policy's sake; a backend that ranks best but has no session
// gets one opened.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string_view>

#include "dataplane/dns/name.h"
#include "tls-workers/backends/chooser.h"

namespace backends {

/// The names are dnsdist's, but for the last one's.
enum class Policy : uint8_t {
  LeastOutstanding,  // The fewest queries in flight, then the lowest order, then the lowest
                     // latency.
  FirstAvailable,    // The lowest order.
  RoundRobin,        // One after the other.
  WRandom,           // At random, as often as the weight says.
  WHashed,           // By the question's name: a name stays with its backend.
  CHashed,           // The same.
  P2c,               // Two at random; the one that will sooner be done with what it has.
  Count_
};

inline constexpr std::array<std::string_view, static_cast<size_t>(Policy::Count_)> kPolicyNames = {
    "leastOutstanding", "firstAvailable", "roundrobin", "wrandom", "whashed", "chashed", "p2c"};
static_assert(!kPolicyNames.back().empty());

struct PolicySettings {
  Policy policy = Policy::LeastOutstanding;
  // Of WRandom, WHashed and CHashed: a backend with more than this many times its share of what is
  // in flight is passed over. 0: none is.
  double balancing_factor = 0;

  friend bool operator==(const PolicySettings&, const PolicySettings&) = default;
};

/// What stands for a backend's name where names of questions are hashed: the same in every process.
[[nodiscard]] uint64_t identity_of(std::string_view backend_name);

/// The policy of one pool at work in one worker. Allocates nothing.
class Ranking {
 public:
  explicit Ranking(const PolicySettings& settings, uint64_t seed)
      : settings_(settings), random_(seed) {}

  /// Ranks `candidates` for a question for `name`. What chance decides is drawn anew each time.
  void rank(const dns::Name& name, std::span<Candidate> candidates);
  /// `backend` has been sent a question.
  void sent(uint32_t backend) { turn_ = backend + 1; }

 private:
  void race(std::span<Candidate> candidates);
  void hash(const dns::Name& name, std::span<Candidate> candidates);
  void duel(std::span<Candidate> candidates);
  [[nodiscard]] size_t draw(std::span<const Candidate> candidates, size_t eligible,
                            std::optional<size_t> other_than);
  void mark_over_share(std::span<Candidate> candidates) const;

  PolicySettings settings_;
  uint32_t turn_ = 0;  // RoundRobin's: the backend that comes next, if it is of the pool.
  std::mt19937_64 random_;
};

}  // namespace backends
