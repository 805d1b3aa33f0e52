// One received frame, to which the answer may be in the cache, on the hit path of every instruction
// set: what is answered, the slow path answers with the same octets; what is left, is left as it
// came. The first octet of the input says whether the port verifies checksums.
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "dataplane/base/keyed_hash.h"
#include "dataplane/poll/serve.h"
#include "tests/fuzz/invariant.h"
#include "tests/kept_entry.h"

namespace {

using base::ByteView;
using fuzz::require;

constexpr base::Time kNow{base::seconds{1000}};
constexpr size_t kHeadroom = 128, kRoom = 2048;
/// www.example.com. in wire form: the name that the seeds ask for.
constexpr std::string_view kName{"\3www\7example\3com\0", 17};
/// Where "example.com." begins in it, which has a pool of its own.
constexpr size_t kDomainAt = 4;
constexpr dns::PoolId kUsual{0}, kOfDomain{1};

/// A packet buffer without a pool: it can be written, sent to nowhere, and not be freed.
class Buffer {
 public:
  explicit Buffer(ByteView frame) {
    mbuf_.buf_addr = octets_.data();
    mbuf_.data_off = kHeadroom;
    mbuf_.buf_len = kHeadroom + kRoom;
    mbuf_.nb_segs = 1;
    mbuf_.refcnt = 1;
    mbuf_.data_len = static_cast<uint16_t>(frame.size());
    mbuf_.pkt_len = static_cast<uint32_t>(frame.size());
    std::ranges::copy(frame, octets_.begin() + kHeadroom);
  }
  [[nodiscard]] rte_mbuf* mbuf() { return &mbuf_; }
  [[nodiscard]] ByteView bytes() const { return {&octets_[kHeadroom], mbuf_.data_len}; }

 private:
  rte_mbuf mbuf_{};
  alignas(64) std::array<std::byte, kHeadroom + kRoom> octets_{};
};

/// A poll core that knows an answer of each kind to one name, and has no port.
class Core {
 public:
  Core() {
    base::draw_hash_secret();
    // ANY, as streams have had it, is not to be told over UDP; failures are told otherwise.
    keep(dns::Type::A, dns::Rcode::NoError);
    keep(dns::Type::Aaaa, dns::Rcode::NoError);
    keep(dns::Type::Any, dns::Rcode::NoError);
    keep(dns::Type::Mx, dns::Rcode::NxDomain);
    keep(dns::Type::Txt, dns::Rcode::ServFail);
    const auto bind = [this](const char* address) {
      return rules::Bind{.address = {*base::IpAddress::parse(address), 53},
                         .to = {.cache = &cache_}};
    };
    rules::Policy policy;
    policy.binds = {bind("192.0.2.1"), bind("2001:db8::1")};
    const std::array allowed = {*base::Prefix::parse("192.0.2.0/24"),
                                *base::Prefix::parse("2001:db8::/32")};
    policy.acl = rules::AddressSet(allowed);
    const auto* domain = reinterpret_cast<const std::byte*>(kName.data() + kDomainAt);
    policy.routes = rules::Routes({{.domain = dns::Name({domain, kName.size() - kDomainAt}),
                                    .to = {.pool = kOfDomain, .cache = &cache_}}});
    poll::LcoreSettings settings{.idle = poll::Idle::Busy,
                                 .pending = {.questions = 16, .askers = 16}};
    settings.queues.push_back({});
    rules_ = std::make_unique<poll::Rules>(
        std::move(policy),
        std::vector{poll::PortAccess{
            .acceptance = {.mac = {std::byte{0x02}, {}, {}, {}, {}, std::byte{0x01}}}}});
    published_ = rules_.get();
    state_ =
        std::make_unique<poll::LcoreState>(std::move(settings), published_, exchange_, readers_);
    state_->begin(kNow);
  }

  void verify_checksum(bool verify) { queue().acceptance.verify_checksum = verify; }
  /// Whether `path` answered.
  bool answer(poll::HitPath path, Buffer& buffer) {
    rte_mbuf* mbuf = buffer.mbuf();
    rte_mbuf* other = nullptr;
    const unsigned left = path(*state_, queue(), {&mbuf, 1}, &other);
    queue().transmit = {};
    require(left == 0 || (left == 1 && other == mbuf), "a frame is answered or left");
    return left == 0;
  }
  void answer_slowly(Buffer& buffer) {
    rte_mbuf* mbuf = buffer.mbuf();
    poll::serve_slowly(*state_, queue(), {&mbuf, 1});
    queue().transmit = {};
  }

 private:
  poll::PortQueue& queue() { return state_->queues.front(); }
  void keep(dns::Type type, dns::Rcode rcode) {
    for (unsigned wants = 0; wants < 4; ++wants) {
      keep(type, rcode, static_cast<dns::Wants>(wants), kUsual);
      keep(type, rcode, static_cast<dns::Wants>(wants), kOfDomain);
    }
  }
  void keep(dns::Type type, dns::Rcode rcode, dns::Wants wants, dns::PoolId pool) {
    const auto* name = reinterpret_cast<const std::byte*>(kName.data());
    const dns::Question question =
        dns::make_question({name, kName.size()}, type, dns::Class::In, wants, pool);
    std::array<std::byte, 29> records{};  // An odd size, and a TTL at either kind of place.
    base::store_be32(&records[6], 300);
    base::store_be32(&records[17], 5);
    records[28] = static_cast<std::byte>(pool);
    const std::array<uint16_t, 2> places = {6, 17};
    cache_.insert(question,
                  tests::kept_entry({.question = question,
                                     .content = {.rcode = rcode,
                                                 .authenticated = true,
                                                 .answers = 2,
                                                 .records = records,
                                                 .ttl_places = places},
                                     .inserted = kNow - base::seconds{10},
                                     .expires = kNow + base::seconds{290}}),
                  kNow, reclaim_);
  }

  cache::Readers readers_{1};
  cache::Cache cache_{"main", 64};
  cache::Reclaim reclaim_{readers_};
  exchange::Exchange exchange_{{.misses = 16, .fills = 16}};
  std::unique_ptr<const poll::Rules> rules_;
  poll::PublishedRules published_;
  std::unique_ptr<poll::LcoreState> state_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 1500) return 0;
  static Core core;
  const fuzz::Input input(data + 1, size - 1);
  core.verify_checksum((data[0] & 2) != 0);
  for (const poll::HitPathChoice& choice : poll::hit_paths()) {
    Buffer fast(input.bytes());
    if (!core.answer(choice.path, fast)) {
      require(std::ranges::equal(fast.bytes(), input.bytes()), "what is left is as it came");
      continue;
    }
    // If the slow path did anything but answer, it would free a buffer that has no pool, and
    // crash.
    Buffer slow(input.bytes());
    core.answer_slowly(slow);
    require(std::ranges::equal(fast.bytes(), slow.bytes()), "both paths send the same octets");
  }
  return 0;
}
