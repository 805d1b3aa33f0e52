// What a client sends over TCP, or inside TLS: both carry the same octets. The first octet chooses
// between the two, and how the rest is cut into pieces; the resolvers answer every other question.
#include <algorithm>
#include <array>

#include "tests/fuzz/invariant.h"
#include "tls-workers/frontend/frame_carrier.h"
#include "tls-workers/frontend/rules.h"
#include "tls-workers/frontend/stream_edge.h"

namespace {

using fuzz::require;

constexpr base::Time kNow{base::seconds{1000}};

/// A handler whose only resolvers are this target. Made once: it has room for thousands.
struct Office {
  Office() {
    const std::array everybody = {*base::Prefix::parse("0.0.0.0/0")};
    rules.policy.acl = rules::AddressSet(everybody);
    rules.policy.binds = {{.address = *base::Endpoint::parse("192.0.2.53:53", 53)},
                          {.address = *base::Endpoint::parse("192.0.2.53:853", 853)}};
    rules.places = {{.transport = rules::Transport::Tcp}, {.transport = rules::Transport::Dot}};
    edge.begin(base::seconds{10}, kNow);
    handler.begin(rules.policy, kNow);
  }

  exchange::Exchange exchange{{.cores = 1, .workers = 1, .fronts = 1, .misses = 1024}};
  frontend::ClientConnections clients;
  frontend::Counters counters;
  frontend::ConnectionTable connections{clients, counters};
  frontend::Rules rules;
  frontend::StreamEdge edge{connections, counters};
  frontend::Handler handler{
      edge, {.index = 1, .exchange = exchange, .counters = counters}, frontend::kPendingLimits};
  frontend::Handler::Query in_hand;
};

void answer_parked(Office& office) {
  office.handler.take_fills();
  office.handler.expire();
  office.handler.release();
}

/// Takes every Miss; fails every other one at once, and leaves the rest to their deadline.
void play_worker(Office& office) {
  std::array<exchange::Miss, 64> misses;
  exchange::Lane& lane = office.exchange.lane(1, 0);
  while (const unsigned count = lane.miss.pop(misses)) {
    for (unsigned i = 0; i < count; i += 2)
      require(lane.fill.push({.ticket = misses[i].ticket, .ede = dns::Ede::NetworkError}),
              "the ring has room for every fill");
  }
  answer_parked(office);
}

/// Reads the replies off the connection; how many there were.
uint64_t count_replies(frontend::Carrier& carrier, bool encrypted) {
  uint64_t replies = 0;
  while (!carrier.unsent().empty()) {
    base::Reader reader(carrier.unsent());
    const base::ByteView reply = reader.take(reader.be16());
    require(reader.ok() && reply.size() >= dns::kHeaderSize, "replies are whole messages");
    require((base::load_be16(&reply[2]) & dns::flag::kQr) != 0, "replies are replies");
    require((base::load_be16(&reply[2]) & dns::flag::kTc) == 0, "nothing is too long for a stream");
    require(encrypted || reply.size() <= dns::kHeaderSize + dns::kMaxQuestion + 64,
            "nothing is padded in the clear");
    carrier.sent(transport::kLengthPrefix + reply.size());
    ++replies;
  }
  return replies;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Office office;
  if (size < 1) return 0;
  const bool encrypted = data[0] % 2 == 1;
  const size_t piece = data[0] / 2 == 0 ? 16384 : data[0] / 2;
  const fuzz::Input input(data + 1, size - 1);
  base::ByteView rest = input.bytes();

  frontend::Connection& connection = office.connections.vacancy();
  const std::array<std::byte, 4> address = {std::byte{192}, std::byte{0}, std::byte{2},
                                            std::byte{1}};
  const uint16_t bind = encrypted ? 1 : 0;
  connection.open(-1,
                  {office.rules.places[bind].transport, bind, base::IpAddress::v4(address.data())},
                  nullptr, std::make_unique<frontend::FrameCarrier>(), kNow);
  require(office.clients.enter(connection.origin().client, 0), "one client has one connection");
  office.connections.came(connection, kNow);
  frontend::Carrier& carrier = connection.carrier();

  uint64_t taken = 0;
  uint64_t replies = 0;
  const uint64_t dropped_before = office.counters.dropped.total();
  while (!rest.empty() && carrier.standing() == frontend::Standing::Open && !connection.ending()) {
    const base::ByteSpan room = carrier.room();
    require(!room.empty(), "there is always room");
    const base::ByteView part = rest.first(std::min({piece, rest.size(), room.size()}));
    std::ranges::copy(part, room.begin());
    rest = rest.subspan(part.size());
    carrier.filled(part.size());
    while (!connection.ending()) {
      const auto request = carrier.next();
      if (!request) break;
      ++taken;
      take_query(office.handler, office.in_hand, connection, *request, office.rules.policy);
    }
    play_worker(office);
    replies += count_replies(carrier, encrypted);
  }
  office.handler.expire_all();
  while (office.handler.parked() > 0) answer_parked(office);
  replies += count_replies(carrier, encrypted);
  const uint64_t dropped = office.counters.dropped.total() - dropped_before;
  require(taken == replies + dropped, "every message is answered or counted as dropped");
  require(connection.owes_nothing(), "nobody waits any more");
  office.edge.count_sent(kNow);
  office.handler.wake_workers();
  office.connections.for_each_touched([](frontend::Connection&) {});
  office.connections.remove(connection, frontend::Closed::ByClient);
  return 0;
}
