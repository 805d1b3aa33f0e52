"""Resolvers that fail: clients hear of it in time, nothing leaves in the clear, and the next good resolver is used."""

import contextlib
import dataclasses
from typing import Callable

import dns.edns
import dns.message
import dns.rcode
import pytest

from rig import scripted_resolver
from rig.certificates import RESOLVER_NAME, Authority
from rig.client import query
from rig.forwarder import backend, configuration
from rig.namespaces import RESOLVER_B
from rig.resolver import Unbound
from rig.waiting import wait_until

# Promised is 2 s from the query; the rest is for a machine that is busy with something else.
PATIENCE = 4.0
NO_REACHABLE_AUTHORITY, NETWORK_ERROR = 22, 23  # RFC 8914 §4.23, §4.24.


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    resolver: Callable       # (rig) -> context manager that gives the bad resolver.
    failure: str             # The class under which dotline counts it.


@contextlib.contextmanager
def nobody_listens(rig):
    yield Address()


@contextlib.contextmanager
def never_speaks(rig):
    mute = scripted_resolver.Mute(rig.topology).start()
    yield mute
    mute.stop()


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a resolver should be."""
    name: str = RESOLVER_NAME
    address: str = RESOLVER_B


def certified(**subject):
    return lambda rig: rig.scripted_resolver(rig.authority.issue("odd", **subject))


def certified_by_a_stranger(rig):
    return rig.scripted_resolver(Authority(rig.topology.directory, "stranger").issue("own", names=[RESOLVER_NAME]))


def behaving(behaviour):
    return lambda rig: rig.scripted_resolver(behaviour=behaviour)


FAULTS = [
    Fault("certificate_for_another_name", certified(names=["somebody-else.example"]), "certificate"),
    Fault("certificate_for_a_name_below", certified(names=[f"a.{RESOLVER_NAME}"]), "certificate"),
    Fault("certificate_for_the_address_only", certified(addresses=[RESOLVER_B]), "certificate"),
    Fault("certificate_expired", certified(names=[RESOLVER_NAME], start="-30", end="-2"), "certificate"),
    Fault("certificate_not_yet_valid", certified(names=[RESOLVER_NAME], start="+2", end="+20"), "certificate"),
    Fault("certificate_of_an_unknown_authority", certified_by_a_stranger, "certificate"),
    Fault("port_closed", nobody_listens, "connect"),
    Fault("silent_before_the_handshake", never_speaks, "tls"),
    Fault("silent_after_the_handshake", behaving(scripted_resolver.silent), "deadline"),
    Fault("hangs_up_after_each_query", behaving(scripted_resolver.hang_up), "eof"),
    Fault("answers_with_another_id", behaving(scripted_resolver.wrong_identity), "mismatch"),
    Fault("answers_another_question", behaving(scripted_resolver.wrong_question), "mismatch"),
    Fault("answers_garbage", behaving(scripted_resolver.garbage), "mismatch"),
    Fault("answers_with_a_record_cut", behaving(scripted_resolver.record_cut), "malformed"),
    Fault("refuses", behaving(scripted_resolver.rcode(dns.rcode.REFUSED)), "refused"),
    Fault("fails", behaving(scripted_resolver.rcode(dns.rcode.SERVFAIL)), "servfail"),
]
SESSION_NEVER_STOOD = ("certificate", "connect", "tls")
all_faults = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)


def extended_errors(reply):
    return [option.code for option in reply.options if option.otype == dns.edns.OptionType.EDE]


@all_faults
def test_the_client_is_told_in_time(rig, fault):
    with fault.resolver(rig) as bad, rig.dotline(configuration([backend(bad, rig.authority)])) as dotline:
        reply = rig.client.ask(query("unlucky.example", edns=1232), timeout=PATIENCE)
        assert not reply.answer
        if fault.failure in ("refused", "servfail"):
            assert reply.rcode() in (dns.rcode.SERVFAIL, dns.rcode.REFUSED), "the resolver's own word, or that there is none"
        else:
            assert reply.rcode() == dns.rcode.SERVFAIL
            assert extended_errors(reply)[0] in (NO_REACHABLE_AUTHORITY, NETWORK_ERROR)
        assert rig.client.ask(query("unlucky.example"), timeout=PATIENCE).edns == -1
        if fault.failure in SESSION_NEVER_STOOD and fault.name != "port_closed":
            assert not getattr(bad, "received", []), "a query was sent to somebody who did not prove who he is"
        wait_until(lambda: sum(dotline.metrics().value("dotline_backend_failures_total", **{"class": counted}) for counted in
                               accepted_classes(fault)) > 0, f"failures of class {fault.failure}\n{dotline.metrics().counted()}")


def accepted_classes(fault):
    """A peer that hangs up may be seen as end of file or as a reset, whichever segment comes first."""
    return {"eof": ("eof", "reset"), "tls": ("tls", "deadline", "connect")}.get(fault.failure, (fault.failure,))


@all_faults
def test_the_second_resolver_answers(rig, fault):
    with (fault.resolver(rig) as bad, rig.unbound() as good,
          rig.dotline(configuration([backend(bad, rig.authority), backend(good, rig.authority)]))):
        payloads = [query(f"lucky{number}.bulk.example", edns=1232, identity=number).to_wire() for number in range(20)]
        for replies in rig.client.exchange(payloads, timeout=PATIENCE):
            assert len(replies) == 1
            reply = dns.message.from_wire(replies[0])
            assert (reply.rcode(), reply.answer and reply.answer[0][0].to_text()) == (dns.rcode.NOERROR, "192.0.2.3")


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
