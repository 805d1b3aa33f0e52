// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
//
// Runs in the kernel on every frame an af_xdp interface receives. UDP to an address and port we
// answer at goes to the poll core's socket; everything else (ARP, ND, ICMP, TCP, other ports) goes
// on to the kernel as if we were not here.
//
// Nothing is redirected before user space has filled `bound_endpoints`, nor after it has died: its
// sockets leave `xsks_map` with it, and a queue without a socket passes.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAX_QUEUES 256
#define MAX_ENDPOINTS 64
#define IPV4_HEADER_WORDS 5        // Without options.
#define IPV4_FRAGMENT_BITS 0x3FFF  // More-fragments and the offset.

struct vlan_tag {
  __be16 id;
  __be16 ether_type;
};

// An IPv4 address is held IPv4-mapped, as everywhere in dotline.
struct endpoint {
  __u8 address[16];
  __be16 port;
  __u16 zero;
};

struct {
  __uint(type, BPF_MAP_TYPE_XSKMAP);
  __uint(max_entries, MAX_QUEUES);
  __type(key, __u32);
  __type(value, __u32);
} xsks_map SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, MAX_ENDPOINTS);
  __type(key, struct endpoint);
  __type(value, __u8);
} bound_endpoints SEC(".maps");

// Each parser returns where the next header starts, or 0: not for us.
static __always_inline void* parse_ethernet(void* at, void* end, __be16* ether_type) {
  struct ethhdr* ethernet = at;
  if ((void*)(ethernet + 1) > end) return 0;
  *ether_type = ethernet->h_proto;
  if (*ether_type != bpf_htons(ETH_P_8021Q)) return ethernet + 1;
  struct vlan_tag* tag = (void*)(ethernet + 1);
  if ((void*)(tag + 1) > end) return 0;
  *ether_type = tag->ether_type;
  return tag + 1;
}

static __always_inline void* parse_ipv4(void* at, void* end, struct endpoint* destination) {
  struct iphdr* ip = at;
  if ((void*)(ip + 1) > end) return 0;
  if (ip->ihl != IPV4_HEADER_WORDS || ip->protocol != IPPROTO_UDP) return 0;
  if (ip->frag_off & bpf_htons(IPV4_FRAGMENT_BITS)) return 0;
  destination->address[10] = 0xFF;
  destination->address[11] = 0xFF;
  __builtin_memcpy(&destination->address[12], &ip->daddr, sizeof ip->daddr);
  return ip + 1;
}

static __always_inline void* parse_ipv6(void* at, void* end, struct endpoint* destination) {
  struct ipv6hdr* ip = at;
  if ((void*)(ip + 1) > end) return 0;
  if (ip->nexthdr != IPPROTO_UDP) return 0;
  __builtin_memcpy(destination->address, &ip->daddr, sizeof ip->daddr);
  return ip + 1;
}

SEC("xdp")
int dotline_xdp(struct xdp_md* frame) {
  void* at = (void*)(long)frame->data;
  void* end = (void*)(long)frame->data_end;
  struct endpoint destination = {};
  __be16 ether_type = 0;

  at = parse_ethernet(at, end, &ether_type);
  if (!at) return XDP_PASS;
  if (ether_type == bpf_htons(ETH_P_IP)) {
    at = parse_ipv4(at, end, &destination);
  } else if (ether_type == bpf_htons(ETH_P_IPV6)) {
    at = parse_ipv6(at, end, &destination);
  } else {
    return XDP_PASS;
  }
  struct udphdr* udp = at;
  if (!udp || (void*)(udp + 1) > end) return XDP_PASS;
  destination.port = udp->dest;

  if (!bpf_map_lookup_elem(&bound_endpoints, &destination)) return XDP_PASS;
  return bpf_redirect_map(&xsks_map, frame->rx_queue_index, XDP_PASS);
}

// The kernel's own list of licences has no Apache: this is the second of the two above.
char program_license[] SEC("license") = "GPL";
