// The life of a query, for whatever transport it came over: admitted or not, looked up, answered or
// parked behind a Miss, and replied to when the Fill has come or the wait is over. Read downward.
//
// One handler serves one edge (edge.h) on one thread: a poll core's ports, or the connections of a
// worker's frontend. To the workers it is one asker. It allocates nothing after its making.
//
// A burst goes through `admit`, `probe` and `resolve`, each over all of it: what one stage touches,
// the stage before has asked memory for, so a burst waits for memory about once.
#pragma once

#include <array>
#include <bit>
#include <new>

#include "dataplane/base/clock.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/handler/edge.h"
#include "dataplane/handler/pending.h"
#include "dataplane/handler/query_in_hand.h"
#include "dataplane/rules/client_counters.h"
#include "dataplane/rules/decide.h"
#include "dataplane/rules/deciding_name.h"
#include "dataplane/rules/policy.h"
#include "dataplane/rules/rate_limit.h"
#include "dataplane/rules/response.h"
#include "dataplane/rules/token_bucket.h"

namespace handler {

/// The worker answers this long before we give up by ourselves, so that its reason gets through.
inline constexpr base::Duration kFillMargin = base::milliseconds{100};

/// What only a query whose source may be forged needs.
struct ForgeryLimits {
  rules::RateLimiter rate_limiter;
  rules::TokenBucket error_budget{rules::TokenBucket::Limits{}};
};
struct NoForgeryLimits {};

template <typename Edge>
class Handler {
 public:
  using Return = typename Edge::Return;
  using Query = QueryInHand<Return>;
  using Parked = ParkedQuery<Return>;

  struct Sharing {
    unsigned index = 0;  // As an asker of `exchange`.
    exchange::Exchange& exchange;
    rules::ClientCounters& counters;
  };
  /// What it borrows outlives it.
  Handler(Edge& edge, const Sharing& sharing, const PendingLimits& limits)
      : edge_(edge),
        index_(sharing.index),
        exchange_(sharing.exchange),
        counters_(sharing.counters),
        pending_(limits) {}

  /// At the start of a turn. `policy` is good until the next one.
  void begin(const rules::Policy& policy, base::Time now) {
    policy_ = &policy;
    now_ = now;
  }

  // ---------------------------------------------------------------- a query

  /// What `admit` has found out.
  struct Admitted {
    bool to_resolve = false;  // By `probe` and `resolve`; else it is done with.
    bool is_query = false;
    bool is_allowed = false;  // By the ACL.
  };
  /// First stage: dropped or answered by policy alone, or read into `hand` to be resolved.
  /// `hand.back` is set; `message` is untrusted and stays where it is until the last stage.
  Admitted admit(Query& hand, base::ByteView message, const rules::Bind& bind) {
    const rules::Transport transport = edge_.transport(hand.back);
    counters_.queries[transport].add();
    const auto query = dns::parse_query(message);
    const bool allowed = policy_->acl.contains(hand.back.client());
    const rules::Cookies::Judged cookie = policy_->cookies.judge(query, hand.back.client());
    const rules::Decision decision =
        rules::decide(query, allowed ? rules::Admission::Allowed : rules::Admission::Denied,
                      transport, cookie.rule);
    const Admitted admitted{.to_resolve = decision.action == rules::Action::Resolve,
                            .is_query = query.has_value(),
                            .is_allowed = allowed};
    hand.sender = cookie.sender;
    hand.cookie = cookie.reply;
    switch (decision.action) {
      case rules::Action::Drop:
        drop(hand.back, decision.drop);
        break;
      case rules::Action::Reply:
        reply_at_once(hand, query, decision, message.size());
        break;
      case rules::Action::Resolve:
        hand.query = *query;
        route(hand, bind);
        break;
    }
    return admitted;
  }

  /// Second stage: its buckets have come by now, its entry is called.
  void probe(Query& hand) const {
    if (hand.to->cache != nullptr) hand.probable = hand.to->cache->probe(hand.question);
  }

  /// Last stage: a hit is answered, a miss parked.
  void resolve(Query& hand) {
    if (hand.to->cache == nullptr) return ask(hand);
    rules::ClientCounters::PerCache& counters = counters_.caches[hand.to->cache_index];
    const cache::Entry* entry = hand.to->cache->find(hand.question, now_, hand.probable);
    if (entry == nullptr) {
      counters.misses.add();
      return ask(hand);
    }
    counters.hits.add();
    if (entry->due(now_)) prefetch(*entry, hand.question);
    respond(hand, rules::respond_from(*entry, now_));
  }

  // ---------------------------------------------------------------- answers

  /// Workers → the askers of that question are put in line for release.
  unsigned take_fills() {
    unsigned taken = 0;
    for (unsigned worker = 0; worker < exchange_.workers(); ++worker) {
      std::array<exchange::Fill, Edge::kPace.fills> fills;
      const unsigned count = exchange_.lane(index_, worker).fill.pop(fills);
      for (unsigned i = 0; i < count; ++i) take_fill(fills[i]);
      taken += count;
    }
    return taken;
  }
  /// Those that have waited too long are put in line as well.
  unsigned expire() { return pending_.settle_expired(now_, Edge::kPace.expiries); }
  /// After the last query: all that still wait are.
  void expire_all() { pending_.settle_expired(base::Time::max(), UINT32_MAX); }
  /// Replies to those in line.
  unsigned release() {
    return pending_.release(
        Edge::kPace.releases,
        [this](Parked& parked, const Outcome& outcome) { reply_to_parked(parked, outcome); },
        [](const Outcome& outcome) {
          if (outcome.entry != nullptr) outcome.entry->unpin();
        });
  }
  /// Whether the next turn has something to do at once.
  [[nodiscard]] bool anything_waits() const {
    for (unsigned worker = 0; worker < exchange_.workers(); ++worker) {
      if (!exchange_.lane(index_, worker).fill.empty()) return true;
    }
    return pending_.anything_settled();
  }

  /// Rings for the workers that got a Miss since the last time.
  void wake_workers() {
    for (; workers_to_wake_ != 0; workers_to_wake_ &= workers_to_wake_ - 1)
      exchange_.doorbell(static_cast<unsigned>(std::countr_zero(workers_to_wake_))).ring();
  }
  [[nodiscard]] bool workers_wait() const { return workers_to_wake_ != 0; }

  [[nodiscard]] uint32_t parked() const { return pending_.parked(); }
  /// How long a question may wait.
  [[nodiscard]] base::Duration wait() const { return pending_.wait(); }
  /// For the fast path, which shares them.
  [[nodiscard]] auto& forgery_limits() { return limits_; }

 private:
  using Pending = handler::Pending<Parked>;
  using Outcome = typename Pending::Outcome;

  /// What is known of a query when it is replied to, beside what is written into the reply.
  struct Origin {
    uint64_t question_hash = 0;  // 0 where nothing was looked up.
    rules::Sender sender{};
    base::Time received;
  };

  void drop(const Return& back, rules::Drop reason) {
    counters_.dropped[reason].add();
    edge_.drop(back);
  }

  /// What policy alone says. Errors to a source that may be forged are rationed, and no larger than
  /// what they reply to.
  void reply_at_once(const Query& hand, const dns::Result<dns::Query, dns::Malformed>& query,
                     const rules::Decision& decision, size_t query_size) {
    dns::Asker asker =
        query ? dns::Asker{.head = query->head, .question = query->question, .edns = query->edns}
              : dns::Asker{.head = query.error().head,
                           .question = query.error().question,
                           .edns = query.error().edns};
    dns::Content content = decision.content;
    bool brief = false;
    if constexpr (Edge::kMayBeForged) {
      const bool rationed = decision.rationed == rules::Rationed::Yes;
      if (rationed && !limits_.error_budget.take(now_))
        return drop(hand.back, rules::Drop::ErrorRateLimited);
      brief = rationed && content.rcode != dns::Rcode::NoError;
      if (brief) content = rules::trimmed(content, asker, query_size);
    }
    if (!brief) asker.options.cookie = hand.cookie.bytes();
    reply(hand.back, {0, hand.sender, now_}, asker, content, decision.outcome);
  }

  void route(Query& hand, const rules::Bind& bind) {
    const dns::Query& query = hand.query;
    hand.to = &policy_->destination(bind, rules::deciding_name(*policy_, query.name(), query.type));
    // Made where it stays; an assignment would copy 280 octets.
    new (&hand.question) dns::Question(
        dns::make_question(query.name(), query.type, query.klass, query.wants(), hand.to->pool));
    hand.probable = nullptr;
    if (hand.to->cache != nullptr) hand.to->cache->prefetch_bucket(hand.question.hash);
  }

  void respond(const Query& hand, const rules::Response& said) {
    reply(hand.back, {hand.question.hash, hand.sender, now_}, hand.asker(), said.content,
          said.outcome);
  }

  /// What no cache has: answered here, or by a backend.
  void ask(Query& hand) {
    const auto local = policy_->local_answer(hand.question);
    if (!local) return park(hand);
    respond(hand, {*local, rules::Outcome::Local});
  }

  void park(Query& hand) {
    const auto [how, ticket] = pending_.park(hand.question, Parked(hand, now_), now_);
    switch (how) {
      case Pending::Parked::First:
        if (send_miss(hand, ticket)) return edge_.park(hand.back);
        pending_.unpark_first(ticket);
        counters_.miss_ring_full.add();
        break;
      case Pending::Parked::Joined:
        counters_.merged.add();
        return edge_.park(hand.back);
      case Pending::Parked::Full:
        counters_.parked_full.add();
        break;
      case Pending::Parked::ClientFull:
        counters_.client_full.add();
        break;
    }
    respond(hand, rules::respond_unasked(*hand.to, hand.question, now_));
  }

  [[nodiscard]] base::Time deadline_of_miss() const { return now_ + pending_.wait() - kFillMargin; }

  /// False if the worker's ring is full.
  [[nodiscard]] bool send_miss(const Query& hand, exchange::Ticket ticket) {
    const unsigned worker = exchange_.worker_of(hand.question);
    const uint16_t client = exchange::client_tag(hand.back.client());
    exchange::Lane& lane = exchange_.lane(index_, worker);
    if (!lane.miss.push({hand.question, ticket, deadline_of_miss(), client})) return false;
    workers_to_wake_ |= uint64_t{1} << worker;
    return true;
  }

  /// Once for each entry, whatever comes of it: if nothing does, there is a miss when it expires.
  void prefetch(const cache::Entry& entry, const dns::Question& question) {
    if (!entry.claim()) return;
    const unsigned worker = exchange_.worker_of(question);
    if (!exchange_.lane(index_, worker).prefetch(question, deadline_of_miss()))
      return counters_.prefetches_left.add();
    workers_to_wake_ |= uint64_t{1} << worker;
  }

  void take_fill(const exchange::Fill& fill) {
    if (pending_.settle(fill.ticket, {fill.entry, fill.rcode, fill.ede})) return;
    counters_.late_fills.add();
    if (fill.entry != nullptr) fill.entry->unpin();
  }

  void reply_to_parked(Parked& parked, const Outcome& outcome) {
    if (const std::optional<rules::Drop> lost = edge_.recover(parked.back))
      return counters_.dropped[*lost].add();
    const rules::Response said = outcome.entry != nullptr
                                     ? rules::respond_to_fill(*outcome.entry, now_)
                                     : rules::respond_without_entry(outcome.rcode, outcome.ede);
    reply(parked.back, {parked.question_hash, parked.sender, parked.received}, parked.asker(),
          said.content, said.outcome);
  }

  /// The one way out. Less than `content`, or nothing, where a client that may not have asked has
  /// had enough.
  void reply(const Return& back, const Origin& origin, const dns::Asker& asker,
             const dns::Content& content, rules::Outcome outcome) {
    if constexpr (Edge::kMayBeForged) {
      if (policy_->rate_limit.on()) [[unlikely]] {
        switch (judge(back, origin, content)) {
          case rules::RateLimitAction::Whole:
            break;
          case rules::RateLimitAction::Truncated:
            return edge_.reply(back, asker, {.truncated = true}, rules::Outcome::Truncated,
                               origin.received);
          case rules::RateLimitAction::BadCookie:
            return edge_.reply(back, asker, {.rcode = dns::Rcode::BadCookie},
                               rules::Outcome::BadCookie, origin.received);
          case rules::RateLimitAction::None:
            return drop(back, rules::Drop::RateLimited);
        }
      }
    }
    edge_.reply(back, asker, content, outcome, origin.received);
  }

  [[nodiscard]] rules::RateLimitAction judge(const Return& back, const Origin& origin,
                                             const dns::Content& content) {
    if constexpr (!Edge::kMayBeForged) {
      return rules::RateLimitAction::Whole;
    } else {
      const auto judged =
          limits_.rate_limiter.judge(policy_->rate_limit, {back.client(), origin.question_hash},
                                     origin.sender, content.rcode, now_);
      if (judged.over) counters_.rate_limited.add();
      return judged.action;
    }
  }

  Edge& edge_;
  const unsigned index_;
  exchange::Exchange& exchange_;
  rules::ClientCounters& counters_;
  Pending pending_;
  [[no_unique_address]] std::conditional_t<Edge::kMayBeForged, ForgeryLimits, NoForgeryLimits>
      limits_;
  const rules::Policy* policy_ = nullptr;
  base::Time now_{};
  uint64_t workers_to_wake_ = 0;  // Bit per worker that got a Miss since it was woken.
};

}  // namespace handler
