#include "perf/load/port.h"

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <cstring>
#include <utility>

namespace load {
namespace {

constexpr unsigned kMbufs =
    16383;  // Both rings, af_xdp's two further ones of 2048, and the core's own stock.
constexpr unsigned kMbufCache = 512;
constexpr uint16_t kDescriptors = 1024;
constexpr int kLinkTries = 1000;
constexpr unsigned kLinkWaitMs = 10;

auto refused(const char* what, int error) {
  return base::fail(std::string(what) + ": " + rte_strerror(error < 0 ? -error : error));
}

bool has_link(uint16_t id) {
  rte_eth_link link{};
  for (int i = 0; i < kLinkTries; ++i) {
    if (rte_eth_link_get_nowait(id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP) return true;
    rte_delay_ms(kLinkWaitMs);
  }
  return false;
}

int start(uint16_t id, rte_mempool* pool) {
  const rte_eth_conf conf{};
  uint16_t receive = kDescriptors;
  uint16_t transmit = kDescriptors;
  if (const int error = rte_eth_dev_configure(id, 1, 1, &conf); error != 0) return error;
  if (const int error = rte_eth_dev_adjust_nb_rx_tx_desc(id, &receive, &transmit); error != 0)
    return error;
  if (const int error = rte_eth_rx_queue_setup(id, 0, receive, 0, nullptr, pool); error != 0)
    return error;
  if (const int error = rte_eth_tx_queue_setup(id, 0, transmit, 0, nullptr); error != 0)
    return error;
  return rte_eth_dev_start(id);
}

}  // namespace

base::Result<Port, std::string> Port::open(uint16_t id) {
  if (rte_eth_dev_is_valid_port(id) == 0) {
    return base::fail(std::string("there is no port; name a device with --vdev or --allow"));
  }
  rte_mempool* pool = rte_pktmbuf_pool_create("load", kMbufs, kMbufCache, 0,
                                              RTE_MBUF_DEFAULT_BUF_SIZE, rte_eth_dev_socket_id(id));
  if (pool == nullptr) return refused("no memory for frames", rte_errno);
  if (const int error = start(id, pool); error != 0) {
    rte_mempool_free(pool);
    return refused("the port does not start", error);
  }
  Port port(id, pool);
  (void)rte_eth_promiscuous_enable(
      id);  // Where the driver knows of it; replies are for our own address.
  if (!has_link(id)) return base::fail(std::string("the port has no link"));
  return port;
}

Port::~Port() {
  if (pool_ == nullptr) return;
  (void)rte_eth_dev_stop(id_);
  (void)rte_eth_dev_close(id_);
  rte_mempool_free(pool_);
}

Port::Port(Port&& other) noexcept : id_(other.id_), pool_(std::exchange(other.pool_, nullptr)) {}

MacAddress Port::mac() const {
  rte_ether_addr address{};
  (void)rte_eth_macaddr_get(id_, &address);
  MacAddress mac;
  std::memcpy(mac.data(), address.addr_bytes, mac.size());
  return mac;
}

}  // namespace load
