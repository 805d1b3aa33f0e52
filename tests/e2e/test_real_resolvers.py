"""Real resolvers under load that are killed, restarted, given other certificates, and a path to them that goes bad.

Every query of the load is a miss. All the while clients compare what they get with what is right: never a wrong answer, never
silence; SERVFAIL only while no resolver can be reached. How long recovery took is printed and not judged.
"""

import collections
import contextlib
import itertools
import threading
import time

import dns.message
import dns.rcode
import pytest

from rig.cable import Cable
from rig.certificates import RESOLVER_NAME
from rig.client import query
from rig.dnsdist import Dnsdist
from rig.forwarder import backend, configuration
from rig.namespaces import RESOLVER, RESOLVER_B
from rig.resolver import Unbound
from rig.waiting import wait_until

pytestmark = pytest.mark.alone  # It judges who is served within a second of a change.

PATIENCE = 4.0
RECOVERY = 30.0    # Seconds; the longest pause between attempts is 12.5.
NAMES = 4000       # c0.zero.example and on, each with an address of its own.
CLIENTS = 4
PAUSE = 0.03       # Seconds between a client's queries.
RATE = 300         # Of dnsperf.
SHORT = 1.0        # Seconds that a state of things is looked at.
MOSTLY = 0.98      # Of answers, where a path is so bad that a query may fail at one resolver and be late at the other.


def right_address(number):
    return f"10.0.{number // 256}.{number % 256}"


RECORDS = "*.zero 60 IN A 192.0.2.3\n" + "".join(f"c{number}.zero 60 IN A {right_address(number)}\n" for number in range(NAMES))


class Clients:
    """They ask without pause, and keep what became of each query. Use as a context."""

    def __init__(self, client):
        self._client = client
        self._numbers = itertools.cycle(range(NAMES))
        self._outcomes = collections.Counter()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask_on, daemon=True) for _ in range(CLIENTS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE)

    def outcomes(self):
        """Of the queries since the last call: how many were "right", "told" (SERVFAIL), "silent" or "wrong"."""
        with self._lock:
            outcomes, self._outcomes = self._outcomes, collections.Counter()
        return outcomes

    def over(self, seconds):
        """What becomes of the queries of the next seconds."""
        self.outcomes()
        time.sleep(seconds)
        return self.outcomes()

    def _ask_on(self):
        while not self._over.wait(PAUSE):
            with self._lock:
                number = next(self._numbers)
            outcome = self._ask(number)
            with self._lock:
                self._outcomes[outcome] += 1

    def _ask(self, number):
        payload = query(f"c{number}.zero.example").to_wire()
        replies = self._client.exchange([payload], timeout=PATIENCE)[0]
        if not replies:
            return "silent"
        reply = dns.message.from_wire(replies[0])
        if reply.rcode() == dns.rcode.SERVFAIL and not reply.answer:
            return "told"
        addresses = [rdata.to_text() for rrset in reply.answer for rdata in rrset]
        return "right" if addresses == [right_address(number)] and replies[0][:2] == payload[:2] else "wrong"


class Stage:
    """Two resolvers, one dotline, a load. The scenes are the tests."""

    def __init__(self, rig, cable, dotline, clients, resolvers):
        self.rig = rig
        self.cable = cable
        self.dotline = dotline
        self.clients = clients
        self.unbound, self.dnsdist = resolvers
        self.total = collections.Counter()

    def look(self, what, seconds=SHORT):
        """Outcomes over the next seconds, which add to the test's total."""
        outcomes = self.clients.over(seconds)
        self.total += outcomes
        print(f"{what}: {dict(outcomes)}")
        assert outcomes["wrong"] == outcomes["silent"] == 0, outcomes
        return outcomes

    def served(self, what, seconds=SHORT, share=1.0):
        outcomes = self.look(what, seconds)
        assert outcomes["right"] >= share * outcomes.total() > 0, f"{what}: {outcomes}"

    def responses(self, resolver):
        return self.dotline.metrics().value("dotline_backend_responses_total", backend=f"at-{resolver.address}")

    def wait_until_up(self, resolver, what):
        """Up is a resolver that has a session and answers on it."""
        begin = time.monotonic()
        wait_until(lambda: self.dotline.metrics().value("dotline_backend_up", backend=f"at-{resolver.address}") == 1,
                   f"{resolver.address} up after {what}", timeout=RECOVERY)
        print(f"{what}: {resolver.address} is up after {time.monotonic() - begin:.2f} s")

    def wait_for_service(self, what):
        begin = time.monotonic()
        self.clients.outcomes()
        wait_until(lambda: self.clients.outcomes()["right"] > 0, f"answers after {what}", timeout=RECOVERY)
        print(f"{what}: answered again after {time.monotonic() - begin:.2f} s")

    def failures(self, resolver, kind):
        return self.dotline.metrics().value("dotline_backend_failures_total", backend=f"at-{resolver.address}",
                                            **{"class": kind})


@pytest.fixture(scope="module")
def cable(rig):
    with Cable(rig.topology) as cable:
        yield cable


@pytest.fixture
def stage(rig, cable):
    questions = rig.topology.directory / "questions-zero"
    questions.write_text("".join(f"host{number}.zero.example A\n" for number in range(20000)))
    resolvers = (Unbound(rig.topology, rig.certificate, log_queries=False, records=RECORDS),
                 Dnsdist(rig.topology, rig.certificate))
    # Nothing is kept, so that every query is a miss; a second resolver is asked early enough to answer in time.
    # One that was out of rotation is looked at again soon.
    settings = configuration([backend(resolver, rig.authority, query_timeout=700, health_checks={"lazy": {"interval": 2}})
                              for resolver in resolvers],
                             packet_caches=[{"name": "main", "size": 1000, "min_ttl": 3600}])
    with contextlib.ExitStack() as stack:
        for resolver in resolvers:
            stack.callback(resolver.start().stop)
        stack.callback(cable.repair)
        dotline = stack.enter_context(rig.dotline(settings))
        load = stack.enter_context(rig.client.start_dnsperf(questions, seconds=600, rate=RATE, patience=PATIENCE))
        clients = stack.enter_context(Clients(rig.client))
        stage = Stage(rig, cable, dotline, clients, resolvers)
        stage.wait_until_up(resolvers[0], "the start")
        stage.wait_until_up(resolvers[1], "the start")
        yield stage
        assert stage.look("the end")["right"] > 0
        summary = load.interrupt()
        assert summary.lost == 0, summary.output
        assert set(summary.response_codes) <= {"NOERROR", "SERVFAIL"}, summary.output


@pytest.mark.parametrize("victim", ["unbound", "dnsdist"])
def test_one_of_two_is_killed_and_comes_back(stage, victim):
    resolver = getattr(stage, victim)
    resolver.kill()
    stage.served(f"{victim} killed")
    resolver.start()
    stage.wait_until_up(resolver, f"{victim} restarted")
    stage.served("both there")


def test_both_are_killed_and_come_back(stage):
    stage.unbound.kill()
    stage.dnsdist.kill()
    stage.look("both just killed", 0.5)
    assert stage.look("both killed")["right"] == 0
    stage.dnsdist.start()
    stage.wait_for_service("dnsdist restarted")
    stage.served("one there")
    stage.unbound.start()
    stage.wait_until_up(stage.unbound, "unbound restarted")
    stage.served("both there")


def test_another_key_is_taken_and_a_wrong_name_is_not(stage):
    """Tickets of the former key are worth nothing; the certificate is looked at again."""
    rig = stage.rig
    right = rig.authority.issue("another-key", names=[RESOLVER_NAME])
    wrong = rig.authority.issue("another-name", names=["somebody-else.example"])
    stage.dnsdist.kill()
    with Dnsdist(rig.topology, right, label="another-key") as renewed:
        stage.wait_until_up(renewed, "another key")
        stage.served("another key")
    with Dnsdist(rig.topology, wrong, label="another-name") as impostor:
        wait_until(lambda: stage.failures(impostor, "certificate") > 0, "the wrong certificate refused", timeout=RECOVERY)
        before = stage.responses(impostor)
        stage.served("a wrong certificate")
        assert stage.responses(impostor) == before
    stage.dnsdist.start()
    stage.wait_until_up(stage.dnsdist, "the right certificate again")
    stage.served("both there")


@pytest.mark.parametrize("fault", [{"loss": 0.3}, {"delay": 0.25}, {"damage": 0.1}], ids=lambda fault: "_".join(fault))
def test_the_path_to_one_of_two_goes_bad_and_gets_well(stage, fault):
    """T17."""
    stage.cable.impair(RESOLVER_B, **fault)
    stage.served(f"{fault}", 3 * SHORT, share=MOSTLY)
    stage.cable.repair()
    stage.wait_until_up(stage.dnsdist, "the path is well again")
    stage.look("settling")
    stage.served("both there", share=MOSTLY)


def test_the_path_to_both_is_cut_and_mended(stage):
    """T19: the link is down and nobody says so."""
    stage.cable.impair(RESOLVER_B, loss=1.0)
    stage.served("one cut off", 2 * SHORT, share=MOSTLY)
    stage.cable.impair(RESOLVER, loss=1.0)
    stage.look("both just cut off", 2 * SHORT)
    assert stage.look("both cut off")["right"] == 0
    stage.cable.repair()
    stage.wait_for_service("the path is there again")
    for resolver in (stage.unbound, stage.dnsdist):
        stage.wait_until_up(resolver, "the path is there again")
    stage.served("both there", share=MOSTLY)
