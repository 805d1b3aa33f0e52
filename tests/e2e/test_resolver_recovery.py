"""Resolvers, links and workers that go and come back: what is known is still answered, and service returns by itself."""

import dns.rcode

from rig import scripted_resolver
from rig.client import query
from rig.forwarder import backend, configuration
from rig.resolver import Unbound
from rig.waiting import wait_until

# Promised is 2 s from the query; the rest is for a machine that is busy with something else.
PATIENCE = 4.0


def test_dotline_recovers_when_the_resolver_comes_back(rig):
    """Down at the start, then up, down and up again, all under one dotline."""
    numbers = iter(range(10000))

    def outcome():
        reply = rig.client.ask(query(f"back{next(numbers)}.bulk.example"), timeout=PATIENCE)
        return reply.rcode()

    resolver = Unbound(rig.topology, rig.certificate)
    with rig.dotline(configuration([backend(resolver, rig.authority)])):
        for _ in range(2):
            wait_until(lambda: outcome() == dns.rcode.SERVFAIL, "SERVFAIL while the resolver is down")
            resolver.start()
            wait_until(lambda: outcome() == dns.rcode.NOERROR, "an answer after the resolver came back", timeout=40)
            resolver.stop()


def test_a_resolver_that_stops_answering_does_not_stop_what_is_known(rig):
    with rig.scripted_resolver() as resolver, rig.dotline(configuration([backend(resolver, rig.authority)])):
        assert rig.client.ask(query("known.example")).rcode() == dns.rcode.NOERROR
        resolver.behaviour = scripted_resolver.silent
        waiting = [query(f"hopeless{number}.example").to_wire() for number in range(300)]
        known = [query("known.example", identity=number).to_wire() for number in range(300)]
        replies = rig.client.exchange(waiting + known, timeout=PATIENCE, linger=0.3)
        codes = [reply[0][3] & 0x0F for reply in replies if len(reply) == 1]
        assert codes == [dns.rcode.SERVFAIL] * 300 + [dns.rcode.NOERROR] * 300
