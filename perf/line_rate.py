#!/usr/bin/python3
"""T1: the whole program on a port that hands over queries as fast as a core takes them, beside DPDK's own testpmd on the same port.

`net_pcap` with infinite_rx replays 4,096 queries for ever and drops what is sent, so neither a NIC nor the kernel is in the way. testpmd's
5tswap reads each frame's headers, swaps addresses and ports and sends it back: the least that any answer costs. The two run in turn, several
times; the ratio of their medians is the figure to quote, since absolute ones drift from machine to machine. T1s: two poll cores, with a
queue each, beside one; what testpmd gains from a second core, sharing nothing at all, is what the machine has to give.
"""

import os
import re
import statistics
import sys
import time

import dns.message
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap

from results import Row, cores_for_line_rate, millions, write
from rig.certificates import RESOLVER_NAME, Authority
from rig.forwarder import Dotline, backend, configuration
from rig.namespaces import CLIENT, FORWARDER, Topology
from rig.resolver import Unbound
from undisturbed import output_of, prefer

NAMES = 4096
RUNS = 5
SECONDS = 4
PORT_MAC = "02:70:63:61:70:00"  # What net_pcap calls itself.
GOAL = 0.50
GOAL_TWO_CORES = 1.95


def write_queries(path):
    """EDNS queries, as clients send them, for names that the rig's resolver knows all of."""
    frames = []
    for number in range(NAMES):
        query = dns.message.make_query(f"h{number}.bulk.example.", "A", use_edns=0)
        query.id = number
        frames.append(Ether(src="02:00:00:00:00:02", dst=PORT_MAC) / IP(src=CLIENT, dst=FORWARDER)
                      / UDP(sport=1024 + number, dport=53) / query.to_wire())
    wrpcap(str(path), frames)


def device(queries, queues=1):
    return "net_pcap0," + f"rx_pcap={queries}," * queues + "infinite_rx=1"


def settings_for(backends, queries, cores):
    settings = configuration(backends)
    settings["dataplane"] |= {"cores": cores, "idle": "busy", "memory": "512M",
                              "ports": [{"device": f"vdev:{device(queries, len(cores))}", "queues": len(cores)}]}
    settings["binds"] = [{"address": f"{FORWARDER}:53"}]
    return settings


def hits(dotline):
    return dotline.metrics().value("dotline_replies_total", outcome="hit")


def wait_until_warm(dotline):
    """Until nothing but hits is counted any more."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        before = dotline.metrics()
        time.sleep(1)
        after = dotline.metrics()
        if after.value("dotline_cache_misses_total", cache="main") == before.value("dotline_cache_misses_total", cache="main"):
            return
    sys.exit("The cache did not get warm within a minute.")


def dotline_rate(topology, settings):
    with Dotline(topology, settings) as dotline:
        wait_until_warm(dotline)
        prefer(dotline.pid)  # Not before: with every CPU polling, the resolver would starve.
        begin, before = time.monotonic(), hits(dotline)
        time.sleep(SECONDS)
        after, end = hits(dotline), time.monotonic()
        return (after - before) / (end - begin)


def testpmd_rate(queries, cpus):
    """The median of the rates that testpmd prints each second, less the first."""
    lcores = ",".join(["0@0", *(f"{number}@{cpu}" for number, cpu in enumerate(cpus, 1))])
    cores = str(len(cpus))
    command = ["timeout", "-s", "INT", str(SECONDS + 2), "dpdk-testpmd", "--lcores", lcores, "--no-huge", "-m", "512", "--no-pci",
               "--iova-mode=va", "--no-telemetry", "--file-prefix", f"line-rate-{os.getpid()}", "--vdev", device(queries, len(cpus)), "--",
               "--nb-cores", cores, "--rxq", cores, "--txq", cores, "--port-topology=loop", "--forward-mode=5tswap", "--no-flush-rx",
               "--burst=32", "--mbcache=512",
               "--total-num-mbufs=65535", "--stats-period", "1"]
    output, _ = output_of(command, timeout=SECONDS + 30)
    rates = [int(rate) for rate in re.findall(r"Rx-pps:\s+(\d+)", output)]
    if not rates:
        sys.exit(f"testpmd printed no rate:\n{output[-2000:]}")
    return statistics.median(rates[1:] or rates)


def main():
    topology = Topology()
    try:
        queries = topology.directory / "queries.pcap"
        write_queries(queries)
        authority = Authority(topology.directory)
        resolver = Unbound(topology, authority.issue("resolver", names=[RESOLVER_NAME])).start()
        cpu = (os.cpu_count() or 1) - 1
        one_core = settings_for([backend(resolver, authority)], queries, [cpu])
        two_cores = settings_for([backend(resolver, authority)], queries, [cpu - 1, cpu]) if cpu > 0 else None
        swap_one, swap_two, one, two = [], [], [], []
        for run in range(RUNS):
            swap_one.append(testpmd_rate(queries, [cpu]))
            one.append(dotline_rate(topology, one_core))
            swap_two.append(testpmd_rate(queries, [cpu - 1, cpu]) if two_cores else 0.0)
            two.append(dotline_rate(topology, two_cores) if two_cores else 0.0)
            print(f"run {run + 1} of {RUNS}: dotline {millions(one[-1])} on one core, {millions(two[-1])} on two; "
                  f"testpmd 5tswap {millions(swap_one[-1])} and {millions(swap_two[-1])}", flush=True)
        swapped, swapped_by_two, alone, both = (statistics.median(rates) for rates in (swap_one, swap_two, one, two))
        rows = [Row("T1", f"whole program on net_pcap, {NAMES} names, one core", f"testpmd 5tswap: {millions(swapped)}", millions(alone),
                    alone / swapped, f"≥ {GOAL:.2f} ×", alone / swapped >= GOAL, cores_for_line_rate(alone))]
        if two_cores:
            rows.append(Row("T1s", f"the same, two poll cores beside one ({millions(alone)})", f"testpmd 5tswap: {swapped_by_two / swapped:.2f} ×",
                            millions(both), both / alone, f"≥ {GOAL_TWO_CORES:.2f} ×", both / alone >= GOAL_TWO_CORES,
                            cores_for_line_rate(both / 2)))
        write("line_rate", rows)
    finally:
        topology.remove()


if __name__ == "__main__":
    main()
