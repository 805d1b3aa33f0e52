#include "tls-workers/frontend/desk.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "dataplane/rules/decide.h"
#include "dataplane/rules/deciding_name.h"
#include "dataplane/rules/response.h"

namespace frontend {
namespace {

using rules::Action;
using rules::Admission;
using rules::Decision;
using rules::Outcome;

/// Less than a poll core's, since connections are not read from while they have much under way.
constexpr handler::PendingLimits kPendingLimits{.questions = 16384, .askers = 32768};
/// The worker answers this long before we give up by ourselves, so that its reason gets through.
constexpr base::Duration kFillMargin = base::milliseconds{100};
constexpr uint16_t kReplyPaddingBlock = 468;  // RFC 8467 §4.1.
constexpr base::Duration kKeepaliveUnit = base::milliseconds{100};

dns::Asker asker_of(const dns::Query& query, const rules::ReplyCookie& cookie) {
  return {.head = query.head,
          .question = query.question,
          .edns = query.edns,
          .options = {.cookie = cookie.bytes()}};
}

dns::Asker asker_of(const dns::Result<dns::Query, dns::Malformed>& query,
                    const rules::ReplyCookie& cookie) {
  if (query) return asker_of(*query, cookie);
  return {.head = query.error().head,
          .question = query.error().question,
          .edns = query.error().edns,
          .options = {.cookie = cookie.bytes()}};
}

}  // namespace

Desk::Desk(unsigned index, exchange::Exchange& exchange, ConnectionTable& connections, Counters& counters)
    : index_(index),
      exchange_(exchange),
      connections_(connections),
      counters_(counters),
      pending_(kPendingLimits),
      message_(dns::kMaxMessage) {}

void Desk::begin(const Rules& rules, base::Duration idle, base::Time now) {
  rules_ = &rules;
  now_ = now;
  keepalive_ = static_cast<uint16_t>(std::clamp<int64_t>(idle / kKeepaliveUnit, 1, UINT16_MAX));
}

// ---------------------------------------------------------------- queries

bool Desk::take(Connection& connection, const Request& request) {
  const rules::Transport transport = connection.origin().transport;
  counters_.queries[transport].add();
  const auto query = dns::parse_query(request.message);
  const bool allowed = rules_->policy.acl.contains(connection.origin().client);
  const rules::Cookies::Judged cookie =
      rules_->policy.cookies.judge(query, connection.origin().client);
  const Decision decision = rules::decide(query, allowed ? Admission::Allowed : Admission::Denied,
                                          transport, cookie.rule);
  if (!allowed) connection.end(Closed::Acl);
  switch (decision.action) {
    case Action::Resolve:
      resolve(connection, request, *query, cookie.reply);
      return true;
    case Action::Drop:
      counters_.dropped[decision.drop].add();
      connection.carrier().forgo(request.stream);
      break;
    case Action::Reply:
      reply(connection, request.stream, asker_of(query, cookie.reply), decision.content,
            decision.outcome);
      break;
  }
  return query || connection.bears_garbage();
}

void Desk::resolve(Connection& connection, const Request& request, const dns::Query& query,
                   const rules::ReplyCookie& cookie) {
  const rules::Bind& bind = rules_->policy.binds[connection.origin().bind];
  const rules::Destination& to = rules_->policy.destination(
      bind, rules::deciding_name(rules_->policy, query.name(), query.type));
  const dns::Question question =
      dns::make_question(query.name(), query.type, query.klass, query.wants(), to.pool);
  if (to.cache == nullptr) return ask(connection, request, query, to, question, cookie);
  rules::ClientCounters::PerCache& counters = counters_.caches[to.cache_index];
  const cache::Entry* entry = to.cache->find(question, now_);
  if (entry == nullptr) {
    counters.misses.add();
    return ask(connection, request, query, to, question, cookie);
  }
  counters.hits.add();
  if (entry->due(now_)) prefetch(*entry, question);
  const rules::Response said = rules::respond_from(*entry, now_);
  reply(connection, request.stream, asker_of(query, cookie), said.content, said.outcome);
}

/// What no cache has: answered here, or by a backend.
void Desk::ask(Connection& connection, const Request& request, const dns::Query& query,
               const rules::Destination& to, const dns::Question& question,
               const rules::ReplyCookie& cookie) {
  const auto local = rules_->policy.local_answer(question);
  if (!local) return park(connection, request, query, to, question, cookie);
  reply(connection, request.stream, asker_of(query, cookie), *local, Outcome::Local);
}

void Desk::park(Connection& connection, const Request& request, const dns::Query& query,
                const rules::Destination& to, const dns::Question& question,
                const rules::ReplyCookie& cookie) {
  ParkedAsker asker;
  asker.connection = connection.handle();
  asker.stream = request.stream;
  asker.transport = connection.origin().transport;
  asker.address = connection.origin().client;
  asker.head = query.head;
  asker.edns = query.edns;
  asker.cookie = cookie;
  asker.received = now_;
  asker.question_size = static_cast<uint16_t>(query.question.size());
  std::memcpy(asker.question_octets.data(), query.question.data(), query.question.size());
  const auto [parked, ticket] = pending_.park(question, asker, now_);
  switch (parked) {
    case Pending::Parked::First:
      if (send_miss(question, asker.client(), ticket)) return connection.parked();
      pending_.unpark_first(ticket);
      counters_.miss_ring_full.add();
      break;
    case Pending::Parked::Joined:
      counters_.merged.add();
      return connection.parked();
    case Pending::Parked::Full:
      counters_.parked_full.add();
      break;
    case Pending::Parked::ClientFull:
      counters_.client_full.add();
      break;
  }
  const rules::Response said = rules::respond_unasked(to, question, now_);
  reply(connection, request.stream, asker.asker(), said.content, said.outcome);
}

bool Desk::send_miss(const dns::Question& question, const base::IpAddress& client,
                     exchange::Ticket ticket) {
  const unsigned worker = exchange_.worker_of(question);
  const base::Time deadline = now_ + pending_.wait() - kFillMargin;
  const uint16_t tag = exchange::client_tag(handler::hash_of_client(client));
  if (!exchange_.lane(index_, worker).miss.push({question, ticket, deadline, tag})) return false;
  workers_to_wake_ |= uint64_t{1} << worker;
  return true;
}

/// Once for each entry, whatever comes of it: if nothing does, there is a miss when it expires.
void Desk::prefetch(const cache::Entry& entry, const dns::Question& question) {
  if (!entry.claim()) return;
  const unsigned worker = exchange_.worker_of(question);
  const base::Time deadline = now_ + pending_.wait() - kFillMargin;
  if (!exchange_.lane(index_, worker).prefetch(question, deadline))
    return counters_.prefetches_left.add();
  workers_to_wake_ |= uint64_t{1} << worker;
}

// ---------------------------------------------------------------- answers

void Desk::take_fills() {
  for (unsigned worker = 0; worker < exchange_.workers(); ++worker) {
    std::array<exchange::Fill, kFillsPerTurn> fills;
    const unsigned count = exchange_.lane(index_, worker).fill.pop(fills);
    for (unsigned i = 0; i < count; ++i) {
      if (pending_.settle(fills[i].ticket, {fills[i].entry, fills[i].ede})) continue;
      counters_.late_fills.add();
      if (fills[i].entry != nullptr) fills[i].entry->unpin();
    }
  }
}

bool Desk::anything_waits() const {
  for (unsigned worker = 0; worker < exchange_.workers(); ++worker) {
    if (!exchange_.lane(index_, worker).fill.empty()) return true;
  }
  return pending_.anything_settled();
}

void Desk::give_up() { pending_.settle_expired(base::Time::max(), UINT32_MAX); }

void Desk::reply_to_parked(Connection& connection, const ParkedAsker& parked,
                           const Pending::Outcome& outcome) {
  connection.released();
  const rules::Response said = rules::respond_to_fill(outcome.entry, outcome.ede, now_);
  const Outcome written =
      write(connection, parked.stream, parked.asker(), said.content, said.outcome);
  counters_.replies[written].add();
  counters_.reply_duration[static_cast<size_t>(written)].record(now_ - parked.received);
}

void Desk::reply(Connection& connection, uint32_t stream, const dns::Asker& asker,
                 const dns::Content& content, Outcome outcome) {
  ++replied_[static_cast<size_t>(write(connection, stream, asker, content, outcome))];
}

Outcome Desk::write(Connection& connection, uint32_t stream, dns::Asker asker,
                    const dns::Content& content, Outcome outcome) {
  asker.limit = message_.size();
  add_options(asker, connection.origin().transport);
  const dns::Reply composed = dns::compose_reply(message_, asker, content);
  connection.carrier().reply(stream, base::ByteView(message_).first(composed.size), content);
  return composed.written == dns::Written::Truncated ? Outcome::Truncated : outcome;
}

/// HTTP has its own way to say how long a connection stays, so only the others get RFC 7828's.
void Desk::add_options(dns::Asker& asker, rules::Transport transport) const {
  const bool keepalive =
      asker.edns.keepalive == dns::AsksKeepalive::Yes && transport != rules::Transport::Doh;
  const bool pads = asker.edns.padded && rules::is_encrypted(transport);
  asker.options.keepalive = keepalive ? keepalive_ : uint16_t{0};
  asker.options.padding_block = pads ? kReplyPaddingBlock : uint16_t{0};
}

void Desk::finish_turn(base::Time sent) {
  for (size_t outcome = 0; outcome < replied_.size(); ++outcome) {
    if (replied_[outcome] == 0) continue;
    counters_.replies[Outcome(outcome)].add(replied_[outcome]);
    counters_.reply_duration[outcome].record(sent - now_, replied_[outcome]);
    replied_[outcome] = 0;
  }
  for (; workers_to_wake_ != 0; workers_to_wake_ &= workers_to_wake_ - 1)
    exchange_.doorbell(static_cast<unsigned>(std::countr_zero(workers_to_wake_))).ring();
  counters_.parked.set(pending_.parked());
}

}  // namespace frontend
