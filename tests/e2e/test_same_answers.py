"""The same answers as the resolver behind it: each query goes to dotline and to the resolver itself, and whatever differs has a
rule that says so.

10,000 queries of every kind over UDP, and some thousands over each stream; `--queries 100000` asks that many over each.
"""

import collections
import contextlib
import dataclasses
import typing

import dns.message
import dns.name
import pytest

from rig.crowd_of_queries import (AD, ANY, AXFR, CD, IN, IXFR, RD, OverHttps, OverStream, OverUdp, Query, draw_queries,
                                  tls_context)
from rig.forwarder import backend, configuration
from rig.message_sketch import sketch
from rig.namespaces import FORWARDER, RESOLVER
from rig.signed_zones import BOGUS, Knot, ValidatingUnbound
from rig.waiting import wait_until

BATCH = 200
SHOWN_NAME = "dns.example"
ON_THE_WAY = 5  # Seconds at most, on a machine that is busy with something else.
AA, TC, RCODE = 0x0400, 0x0200, 0x000F
FORMERR, SERVFAIL, REFUSED = 1, 2, 5
CNAME, DNAME = 5, 39
LARGEST, LEAST = 1232, 512
EDE = 15
BLAMES_SIGNATURES = range(6, 13)


@dataclasses.dataclass
class Pair:
    """One query over one transport, what dotline said and what the resolver says, over TCP."""
    query: typing.Any
    datagram: bool
    ours: typing.Any
    theirs: typing.Any
    their_size: int

    def limit(self):
        return LEAST if self.query.edns is None else min(max(self.query.edns, LEAST), LARGEST)


def nothing_but_flags(said):
    return not any(said.sections)


def refused_transfer(pair):
    return (pair.query.kind in (AXFR, IXFR) and nothing_but_flags(pair.ours)
            and pair.ours.flags & RCODE == pair.theirs.flags & RCODE == REFUSED)


def bare_form_error(pair):
    return pair.ours.flags & RCODE == pair.theirs.flags & RCODE == FORMERR and nothing_but_flags(pair.ours)


def any_over_udp(pair):
    return pair.datagram and pair.query.kind == ANY and pair.ours.flags & (TC | RCODE) == TC and nothing_but_flags(pair.ours)


def any_over_streams(pair):
    return not pair.datagram and pair.query.kind == ANY and pair.ours.flags & RCODE == pair.theirs.flags & RCODE


def checked_or_not(pair):
    return pair.query.flags & CD and (without_freedom(pair.ours._replace(flags=pair.ours.flags & ~AD))
                                      == without_freedom(pair.theirs._replace(flags=pair.theirs.flags & ~AD)))


def kept_from_before(pair):
    return pair.theirs.flags & RCODE == SERVFAIL != pair.ours.flags & RCODE


def cut_whole(pair):
    return (pair.datagram and pair.their_size > pair.limit() and nothing_but_flags(pair.ours)
            and pair.ours.flags == pair.theirs.flags | TC)


# Name, the rule and where it stands, and whether it makes this difference a right one.
ALLOWED = (
    ("REFUSED has RA", "docs/dns-behaviour.md, Replies: RA=1, except in FORMERR and NOTIMP", refused_transfer),
    ("FORMERR has no flags of the query's but RD", "docs/dns-behaviour.md, Replies: CD, AD", bare_form_error),
    ("ANY over UDP is cut", "docs/dns-behaviour.md, Queries: ANY; RFC 8482", any_over_udp),
    ("ANY is what the resolver has just then", "RFC 8482 section 4.1: a subset of what there is", any_over_streams),
    ("CD: whether it was validated for somebody else", "RFC 4035 section 4.7: AD is what the resolver said", checked_or_not),
    ("the resolver fails, and has answered before", "docs/dns-behaviour.md, Caching", kept_from_before),
    ("what does not fit is cut whole", "docs/dns-behaviour.md, Replies: an answer is never left out", cut_whole),
)


def without_freedom(said):
    """All that is to be the same in every reply: not the order of records, not TTLs, and of the OPT not the size and options
    that are each server's own (RFC 6891 section 6.1.1)."""
    opt = None if said.opt is None else (said.opt.extended_rcode, said.opt.version, said.opt.flags)
    return said.flags & ~AA, said.question, said.sections, opt


def as_old(ours, theirs):
    """No TTL is larger. The resolver was asked just before, and both count whole seconds, dotline from when the answer came."""
    records = [record for section in ours.sections for record in section]
    redirected = any(kind == DNAME for _, kind, _, _ in records)
    for (_, kind, _, _), mine, other in zip(records, ours.ttls, theirs.ttls):
        # What a DNAME makes of a name has the DNAME's TTL (RFC 6672 section 5.3.1) or 0 (RFC 2672); unbound says now one and now
        # the other.
        if mine > other + ON_THE_WAY and not (redirected and kind == CNAME):
            return False
    return True


def fault_of(pair):
    """Nothing, or the name of the rule that was used, or what is wrong."""
    if pair.ours.question not in (pair.query.question(), b""):
        return None, f"another question: {pair.ours.question}"
    if without_freedom(pair.ours) != without_freedom(pair.theirs):
        for name, _, allows in ALLOWED:
            if allows(pair):
                return name, None
        return None, f"another answer\nours   {pair.ours}\ntheirs {pair.theirs}"
    if not as_old(pair.ours, pair.theirs):
        return None, f"younger than the resolver's: {pair.ours.ttls} {pair.theirs.ttls}"
    if pair.ours.opt is not None and set(pair.ours.opt.options) - {EDE}:
        return None, f"options {pair.ours.opt.options}"
    return None, None


def agree_later(front, resolver, pair):
    """The resolver may have been too slow to say more in time; the failure is kept for some seconds."""
    def agree():
        (their,), (our,) = resolver.ask([pair.query]), front.ask([pair.query])
        return fault_of(Pair(pair.query, pair.datagram, sketch(our[2:]), sketch(their[2:]), len(their)))[1] is None

    wait_until(agree, f"the same answer to {pair.query}", interval=1)
    return True


def compare(front, resolver, queries, *, datagram):
    """How often each rule was needed; fails on the first differences that have none."""
    used, faults, seen = collections.Counter(), [], collections.Counter()
    for start in range(0, len(queries), BATCH):
        batch = queries[start:start + BATCH]
        # The first time a resolver may pass on what it has just been told, with another TTL than it keeps.
        resolver.ask(batch)
        theirs, ours = resolver.ask(batch), front.ask(batch)
        for query, their, our in zip(batch, theirs, ours):
            pair = Pair(query, datagram, sketch(our[2:]), sketch(their[2:]), len(their))
            rule, fault = fault_of(pair)
            seen[pair.ours.flags & RCODE] += 1
            if rule is not None:
                used[rule] += 1
            if fault is not None and not (pair.ours.flags & RCODE == SERVFAIL and agree_later(front, resolver, pair)):
                faults.append(f"{query}\n{fault}")
        assert len(faults) < 20, f"{len(faults)} differences:\n" + "\n".join(faults)
    assert not faults, f"{len(faults)} differences:\n" + "\n".join(faults)
    return used, seen


@pytest.fixture(scope="module")
def both(rig):
    """dotline at every transport, and the resolver behind it."""
    shown = rig.authority.issue("shown", names=[SHOWN_NAME])
    with contextlib.ExitStack() as stack:
        knot = stack.enter_context(Knot(rig.topology))
        unbound = ValidatingUnbound(rig.topology, rig.certificate, knot)
        stack.callback(unbound.stop)
        unbound.start()
        served = configuration([backend(unbound, rig.authority)])
        served["binds"] += [
            {"address": FORWARDER, "protocol": protocol,
             "tls": {"certificates": [{"certificate": str(shown.certificate), "key": str(shown.key)}]}}
            for protocol in ("DoT", "DoH")]
        stack.enter_context(rig.dotline(served))
        yield rig


def over_udp(rig):
    return OverUdp(rig.topology.client, FORWARDER)


def over_tcp(rig):
    return OverStream(rig.topology.client, FORWARDER, 53)


def over_tls(rig):
    return OverStream(rig.topology.client, FORWARDER, 853, context=tls_context(rig.authority), name=SHOWN_NAME)


def over_https(rig):
    return OverHttps(rig.topology.client, FORWARDER, 443, context=tls_context(rig.authority), name=SHOWN_NAME)


@pytest.mark.parametrize(("front", "usual_count"), [(over_udp, 10_000), (over_tcp, 3000), (over_tls, 3000), (over_https, 2000)],
                         ids=["udp", "tcp", "dot", "doh"])
def test_answers_are_the_resolvers_own(both, request, front, usual_count):
    resolver = OverStream(both.topology.resolver, RESOLVER, 53)
    queries = draw_queries(request.config.getoption("--queries") or usual_count, front.__name__)
    asker = front(both)
    used, seen = compare(asker, resolver, queries, datagram=front is over_udp)
    asker.close()
    resolver.close()
    print(len(queries), "queries; rcodes", dict(seen), "; rules", dict(used))
    assert set(seen) >= {0, 1, 2, 3, 5}
    assert (used["what does not fit is cut whole"] > 0) == (front is over_udp)


def test_a_client_learns_why_the_resolver_does_not_trust_a_zone(both):
    """RFC 8914: Unbound's code, as it answers and from the cache; it says now one of these and now another."""
    asked = Query(RD, dns.name.from_text(f"host1.{BOGUS}").to_wire(), 1, IN, 1232, False, b"")

    def told(asker):
        (wire,) = asker.ask([asked])
        message = dns.message.from_wire(wire)
        return message.rcode(), [option.code for option in message.options if option.otype == EDE]

    for asker in (OverStream(both.topology.resolver, RESOLVER, 53), over_tcp(both), over_udp(both)):
        rcode, codes = told(asker)
        assert rcode == SERVFAIL and len(codes) == 1 and codes[0] in BLAMES_SIGNATURES, codes
        asker.close()
