"""Resolvers that stop and start again: who is asked meanwhile, what is checked, and that no client notices."""

import copy
import time

import dns.message
import dns.rcode

from rig import scripted_resolver
from rig.client import query
from rig.dead_domain import DEAD_DOMAIN, GOOD_DOMAINS, POPULAR_TTL, Watch, resolvers_of_a_dead_domain
from rig.forwarder import backend, configuration
from rig.namespaces import RESOLVER, RESOLVER_B
from rig.waiting import wait_until

PATIENCE = 4.0
CHECK = ("a.root-servers.net.", "A")
AT_A_TIME = 20  # Queries, five times a second: the pace of an office.


class Office:
    """Clients that ask for new names all the time."""

    def __init__(self, client):
        self._client = client
        self._asked = 0

    def ask(self):
        """Asks for new names at once; the rcodes of the replies."""
        names = [f"n{self._asked + number}.office.example" for number in range(AT_A_TIME)]
        self._asked += AT_A_TIME
        all_replies = self._client.exchange([query(name).to_wire() for name in names], timeout=PATIENCE)
        assert all(len(replies) == 1 for replies in all_replies), "a client was left without a reply"
        return [dns.message.from_wire(replies[0]).rcode() for replies in all_replies]


def two(rig, first, second, **health):
    """The first one is preferred."""
    return configuration([backend(first, rig.authority, order=1, query_timeout=700, health_checks=copy.deepcopy(health)),
                          backend(second, rig.authority, order=2, query_timeout=700, health_checks=copy.deepcopy(health))])


def in_rotation(dotline, resolver):
    return dotline.metrics().value("dotline_backend_in_rotation", backend=f"at-{resolver.address}")


def test_healthy_lazy_resolvers_are_never_checked(rig):
    with (rig.scripted_resolver(address=RESOLVER) as first, rig.scripted_resolver(address=RESOLVER_B) as second,
          rig.dotline(two(rig, first, second, mode="lazy")) as dotline):
        office = Office(rig.client)
        for _ in range(20):
            assert set(office.ask()) == {dns.rcode.NOERROR}
            time.sleep(0.05)
        assert first.questions()[CHECK] + second.questions()[CHECK] == 0
        assert dotline.metrics().value("dotline_backend_health_checks_total") == 0


def test_a_resolver_that_falls_silent_goes_out_and_comes_back_unnoticed(rig):
    with (rig.scripted_resolver(address=RESOLVER) as first, rig.scripted_resolver(address=RESOLVER_B) as second,
          rig.dotline(two(rig, first, second, timeout=500, lazy={"interval": 2})) as dotline):
        office = Office(rig.client)
        assert set(office.ask()) == {dns.rcode.NOERROR}

        first.behaviour = scripted_resolver.silent
        def out():
            assert set(office.ask()) == {dns.rcode.NOERROR}, "the second resolver had the answers"
            return in_rotation(dotline, first) == 0
        wait_until(out, "the silent resolver out of rotation")

        before = sum(first.questions().values()) - first.questions()[CHECK]
        for _ in range(5):
            assert set(office.ask()) == {dns.rcode.NOERROR}
        assert sum(first.questions().values()) - first.questions()[CHECK] == before, "it was asked all the same"

        first.behaviour = scripted_resolver.answer
        wait_until(lambda: in_rotation(dotline, first) == 1, "the resolver back in rotation")
        assert first.questions()[CHECK] >= 2
        assert "in rotation again" in dotline.log()
        wait_until(lambda: set(office.ask()) == {dns.rcode.NOERROR}
                   and sum(first.questions().values()) - first.questions()[CHECK] > before, "questions for the resolver")


def test_when_all_are_out_all_are_tried(rig):
    with (rig.scripted_resolver(address=RESOLVER, behaviour=scripted_resolver.silent) as first,
          rig.scripted_resolver(address=RESOLVER_B, behaviour=scripted_resolver.silent) as second,
          rig.dotline(two(rig, first, second, timeout=500, lazy={"interval": 3600})) as dotline):
        office = Office(rig.client)
        def both_out():
            assert set(office.ask()) == {dns.rcode.SERVFAIL}
            return in_rotation(dotline, first) == in_rotation(dotline, second) == 0
        wait_until(both_out, "both resolvers out of rotation", timeout=60)
        first.behaviour = second.behaviour = scripted_resolver.answer
        wait_until(lambda: set(office.ask()) == {dns.rcode.NOERROR}, "answers again", timeout=60)


def test_one_dead_domain_moves_no_resolver_and_no_other_name(rig):
    """Real resolvers. One client asks for ever new names in it, which is half of all misses; what is popular expires meanwhile."""
    dead = rig.topology.directory / "dead-names"
    dead.write_text("".join(f"n{number}.{DEAD_DOMAIN} A\n" for number in range(1000)))
    with (resolvers_of_a_dead_domain(rig.topology, rig.certificate) as resolvers,
          rig.dotline(configuration([backend(resolver, rig.authority) for resolver in resolvers])) as dotline):
        names = [f"at-{resolver.address}" for resolver in resolvers]
        with (Watch(dotline, names) as watch,
              rig.client.start_dnsperf(dead, seconds=POPULAR_TTL + 5, rate=5, patience=5) as load):
            end = time.monotonic() + POPULAR_TTL + 4
            number = 0
            while time.monotonic() < end:
                for name in (f"n{number}.{GOOD_DOMAINS[number % len(GOOD_DOMAINS)]}", f"popular.{GOOD_DOMAINS[0]}"):
                    reply = rig.client.ask(query(name, edns=0))
                    assert reply.rcode() == dns.rcode.NOERROR and reply.answer and not reply.options, reply
                number += 1
                time.sleep(0.25)
            load.finish(60)
        assert watch.looks > POPULAR_TTL / 2 and watch.trouble == []
        metrics = dotline.metrics()
        assert metrics.value("dotline_replies_total", outcome="stale") == 0
        assert metrics.value("dotline_backend_failures_total", **{"class": "deadline"}) > 5, "they did fail"
