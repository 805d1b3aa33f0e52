// One received frame: parsed, its query answered, headers written for the way back; or handed over
// to the kernel. The first octet of the input says what the port expects.
#include <algorithm>
#include <memory>
#include <vector>

#include "dataplane/dns/query.h"
#include "dataplane/dns/reply.h"
#include "dataplane/poll/frame.h"
#include "dataplane/poll/lcore_state.h"
#include "dataplane/rules/decide.h"
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
    require(back.error().reason == rules::Drop::BadSource ||
                back.error().reason == rules::Drop::SourcePort,
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
  const rules::Decision decision =
      rules::decide(query, rules::Admission::Allowed, rules::Transport::Udp);
  if (decision.action == rules::Action::Drop) return;
  const dns::Asker asker = query ? dns::Asker{query->head, query->question, query->edns}
                                 : dns::Asker{query.error().head, query.error().question, {}};
  std::vector<std::byte> reply(dns::kMaxUdpSize);
  reply.resize(dns::compose_reply(reply, asker, decision.content).size);
  check_way_back(frame.path, reply);
}

/// A frame that is not for us goes to the kernel as it came but for the tag, or has a reason why it
/// does not.
void check_exception(ByteView frame, const poll::Acceptance& accepted,
                     const poll::NotTaken& not_taken) {
  static exchange::Doorbell doorbell;
  static poll::ToKernel to_kernel(doorbell);
  static base::Time now;
  now += base::seconds{1};  // Every ration is full again.
  const poll::PortQueue queue{.index = 7, .acceptance = accepted, .to_kernel = &to_kernel};
  const auto dropped = poll::hand_over(queue, frame, not_taken, now);
  static const auto taken = std::make_unique<poll::ExceptionFrame>();
  const bool handed_over = to_kernel.ring.pop({taken.get(), 1}) == 1;
  require(handed_over == !dropped, "a frame is handed over, or dropped for a reason");
  if (dropped) return require(*dropped < rules::Drop::Count_, "every drop has a reason");

  const ByteView bytes = taken->bytes();
  const size_t tag = frame.size() - bytes.size();
  require(taken->port == queue.index && (tag == 0 || tag == 4), "only a tag is taken off");
  require(std::equal(bytes.begin(), bytes.begin() + 12, frame.begin()), "MACs stay");
  require(std::equal(bytes.begin() + 12, bytes.end(), frame.begin() + 12 + static_cast<int>(tag)),
          "what follows the tag stays");
  const bool is_ours = std::equal(kOurMac.begin(), kOurMac.end(), frame.begin());
  require(is_ours || (frame[0] & std::byte{1}) != std::byte{0}, "it is for us, or for many");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 10'000) return 0;
  const fuzz::Input input(data + 1, size - 1);
  const poll::Acceptance accepted = acceptance(std::byte{data[0]});
  const auto frame = poll::parse_frame(input.bytes(), accepted);
  if (!frame) return check_exception(input.bytes(), accepted, frame.error()), 0;
  check_exception(input.bytes(), accepted, {rules::Drop::NotBound, poll::Owner::Kernel});
  require(size_t{frame->payload_at} + frame->payload_size <= input.bytes().size(),
          "the payload lies in the frame");
  check_query(*frame, input.bytes().subspan(frame->payload_at, frame->payload_size));
  return 0;
}
