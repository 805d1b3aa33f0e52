#include "perf/hit_rig.h"

#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <random>

#include "dataplane/base/keyed_hash.h"
#include "tests/kept_entry.h"
#include "tests/message_builder.h"
#include "tests/packet_builder.h"

namespace perf {
namespace {

constexpr unsigned kMbufs = 4095;

void start_eal_once() {
  static const bool started = [] {
    base::draw_hash_secret();
    std::vector<std::string> arguments = {"perf",
                                          "--no-huge",
                                          "-m",
                                          "128",
                                          "--no-pci",
                                          "--no-telemetry",
                                          "--iova-mode=va",
                                          "--log-level=error",
                                          "--file-prefix=perf" + std::to_string(getpid())};
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    return rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0;
  }();
  if (!started) std::abort();
}

std::string name_of(uint32_t number) { return "host" + std::to_string(number) + ".example.com."; }

dns::Question question_of(uint32_t number) {
  return dns::make_question(tests::wire_name(name_of(number)), dns::Type::A, dns::Class::In,
                            dns::Wants::Plain, dns::PoolId{0});
}

std::string unique(const char* what) {
  static unsigned number = 0;
  return what + std::to_string(number++);
}

}  // namespace

HitRig::HitRig(uint32_t names) : cache_("main", names) {
  start_eal_once();
  pool_ =
      rte_pktmbuf_pool_create(unique("pool").c_str(), kMbufs, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
  // net_null throws away what is sent; it costs a locked addition a burst.
  const std::string device = unique("net_null");
  if (pool_ == nullptr || rte_eal_hotplug_add("vdev", device.c_str(), "") != 0) std::abort();
  rte_eth_dev_get_port_by_name(device.c_str(), &port_);
  const rte_eth_conf conf{};
  rte_eth_dev_configure(port_, 1, 1, &conf);
  rte_eth_rx_queue_setup(port_, 0, 512, 0, nullptr, pool_);
  rte_eth_tx_queue_setup(port_, 0, 512, 0, nullptr);
  rte_eth_dev_start(port_);

  rules::Policy policy;
  policy.binds = {{.address = {tests::address("192.0.2.1"), 53}, .to = {.cache = &cache_}}};
  const std::array prefixes = {
      *base::Prefix::parse("127.0.0.0/8"),    *base::Prefix::parse("10.0.0.0/8"),
      *base::Prefix::parse("192.168.0.0/16"), *base::Prefix::parse("172.16.0.0/12"),
      *base::Prefix::parse("192.0.2.0/24"),   *base::Prefix::parse("fe80::/10")};
  policy.acl = rules::AddressSet(prefixes);
  poll::LcoreSettings settings{.index = 0, .idle = poll::Idle::Busy};
  settings.queues.push_back({.queue = 0, .index = 0});
  rules_ = std::make_unique<poll::Rules>(
      std::move(policy), std::vector{poll::PortAccess{
                             .id = port_, .pools = {pool_}, .acceptance = {.mac = tests::mac(1)}}});
  published_ = rules_.get();
  core_ = std::make_unique<poll::LcoreState>(std::move(settings), published_, exchange_, readers_);
  core_->begin(base::Clock::now());
  for (uint32_t i = 0; i < names; ++i) keep(question_of(i));
  queries_.reserve(names);
  for (uint32_t i = 0; i < names; ++i) {
    // A bucket may have had more names to hold than it has slots; those that gave way would be
    // misses.
    if (cache_.find(question_of(i), core_->now) != nullptr) queries_.push_back(query_for(i));
  }
}

HitRig::~HitRig() {
  rte_eth_dev_stop(port_);
  rte_eth_dev_close(port_);
  rte_mempool_free(pool_);
}

void HitRig::keep(const dns::Question& question) {
  const tests::Bytes record =
      tests::a_record(tests::pointer_to_question(), 3600, {198, 18, 1, 1}).wire();
  const std::array<uint16_t, 1> places = {6};
  const base::Time inserted = core_->now - kAge;
  cache_.insert(
      question,
      tests::kept_entry({.question = question,
                         .content = {.answers = 1, .records = record, .ttl_places = places},
                         .inserted = inserted,
                         .expires = inserted + base::seconds{3600}}),
      inserted, reclaim_);
}

/// With EDNS, as clients send it.
HitRig::Query HitRig::query_for(uint32_t number) {
  tests::Packet packet;
  packet.source.port = static_cast<uint16_t>(1024 + number % 60000);
  packet.payload =
      tests::a_query(name_of(number)).id(static_cast<uint16_t>(number)).opt({}).build();
  const tests::Bytes frame = packet.build();
  Query query;
  query.size = static_cast<uint16_t>(frame.size());
  std::copy(frame.begin(), frame.end(), query.octets.begin());
  return query;
}

std::vector<uint32_t> HitRig::draw(Names how, size_t count) const {
  std::mt19937_64 random(1);
  std::vector<uint32_t> drawn(count);
  if (how == Names::Uniform) {
    std::uniform_int_distribution<uint32_t> any(0, static_cast<uint32_t>(queries_.size() - 1));
    for (uint32_t& name : drawn) name = any(random);
    return drawn;
  }
  // Zipf with exponent 1: by inversion of the continuous law, whose head differs from the exact one
  // by a few per cent.
  const double log_n = std::log(static_cast<double>(queries_.size()));
  std::uniform_real_distribution<double> unit(0.0, 1.0);
  for (uint32_t& name : drawn) name = static_cast<uint32_t>(std::exp(unit(random) * log_n)) - 1;
  return drawn;
}

void HitRig::receive(const uint32_t* names, rte_mbuf** frames) {
  if (rte_pktmbuf_alloc_bulk(pool_, frames, poll::kReceiveBurst) != 0) std::abort();
  for (unsigned i = 0; i < poll::kReceiveBurst; ++i) {
    const Query& query = queries_[names[i]];
    std::memcpy(rte_pktmbuf_mtod(frames[i], void*), query.octets.data(), query.octets.size());
    rte_pktmbuf_data_len(frames[i]) = query.size;
    rte_pktmbuf_pkt_len(frames[i]) = query.size;
  }
}

void HitRig::discard(rte_mbuf** frames) { rte_pktmbuf_free_bulk(frames, poll::kReceiveBurst); }

void HitRig::serve(rte_mbuf** frames) {
  poll::PortQueue& queue = core_->queues.front();
  poll::serve(*core_, queue, std::span(frames, poll::kReceiveBurst));
  queue.transmit.flush(queue.port, queue.queue, core_->counters.ports[0], core_->counters);
}

void HitRig::serve_slowly(rte_mbuf** frames) {
  poll::PortQueue& queue = core_->queues.front();
  poll::serve_slowly(*core_, queue, std::span(frames, poll::kReceiveBurst));
  queue.transmit.flush(queue.port, queue.queue, core_->counters.ports[0], core_->counters);
}

}  // namespace perf
