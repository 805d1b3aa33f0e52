"""M3: what a miss adds to the round trip of a session to the resolver.

perf/responder/asker asks the same resolver for new names, once over a DNS-over-TLS session of its own and once over UDP through dotline,
and takes the time of each answer by the same clock. The difference of the medians, and of the 99th percentiles, is what dotline adds: two
passes through the veth pair and the poll core, the rings, and waking its worker. The poll core has CPU 0; worker, resolver and asker share
CPU 1, so whoever is woken there runs when the one before has gone to sleep. A loop of the lowest priority keeps both CPUs from halting,
which on a virtual machine takes longer than all that is measured.

The second part looks for answers that took 40 ms: a resolver with Nagle's algorithm on, which Unbound is, holds an answer back until the one
before it is acknowledged, and a client that waits to acknowledge makes it 40 ms.
"""

import contextlib
import os
import statistics
import subprocess
import time

import peers
from responder import Responder, ask
from results import Row
from rig.forwarder import Dotline, backend, configuration
from rig.namespaces import FORWARDER, RESOLVER
from rig.resolver import Unbound
from undisturbed import make_real_time, prefer

RATES = (10, 1000, 10_000)
IN_FLIGHT = (2, 4, 16, 64)
RUNS = 3
SECONDS = {10: 3, 1000: 2, 10_000: 1}
POLL_CPU, OTHER_CPU = 0, 1
WAKES, LAST_RING = 500, 1000
GOAL_P50, GOAL_P99 = 50, 100  # Microseconds.


@contextlib.contextmanager
def awake_cpus():
    """Nothing runs less than SCHED_IDLE does."""
    loops = [subprocess.Popen(["taskset", "-c", str(cpu), "/bin/sh", "-c", "while :; do :; done"], stdin=subprocess.DEVNULL,
                              preexec_fn=lambda: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)))
             for cpu in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def wake_micros():
    """How long it takes to wake a process on the other CPU, as a poll core does."""
    bell = os.eventfd(0)
    sleeper = os.fork()
    if sleeper == 0:
        os.sched_setaffinity(0, {OTHER_CPU})
        while os.eventfd_read(bell) != LAST_RING:
            pass
        os._exit(0)
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {POLL_CPU})
    took = []
    for ring in [1] * WAKES + [LAST_RING]:
        time.sleep(0.001)
        begin = time.perf_counter()
        os.eventfd_write(bell, ring)
        took.append((time.perf_counter() - begin) * 1e6)
    os.sched_setaffinity(0, allowed)
    os.waitpid(sleeper, 0)
    os.close(bell)
    return statistics.median(took)


def dotline(topology, resolver, authority):
    settings = configuration([backend(resolver, authority)])
    settings["dataplane"] |= {"cores": [POLL_CPU], "idle": "busy", "memory": "512M"}
    settings["tls_workers"] = {"threads": 1, "cpus": [OTHER_CPU]}
    return peers.preferred(Dotline(topology, settings))


def percentiles(topology, namespace, to, rate, *options):
    """(median, 99th percentile) in microseconds, each the median of the runs."""
    runs = [ask(topology, namespace, to, "--rate", rate, *options, cpu=OTHER_CPU, seconds=SECONDS[rate], real_time=True) for _ in range(RUNS)]
    for run in runs:
        if run["answered"] < 0.99 * run["sent"]:
            raise RuntimeError(f"of {run['sent']} queries only {run['answered']} were answered")
    return tuple(statistics.median(run[name] for run in runs) / 1000 for name in ("p50", "p99"))


def latency_rows(topology, authority, certificate):
    rows = []
    with awake_cpus():
        wake = wake_micros()
    with awake_cpus(), Responder(topology, certificate, cpu=OTHER_CPU) as responder:
        make_real_time(responder.pid)
        bare = {rate: percentiles(topology, topology.forwarder, f"{RESOLVER}:853", rate, "--tls") for rate in RATES}
        with dotline(topology, responder, authority) as server:
            make_real_time(server.pid, "tls-worker-0")
            through = {rate: percentiles(topology, topology.client, f"{FORWARDER}:53", rate) for rate in RATES}
    for rate in RATES:
        for which, of, goal in (("p50", 0, GOAL_P50), ("p99", 1, GOAL_P99)):
            session, whole = bare[rate][of], through[rate][of]
            rows.append(Row("M3", f"latency that a miss adds at {rate:,} a second, {which}", f"an open session alone: {session:.0f} µs; one of two wakes: {wake:.0f} µs",
                            f"{whole - session:.0f} µs", whole / session, f"≤ {goal} µs", whole - session <= goal))
            print(f"{rate} a second, {which}: {session:.1f} µs over a session, {whole:.1f} µs through dotline", flush=True)
    return rows


def delayed_acknowledgement_rows(topology, authority, certificate):
    resolver = Unbound(topology, certificate, log_queries=False, cpu=OTHER_CPU).start()
    try:
        prefer(resolver.pid)
        late, answered, longest = 0, 0, 0.0
        for in_flight in IN_FLIGHT:
            with dotline(topology, resolver, authority):
                run = ask(topology, topology.client, f"{FORWARDER}:53", "--in-flight", in_flight, cpu=OTHER_CPU, seconds=2)
            late, answered, longest = late + run["too_long"], answered + run["answered"], max(longest, run["max"] / 1e6)
            print(f"{in_flight} in flight to Unbound: {run['answered']} answered, {run['too_long']} of them after 38 ms or more, "
                  f"the longest {run['max'] / 1e6:.1f} ms", flush=True)
    finally:
        resolver.stop()
    flights = ", ".join(map(str, IN_FLIGHT))
    return [Row("M3", f"answers of Unbound that took 38 ms or more, padded, {flights} in flight", f"{answered:,} answers, the longest {longest:.1f} ms",
                str(late), None, "0", late == 0)]


def measure(topology, authority, certificate):
    return latency_rows(topology, authority, certificate) + delayed_acknowledgement_rows(topology, authority, certificate)
