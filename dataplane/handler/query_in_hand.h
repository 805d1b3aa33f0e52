// A query between its arrival and its reply: in hand while it is read and looked up, parked while
// it waits for a resolver.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "dataplane/cache/entry.h"
#include "dataplane/dns/query.h"
#include "dataplane/dns/question.h"
#include "dataplane/dns/reply.h"
#include "dataplane/rules/cookies.h"
#include "dataplane/rules/routes.h"

namespace handler {

/// `Return`: how the reply goes back, which the edge knows. `query` borrows from the message.
template <typename Return>
struct QueryInHand {
  Return back{};
  const rules::Destination* to = nullptr;
  dns::Query query;
  dns::Question question;
  rules::Sender sender{};
  rules::ReplyCookie cookie;
  const cache::Entry* probable = nullptr;  // Of its destination's cache; see Cache::probe.

  [[nodiscard]] dns::Asker asker() const {
    return {.head = query.head,
            .question = query.question,
            .edns = query.edns,
            .options = {.cookie = cookie.bytes()}};
  }
};

/// What is kept of it while it waits: all that a reply needs, in its own bytes only.
template <typename Return>
struct ParkedQuery {
  Return back{};
  dns::Head head;
  dns::Edns edns;
  rules::ReplyCookie cookie;
  rules::Sender sender{};
  base::Time received;
  uint64_t question_hash = 0;
  uint16_t question_size = 0;
  std::array<std::byte, dns::kMaxQuestion> question_octets;

  ParkedQuery() = default;
  ParkedQuery(const QueryInHand<Return>& hand, base::Time now)
      : back(hand.back),
        head(hand.query.head),
        edns(hand.query.edns),
        cookie(hand.cookie),
        sender(hand.sender),
        received(now),
        question_hash(hand.question.hash),
        question_size(static_cast<uint16_t>(hand.query.question.size())) {
    std::memcpy(question_octets.data(), hand.query.question.data(), hand.query.question.size());
  }

  [[nodiscard]] const base::IpAddress& client() const { return back.client(); }
  [[nodiscard]] dns::Asker asker() const {
    return {.head = head,
            .question = {question_octets.data(), question_size},
            .edns = edns,
            .options = {.cookie = cookie.bytes()}};
  }
};

}  // namespace handler
