"""Every type that sixteen bits can name, asked once: almost all of them go to the resolver and come back, known or not (RFC 3597)."""

import struct

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


def expected(rdtype):
    """The flags, and how many answers, of the only reply."""
    if rdtype in META:
        return QR | RD | dns.rcode.FORMERR, 0
    if rdtype in (IXFR, AXFR):
        return QR | RD | RA | dns.rcode.REFUSED, 0
    if rdtype == ANY:
        return QR | RD | RA | TC, 0
    return QR | RD | RA, int(rdtype == A)


@pytest.fixture(scope="module")
def dotline(rig):
    with Responder(rig.topology, rig.certificate) as resolver, \
         rig.dotline(configuration([backend(resolver, rig.authority)])) as dotline:
        yield dotline


def test_every_type_over_udp(rig, dotline):
    half = len(TYPES) // 2
    payloads = [asking_for(rdtype) for rdtype in TYPES]
    replies = [*rig.client.in_a_row(payloads[:half]), *rig.client.in_a_row(payloads[half:], server=FORWARDER6)]
    wrong = [(rdtype, got) for rdtype, payload, got in zip(TYPES, payloads, replies)
             if [(*struct.unpack_from("!2xHHH", reply), reply[12:len(payload)]) for reply in got]
             != [(expected(rdtype)[0], 1, expected(rdtype)[1], payload[12:])]]
    assert wrong == []
    local = len(META) + len((IXFR, AXFR, ANY))
    assert dotline.metrics().value("dotline_backend_responses_total") == len(TYPES) - local
