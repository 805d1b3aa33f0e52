"""The probes by which RFC 8906 §8 and the DNS flag day tell a good server from a bad one: eighteen questions with something that
an old or careless server drops, refuses or echoes. Asked by kdig; what kdig can not say is put together here.
"""

import dataclasses
import re
import struct

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from rig.forwarder import backend, configuration
from rig.namespaces import FORWARDER, FORWARDER6
from rig.scripted_resolver import answer

RD = 0x0100
COOKIE = 10  # The only option of a client's that may be answered with one.
KEY_SIZE = 700
TRANSPORTS = {"udp_ipv4": (FORWARDER, False), "udp_ipv6": (FORWARDER6, False),
              "tcp_ipv4": (FORWARDER, True), "tcp_ipv6": (FORWARDER6, True)}


@dataclasses.dataclass(frozen=True)
class Told:
    """What is judged of a reply."""
    status: str = "NOERROR"
    flags: str = "qr rd ra"       # As kdig prints them.
    edns: str | None = None       # Version and flags; None: no OPT.
    answered: bool = True         # There is a record.


@dataclasses.dataclass(frozen=True)
class Probe:
    name: str
    ask: tuple | bytes            # kdig's arguments, or the message.
    told: Told = Told()
    at_most: int = 1232           # Octets over UDP.
    over_tcp: Told | None = None  # If that is different.


def message(*, flags=RD, questions=1, opt=None):
    header = struct.pack("!6H", 0x1234, flags, questions, 0, 0, int(opt is not None))
    return header + (b"\x07example\x00" + struct.pack("!HH", 6, 1)) * questions + (opt or b"")


def opt(*, version=0, flags=0):
    return b"\x00" + struct.pack("!HHBBHH", 41, 1232, 0, version, flags, 0)


SOA = ("example", "SOA")
EDNS0, EDNS0_DO = Told(edns="0 "), Told(edns="0 do")
BADVERS = Told(status="BADVERS", edns="0 ", answered=False)
BADVERS_DO = dataclasses.replace(BADVERS, edns="0 do")

PROBES = [
    Probe("plain", (*SOA, "+noedns")),
    Probe("unknown_type_1000", ("example", "TYPE1000", "+noedns"), Told(answered=False)),
    Probe("unknown_type_666", ("example", "TYPE666", "+noedns"), Told(answered=False)),
    Probe("cd", (*SOA, "+noedns", "+cdflag"), Told(flags="qr rd ra cd")),
    Probe("ad", (*SOA, "+noedns", "+adflag")),
    Probe("reserved_flag", (*SOA, "+noedns", "+zflag")),
    Probe("rd", (*SOA, "+noedns", "+rdflag")),
    Probe("opcode_15_of_a_header_only", message(flags=RD | 15 << 11, questions=0), Told("NOTIMP", flags="qr rd", answered=False)),
    Probe("edns_0", (*SOA, "+edns"), EDNS0),
    Probe("edns_1", (*SOA, "+edns=1"), BADVERS),
    Probe("unknown_option", (*SOA, "+edns", "+ednsopt=100"), EDNS0),
    Probe("unknown_flag_0080", message(opt=opt(flags=0x0080)), EDNS0),
    Probe("unknown_flag_0040", message(opt=opt(flags=0x0040)), EDNS0),
    Probe("edns_1_and_a_flag", message(opt=opt(version=1, flags=0x0080)), BADVERS),
    Probe("edns_1_and_an_option", (*SOA, "+edns=1", "+ednsopt=100"), BADVERS),
    Probe("keys_for_512_octets", ("example", "DNSKEY", "+edns", "+dnssec", "+bufsize=512", "+ignore"),
          Told(flags="qr tc rd ra", edns="0 do", answered=False), at_most=512, over_tcp=EDNS0_DO),
    Probe("do", (*SOA, "+dnssec"), EDNS0_DO),
    Probe("edns_1_and_do", (*SOA, "+edns=1", "+dnssec"), BADVERS_DO),
    Probe("many_options", (*SOA, "+edns", "+nsid", "+subnet=0.0.0.0/0", "+ednsopt=9", "+cookie"), EDNS0),
]


def with_keys(query):
    """An SOA and a large DNSKEY at the apex, apart from what is usual."""
    question = query.question[0]
    response = dns.message.make_response(query, recursion_available=True)
    if question.rdtype == dns.rdatatype.SOA:
        response.answer.append(dns.rrset.from_text(question.name, 300, "IN", "SOA", "ns.example. admin.example. 1 2 3 4 60"))
    elif question.rdtype == dns.rdatatype.DNSKEY:
        response.answer.append(dns.rrset.from_text(question.name, 300, "IN", "DNSKEY", rf"\# {KEY_SIZE} 0101030d{'00' * (KEY_SIZE - 4)}"))
    else:
        return answer(query)
    return response.to_wire()


@pytest.fixture(scope="module")
def client(rig):
    with rig.scripted_resolver(behaviour=with_keys) as resolver, rig.dotline(configuration([backend(resolver, rig.authority)])):
        yield rig.client


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_probe(client, transport, probe):
    server, tcp = TRANSPORTS[transport]
    if isinstance(probe.ask, tuple):
        told, options, size = by_kdig(client.kdig(*probe.ask, *(("+tcp",) if tcp else ()), server=server))
    else:
        ask = client.exchange_over_tcp if tcp else client.exchange
        told, options, size = by_dnspython(ask([probe.ask], server=server)[0][0])
    assert told == (probe.over_tcp or probe.told if tcp else probe.told)
    assert options <= {COOKIE}
    assert tcp or size <= probe.at_most


def by_kdig(output):
    """(what was told, option codes, octets)"""
    edns = re.search(r"Version: (\d+); flags: ?(\w*) ?;", output)
    status = re.search(r"ext-rcode: (\w+)", output) or re.search(r"status: (\w+)", output)
    code = re.search(r"status: (\w+)", output)[1]
    told = Told(status[1] if code == "NOERROR" else code, re.search(r"Flags: ([a-z ]+);", output)[1],
                f"{edns[1]} {edns[2]}" if edns else None, int(re.search(r"ANSWER: (\d+)", output)[1]) > 0)
    options = {COOKIE} if "COOKIE:" in output else set()
    options |= {int(number) for number in re.findall(r"Option \((\d+)\)", output)}
    options |= {name for name in ("NSID", "CLIENT-SUBNET", "PADDING") if f"{name}:" in output}
    return told, options, int(re.search(r"Received (\d+) B", output)[1])


def by_dnspython(wire):
    """dnspython does not read messages of opcodes it does not know, nor kdig's names of flags."""
    reply = dns.message.from_wire(wire[:2] + bytes([wire[2] & 0x87]) + wire[3:])
    flags = dns.flags.to_text(reply.flags).lower()
    edns = None if reply.edns < 0 else f"{reply.edns} {dns.flags.edns_to_text(reply.ednsflags).lower()}"
    return (Told(dns.rcode.to_text(reply.rcode()), flags, edns, bool(reply.answer)),
            {option.otype for option in reply.options}, len(wire))
