#include "tests/dataplane/poll/loop_rig.h"

#include <gtest/gtest.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

#include "dataplane/base/keyed_hash.h"
#include "tests/kept_entry.h"

namespace tests {
namespace {

constexpr unsigned kMbufs = 8191;
constexpr unsigned kRing = 4096;

void start_eal_once() {
  static const bool started = [] {
    base::draw_hash_secret();
    std::array arguments = {std::string("loop_test"),
                            std::string("--no-huge"),
                            std::string("-m"),
                            std::string("256"),
                            std::string("--no-pci"),
                            std::string("--no-telemetry"),
                            std::string("--iova-mode=va"),
                            std::string("--log-level=error"),
                            std::string("--lcores=0@0"),
                            "--file-prefix=loop" + std::to_string(getpid())};
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    return rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0;
  }();
  if (!started) std::abort();
}

std::string unique(const char* what) {
  static unsigned number = 0;
  return what + std::to_string(number++);
}

rte_mbuf* buffer_of(rte_mempool* pool, base::ByteView octets) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
  if (mbuf == nullptr) std::abort();
  std::memcpy(rte_pktmbuf_append(mbuf, static_cast<uint16_t>(octets.size())), octets.data(),
              octets.size());
  return mbuf;
}

}  // namespace

LoopRig::LoopRig(const LoopShape& shape)
    : cache((start_eal_once(), "main"), shape.cache_entries),
      exchange({.cores = 1, .workers = 1, .misses = shape.misses, .fills = 4096}) {
  pool =
      rte_pktmbuf_pool_create(unique("pool").c_str(), kMbufs, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
  to_core_ = rte_ring_create(unique("in").c_str(), kRing, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
  from_core_ = rte_ring_create(unique("out").c_str(), kRing, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
  const int port = rte_eth_from_rings(unique("port").c_str(), &to_core_, 1, &from_core_, 1, 0);
  if (pool == nullptr || port < 0) std::abort();
  port_ = static_cast<uint16_t>(port);
  const rte_eth_conf conf{};
  rte_eth_dev_configure(port_, 1, 1, &conf);
  rte_eth_rx_queue_setup(port_, 0, kRing, 0, nullptr, pool);
  rte_eth_tx_queue_setup(port_, 0, kRing, 0, nullptr);
  rte_eth_dev_start(port_);

  rules::Policy policy;
  policy.binds = {{.address = {address("192.0.2.1"), 53}, .to = {.cache = &cache}},
                  {.address = {address("2001:db8::1"), 53}, .to = {.cache = &cache}}};
  const std::array prefixes = {*base::Prefix::parse("192.0.2.0/24"),
                               *base::Prefix::parse("2001:db8::/32")};
  policy.acl = rules::AddressSet(prefixes);
  if (shape.cookies) {
    const std::array<rules::CookieSecret, 1> secrets = {};
    policy.cookies = rules::Cookies(secrets, *shape.cookies);
  }
  std::vector<rules::Route> routes;
  for (const RoutedDomain& domain : shape.domains) {
    routes.push_back({.domain = dns::Name(wire_name(domain.name)),
                      .to = {.pool = domain.pool, .cache = domain.cached ? &cache : nullptr}});
  }
  policy.routes = rules::Routes(std::move(routes));

  poll::LcoreSettings settings{.index = 0, .idle = poll::Idle::Busy, .pending = shape.pending};
  settings.queues.push_back({.queue = 0,
                             .index = 0,
                             .to_kernel = shape.exception_path ? &to_kernel : nullptr,
                             .from_kernel = shape.exception_path ? &from_kernel : nullptr});
  rules = std::make_unique<poll::Rules>(
      std::move(policy),
      std::vector{poll::PortAccess{
          .id = port_, .pools = {pool}, .acceptance = {.mac = mac(1), .vlan = shape.vlan}}});
  published = rules.get();
  core = std::make_unique<poll::LcoreState>(std::move(settings), published, exchange, readers);
  readers.join(0);
}

LoopRig::~LoopRig() {
  readers.leave(0);
  (void)sent();
  rte_eth_dev_stop(port_);
  rte_eth_dev_close(port_);
  rte_ring_free(to_core_);
  rte_ring_free(from_core_);
  rte_mempool_free(pool);
}

void LoopRig::receive(const Bytes& frame) {
  ASSERT_EQ(rte_ring_enqueue(to_core_, buffer_of(pool, frame)), 0);
}

void LoopRig::receive_in_two(const Bytes& frame, size_t first) {
  const base::ByteView octets(frame);
  rte_mbuf* head = buffer_of(pool, octets.first(first));
  ASSERT_EQ(rte_pktmbuf_chain(head, buffer_of(pool, octets.subspan(first))), 0);
  ASSERT_EQ(rte_ring_enqueue(to_core_, head), 0);
}

void LoopRig::fill(const exchange::Fill& fill) { ASSERT_TRUE(exchange.lane(0, 0).fill.push(fill)); }

std::vector<Bytes> LoopRig::sent() {
  std::vector<Bytes> frames;
  void* taken = nullptr;
  while (rte_ring_dequeue(from_core_, &taken) == 0) {
    auto* mbuf = static_cast<rte_mbuf*>(taken);
    const auto* data = rte_pktmbuf_mtod(mbuf, const std::byte*);
    frames.emplace_back(data, data + rte_pktmbuf_data_len(mbuf));
    rte_pktmbuf_free(mbuf);
  }
  return frames;
}

uint16_t LoopRig::other_end() {
  const int port = rte_eth_from_rings(unique("end").c_str(), &from_core_, 1, &to_core_, 1, 0);
  if (port < 0) std::abort();
  return static_cast<uint16_t>(port);
}

std::vector<Bytes> LoopRig::handed_over() {
  std::vector<Bytes> frames;
  auto frame = std::make_unique<poll::ExceptionFrame>();
  while (to_kernel.ring.pop({frame.get(), 1}) == 1) {
    EXPECT_EQ(frame->port, 0);
    const base::ByteView octets = frame->bytes();
    frames.emplace_back(octets.begin(), octets.end());
  }
  handed_over_ += frames.size();
  return frames;
}

void LoopRig::kernel_sends(const Bytes& frame) {
  auto sent = std::make_unique<poll::ExceptionFrame>();
  sent->size = static_cast<uint16_t>(frame.size());
  std::copy(frame.begin(), frame.end(), sent->octets.begin());
  ASSERT_TRUE(from_kernel.push(*sent));
}

std::vector<exchange::Miss> LoopRig::misses() {
  std::vector<exchange::Miss> taken(kRing);
  taken.resize(exchange.lane(0, 0).miss.pop(taken));
  return taken;
}

void LoopRig::answer(const exchange::Miss& miss, Keep keep) {
  const Bytes record = a_record(pointer_to_question(), 3600, {192, 0, 2, 7}).wire();
  const std::array<uint16_t, 1> places = {6};
  const base::Time now = base::Clock::now();
  cache::Entry* entry =
      kept_entry({.question = miss.question,
                  .content = {.answers = 1, .records = record, .ttl_places = places},
                  .inserted = now,
                  .expires = now + base::seconds{3600}});
  entry->pin();  // The fill's; the core gives it back.
  if (keep == Keep::Yes) {
    cache.insert(miss.question, entry, now, reclaim);
  } else {
    reclaim.retire(entry);
  }
  fill({.ticket = miss.ticket, .entry = entry});
}

bool LoopRig::conserved() const {
  const poll::CoreCounters& counters = core->counters;
  return counters.ports[0].received.read() == counters.replies.total() + counters.dropped.total() +
                                                  counters.parked.read() + handed_over_ &&
         counters.replies.total() == counters.ports[0].sent.read();
}

Bytes query_frame(const Bytes& query, uint16_t source_port) {
  Packet packet;
  packet.source.port = source_port;
  packet.payload = query;
  return packet.build();
}

Bytes message_in(const Bytes& frame) {
  const poll::Result<poll::Frame, poll::NotTaken> parsed =
      poll::parse_frame(frame, {.mac = mac(2)});
  EXPECT_TRUE(parsed.has_value()) << "a reply must itself be a good frame, checksums included";
  if (!parsed) return {};
  return {frame.begin() + parsed->payload_at,
          frame.begin() + parsed->payload_at + parsed->payload_size};
}

}  // namespace tests
