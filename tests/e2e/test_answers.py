"""What clients see of a healthy resolver: the right records, flags, sizes and ages, over IPv4 and IPv6."""

import dataclasses
import random
import re
import time

import dns.flags
import dns.message
import dns.rcode
import pytest

from rig.client import query
from rig.forwarder import backend, configuration
from rig.namespaces import FORWARDER, FORWARDER6
from rig.resolver import LARGE_TEXTS

BOTH_FAMILIES = pytest.mark.parametrize("server", [FORWARDER, FORWARDER6], ids=["ipv4", "ipv6"])


@pytest.fixture(scope="module")
def client(rig):
    with rig.unbound() as resolver, rig.dotline(configuration([backend(resolver, rig.authority)])):
        yield rig.client


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    arguments: tuple
    status: str
    records: tuple = ()          # "TYPE DATA" of the answer section, in any order.
    authority: tuple = ()
    flags: str = "qr rd ra"


CASES = [
    Case("a", ("www.example", "A"), "NOERROR", ("A 192.0.2.1",)),
    Case("aaaa", ("www.example", "AAAA"), "NOERROR", ("AAAA 2001:db8::1",)),
    Case("cname_chain", ("alias.example", "A"), "NOERROR",
         ("CNAME hop.example.", "CNAME www.example.", "A 192.0.2.1")),
    Case("cname_itself", ("alias.example", "CNAME"), "NOERROR", ("CNAME hop.example.",)),
    Case("nxdomain", ("nowhere.example", "A"), "NXDOMAIN", authority=("SOA ns.example. admin.example. 1 3600 600 86400 120",)),
    Case("nodata", ("text.example", "A"), "NOERROR", authority=("SOA ns.example. admin.example. 1 3600 600 86400 120",)),
    Case("txt", ("text.example", "TXT"), "NOERROR", ('TXT "one text" "two texts"',)),
    Case("mx", ("mail.example", "MX"), "NOERROR", ("MX 10 www.example.",)),
    Case("unknown_type", ("www.example", "TYPE1000"), "NOERROR",
         authority=("SOA ns.example. admin.example. 1 3600 600 86400 120",)),
    Case("wildcard", ("any.bulk.example", "A"), "NOERROR", ("A 192.0.2.3",)),
    Case("checking_disabled", ("www.example", "A", "+cdflag"), "NOERROR", ("A 192.0.2.1",), flags="qr rd ra cd"),
    Case("ad_asked_of_a_resolver_that_does_not_validate", ("www.example", "A", "+adflag"), "NOERROR", ("A 192.0.2.1",)),
    Case("reserved_flag", ("www.example", "A", "+zflag"), "NOERROR", ("A 192.0.2.1",)),
]


def section(output, title):
    match = re.search(rf";; {title} SECTION:\n(.*?)(?:\n\n|\Z)", output, re.DOTALL)
    rows = (line.split(None, 4) for line in match.group(1).splitlines()) if match else ()
    return sorted(f"{row[3]} {row[4]}" for row in rows)


@BOTH_FAMILIES
@pytest.mark.parametrize("edns", ["+noedns", "+edns"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kdig_gets_the_answer(client, case, edns, server):
    """Asked twice: once it comes from the resolver, once from memory, and nobody can tell."""
    for _ in range(2):
        output = client.kdig(*case.arguments, edns, server=server)
        assert re.search(r"status: (\w+)", output).group(1) == case.status, output
        assert re.search(r"Flags: ([a-z ]+);", output).group(1) == case.flags, output
        assert section(output, "ANSWER") == sorted(case.records), output
        assert section(output, "AUTHORITY") == sorted(case.authority), output
        assert ("EDNS PSEUDOSECTION" in output) == (edns == "+edns"), output


@BOTH_FAMILIES
def test_opt_comes_back_only_to_those_who_sent_one(client, server):
    assert client.ask(query("www.example"), server=server).edns == -1
    reply = client.ask(query("www.example", edns=1232), server=server)
    assert (reply.edns, reply.payload, reply.options) == (0, 1232, ())


@pytest.mark.parametrize("dnssec_ok", [False, True])
def test_the_do_flag_is_echoed(client, dnssec_ok):
    reply = client.ask(query("www.example", edns=1232, dnssec_ok=dnssec_ok))
    assert bool(reply.ednsflags & dns.flags.DO) == dnssec_ok
    assert reply.answer[0][0].to_text() == "192.0.2.1"


@BOTH_FAMILIES
def test_every_client_gets_its_own_id_and_case_back(client, server):
    randomly = random.Random(20)
    names = ["".join(randomly.choice((letter.lower(), letter.upper())) for letter in "www.example") for _ in range(40)]
    payloads = [query(name, identity=identity).to_wire() for identity, name in enumerate(names)]
    for payload, replies in zip(payloads, client.exchange(payloads, server=server, linger=0.3)):
        assert len(replies) == 1
        assert replies[0][:2] == payload[:2]
        assert replies[0][12:len(payload)] == payload[12:]


def test_ttl_ages_and_records_expire(client):
    def ttl(name):
        return client.ask(query(name)).answer[0].ttl
    first = ttl("www.example")
    assert ttl("brief.example") <= 2
    time.sleep(3)
    assert first - 60 < ttl("www.example") <= first - 2
    assert 0 <= ttl("brief.example") <= 2, "a record that has run out is asked for again"


@dataclasses.dataclass(frozen=True)
class SizeCase:
    name: str
    asked: str
    edns: int | None
    limit: int
    records: int  # 0: truncated.


@pytest.mark.parametrize("case", [
    SizeCase("medium_without_edns_does_not_fit_512", "medium.example", None, 512, 0),
    SizeCase("medium_with_too_small_a_size_is_as_512", "medium.example", 100, 512, 0),
    SizeCase("medium_at_512", "medium.example", 512, 512, 0),
    SizeCase("medium_at_1232", "medium.example", 1232, 1232, 1),
    SizeCase("large_at_1232", "large.example", 1232, 1232, 0),
    SizeCase("large_at_4096_is_as_1232", "large.example", 4096, 1232, 0),
], ids=lambda case: case.name)
def test_what_does_not_fit_is_truncated_to_nothing(client, case):
    payload = query(case.asked, "TXT", edns=case.edns).to_wire()
    for _ in range(2):
        wire = client.exchange([payload])[0][0]
        reply = dns.message.from_wire(wire)
        assert len(wire) <= case.limit
        assert bool(reply.flags & dns.flags.TC) == (case.records == 0)
        assert sum(len(rrset) for rrset in reply.answer) == case.records
        assert (reply.edns == 0) == (case.edns is not None)


def test_the_large_answer_really_is_too_large(rig, client):
    resolver_says = rig.topology.execute(rig.topology.forwarder, "kdig", "@198.18.2.53", "+tls", "large.example", "TXT").stdout
    assert resolver_says.count("large.example.") == LARGE_TEXTS + 1
