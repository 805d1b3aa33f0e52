#!/usr/bin/python3
"""T2: how long a query for a cached name takes from the generator's ring to dotline and back, at half of the rate the pair can do.

Both are processes of their own, on a CPU each, joined by net_memif: shared memory and no kernel. What is measured begins when the query
was due, so a server that falls behind is charged for it. testpmd 5tswap under the same load shows what port and generator cost by
themselves. A fast server leaves the generator to be what limits the pair; then this is half of the generator's best, not of the server's.

The kernel's timer takes either CPU away 250 times a second or more, on a virtual machine for some 30 µs each: that is every hundredth query,
whatever the server. So there are two figures: over whole seconds, and over the quarter of windows of 2 ms in which the generator was most
on time, which are those between two interrupts. On CPUs without a tick (nohz_full) the second is what clients see.
"""

import statistics
import sys

import peers
from generator import Generator, server_device
from results import Plot, Row, millions, write
from rig.certificates import RESOLVER_NAME, Authority
from rig.namespaces import Topology
from rig.resolver import Unbound

NAMES = 4096
SERVER_CPU, GENERATOR_CPU = 0, 1
SEARCH = [250_000 * step for step in range(2, 41)]  # To 10 million queries a second.
SEARCH_SECONDS = 0.2
RUNS = 5
SECONDS = 1.0
WINDOWS = 400
WINDOW_SECONDS = 0.002
KEPT = 100
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


def medians(results, what="latency_ns"):
    """Of each percentile, in microseconds."""
    return {name: statistics.median(result[what][name] for result in results) / 1000 for name in PERCENTILES}


class Measured:
    """All there is to know about one server under the generator's load."""

    def __init__(self, generator, options=()):
        self.best, self.curve = capacity(generator, options)
        seconds = generator.run([self.best / 2], SECONDS, *options, runs=RUNS)
        windows = generator.run([self.best / 2], WINDOW_SECONDS, "--settle", "0.02", *options, runs=WINDOWS)
        windows.sort(key=lambda window: window["lag_ns"]["p99.9"])
        self.overall, self.late = medians(seconds), medians(seconds, "lag_ns")
        self.between = medians(windows[:KEPT])
        print(f"  {millions(self.best)} at most; at half of it, µs:", flush=True)
        for label, found in (("over all", self.overall), ("of it generator late", self.late), ("between interrupts", self.between)):
            print(f"  {label:22}" + "  ".join(f"{name} {value:.2f}" for name, value in found.items()), flush=True)


def measure_dotline(topology):
    authority = Authority(topology.directory)
    resolver = Unbound(topology, authority.issue("resolver", names=[RESOLVER_NAME])).start()
    socket = topology.directory / "memif-dotline"
    generator = Generator(socket, cpu=GENERATOR_CPU, names=NAMES)
    with peers.dotline(topology, resolver, authority, f"vdev:{server_device(socket)}", cpu=SERVER_CPU, other_cpu=GENERATOR_CPU):
        generator.warm()
        return Measured(generator)


def measure_swap(topology):
    socket = topology.directory / "memif-testpmd"
    with peers.testpmd_on(topology, server_device(socket), cpu=SERVER_CPU, control_cpu=GENERATOR_CPU, label="memif"):
        return Measured(Generator(socket, cpu=GENERATOR_CPU, names=NAMES), ECHO)


def main():
    topology = Topology()
    try:
        print("testpmd 5tswap", flush=True)
        swap = measure_swap(topology)
        print("dotline", flush=True)
        ours = measure_dotline(topology)
    finally:
        topology.remove()

    def row(name, when, theirs, mine, goal):
        aim = f"≤ {goal:g} µs" if goal else "–"
        return Row("T2", f"latency of hits at {millions(ours.best / 2)}, half of what the pair does: {name}{when}",
                   f"testpmd 5tswap at {millions(swap.best / 2)}: {theirs[name]:.2f} µs", f"{mine[name]:.2f} µs", mine[name] / theirs[name],
                   aim, mine[name] <= goal if goal else None, "PCIe and the wire come on top")

    rows = [row("p50", "", swap.overall, ours.overall, GOAL_P50),
            row("p99.9", " between timer interrupts", swap.between, ours.between, GOAL_P999),
            row("p99.9", f" with them (the generator itself is late by {ours.late['p99.9']:.0f} µs)", swap.overall, ours.overall, None),
            Row("T2", "what the pair does over net_memif, generator included", f"testpmd 5tswap: {millions(swap.best)}", millions(ours.best),
                ours.best / swap.best, "–", None)]
    slower = {name: 1 / (1 - float(name[1:]) / 100) for name in PERCENTILES}  # p99: one of 100.
    lines = {"dotline, between timer interrupts": ours.between, "dotline, with them": ours.overall,
             "testpmd 5tswap, between timer interrupts": swap.between, "testpmd 5tswap, with them": swap.overall}
    plots = [Plot("latency.svg", "Latency of cached answers at half of capacity, over net_memif", "one query in so many takes longer", "µs",
                  {label: [[slower[name], found[name]] for name in PERCENTILES] for label, found in lines.items()}, log_x=True, log_y=True),
             Plot("memif-rate.svg", "Cached answers over net_memif, one CPU each for server and generator", "queries offered, millions a second",
                  "replies, millions a second", {"dotline": ours.curve, "testpmd 5tswap": swap.curve})]
    write("latency", rows, plots)
    return 0


if __name__ == "__main__":
    sys.exit(main())
