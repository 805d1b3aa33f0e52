"""M4: what clients of cached names notice while others wait for a resolver that has died.

The poll core has two ports. One replays queries for cached names as fast as the core takes them (net_pcap, as T1 does), so the rate of hits
is what is left of the core. Over the other one (net_memif) perf/load asks for 20,000 new names a second. The resolver accepts sessions and
never answers, so each of them waits until dotline gives up and says SERVFAIL; once dotline takes the resolver for dead, it says so at once.
Hits alone and hits beside are measured in turn in one process; the ratio of a pair is the figure. The generator runs for both, with one
query a second for the first, since it polls memory that both share.
"""

import itertools
import statistics
import threading
import time

from generator import Generator, server_device
from line_rate import device, hits, wait_until_warm, write_queries
from responder import ZONE, Responder
from results import Row, millions
from rig.forwarder import Dotline, backend, configuration
from rig.namespaces import FORWARDER
from undisturbed import prefer

RUNS = 4
SECONDS = 2.0
MISSES = 20_000  # A second.
LEAD = 2.5       # Seconds until as many wait as ever will.
QUIET_LEAD = 1.0
ADDRESSES = 200  # Of the askers: one may have a thousand questions waiting.
SERVFAIL = 2
POLL_CPU, OTHER_CPU = 0, 1
GOAL = 0.95


def settings_for(topology, authority, resolver, queries):
    settings = configuration([backend(resolver, authority)])
    settings["dataplane"] |= {"cores": [POLL_CPU], "idle": "busy", "memory": "512M",
                              "ports": [{"device": f"vdev:{device(queries)}"}, {"device": f"vdev:{server_device(topology.directory / 'memif')}"}]}
    settings["binds"] = [{"address": f"{FORWARDER}:53"}]
    settings["tls_workers"] = {"threads": 1, "cpus": [OTHER_CPU]}
    return settings


def hit_rate(dotline):
    begin, before = time.monotonic(), hits(dotline)
    time.sleep(SECONDS)
    after, end = hits(dotline), time.monotonic()
    return (after - before) / (end - begin)


class Misses:
    """Somebody asks for names that are not cached, from `__enter__` on."""

    _runs = itertools.count()

    def __init__(self, topology, rate, lead):
        self._rate = rate
        seconds = lead + SECONDS + 1
        self._generator = Generator(topology.directory / "memif", cpu=OTHER_CPU, names=int(rate * (seconds + 1)) + 10,
                                    pattern=f"m#.{next(self._runs)}.{ZONE}", addresses=ADDRESSES)
        self._thread = threading.Thread(target=self._run, args=(seconds,))
        self.result = None

    def _run(self, seconds):
        self.result = self._generator.run([self._rate], seconds, "--in-order", "--rcode", str(SERVFAIL), "--patience", "5")[0]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join()


def pair(topology, dotline):
    """(hits a second alone, beside the misses, misses that were under way)."""
    with Misses(topology, 1, QUIET_LEAD):
        time.sleep(QUIET_LEAD)
        alone = hit_rate(dotline)
    with Misses(topology, MISSES, LEAD) as misses:
        time.sleep(LEAD)
        parked = dotline.metrics().value("dotline_parked")
        beside = hit_rate(dotline)
    told = misses.result["answered"] / misses.result["sent"]
    print(f"{millions(alone)} hits alone, {millions(beside)} beside {misses.result['sent']} misses ({parked:.0f} waiting, {told:.4f} told SERVFAIL)",
          flush=True)
    return alone, beside, parked


def measure(topology, authority, certificate):
    queries = topology.directory / "queries.pcap"
    write_queries(queries)
    with Responder(topology, certificate, cpu=OTHER_CPU) as resolver:
        settings = settings_for(topology, authority, resolver, queries)
        with Dotline(topology, settings) as dotline:
            wait_until_warm(dotline)
            resolver.stop()
            with Responder(topology, certificate, "--silent", cpu=OTHER_CPU):
                prefer(dotline.pid)
                pairs = [pair(topology, dotline) for _ in range(RUNS)]
    alone, beside, parked = (statistics.median(values) for values in zip(*pairs))
    ratio = statistics.median(with_misses / without for without, with_misses, _ in pairs)
    return [Row("M4", f"hits of a core while {MISSES:,} misses a second wait for a dead resolver ({parked:,.0f} at any time)",
                f"hits alone: {millions(alone)}", millions(beside), ratio, f"≥ {GOAL} ×", ratio >= GOAL)]
