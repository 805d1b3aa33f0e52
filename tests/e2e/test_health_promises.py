"""What health checks promise, with real resolvers and defaults: none at all while a resolver does its work; a resolver whose
packets vanish is left alone within three seconds and taken back as soon as documented; and every query gets a reply.

Packets vanish in a cable: established sessions fall silent, and new ones can not be had. These limits are promises, so they
are judged; what it really took is printed.
"""

import copy
import time

import pytest

from rig.cable import Cable
from rig.forwarder import backend, configuration
from rig.namespaces import RESOLVER, RESOLVER_B
from rig.resolver import Unbound
from rig.waiting import wait_until

pytestmark = pytest.mark.alone

RATE = 100             # Queries a second, every one a miss.
PATIENCE = 5           # Seconds until dnsperf calls a query lost. Promised is a reply within two.
QUIET_SECONDS = 60
OUT_WITHIN = 3.0       # Seconds from the first lost query.
LAZY_INTERVAL = 2      # Seconds between checks of a resolver that is out; the default of 30 is only longer.
INTERVAL = 1
RISE = 2
ROUND = 1              # Seconds between two looks, if not strict.
CHECK_NAME = "only-checks-ask-this.bulk.example."


def new_names(rig, prefix, count):
    """A file of questions for dnsperf, each name once."""
    questions = rig.topology.directory / f"questions-{prefix}"
    questions.write_text("".join(f"{prefix}{number}.bulk.example A\n" for number in range(count)))
    return questions


def in_rotation(dotline, address):
    return dotline.metrics().value("dotline_backend_in_rotation", backend=f"at-{address}") == 1


# ---------------------------------------------------------------- a resolver that does its work

@pytest.fixture(scope="module", autouse=True)
def quiet_minute(other_rig):
    """A minute of an office at work, beside the other tests. Gives the load, dotline and the resolver."""
    rig = other_rig
    settings = {"qname": CHECK_NAME, "mode": "lazy"}
    with (rig.unbound() as resolver,
          rig.dotline(configuration([backend(resolver, rig.authority, health_checks=settings)])) as dotline,
          rig.client.start_dnsperf(new_names(rig, "quiet", QUIET_SECONDS * RATE), seconds=QUIET_SECONDS,
                                   rate=80, patience=PATIENCE) as load):
        yield load, dotline, resolver


# ---------------------------------------------------------------- a resolver whose packets vanish

@pytest.fixture(scope="module")
def cable(rig):
    with Cable(rig.topology) as cable:
        yield cable


class Hole:
    """Into which the packets of one resolver fall, and how long it takes until that is noticed."""

    def __init__(self, cable, dotline, address):
        self._cable = cable
        self._dotline = dotline
        self._address = address
        self._of = {"backend": f"at-{address}"}

    def _lost(self):
        return self._dotline.metrics().value("dotline_backend_failures_total", **self._of, **{"class": "deadline"})

    def open(self):
        """Gives the seconds from the first query that was given up until its resolver is asked no more."""
        begin = time.monotonic()
        self._cable.impair(self._address, loss=1.0)
        wait_until(lambda: self._lost() > 0 or not in_rotation(self._dotline, self._address), "a lost query", interval=0.02)
        lost = time.monotonic()
        wait_until(lambda: not in_rotation(self._dotline, self._address), "the resolver out of rotation", interval=0.02)
        out = time.monotonic()
        print(f"{self._address}: out of rotation {out - lost:.2f} s after the first query was given up, "
              f"{out - begin:.2f} s after its packets began to vanish")
        return out - lost

    def close(self):
        """Gives the seconds until the resolver is asked again."""
        begin = time.monotonic()
        self._cable.repair()
        wait_until(lambda: in_rotation(self._dotline, self._address), "the resolver in rotation again", interval=0.02)
        back = time.monotonic() - begin
        print(f"{self._address}: in rotation again {back:.2f} s after its packets were delivered again")
        return back


def served(load):
    """Ends a load; every query must have had a reply. Gives how many were SERVFAIL."""
    summary = load.interrupt()
    assert summary.lost == 0, summary.output
    assert set(summary.response_codes) <= {"NOERROR", "SERVFAIL"}, summary.output
    print(f"{summary.sent} queries, replies: {summary.response_codes}")
    return summary.response_codes.get("SERVFAIL", 0)


@pytest.mark.parametrize("others, strict", [([RESOLVER_B], True), ([], True), ([], False)],
                         ids=["beside_another", "alone", "alone_as_dnsdist_judges"])
def test_a_resolver_whose_packets_vanish_goes_out_in_time_and_comes_back_in_time(rig, cable, others, strict):
    addresses = [RESOLVER, *others]
    resolvers = [Unbound(rig.topology, rig.certificate, address=address, address6=None, label=f"vanishing-{address}").start()
                 for address in addresses]
    checks = {"interval": INTERVAL, "rise": RISE, "lazy": {"interval": LAZY_INTERVAL, "strict": strict}}
    settings = [backend(resolver, rig.authority, order=order, health_checks=copy.deepcopy(checks))
                for order, resolver in enumerate(resolvers, 1)]
    try:
        with (rig.dotline(configuration(settings)) as dotline,
              rig.client.start_dnsperf(new_names(rig, f"vanish{len(others)}-", 100 * RATE), seconds=100, rate=RATE,
                                       outstanding=1000, patience=PATIENCE) as load):
            wait_until(lambda: dotline.metrics().value("dotline_backend_responses_total", backend=f"at-{RESOLVER}") > RATE,
                       "answers of the resolver")
            hole = Hole(cable, dotline, RESOLVER)
            out = hole.open()
            time.sleep(1)
            back = hole.close()
            if strict:
                assert out <= OUT_WITHIN
                assert back <= LAZY_INTERVAL + RISE * INTERVAL
            else:
                assert back <= RISE * LAZY_INTERVAL + ROUND
            told = served(load)
            assert told == 0 or not others, "the other resolver had the answers"
    finally:
        cable.repair()
        for resolver in resolvers:
            resolver.stop()


# ---------------------------------------------------------------- the end of the minute

def test_no_check_in_a_minute_of_a_resolver_that_does_its_work(quiet_minute):
    load, dotline, resolver = quiet_minute
    summary = load.finish(QUIET_SECONDS + PATIENCE + 60)
    assert summary.lost == 0 and set(summary.response_codes) == {"NOERROR"}, summary.output
    metrics = dotline.metrics()
    assert metrics.value("dotline_cache_hits_total") == 0
    assert metrics.value("dotline_backend_health_checks_total") == 0
    questions = resolver.questions()
    assert questions[CHECK_NAME, "A"] == 0
    assert len(questions) == summary.sent and all(name.startswith("quiet") for name, _ in questions), "the clients' names alone"
