#!/usr/bin/python3
"""C1: how much memory one cached A answer takes.

Each server is asked for the same names twice: once with a cache that has room for a thousand of them, once with room for all. What its
resident memory grows by, divided by the entries, is an entry with everything that belongs to it: index, locks, allocator. Whatever else
the load makes a server touch is in both.
"""

import re
import sys

import peers
from results import Row, write
from rig.certificates import RESOLVER_NAME, Authority
from rig.client import Client
from rig.namespaces import FORWARDER, Topology
from rig.resolver import Unbound

NAMES = 500_000
FEW = 1000
SERVER_CPU, OTHER_CPU = 0, 1
GOAL_BYTES = 192
GOAL_GIGABYTES = 2.5  # For ten million entries.
PASSES = 4


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1)) * 1024


class Bench:
    def __init__(self, topology):
        self._topology = topology
        self._client = Client(topology)
        authority = Authority(topology.directory)
        resolver = Unbound(topology, authority.issue("resolver", names=[RESOLVER_NAME]), log_queries=False).start()
        upstream = (topology, resolver, authority)
        self._names = topology.directory / "names"
        self._names.write_text("".join(f"h{number}.bulk.example. A\n" for number in range(NAMES)))
        # dnsdist's cache is split into parts, which fill up unevenly: hence the room to spare, for all.
        self.contenders = {
            "dotline": lambda entries: peers.dotline(*upstream, "af_xdp:front0", cpu=SERVER_CPU, other_cpu=OTHER_CPU, size=entries),
            "dnsdist": lambda entries: peers.dnsdist(*upstream, cpu=SERVER_CPU, entries=entries, options="maxInFlight=100"),
            "Unbound": lambda entries: peers.unbound(*upstream, cpu=SERVER_CPU, cache_megabytes=max(1, entries // 1000)),
        }

    def bytes_per_entry(self, contender):
        few = self._fill(contender, FEW, passes=1)[0]
        all_of_them, entries = self._fill(contender, NAMES * 5 // 4, passes=PASSES)
        return (all_of_them - few) / entries

    def _fill(self, contender, room, passes):
        """Resident octets after asking for all names, and how many of them were answered well in the end."""
        with self.contenders[contender](room) as server:
            for number in range(passes):
                load = self._topology.execute(self._topology.client, "dnsperf", "-s", FORWARDER, "-d", str(self._names), "-n", "1", "-c", "8",
                                              "-q", "256", "-W", timeout=600).stdout
                answered = int((re.search(r"NOERROR (\d+)", load) or [0, 0])[1])
                print(f"  {contender}, room for {room}: pass {number + 1}, {answered} of {NAMES} answered", flush=True)
                if answered >= 0.999 * NAMES:
                    break
            return resident(server.pid), self._entries(contender, server, answered)

    @staticmethod
    def _entries(contender, server, answered):
        """Others are trusted to have kept what they answered, which is in their favour."""
        return server.metrics().value("dotline_cache_entries", cache="main") if contender == "dotline" else answered


def rows_of(octets):
    ours = octets["dotline"]
    rows = [Row("C1", f"memory per cached A answer, {NAMES // 1000} k names", f"{other}: {octets[other]:.0f} B", f"{ours:.0f} B",
                ours / octets[other], f"≤ {GOAL_BYTES} B", ours <= GOAL_BYTES) for other in ("dnsdist", "Unbound")]
    gigabytes = ours * 10_000_000 / 1e9
    return rows + [Row("C1", "the same for ten million", "–", f"{gigabytes:.2f} GB", None, f"≤ {GOAL_GIGABYTES} GB", gigabytes <= GOAL_GIGABYTES)]


def main():
    topology = Topology()
    try:
        bench = Bench(topology)
        write("cache_bytes", rows_of({contender: bench.bytes_per_entry(contender) for contender in bench.contenders}))
    finally:
        topology.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
