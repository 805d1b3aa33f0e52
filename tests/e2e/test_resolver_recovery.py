"""Resolvers, paths and workers that go and come back: what is known is still answered, and service returns by itself."""

import contextlib
import random
import threading
import time

import dns.message
import dns.rcode

from rig import scripted_resolver
from rig.client import query
from rig.forwarder import backend, configuration
from rig.namespaces import FORWARDER_BACK, RESOLVER, RESOLVER_B
from rig.one_thread import Stopped, named_threads
from rig.raw_resolver import RawResolver, address_for, framed, right_answer
from rig.resolver import Unbound
from rig.waiting import wait_until

# Promised is 2 s from the query; the rest is for a machine that is busy with something else.
PATIENCE = 4.0
RECOVERY = 30.0  # Seconds until service is back, at the very most; what it took is printed.


class Asker:
    """Asks for a new name each time; every reply must be the right answer or SERVFAIL."""

    def __init__(self, rig, label):
        self._rig = rig
        self._label = label
        self._asked = 0

    def is_answered(self):
        self._asked += 1
        name = f"{self._label}-{self._asked}.bulk.example"
        reply = self._rig.client.ask(query(name), timeout=PATIENCE)
        if reply.rcode() == dns.rcode.SERVFAIL:
            return False
        assert [rdata.to_text() for rdata in reply.answer[0]] == ["192.0.2.3"], reply
        return True

    def wait_for_service(self, after_what):
        begin = time.monotonic()
        wait_until(self.is_answered, f"an answer after {after_what}", timeout=RECOVERY)
        print(f"{after_what}: answered again after {time.monotonic() - begin:.2f} s")

    def wait_for_failure(self, after_what):
        wait_until(lambda: not self.is_answered(), f"SERVFAIL after {after_what}")


def test_service_returns_when_the_resolver_comes_back(rig):
    """Down at the start, then up, down and up again, all under one dotline."""
    resolver = Unbound(rig.topology, rig.certificate)
    with rig.dotline(configuration([backend(resolver, rig.authority)])):
        asker = Asker(rig, "back")
        for _ in range(2):
            asker.wait_for_failure("the resolver went away")
            resolver.start()
            asker.wait_for_service("the resolver's return")
            resolver.stop()


def test_no_storm_while_every_resolver_is_down_nor_when_they_return(rig):
    """T16: attempts are spaced further and further apart, whatever clients ask, and few when it is over."""
    addresses = (RESOLVER, RESOLVER_B)
    resolvers = [Unbound(rig.topology, rig.certificate, address=address, address6=None, label=f"down-{address}")
                 for address in addresses]
    with rig.dotline(configuration([backend(resolver, rig.authority) for resolver in resolvers])) as dotline:
        asker = Asker(rig, "down")
        end = time.monotonic() + 4
        while time.monotonic() < end:
            assert not asker.is_answered()
        attempts = dotline.metrics().value("dotline_backend_failures_total", **{"class": "connect"})
        # Pauses of 100 ms, doubling, a quarter more or less, leave room for 7 in 4 s; two sessions at the start.
        assert 2 * 3 <= attempts <= 2 * 12
        for resolver in resolvers:
            resolver.start()
        asker.wait_for_service("the return of both")
        for _ in range(200):
            assert asker.is_answered()
        for resolver in resolvers:
            resolver.stop()
    opened = [dotline.traffic.connections[address] for address in addresses]
    assert all(count <= attempts + 2 + 6 for count in opened), f"{opened} connections, {attempts} failed"


def test_a_resolver_that_stops_answering_does_not_stop_what_is_known(rig):
    with rig.scripted_resolver() as resolver, rig.dotline(configuration([backend(resolver, rig.authority)])):
        assert rig.client.ask(query("known.example")).rcode() == dns.rcode.NOERROR
        resolver.behaviour = scripted_resolver.silent
        waiting = [query(f"hopeless{number}.example").to_wire() for number in range(300)]
        known = [query("known.example", identity=number).to_wire() for number in range(300)]
        replies = rig.client.exchange(waiting + known, timeout=PATIENCE, linger=0.3)
        codes = [reply[0][3] & 0x0F for reply in replies if len(reply) == 1]
        assert codes == [dns.rcode.SERVFAIL] * 300 + [dns.rcode.NOERROR] * 300


@contextlib.contextmanager
def another_source_address(rig):
    """T19: what a new lease or a NAT that forgets does: replies to the sessions that stand reach nobody any more."""
    old, new = FORWARDER_BACK[0], "198.18.2.2/24"

    def change(before, after):
        rig.topology.execute(rig.topology.forwarder, "ip", "address", "delete", before, "dev", "back0")
        rig.topology.execute(rig.topology.forwarder, "ip", "address", "add", after, "dev", "back0")
    change(old, new)
    try:
        yield
    finally:
        change(new, old)


def test_sessions_move_to_the_new_address_when_the_old_one_goes(rig):
    with rig.unbound() as resolver, rig.dotline(configuration([backend(resolver, rig.authority)])):
        asker = Asker(rig, "moved")
        asker.wait_for_service("the start")
        with another_source_address(rig):
            asker.wait_for_service("a new source address")
            assert all(asker.is_answered() for _ in range(20))
        asker.wait_for_service("the old source address again")


def test_service_returns_with_the_link(rig):
    """T19: the resolver's side of the link goes down; the forwarder's neighbour entry gets old, sends fail."""
    with rig.unbound() as resolver, rig.dotline(configuration([backend(resolver, rig.authority)])):
        asker = Asker(rig, "link")
        asker.wait_for_service("the start")
        rig.topology.execute(rig.topology.resolver, "ip", "link", "set", "eth0", "down")
        try:
            asker.wait_for_failure("the link went down")
        finally:
            rig.topology.execute(rig.topology.resolver, "ip", "link", "set", "eth0", "up")
            rig.topology.give_addresses(rig.topology.resolver, "eth0")
        asker.wait_for_service("the link's return")
        assert all(asker.is_answered() for _ in range(20))


def test_one_stopped_worker_stops_only_its_own_questions(rig):
    """T21: a thread that no longer runs. Its clients are told by the poll core, those of the other worker are answered."""
    workers = {"threads": 2, "cpus": [0]}
    with rig.unbound() as resolver, rig.dotline(
            configuration([backend(resolver, rig.authority)], tls_workers=workers)) as dotline:
        Asker(rig, "both").wait_for_service("the start")
        threads = named_threads(dotline.pid, "tls-worker")
        assert len(threads) == 2
        with Stopped(threads[0]):
            names = [f"half-{number}.bulk.example" for number in range(60)]
            replies = rig.client.exchange([query(name).to_wire() for name in names], timeout=PATIENCE)
            codes = [dns.message.from_wire(reply[0]).rcode() for reply in replies if len(reply) == 1]
            assert len(codes) == len(names)
            assert 10 <= codes.count(dns.rcode.NOERROR) <= 50
            assert codes.count(dns.rcode.NOERROR) + codes.count(dns.rcode.SERVFAIL) == len(names)
        asker = Asker(rig, "resumed")
        asker.wait_for_service("the worker goes on")
        wait_until(lambda: all(asker.is_answered() for _ in range(20)), "answers by both workers", timeout=RECOVERY)


class Shuffler:
    """Waits until `expected` queries are there, over all connections, and answers them shuffled and each one twice."""

    def __init__(self, expected):
        self._everybody = threading.Event()
        self._expected = expected
        self.resolver = None

    def __call__(self, peer):
        peer.shake_hands()
        queries = []
        for one in peer.queries():
            queries.append(one)
            if len(self.resolver.received) < self._expected and len(queries) < self._expected // 2:
                continue
            answers = [framed(right_answer(held)) for held in queries] * 2
            random.Random(len(queries)).shuffle(answers)
            peer.send_raw(peer.seal(b"".join(answers), record=1000))
            queries.clear()


def test_a_thousand_shuffled_and_duplicated_answers_on_two_sessions(rig):
    count = 1000
    script = Shuffler(count)
    resolver = RawResolver(rig.topology, rig.certificate, script)
    script.resolver = resolver
    settings = configuration([backend(resolver, rig.authority, max_in_flight=count // 2, query_timeout=5000)],
                             tls_workers={"threads": 1, "cpus": [0], "sessions_per_backend": 2})
    with resolver, rig.dotline(settings) as dotline:
        wait_until(lambda: dotline.metrics().value("dotline_backend_sessions") == 2, "two sessions")
        names = [f"shuffled-{number}.example" for number in range(count)]
        payloads = [query(name, identity=7 * number % 65536).to_wire() for number, name in enumerate(names)]
        replies = rig.client.exchange(payloads, timeout=PATIENCE, linger=0.3)
        for name, payload, got in zip(names, payloads, replies):
            assert len(got) == 1, f"{len(got)} replies for {name}"
            assert got[0][:2] == payload[:2]
            assert dns.message.from_wire(got[0]).answer[0][0].to_text() == address_for(name)
        failures = dotline.metrics().value("dotline_backend_failures_total")
    assert failures == 0
    assert resolver.handshakes == dotline.traffic.connections[RESOLVER_B] == 2
