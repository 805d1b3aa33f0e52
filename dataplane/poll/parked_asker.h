// A poll core's parked asker: all that a reply needs once the packet is gone.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/dns/reply.h"
#include "dataplane/handler/pending.h"
#include "dataplane/poll/frame.h"
#include "dataplane/rules/cookies.h"

namespace poll {

/// What is kept of a query while it waits. Its own bytes only: the mbuf it came in is long free.
struct ParkedAsker {
  Path path;
  dns::Head head;
  dns::Edns edns;
  rules::ReplyCookie cookie;
  rules::Sender sender{};
  base::Time received;
  uint64_t question_hash = 0;
  uint8_t port = 0;  // Index of the port it came in on.
  uint16_t question_size = 0;
  std::array<std::byte, dns::kMaxQuestion> question_octets;

  [[nodiscard]] const base::IpAddress& client() const { return path.client.address; }
  [[nodiscard]] dns::Asker asker() const {
    return {.head = head,
            .question = {question_octets.data(), question_size},
            .edns = edns,
            .options = {.cookie = cookie.bytes()}};
  }
};

using Pending = handler::Pending<ParkedAsker>;
using handler::PendingLimits;

}  // namespace poll
