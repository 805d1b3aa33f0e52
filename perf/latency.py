#!/usr/bin/python3
"""T2: how long a query for a cached name takes from the generator's ring to dotline and back, at half of the rate the pair can do.

Both are processes of their own, on a CPU each, joined by net_memif: shared memory and no kernel. What is measured begins when the query
was due, so a server that falls behind is charged for it. A generator that falls behind is not the server's fault: of many short windows
the quarter in which it was most on time is kept, and over those the median of each percentile is taken. How late it was even then is said
beside. testpmd 5tswap under the same load shows what the port and the generator cost by themselves.
"""

import statistics
import sys

import peers
from generator import Generator, server_device
from results import Plot, Row, cores_for_line_rate, millions, write
from rig.certificates import RESOLVER_NAME, Authority
from rig.namespaces import Topology
from rig.resolver import Unbound

NAMES = 4096
SERVER_CPU, GENERATOR_CPU = 0, 1
SEARCH = [250_000 * step for step in range(2, 41)]  # To 10 million queries a second.
SEARCH_SECONDS = 0.2
WINDOWS = 101
WINDOW_SECONDS = 0.025
KEPT = 25
GOAL_P50, GOAL_P999 = 3.0, 20.0  # Microseconds.
PERCENTILES = ("p50", "p90", "p99", "p99.9", "p99.99")
ECHO = ("--echo",)


def capacity(generator, options):
    """The highest rate answered, and how each rate did: raised until three in a row are not answered to 98 %."""
    best, curve, failed = 0.0, [], 0
    for first in range(0, len(SEARCH), 3):
        for result in generator.run(SEARCH[first:first + 3], SEARCH_SECONDS, *options):
            answered = result["answered_per_second"]
            curve.append([result["rate"] / 1e6, answered / 1e6])
            best = max(best, answered)
            failed = failed + 1 if answered < 0.98 * result["rate"] else 0
        if failed >= 3:
            break
    return best, curve


def percentiles(generator, rate, options):
    """Microseconds: the median of each percentile over the windows kept, and how late the generator was in them at p99.9."""
    windows = sorted(generator.run([rate] * WINDOWS, WINDOW_SECONDS, *options), key=lambda window: window["lag_ns"]["p99.9"])[:KEPT]
    latency = {name: statistics.median(window["latency_ns"][name] for window in windows) / 1000 for name in PERCENTILES}
    return latency, statistics.median(window["lag_ns"]["p99.9"] for window in windows) / 1000


def measure(generator, options=()):
    best, curve = capacity(generator, options)
    latency, late = percentiles(generator, best / 2, options)
    print(f"  {best / 1e6:.2f} M/s at most; at half of it " + "  ".join(f"{name} {value:.2f} µs" for name, value in latency.items())
          + f"  (the generator itself late by {late:.2f} µs at p99.9)", flush=True)
    return best, curve, latency, late


def measure_dotline(topology):
    authority = Authority(topology.directory)
    resolver = Unbound(topology, authority.issue("resolver", names=[RESOLVER_NAME])).start()
    socket = topology.directory / "memif-dotline"
    generator = Generator(socket, cpu=GENERATOR_CPU, names=NAMES)
    with peers.dotline(topology, resolver, authority, f"vdev:{server_device(socket)}", cpu=SERVER_CPU, other_cpu=GENERATOR_CPU):
        generator.warm()
        return measure(generator)


def measure_swap(topology):
    socket = topology.directory / "memif-testpmd"
    with peers.testpmd_on(topology, server_device(socket), cpu=SERVER_CPU, control_cpu=GENERATOR_CPU, label="memif"):
        return measure(Generator(socket, cpu=GENERATOR_CPU, names=NAMES), ECHO)


def main():
    topology = Topology()
    try:
        print("testpmd 5tswap", flush=True)
        swap_best, swap_curve, swap, _ = measure_swap(topology)
        print("dotline", flush=True)
        best, curve, ours, late = measure_dotline(topology)
    finally:
        topology.remove()

    def row(name, goal, remark=""):
        return Row("T2", f"latency of hits at {millions(best / 2)}, half of capacity, {name}{remark}",
                   f"testpmd 5tswap at {millions(swap_best / 2)}: {swap[name]:.2f} µs", f"{ours[name]:.2f} µs", ours[name] / swap[name],
                   f"≤ {goal:g} µs", ours[name] <= goal, "PCIe and the wire come on top")

    rows = [row("p50", GOAL_P50), row("p99.9", GOAL_P999, f" (the generator itself late by {late:.1f} µs)"),
            Row("T2", "capacity over net_memif, generator on the other CPU", f"testpmd 5tswap: {millions(swap_best)}", millions(best), best / swap_best,
                "–", None, cores_for_line_rate(best))]
    slower = {name: 1 / (1 - float(name[1:]) / 100) for name in PERCENTILES}  # p99: one of 100.
    plots = [Plot("latency.svg", "Latency of cached answers at half of capacity, over net_memif", "one query in so many takes longer", "µs",
                  {label: [[slower[name], found[name]] for name in PERCENTILES]
                   for label, found in (("dotline", ours), ("testpmd 5tswap", swap))}, log_x=True, log_y=True),
             Plot("memif-rate.svg", "Cached answers over net_memif, one CPU each for server and generator", "queries offered, millions a second",
                  "replies, millions a second", {"dotline": curve, "testpmd 5tswap": swap_curve})]
    write("latency", rows, plots)
    return 0


if __name__ == "__main__":
    sys.exit(main())
