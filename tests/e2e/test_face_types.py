"""Every type that sixteen bits can name, asked once: almost all of them go to the resolver and come back, known or not (RFC 3597)."""

import collections
import struct
import threading

import dns.rcode
import pytest

from rig.forwarder import backend, configuration
from rig.namespaces import FORWARDER, FORWARDER6
from rig.responder import Responder

TYPES = range(65536)
A, OPT, IXFR, AXFR, ANY = 1, 41, 251, 252, 255
META = {OPT, *range(128, 255)} - {IXFR, AXFR}  # RFC 6895 §3.1: they exist inside of messages only.
NAME = b"\x03www\x07example\x00"
RD, TC, RA, QR = 0x0100, 0x0200, 0x0080, 0x8000


def asking_for(rdtype):
    """The type is the id as well."""
    return struct.pack("!6H", rdtype, RD, 1, 0, 0, 0) + NAME + struct.pack("!HH", rdtype, 1)


def expected(rdtype, tcp):
    """The flags, and how many answers, of the only reply."""
    if rdtype in META:
        return QR | RD | dns.rcode.FORMERR, 0
    if rdtype in (IXFR, AXFR):
        return QR | RD | RA | dns.rcode.REFUSED, 0
    if rdtype == ANY and not tcp:
        return QR | RD | RA | TC, 0
    return QR | RD | RA, int(rdtype == A)


@pytest.fixture(scope="module")
def dotline(rig):
    with Responder(rig.topology, rig.certificate) as resolver, \
         rig.dotline(configuration([backend(resolver, rig.authority)])) as dotline:
        yield dotline


def wrong(replies, *, tcp):
    """The types that did not get the one reply they should have, with what they got."""
    def told(reply, question_end):
        return *struct.unpack_from("!2xHHH", reply), reply[12:question_end]

    def is_right(rdtype, got):
        payload = asking_for(rdtype)
        flags, answers = expected(rdtype, tcp)
        return [told(reply, len(payload)) for reply in got] == [(flags, 1, answers, payload[12:])]
    return [(rdtype, got) for rdtype, got in zip(TYPES, replies) if not is_right(rdtype, got)]


def test_every_type_over_udp(rig, dotline):
    before = dotline.metrics()
    half = len(TYPES) // 2
    payloads = [asking_for(rdtype) for rdtype in TYPES]
    replies = [*rig.client.in_a_row(payloads[:half]), *rig.client.in_a_row(payloads[half:], server=FORWARDER6)]
    assert wrong(replies, tcp=False) == []
    assert answered_by_the_resolver(dotline, before) == len(TYPES) - len(META) - len((IXFR, AXFR, ANY))


def test_every_type_over_one_connection(rig, dotline):
    before = dotline.metrics()
    replies = collections.defaultdict(list)
    with rig.client.stream() as stream:
        sender = threading.Thread(target=stream.send, args=map(asking_for, TYPES))
        sender.start()
        for _ in TYPES:
            reply = stream.receive()
            replies[int.from_bytes(reply[:2], "big")].append(reply)
        sender.join()
        stream.say_no_more()
        assert stream.receive() is None
    assert wrong([replies[rdtype] for rdtype in TYPES], tcp=True) == []
    # Those that were asked for over UDP may be in the cache still: a denial without an SOA for five seconds.
    hits = dotline.metrics().value("dotline_replies_total", outcome="hit") - before.value("dotline_replies_total", outcome="hit")
    answered = answered_by_the_resolver(dotline, before) + hits
    assert answered >= len(TYPES) - len(META) - len((IXFR, AXFR, A))


def answered_by_the_resolver(dotline, before):
    name = "dotline_backend_responses_total"
    return dotline.metrics().value(name) - before.value(name)
