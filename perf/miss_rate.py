"""M1, M2: misses a second over DNS over TLS, one resolver, and the CPU time that each takes.

The contender has CPU 0 for all of its threads; the resolver and the generator share CPU 1. dnsperf keeps 400 queries outstanding, each for
a name that nobody has asked for before, so every one goes to the resolver. All contenders are alike in this, and each starts anew with an
empty cache for each run.

CPU time is the scheduler's count for the contender's threads, while it is asked as fast as it can. It contains what the kernel does in their
name: their own system calls, and the receiving end of the veth pair for what they send.
"""

import collections
import dataclasses
import re
import statistics

import peers
from cpu_time import Meter
from responder import ZONE, Responder
from results import Row, thousands
from rig.forwarder import Dotline, backend, configuration
from rig.namespaces import FORWARDER
from rig.resolver import Unbound
from undisturbed import output_of, prefer

RUNS = 5
RUNS_WITH_UNBOUND = 3
SECONDS = 2
OUTSTANDING = 400
NAMES = 1_000_000
CONTENDER_CPU, OTHER_CPU = 0, 1

DOTLINE, DNSDIST, PIPELINED, UNBOUND = "dotline", "dnsdist", "dnsdist, maxInFlight=100", "Unbound"
TEN_SESSIONS = "dotline, sessions_per_backend 10"
GOALS = {DNSDIST: 4.0, PIPELINED: 1.5, UNBOUND: 1.8}
GOAL_CPU, GOAL_WORKER_CPU = 4.0, 2.5  # Microseconds a miss.
POLL_CORE, WORKER = "rte-worker-1", "tls-worker-0"


@dataclasses.dataclass(frozen=True)
class Run:
    rate: float
    cpu: float           # Microseconds a query, as are those that follow.
    resolver_cpu: float
    threads: dict


class Bench:
    def __init__(self, topology, authority, certificate):
        self._topology = topology
        self._authority = authority
        self._certificate = certificate
        self._names = topology.directory / "names"
        self._names.write_text("".join(f"m{number}.{ZONE} A\n" for number in range(NAMES)))

    def run(self, contender, resolver, resolver_pid):
        with self._started(contender, resolver) as server:
            meter, resolver_meter = Meter(server.pid), Meter(resolver_pid)
            output, _ = output_of(self._topology.command(
                self._topology.client, "taskset", "-c", str(OTHER_CPU), "dnsperf", "-s", FORWARDER, "-d", str(self._names), "-l", str(SECONDS),
                "-c", "4", "-T", "1", "-q", str(OUTSTANDING), "-e"), timeout=SECONDS + 60)
            used, resolver_used = meter.used(), resolver_meter.total()
        done, rate, good = (re.search(pattern, output) for pattern in (
            r"Queries completed:\s+(\d+)", r"Queries per second:\s+([\d.]+)", r"NOERROR (\d+)"))
        if not done or int(done[1]) == 0 or int(good[1]) < 0.98 * int(done[1]):
            raise RuntimeError(f"{contender}: too few good answers\n{output}")
        each = 1e6 / int(done[1])
        return Run(float(rate[1]), sum(used.values()) * each, resolver_used * each, {thread: seconds * each for thread, seconds in used.items()})

    def _started(self, contender, resolver):
        upstream = (self._topology, resolver, self._authority)
        if contender in (DOTLINE, TEN_SESSIONS):
            return dotline(*upstream, sessions=10 if contender == TEN_SESSIONS else 2)
        if contender == UNBOUND:
            return peers.unbound(*upstream, cpu=CONTENDER_CPU)
        return peers.dnsdist(*upstream, cpu=CONTENDER_CPU, options="maxInFlight=100" if contender == PIPELINED else "")

    def runs(self, resolver, resolver_pid, count, contenders):
        """Contender to its runs, all of them in turn."""
        found = collections.defaultdict(list)
        for number in range(count):
            for contender in contenders:
                run = self.run(contender, resolver, resolver_pid)
                found[contender].append(run)
                print(f"run {number + 1} of {count}: {contender:32} {thousands(run.rate)}, {run.cpu:.1f} µs CPU each"
                      + (f" ({run.threads[POLL_CORE]:.2f} the poll core, {run.threads[WORKER]:.2f} the worker)" if POLL_CORE in run.threads else "")
                      + f"; the resolver {run.resolver_cpu:.1f}", flush=True)
        return found


def dotline(topology, resolver, authority, *, sessions):
    """Poll core and worker share a CPU, as the threads of the others do."""
    settings = configuration([backend(resolver, authority)])
    settings["dataplane"] |= {"cores": [CONTENDER_CPU], "idle": "sleep", "memory": "512M", "hugepages": "auto"}
    settings["tls_workers"] = {"threads": 1, "cpus": [CONTENDER_CPU], "sessions_per_backend": sessions}
    settings["binds"] = [{"address": f"{FORWARDER}:53"}]
    return peers.preferred(Dotline(topology, settings))


def median(runs, value):
    return statistics.median(value(run) for run in runs)


def rate_rows(runs, resolver, goals, ours_is=DOTLINE):
    ours = median(runs[ours_is], lambda run: run.rate)
    rows = []
    for contender in (DNSDIST, PIPELINED, UNBOUND):
        theirs = median(runs[contender], lambda run: run.rate)
        goal = goals.get(contender)
        rows.append(Row("M1", f"misses over DoT, one worker, {resolver}", f"{contender}: {thousands(theirs)}", thousands(ours), ours / theirs,
                        f"≥ {goal:g} ×" if goal else "–", ours / theirs >= goal if goal else None))
    return rows


def cpu_rows(runs):
    def micros(contender, value=lambda run: run.cpu):
        return median(runs[contender], value)

    ours, worker = micros(DOTLINE), micros(DOTLINE, lambda run: run.threads[WORKER])
    rows = [Row("M2", "CPU per miss at that rate, poll core and worker", f"{contender}: {micros(contender):.1f} µs", f"{ours:.1f} µs",
                ours / micros(contender), f"≤ {GOAL_CPU:g} µs", ours <= GOAL_CPU) for contender in (DNSDIST, PIPELINED, UNBOUND)]
    rows.append(Row("M2", "of it the worker, hundreds of queries under way", "–", f"{worker:.2f} µs", None, f"≤ {GOAL_WORKER_CPU:g} µs",
                    worker <= GOAL_WORKER_CPU))
    return rows


def resolver_row(runs, resolver, ours_is=DOTLINE):
    ours, theirs = (median(runs[contender], lambda run: run.resolver_cpu) for contender in (ours_is, UNBOUND))
    return Row("M2", f"the resolver's CPU per query, {resolver}", f"asked by Unbound: {theirs:.1f} µs", f"{ours:.1f} µs", ours / theirs, "≤ 1 ×",
               round(ours / theirs, 1) <= 1)


def measure(topology, authority, certificate):
    bench = Bench(topology, authority, certificate)
    with Responder(topology, certificate, cpu=OTHER_CPU) as responder:
        runs = bench.runs(responder, responder.pid, RUNS, (DOTLINE, *GOALS))
    cheap = "a resolver that costs next to nothing"
    rows = [*rate_rows(runs, cheap, GOALS), *cpu_rows(runs), resolver_row(runs, cheap)]
    resolver = Unbound(topology, certificate, log_queries=False, cpu=OTHER_CPU).start()
    try:
        prefer(resolver.pid)
        # Unbound takes queries one by one, and cheaper the more connections they come in on: dnsdist has ten.
        runs = bench.runs(resolver, resolver.pid, RUNS_WITH_UNBOUND, (DOTLINE, TEN_SESSIONS, *GOALS))
    finally:
        resolver.stop()
    behind = "Unbound the resolver, which is what limits it"
    return [*rows, *rate_rows(runs, behind, {}), *rate_rows(runs, f"{behind}, ten sessions", {}, TEN_SESSIONS),
            resolver_row(runs, "Unbound, with ten connections as from Unbound", TEN_SESSIONS)]
