"""A hundred thousand misses while the resolver closes sessions at random: nothing of the process is more at the end than before.

The long form, ten million of them, is `./dev soak`.
"""

import contextlib
import os
import re

from rig.forwarder import backend, configuration
from rig.responder import Responder
from rig.waiting import wait_until

WARMING, MISSES = 20_000, 100_000
NAMES = 50_000         # Asked in turn; the cache keeps a thousand of them.
CLOSE_EVERY = 2000     # Answers, on average.
PATIENCE = 300         # Seconds: a sanitizer on a busy machine.
NOISE = 8 << 20        # Octets: buffers of sessions come and go.
FAILED = 0.01          # Of the queries, at most: two sessions in a row were closed before the answer.


def resident(process):
    """Octets of memory in use."""
    with open(f"/proc/{process.pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024


def handshakes(metrics):
    return metrics.value("dotline_backend_handshakes_total")


def ask_for(rig, dotline, misses):
    """Until the resolver has been sent that many queries more; gives dnsperf's figures."""
    questions = rig.topology.directory / "questions-soak"
    questions.write_text("".join(f"s{number}.fixed.example A\n" for number in range(NAMES)))
    wanted = dotline.metrics().value("dotline_backend_queries_total") + misses
    with rig.client.start_dnsperf(questions, seconds=PATIENCE, clients=8) as load:
        wait_until(lambda: dotline.metrics().value("dotline_backend_queries_total") >= wanted, f"{misses} misses", PATIENCE)
        return load.interrupt()


def wait_for_rest(dotline):
    """Nothing is under way any more."""
    wait_until(lambda: dotline.metrics().value("dotline_parked") == 0, "nobody parked")
    wait_until(lambda: dotline.metrics().value("dotline_backend_in_flight") == 0, "no query in flight")
    wait_until(lambda: dotline.metrics().value("dotline_questions") == 0, "no question open")


def test_nothing_grows_over_a_hundred_thousand_misses(rig, monkeypatch):
    # AddressSanitizer keeps what was freed for a while, and would be what grows.
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")
    with contextlib.ExitStack() as stack:
        resolver = stack.enter_context(Responder(rig.topology, rig.certificate, close_every=CLOSE_EVERY))
        dotline = stack.enter_context(rig.dotline(
            configuration([backend(resolver, rig.authority)], packet_caches=[{"name": "main", "size": 1000}])))
        ask_for(rig, dotline, WARMING)
        wait_for_rest(dotline)
        before, files, memory = dotline.metrics(), dotline.open_files(), resident(dotline)
        figures = ask_for(rig, dotline, MISSES)
        wait_for_rest(dotline)
        after = dotline.metrics()
        assert figures.lost == 0, figures.output
        assert figures.response_codes["NOERROR"] >= (1 - FAILED) * figures.completed, figures.output
        assert handshakes(after) - handshakes(before) >= MISSES / CLOSE_EVERY / 4
        # A session may be opening while another one is closing; those opened while questions waited stay for ten seconds.
        wait_until(lambda: dotline.open_files() <= files + 4, "as many files as before", timeout=60)
        assert resident(dotline) <= memory + NOISE
        assert after.value("dotline_mempool_in_use") <= before.value("dotline_mempool_in_use") + 64
