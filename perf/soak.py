#!/usr/bin/python3
"""Ten million misses through one TLS worker, to a resolver that closes sessions at random: what a process that runs for weeks must not do
is grow. `soak.py [MISSES]` first lets every buffer and table come into use, then samples as it goes, prints a table, and fails if anything is
more at the end than it was after a tenth of the way.

The cache holds a thousand answers and the generator asks for two million names in turn, so nearly every query goes to the resolver. A
session ends after 20,000 answers on average, some hundred of them unread; one in twenty lasts until its 65,536 ids are used up.
"""

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
import time

from responder import ZONE, Responder
from rig.certificates import RESOLVER_NAME, Authority
from rig.forwarder import Dotline, backend, configuration
from rig.namespaces import FORWARDER, Topology

MISSES = 10_000_000
WARMING = 300_000
NAMES = 2_000_000
OUTSTANDING = 400
CLOSE_EVERY = 20_000
SAMPLES = 10
SERVER_CPU, OTHER_CPU = 0, 1
PATIENCE = 1800          # Seconds for all of it.
KIBIBYTES_OF_NOISE = 2048  # Buffers of sessions come and go.


@dataclasses.dataclass(frozen=True)
class Sample:
    misses: int
    seconds: float
    files: int
    resident_kib: int
    sessions: int
    under_way: int  # Queries with an id of a session's.
    questions: int
    mbufs: int
    opened: int
    resumed: int
    failures: int   # Mostly queries that went down with a session.
    servfail: int   # Clients that were told so.

    @classmethod
    def titles(cls):
        return [field.name for field in dataclasses.fields(cls)]

    def cells(self):
        return [f"{value:,.0f}" for value in dataclasses.astuple(self)]


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1])


def sample(dotline, since):
    metrics = dotline.metrics()
    full, resumed = (metrics.value("dotline_backend_handshakes_total", kind=kind) for kind in ("full", "resumed"))
    return Sample(misses=misses_of(metrics), seconds=time.monotonic() - since, files=dotline.open_files(), resident_kib=resident_kib(dotline.pid),
                  sessions=metrics.value("dotline_backend_sessions"), under_way=metrics.value("dotline_backend_in_flight"),
                  questions=metrics.value("dotline_questions"), mbufs=metrics.value("dotline_mempool_in_use"), opened=full + resumed,
                  resumed=resumed, failures=metrics.value("dotline_backend_failures_total"),
                  servfail=metrics.value("dotline_replies_total", outcome="servfail"))


def misses_of(metrics):
    return metrics.value("dotline_backend_queries_total")


@contextlib.contextmanager
def load(topology):
    """Misses, until the context is left."""
    names = topology.directory / "names"
    with open(names, "w") as file:
        file.writelines(f"s{number}.{ZONE} A\n" for number in range(NAMES))
    generator = subprocess.Popen(
        topology.command(topology.client, "taskset", "-c", str(OTHER_CPU), "dnsperf", "-s", FORWARDER, "-d", str(names), "-l", str(PATIENCE), "-c", "8",
                         "-T", "1", "-q", str(OUTSTANDING), "-e"),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        generator.terminate()
        generator.wait()


def soak(topology, wanted):
    """Samples on the way, one at rest after it, and what the resolver counted."""
    authority = Authority(topology.directory)
    certificate = authority.issue("resolver", names=[RESOLVER_NAME])
    samples = []
    with Responder(topology, certificate, "--close-every", str(CLOSE_EVERY), cpu=OTHER_CPU) as resolver:
        settings = configuration([backend(resolver, authority)], packet_caches=[{"name": "main", "size": 1000}])
        settings["dataplane"] |= {"cores": [SERVER_CPU]}
        settings["tls_workers"] = {"threads": 1, "cpus": [SERVER_CPU]}
        with Dotline(topology, settings) as dotline:
            begin = time.monotonic()
            with load(topology):
                for number in range(SAMPLES):
                    wait_for_misses(dotline, WARMING + (number + 1) * wanted // SAMPLES, begin)
                    samples.append(sample(dotline, begin))
                    print("  ".join(f"{name} {cell}" for name, cell in zip(Sample.titles(), samples[-1].cells())), flush=True)
            time.sleep(4)  # All that was under way is over, or has been given up.
            return samples, sample(dotline, begin), resolver.stop()


def wait_for_misses(dotline, wanted, begin):
    while misses_of(dotline.metrics()) < wanted:
        if time.monotonic() - begin > PATIENCE:
            sys.exit(f"Not {wanted} misses within {PATIENCE} s.")
        time.sleep(0.2)


def growth(samples, rest):
    """What has grown, in words."""
    early, late = samples[0], samples[-1]
    found = []
    if late.resident_kib > early.resident_kib + KIBIBYTES_OF_NOISE:
        found.append(f"resident memory: {early.resident_kib} kB, then {late.resident_kib} kB")
    if max(one.files for one in samples) > early.files + 4:
        found.append(f"open files: {[one.files for one in samples]}")
    found += [f"{name} at rest: {getattr(rest, name)}" for name in ("under_way", "questions") if getattr(rest, name) != 0]
    return found


def print_table(samples):
    table = [Sample.titles(), *(one.cells() for one in samples)]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths)))


def main(wanted=MISSES):
    topology = Topology()
    try:
        samples, rest, resolver = soak(topology, int(wanted))
    finally:
        topology.remove()
    print()
    print_table([*samples, rest])
    print(f"\nThe last line is at rest. The resolver has seen {resolver['queries']:,} queries and closed {resolver['closed']:,} sessions.")
    found = growth(samples, rest)
    print("\n".join(["Grown:", *found]) if found else "Nothing has grown.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
