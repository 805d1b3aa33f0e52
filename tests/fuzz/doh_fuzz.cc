// What a DNS-over-HTTPS server sends inside TLS. The first octet chooses how many queries are under
// way and how the rest is cut into pieces.
#include <algorithm>
#include <array>
#include <set>

#include "tests/fuzz/invariant.h"
#include "tls-workers/transport/doh_carrier.h"

namespace {

using fuzz::require;
using transport::DohCarrier;

constexpr uint16_t kFirstId = 65530;

backends::BackendSettings backend() {
  backends::BackendSettings settings;
  settings.address = *base::Endpoint::parse("192.0.2.1:443", 443);
  settings.protocol = backends::Protocol::DoH;
  settings.subject_name = "dns.example";
  return settings;
}

dns::Question question() {
  constexpr std::array<std::byte, 5> kName = {std::byte{3}, std::byte{'w'}, std::byte{'w'},
                                              std::byte{'w'}, std::byte{0}};
  return dns::make_question(kName, dns::Type::A, dns::Class::In, dns::Wants::Plain, dns::PoolId{});
}

void send_all(DohCarrier& carrier) {
  for (base::ByteView unsent = carrier.unsent(); !unsent.empty(); unsent = carrier.unsent()) {
    require(unsent.size() <= 2 * DohCarrier::kMaxUnsent, "what waits to be sent is bounded");
    carrier.sent(unsent.size());
  }
}

void check_outcome(const transport::Outcome& outcome, std::set<uint16_t>& asked) {
  require(asked.erase(outcome.id) == 1, "each query has one outcome at most");
  if (outcome.fault != nullptr) {
    require(!outcome.fault->text.empty(), "failures are told in words");
  } else {
    require(outcome.message.size() >= dns::kHeaderSize, "messages have a header");
    require(outcome.message.size() <= dns::kMaxMessage, "messages are no longer than DNS allows");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const size_t queries = 1 + data[0] % 8;
  const size_t piece = data[0] / 8 == 0 ? 16384 : data[0] / 8;
  const fuzz::Input input(data + 1, size - 1);
  base::ByteView rest = input.bytes();

  const backends::BackendSettings settings = backend();
  DohCarrier carrier(settings);
  carrier.open();
  std::set<uint16_t> asked;
  for (size_t i = 0; i < queries; ++i) {
    const auto id = static_cast<uint16_t>(kFirstId + i);
    carrier.ask(question(), id);
    asked.insert(id);
  }
  send_all(carrier);
  while (!rest.empty() && !carrier.fault()) {
    const base::ByteSpan room = carrier.room();
    require(!room.empty(), "there is always room");
    const base::ByteView part = rest.first(std::min({piece, rest.size(), room.size()}));
    std::ranges::copy(part, room.begin());
    rest = rest.subspan(part.size());
    (void)carrier.filled(part.size());
    while (const auto outcome = carrier.next()) check_outcome(*outcome, asked);
    send_all(carrier);
  }
  require(!(carrier.fault() && carrier.has_room()), "nothing more is asked after a fault");
  for (const uint16_t id : asked) (void)carrier.give_up(id);
  send_all(carrier);
  carrier.finish();
  send_all(carrier);
  return 0;
}
