#!/usr/bin/python3
"""T4: kxdpgun over one veth pair, at rates below and above what the pair carries, against dotline and against others in turn.

The server has CPU 0, the generator CPU 1; every name asked for is cached. Most of the cost is the kernel's: a server's CPU also
receives, in its own system calls, what it sends to the generator. testpmd 5tswap shows what that leaves.
"""

import contextlib
import statistics
import sys

import peers
from kxdpgun import Gun
from results import Plot, Row, thousands, write
from rig.certificates import RESOLVER_NAME, Authority
from rig.namespaces import Topology
from rig.resolver import ZONE, Unbound

RUNS = 5
SECONDS = 2
RATES = (200_000, 400_000, 700_000, 1_000_000)
NAMES = 2000
SERVER_CPU, GENERATOR_CPU = 0, 1

KNOT, UNBOUND, DNSDIST = "Knot DNS, XDP (authoritative)", "Unbound", "dnsdist"
AF_XDP, AF_PACKET = "dotline, af_xdp", "dotline, af_packet"
SWAP_XDP, SWAP_PACKET = "testpmd 5tswap, af_xdp", "testpmd 5tswap, af_packet"


class Bench:
    def __init__(self, topology):
        self._topology = topology
        self._authority = Authority(topology.directory)
        self._resolver = Unbound(topology, self._authority.issue("resolver", names=[RESOLVER_NAME])).start()
        self._names = [f"h{number}.bulk.example." for number in range(NAMES)]
        self._gun = Gun(topology, self._names, cpu=GENERATOR_CPU, seconds=SECONDS)
        self._zone = topology.directory / "peer.zone"
        self._zone.write_text(ZONE)
        upstream = (topology, self._resolver, self._authority)
        self.contenders = {
            AF_XDP: lambda: peers.dotline(*upstream, "af_xdp:front0", cpu=SERVER_CPU, other_cpu=GENERATOR_CPU),
            AF_PACKET: lambda: peers.dotline(*upstream, "af_packet:front0", cpu=SERVER_CPU, other_cpu=GENERATOR_CPU),
            KNOT: lambda: peers.knot(topology, self._zone, cpu=SERVER_CPU),
            DNSDIST: lambda: self._on_sockets(peers.dnsdist(*upstream, cpu=SERVER_CPU)),
            UNBOUND: lambda: self._on_sockets(peers.unbound(*upstream, cpu=SERVER_CPU)),
            SWAP_XDP: lambda: peers.testpmd(topology, "af_xdp", cpu=SERVER_CPU, control_cpu=GENERATOR_CPU),
            SWAP_PACKET: lambda: peers.testpmd(topology, "af_packet", cpu=SERVER_CPU, control_cpu=GENERATOR_CPU),
        }

    def measure(self, contender):
        """Replies a second at each rate."""
        with self.contenders[contender]():
            if contender not in (SWAP_XDP, SWAP_PACKET):
                peers.warm(self._topology, self._names)
            return {rate: self._gun.shoot(rate) for rate in RATES}

    @contextlib.contextmanager
    def _on_sockets(self, server):
        with peers.checksums_left_to_the_link(self._topology), server:
            yield


def rows_of(replies):
    """`replies`: contender to rate to replies a second."""
    ours = replies[AF_XDP]
    best, most = max(ours.values()), max(RATES)

    def row(rate, other, at_least):
        theirs = replies[other][rate]
        ratio = ours[rate] / theirs if theirs else 0.0
        return Row("T4", f"kxdpgun over veth, {thousands(rate)} offered, af_xdp", f"{other}: {thousands(theirs)}", thousands(ours[rate]), ratio,
                   f"≥ {at_least:g} ×", round(ratio, 2) >= at_least, "–")

    rows = [row(rate, KNOT, 1) for rate in (200_000, 400_000, most)]
    rows += [row(most, other, 2) for other in (DNSDIST, UNBOUND)]
    rows.append(Row("T4", f"the same, {thousands(most)} offered: no collapse", f"its best rate: {thousands(best)}", thousands(ours[most]),
                    ours[most] / best, "≥ 0.95 ×", ours[most] >= 0.95 * best, "–"))
    for ours_is, swap in ((AF_XDP, SWAP_XDP), (AF_PACKET, SWAP_PACKET)):
        rows.append(Row("T4", f"{ours_is}, {thousands(most)} offered", f"{swap}: {thousands(replies[swap][most])}", thousands(replies[ours_is][most]),
                        replies[ours_is][most] / replies[swap][most], "–", None, "the rest is the kernel's"))
    return rows


def main():
    topology = Topology()
    try:
        bench = Bench(topology)
        shots = {contender: {rate: [] for rate in RATES} for contender in bench.contenders}
        for run in range(RUNS):
            for contender in bench.contenders:
                measured = bench.measure(contender)
                for rate, shot in measured.items():
                    shots[contender][rate].append(shot)
                print(f"run {run + 1} of {RUNS}: {contender:30} " + "  ".join(
                    f"{rate // 1000}k: {shot.replies / 1000:.0f}k of {shot.sent / 1000:.0f}k" for rate, shot in measured.items()), flush=True)
        replies = {contender: {rate: statistics.median(shot.replies for shot in some) for rate, some in rates.items()}
                   for contender, rates in shots.items()}
        plot = Plot("rate-against-load.svg", "Cached answers over one veth pair, server on one CPU", "queries offered, thousands a second",
                    "replies, thousands a second",
                    {contender: [[rate / 1000, value / 1000] for rate, value in rates.items()] for contender, rates in replies.items()})
        write("veth_peers", rows_of(replies), [plot])
    finally:
        topology.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
