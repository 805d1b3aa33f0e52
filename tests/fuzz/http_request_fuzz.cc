// What a client sends inside TLS to a server of DNS over HTTPS. The first octet chooses what
// becomes of its queries and how the rest is cut into pieces.
#include <algorithm>
#include <vector>

#include "dataplane/dns/protocol.h"
#include "tests/fuzz/invariant.h"
#include "tls-workers/frontend/doh_carrier.h"

namespace {

using frontend::DohCarrier;
using frontend::HttpRequest;
using frontend::Standing;
using fuzz::require;

/// What becomes of a query.
enum class Fate : uint8_t { Reply, LongReply, Forgo, Late };

void send_all(DohCarrier& carrier) {
  for (base::ByteView unsent = carrier.unsent(); !unsent.empty(); unsent = carrier.unsent()) {
    require(unsent.size() <= 2 * DohCarrier::kMaxUnsent, "what waits to be sent is bounded");
    carrier.sent(unsent.size());
  }
}

void settle(DohCarrier& carrier, uint32_t stream, Fate fate) {
  const std::vector<std::byte> message(fate == Fate::LongReply ? dns::kMaxMessage : 60);
  if (fate == Fate::Forgo) {
    carrier.forgo(stream);
  } else {
    carrier.reply(stream, message, {});
  }
  require(carrier.held() <= DohCarrier::kMaxHeld + 2 * DohCarrier::kMaxUnsent,
          "what is held for a client is bounded");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const auto fate = static_cast<Fate>(data[0] % 4);
  const size_t piece = data[0] / 4 == 0 ? 16384 : data[0] / 4;
  const fuzz::Input input(data + 1, size - 1);
  base::ByteView rest = input.bytes();

  DohCarrier carrier(std::make_shared<const std::vector<std::string>>(
      std::vector<std::string>{"/dns-query", "/"}));
  std::vector<uint32_t> late;
  while (!rest.empty() && carrier.standing() == Standing::Open) {
    const base::ByteSpan room = carrier.room();
    require(!room.empty(), "there is always room");
    const base::ByteView part = rest.first(std::min({piece, rest.size(), room.size()}));
    std::ranges::copy(part, room.begin());
    rest = rest.subspan(part.size());
    carrier.filled(part.size());
    while (const auto request = carrier.next()) {
      require(request->message.size() >= dns::kHeaderSize, "queries have a header");
      require(request->message.size() <= HttpRequest::kMaxQuery, "queries are no longer than said");
      if (fate == Fate::Late) {
        late.push_back(request->stream);
      } else {
        settle(carrier, request->stream, fate);
      }
    }
    send_all(carrier);
  }
  for (const uint32_t stream : late) settle(carrier, stream, Fate::Reply);
  carrier.finish();
  send_all(carrier);
  require(!carrier.next(), "nothing comes of what was not sent");
  return 0;
}
