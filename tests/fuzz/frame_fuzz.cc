// One received frame: parsed, its query answered, headers written for the way back. The first octet
// of the input says what the port expects.
#include <vector>

#include "dataplane/dns/query.h"
#include "dataplane/dns/reply.h"
#include "dataplane/poll/decide.h"
#include "dataplane/poll/frame.h"
#include "tests/fuzz/invariant.h"

namespace {

using base::ByteView;
using fuzz::require;

constexpr poll::MacAddress kOurMac = {std::byte{0x02}, std::byte{0}, std::byte{0},
                                      std::byte{0},    std::byte{0}, std::byte{0x01}};

poll::Acceptance acceptance(std::byte choice) {
  return {.mac = kOurMac,
          .vlan = (choice & std::byte{1}) != std::byte{0} ? uint16_t{100} : uint16_t{0},
          .verify_checksum = (choice & std::byte{2}) != std::byte{0}};
}

/// What goes back has to be a good frame itself, from us to the client, with every checksum right.
void check_way_back(const poll::Path& path, ByteView payload) {
  const size_t headers = poll::header_size(path);
  require(headers <= poll::kMaxHeaderSize, "headers fit the room kept for them");
  std::vector<std::byte> frame(headers);
  frame.insert(frame.end(), payload.begin(), payload.end());
  poll::write_headers(frame, path, payload.size());
  const uint16_t vlan = path.tag.control & 0x0FFF;
  const auto back =
      poll::parse_frame(frame, {.mac = path.client_mac, .vlan = vlan, .verify_checksum = true});
  // A reply goes to and from addresses that need not be good sources themselves (a port that is
  // never answered, say).
  if (!back) {
    require(back.error() == poll::Drop::BadSource || back.error() == poll::Drop::SourcePort,
            "replies are good frames");
    return;
  }
  require(back->path.client == path.ours && back->path.ours == path.client,
          "replies go back where the query came from");
  require(back->payload_size == payload.size() && back->payload_at == headers,
          "replies carry what was composed");
}

void check_query(const poll::Frame& frame, ByteView payload) {
  const auto query = dns::parse_query(payload);
  const poll::Decision decision = poll::decide(query, poll::Admission::Allowed);
  if (decision.action == poll::Action::Drop) return;
  const dns::Asker asker = query ? dns::Asker{query->head, query->question, query->edns}
                                 : dns::Asker{query.error().head, query.error().question, {}};
  std::vector<std::byte> reply(dns::kMaxUdpSize);
  reply.resize(dns::compose_reply(reply, asker, decision.content).size);
  check_way_back(frame.path, reply);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 10'000) return 0;
  const fuzz::Input input(data + 1, size - 1);
  const auto frame = poll::parse_frame(input.bytes(), acceptance(std::byte{data[0]}));
  if (!frame) {
    require(frame.error() < poll::Drop::Count_, "every drop has a reason");
    return 0;
  }
  require(size_t{frame->payload_at} + frame->payload_size <= input.bytes().size(),
          "the payload lies in the frame");
  check_query(*frame, input.bytes().subspan(frame->payload_at, frame->payload_size));
  return 0;
}
