"""What may be kept, for how long, and what is told from it: against what resolvers say by mistake or malice, rows C01 to C23.

Two resolvers share the questions of one dotline, the second one asked only if the first one fails. A name's first label decides what
each of them says to it. docs/testing.md tells where the rows are that need no running program.
"""

import contextlib
import dataclasses
import itertools
import struct
import time
import typing

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from rig.client import query
from rig.forwarder import backend, configuration
from rig.namespaces import RESOLVER_B, RESOLVER_C
from rig.raw_resolver import address_record, message, question_of
from rig.scripted_resolver import ADDRESS, answer
from rig.waiting import wait_until

STALE, STALE_NXDOMAIN, CACHED_ERROR, BOGUS, NETWORK_ERROR = 3, 19, 13, 6, 23
DAY = 86400
SOA = "ns.example. admin.example. 1 2 3 4 60"


class Two:
    """dotline and its resolvers. `says[label]` is what each of them says to names that begin so, a list or one for both."""

    def __init__(self, rig, running, resolvers):
        self.client, self.running, self.resolvers = rig.client, running, resolvers
        self.says = {}
        self._over_tcp = itertools.cycle((False, True))
        for number, resolver in enumerate(resolvers):
            resolver.behaviour = lambda message, number=number: self._say(message, number)

    def _say(self, asked, number):
        said = self.says.get(asked.question[0].name.labels[0].lower().decode(), answer)
        if isinstance(said, list):
            said = said[number]
        return said(asked)

    def ask(self, name, kind="A", **options):
        """By turns over UDP and TCP: both are told from the same cache, by the same rules."""
        asked = query(name, kind, **{"edns": 1232, **options})
        if next(self._over_tcp):
            (reply,), = self.client.exchange_over_tcp([asked.to_wire()])
            return dns.message.from_wire(reply)
        return self.client.ask(asked)

    def asked(self, name, kind="A"):
        """How often each resolver was."""
        question = question_of(query(name, kind).to_wire())
        return [sum(wire[12:12 + len(question)] == question for wire in resolver.received) for resolver in self.resolvers]

    def outcomes(self, outcome):
        return self.running.metrics().value("dotline_replies_total", outcome=outcome)


@pytest.fixture(scope="module")
def two(rig):
    with contextlib.ExitStack() as stack:
        resolvers = [stack.enter_context(rig.scripted_resolver(address=address)) for address in (RESOLVER_B, RESOLVER_C)]
        backends = [backend(resolver, rig.authority, order=order, query_timeout=600, health_checks={"mode": "up"})
                    for order, resolver in enumerate(resolvers, start=1)]
        running = stack.enter_context(rig.dotline(configuration(
            backends, packet_caches=[{"name": "main", "size": 2000, "temporary_failure_ttl": 2}],
            pools=[{"name": "", "packet_cache": "main", "policy": "firstAvailable"}])))
        wait_until(lambda: all(running.metrics().value("dotline_backend_up", backend=one["name"]) for one in backends),
                   "sessions to both")
        yield Two(rig, running, resolvers)


def explanations(reply):
    return [option.code for option in reply.options if option.otype == dns.edns.EDE]


def addresses(reply):
    return [rdata.to_text() for rrset in reply.answer for rdata in rrset if rrset.rdtype == dns.rdatatype.A]


# ---------------------------------------------------------------- what resolvers may say

def failing(rcode, code=None):
    def say(asked):
        response = dns.message.make_response(asked, recursion_available=True)
        response.set_rcode(rcode)
        if code is not None:
            response.use_edns(0, options=[dns.edns.EDEOption(code)])
        return response.to_wire()
    return say


def saying(rcode=dns.rcode.NOERROR, records=(), authority=(), additional=(), flags=0):
    """`records` and so on: (name or None for the one that was asked, TTL, type, data)."""
    def say(asked):
        response = dns.message.make_response(asked, recursion_available=True)
        response.flags |= flags
        response.set_rcode(rcode)
        for section, rows in ((response.answer, records), (response.authority, authority), (response.additional, additional)):
            for name, ttl, kind, data in rows:
                section.append(dns.rrset.from_text(name or asked.question[0].name, ttl, "IN", kind, data))
        return response.to_wire()
    return say


def explained(says, *errors):
    """The same with extended errors, each a code and a text."""
    def say(asked):
        response = dns.message.from_wire(says(asked))
        response.use_edns(0, options=[dns.edns.EDEOption(code, text) for code, text in errors])
        return response.to_wire()
    return say


def once_then(first, later):
    """Whichever resolver is asked."""
    left = [first]
    return lambda asked: (left.pop() if left else later)(asked)


def raw(make):
    """`make(query's octets)`."""
    return lambda asked: make(asked.to_wire())


def header_only(rcode):
    return raw(lambda asked: asked[:2] + struct.pack("!HHHHH", 0x8180 | rcode, 0, 0, 0, 0))


def record_with(owner, data, kind=1, size=None, klass=1):
    return owner + struct.pack("!HHIH", kind, klass, 300, len(data) if size is None else size) + data


def with_record(owner, data, kind=1, size=None):
    return raw(lambda asked: message(asked, records=[record_with(owner, data, kind, size)]))


LONG_NAME = b"".join(bytes([63]) + b"x" * 63 for _ in range(4)) + b"\0"

BROKEN = {
    "C05_qr_0": raw(lambda asked: message(asked, flags=0x0100, records=[address_record("192.0.2.1")])),
    "C05_opcode_notify": raw(lambda asked: message(asked, flags=0xA180, records=[address_record("192.0.2.1")])),
    "C05_two_questions": raw(lambda asked: asked[:2] + struct.pack("!HHHHH", 0x8180, 2, 0, 0, 0) + 2 * question_of(asked)),
    "C05_no_question": header_only(0),
    "C05_nxdomain_without_question": header_only(3),
    "C05_truncated": raw(lambda asked: message(asked, flags=0x8380)),
    "C18_pointer_to_itself": raw(lambda asked: message(asked, records=[record_with(
        struct.pack("!H", 0xC000 | 12 + len(question_of(asked))), b"\x7f\0\0\1")])),
    "C18_pointer_forwards": raw(lambda asked: message(asked, records=[record_with(
        struct.pack("!H", 0xC000 | 40 + len(question_of(asked))), b"\x7f\0\0\1")])),
    "C18_pointer_into_the_header": with_record(b"\xc0\x04", b"\x7f\0\0\1"),
    "C18_rdlength_past_the_end": with_record(b"\xc0\x0c", b"\x7f\0\0\1", size=400),
    "C18_address_of_five_octets": with_record(b"\xc0\x0c", b"\x7f\0\0\1\0"),
    "C18_name_too_long_in_rdata": with_record(b"\xc0\x0c", LONG_NAME, kind=5),
    "C18_more_records_than_octets": raw(lambda asked: asked[:2] + struct.pack("!HHHHH", 0x8180, 1, 4000, 0, 0)
                                        + question_of(asked)),
    "C18_class_any": raw(lambda asked: message(asked, records=[record_with(b"\xc0\x0c", b"\x7f\0\0\1", klass=255)])),
    "C18_class_none_beside": raw(lambda asked: message(asked, records=[
        address_record("192.0.2.1"), record_with(b"\xc0\x0c", b"\x7f\0\0\1", klass=254)])),
    "C18_chaos": raw(lambda asked: message(asked, records=[record_with(b"\xc0\x0c", b"\x7f\0\0\1", klass=3)])),
    "C18_tsig_as_an_answer": with_record(b"\xc0\x0c", bytes(16), kind=250),
    "C18_two_opts": raw(lambda asked: message(asked, additional=[b"\0\0\x29\4\xd0\0\0\0\0\0\0"] * 2)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_answers_are_as_good_as_none(two, name):
    label = name.lower().replace("_", "-")
    two.says[label] = [BROKEN[name], answer]
    assert addresses(two.ask(f"{label}.example")) == [ADDRESS], "the other resolver's"
    assert two.asked(f"{label}.example") == [1, 1]


OPT_RECORD = b"\0\0\x29\4\xd0\0\0\0\0\0\0"
TSIG_RECORD = record_with(b"\3key\0", b"\x0bhmac-sha256\0" + bytes(10) + b"\0\0" + bytes(6), kind=250, klass=255)

ODD = {
    "tsig": raw(lambda asked: message(asked, records=[address_record(ADDRESS)], additional=[TSIG_RECORD])),
    "tsig_before_opt": raw(lambda asked: message(asked, records=[address_record(ADDRESS)], additional=[TSIG_RECORD, OPT_RECORD])),
    "sig_0_before_opt": raw(lambda asked: message(asked, records=[address_record(ADDRESS)], additional=[
        record_with(b"\0", bytes(30), kind=24, klass=255), OPT_RECORD])),
    "another_class_beside": raw(lambda asked: message(asked, records=[address_record(ADDRESS)], additional=[
        record_with(b"\xc0\x0c", b"\x7f\0\0\1", klass=3)])),
    "an_additional_too_few": raw(lambda asked: message(asked, records=[address_record(ADDRESS)], additional=[b""])),
    "an_additional_too_few_behind_opt": raw(lambda asked: message(asked, records=[address_record(ADDRESS)], additional=[
        OPT_RECORD, b""])),
}


@pytest.mark.parametrize("name", ODD)
def test_c18_what_is_odd_behind_the_answer_is_left_out(two, name):
    label = f"odd-{name.replace('_', '-')}"
    two.says[label] = ODD[name]
    for _ in range(2):
        reply = two.ask(f"{label}.example")
        assert addresses(reply) == [ADDRESS]
        assert not reply.additional and reply.tsig is None
    assert two.asked(f"{label}.example") == [1, 0], "and is kept"


SERVERS = [f"{letter * 24}.example." for letter in "abcdefghijklm"]
EXTRAS = {"authority": [("example.", 900, "NS", server) for server in SERVERS],
          "additional": [(server, 900, kind, address) for server in SERVERS
                         for kind, address in (("A", "192.0.2.9"), ("AAAA", "2001:db8::9"))]}


def test_extras_are_left_out_before_an_answer_is_truncated(two):
    """RFC 2181 section 9: without EDNS an address, 13 servers and their addresses do not fit."""
    two.says["extras"] = saying(records=[(None, 300, "A", ADDRESS)], **EXTRAS)
    for _ in ("from the resolver", "from the cache", "and again"):
        plain = two.client.ask(query("extras.example"))
        assert addresses(plain) == [ADDRESS]
        assert not plain.flags & dns.flags.TC and not plain.authority and not plain.additional
        large = two.client.ask(query("extras.example", edns=1232))
        assert addresses(large) == [ADDRESS] and len(large.authority[0]) == 13 and len(large.additional) == 26
        small = two.client.ask(query("extras.example", edns=600))
        assert addresses(small) == [ADDRESS] and len(small.authority[0]) == 13 and not small.additional
    two.says["extras-denied"] = saying(dns.rcode.NXDOMAIN, authority=[("example.", 900, "SOA", SOA)], additional=EXTRAS["additional"])
    denied = two.client.ask(query("extras-denied.example"))
    assert not denied.flags & dns.flags.TC and len(denied.authority) == 1 and not denied.additional


def test_c18_broken_answers_of_all_resolvers_are_told_and_not_kept(two):
    labels = {f"alone-{name.lower().replace('_', '-')}": broken for name, broken in BROKEN.items()}
    two.says |= labels
    for label in labels:
        reply = two.ask(f"{label}.example")
        assert (reply.rcode(), explanations(reply)) == (dns.rcode.SERVFAIL, [NETWORK_ERROR]), label
        assert sum(two.asked(f"{label}.example")) <= 6, "C19: each of them three times at most"
    two.says |= dict.fromkeys(labels, answer)
    for label in labels:
        wait_until(lambda label=label: addresses(two.ask(f"{label}.example")) == [ADDRESS], "asked again after a second")


@pytest.mark.parametrize("rcode", ["FORMERR", "SERVFAIL", "NOTIMP", "REFUSED", "NOTAUTH", "BADVERS"])
def test_c13_a_failure_in_so_many_words_is_put_to_another_resolver(two, rcode):
    code = dns.rcode.from_text(rcode)
    label = f"c13-{rcode.lower()}"
    two.says[label] = [failing(code), answer]
    assert addresses(two.ask(f"{label}.example")) == [ADDRESS]
    two.says[f"all-{label}"] = failing(code)
    assert two.ask(f"all-{label}.example").rcode() == code
    assert two.ask(f"all-{label}.example").rcode() == code
    times = 3 if rcode == "SERVFAIL" else 1  # That may pass.
    assert two.asked(f"all-{label}.example") == [times, times], "C12, C19: kept, and asked of each no more than that"


EXPLAINED = {
    "servfail": (failing(dns.rcode.SERVFAIL), BOGUS),
    "servfail_unreachable": (failing(dns.rcode.SERVFAIL), 22),
    "refused": (failing(dns.rcode.REFUSED), 18),
    "blocked": (saying(dns.rcode.NXDOMAIN), 15),
    "denied": (saying(dns.rcode.NXDOMAIN, authority=[("example.", 900, "SOA", SOA)]), 29),
    "forged": (answer, 4),
    "private_use": (answer, 0xC0DE),
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_what_a_resolver_explains_is_passed_on(two, name):
    """RFC 8914: the first code, without its text, as the answer comes and from the cache."""
    says, code = EXPLAINED[name]
    label = f"explained-{name.replace('_', '-')}"
    two.says[label] = explained(says, (code, "no more than ours"), (23, None))
    for _ in range(4):
        reply = two.ask(f"{label}.example")
        (option,) = (option for option in reply.options if option.otype == dns.edns.EDE)
        assert (option.code, option.text) == (code, None)
        assert bool(addresses(reply)) == (says is answer)
    assert two.client.ask(query(f"{label}.example")).edns < 0
    assert sum(two.asked(f"{label}.example")) <= 6, "kept"


def test_an_explanation_fits_or_is_left_out(two):
    texts = [(None, 300, "TXT", f'"{letter * 216}"') for letter in "tu"]  # 509 octets with an OPT.
    two.says["explained-long"] = explained(saying(records=texts), (STALE, None))
    for _ in range(2):
        large = two.client.ask(query("explained-long.example", "TXT", edns=1232))
        assert explanations(large) == [STALE] and len(large.answer[0]) == 2
    small = two.client.ask(query("explained-long.example", "TXT", edns=512))
    assert not small.flags & dns.flags.TC and len(small.answer[0]) == 2 and explanations(small) == []


def test_c06_an_error_may_come_without_its_question(two):
    two.says["c06"] = [header_only(5), answer]
    assert addresses(two.ask("c06.example")) == [ADDRESS]


@dataclasses.dataclass(frozen=True)
class Kept:
    """How an answer is kept: whether a second client is answered from memory, and with which TTLs at most."""
    name: str
    says: typing.Any
    kept: bool
    ttls: tuple = ()


KEPT = [
    Kept("C11_nxdomain_by_minimum", saying(dns.rcode.NXDOMAIN, authority=[("example.", 900, "SOA", SOA)]), True, (60,)),
    Kept("C11_nxdomain_by_soa_ttl", saying(dns.rcode.NXDOMAIN, authority=[("example.", 30, "SOA", SOA)]), True, (30,)),
    Kept("C11_nxdomain_at_most_an_hour", saying(dns.rcode.NXDOMAIN, authority=[
        ("example.", DAY, "SOA", "ns.example. admin.example. 1 2 3 4 86400")]), True, (3600,)),
    Kept("C11_nxdomain_without_soa", saying(dns.rcode.NXDOMAIN), True),
    Kept("C11_nxdomain_of_a_filter", raw(lambda asked: message(asked, flags=0x8103)), True),
    Kept("C11_nodata", saying(authority=[("example.", 900, "SOA", SOA)]), True, (60,)),
    Kept("C11_nodata_without_soa", saying(), True),
    Kept("C14_ttl_0", saying(records=[(None, 0, "A", ADDRESS)]), False),
    Kept("C14_one_of_two_0", saying(records=[(None, 300, "TXT", "x"), (None, 0, "A", ADDRESS)]), False),
    Kept("C15_ttl_bit_31", raw(lambda asked: message(asked, records=[address_record(ADDRESS, 0x80000001)])), True, (DAY,)),
    Kept("C15_ttl_largest", raw(lambda asked: message(asked, records=[address_record(ADDRESS, 0xFFFFFFFF)])), True, (DAY,)),
    Kept("C16_mixed", saying(records=[(None, 300, "A", ADDRESS), (None, 200, "TXT", "x")]), True, (300, 200)),
    Kept("C17_four_thousand_records", raw(lambda asked: message(asked, records=[
        address_record(f"10.0.{number // 250}.{number % 250}") for number in range(4000)])), True),
    Kept("yxdomain", failing(dns.rcode.YXDOMAIN), False),
]


@pytest.mark.parametrize("row", KEPT, ids=lambda row: row.name)
def test_answers_are_kept_by_their_ttls(two, row):
    label = row.name.lower().replace("_", "-")
    two.says[label] = row.says
    replies = [two.ask(f"{label}.example") for _ in range(2)]
    assert two.asked(f"{label}.example") == [1 if row.kept else 2, 0]
    assert replies[0].rcode() == replies[1].rcode()
    for reply in replies:
        ttls = [rrset.ttl for section in (reply.answer, reply.authority) for rrset in section]
        assert all(most - 5 <= ttl <= most for ttl, most in zip(ttls, row.ttls, strict=False)), ttls
        assert len(ttls) >= len(row.ttls)


def test_c03_what_comes_beside_the_answer_answers_nothing_else(two):
    two.says["c03"] = saying(records=[(None, 300, "A", ADDRESS)], authority=[("example.", 300, "NS", "victim.example.")],
                             additional=[("victim.example.", 300, "A", "6.6.6.6")])
    assert addresses(two.ask("c03.example")) == [ADDRESS]
    assert addresses(two.ask("victim.example")) == [ADDRESS]
    assert two.asked("victim.example") == [1, 0]


def test_c08_who_waits_for_the_same_gets_it_in_his_own_way(two):
    two.says["c08"] = saying(records=[(None, 300, "TXT", f'"{number}{"t" * 198}"') for number in range(4)])
    for resolver in two.resolvers:
        resolver.delay = 0.3
    asked = [query("c08.example", "TXT", identity=1), query("C08.example", "TXT", edns=512, identity=2),
             query("c08.EXAMPLE", "TXT", edns=4096, identity=3), query("c08.example", "TXT", edns=1232, dnssec_ok=True, identity=4)]
    asked[3].flags |= dns.flags.CD
    replies = two.client.exchange([message.to_wire() for message in asked])
    for resolver in two.resolvers:
        resolver.delay = 0.0
    small, large = dns.message.from_wire(replies[0][0]), dns.message.from_wire(replies[2][0])
    assert small.flags & dns.flags.TC and not small.answer
    assert dns.message.from_wire(replies[1][0]).flags & dns.flags.TC
    assert len(large.answer[0]) == 4
    for message_sent, got in zip(asked, replies):
        assert len(got) == 1 and got[0][:2] == message_sent.to_wire()[:2]
        assert question_of(got[0]) == question_of(message_sent.to_wire())
    first, second = two.asked("c08.example", "TXT")
    assert first == 2 and second <= 2, "one for the three, one for DO and CD; of another resolver as well, if that one is slow"


def test_c10_what_was_asked_with_other_flags_is_another_answer(two):
    def validating(asked):
        if not asked.flags & dns.flags.CD:
            return failing(dns.rcode.SERVFAIL, BOGUS)(asked)
        return answer(asked)

    two.says["c10"] = validating
    unchecked = query("c10.example", edns=1232)
    unchecked.flags |= dns.flags.CD
    for _ in range(2):
        assert addresses(two.client.ask(unchecked)) == [ADDRESS]
        assert two.ask("c10.example").rcode() == dns.rcode.SERVFAIL

    def signed(asked):
        signature = "A 13 2 300 20300101000000 20200101000000 1 example. AAAA"
        rows = [(None, 300, "A", ADDRESS)] + ([(None, 300, "RRSIG", signature)] if asked.ednsflags & dns.flags.DO else [])
        return saying(records=rows, flags=dns.flags.AD)(asked)

    two.says["c10-signed"] = signed
    for _ in range(2):
        assert len(two.ask("c10-signed.example", dnssec_ok=True).answer) == 2
        plain = two.ask("c10-signed.example")
        assert len(plain.answer) == 1 and not plain.flags & dns.flags.AD
    refused = query("c10-signed.example", edns=1232)
    refused.flags &= ~dns.flags.RD
    assert two.client.ask(refused).rcode() == dns.rcode.REFUSED


def test_c11_no_data_of_one_type_says_nothing_of_another(two):
    for _ in range(2):
        assert not two.ask("c11.example", "MX").answer
        assert addresses(two.ask("c11.example")) == [ADDRESS]
    assert two.asked("c11.example", "MX") == two.asked("c11.example") == [1, 0]


def test_c12_a_thousand_askers_of_what_fails_cost_three_queries_each(two):
    two.says["c12"] = failing(dns.rcode.SERVFAIL)
    payloads = [query("c12.example", edns=1232, identity=number).to_wire() for number in range(1000)]
    for start in range(0, 1000, 250):
        replies = two.client.exchange(payloads[start:start + 250])
        assert all(len(got) == 1 and got[0][3] & 0xF == dns.rcode.SERVFAIL for got in replies)
    assert two.asked("c12.example") == [3, 3]
    assert explanations(two.ask("c12.example")) == [CACHED_ERROR]
    two.says["c12"] = answer
    wait_until(lambda: addresses(two.ask("c12.example")) == [ADDRESS], "asked again after two seconds")


def test_c14_who_waits_shares_an_answer_that_is_not_kept(two):
    two.says["c14-shared"] = saying(records=[(None, 0, "A", ADDRESS)])
    for resolver in two.resolvers:
        resolver.delay = 0.15  # Not so long that the other one is asked as well.
    replies = two.client.exchange([query("c14-shared.example", identity=number).to_wire() for number in range(50)])
    for resolver in two.resolvers:
        resolver.delay = 0.0
    assert all(addresses(dns.message.from_wire(got[0])) == [ADDRESS] for got in replies)
    assert two.asked("c14-shared.example") == [1, 0]


def test_c16_an_answer_lives_as_long_as_its_first_record(two):
    two.says["c16"] = saying(records=[(None, 300, "TXT", "x"), (None, 2, "A", ADDRESS)])
    ages = []
    while two.asked("c16.example") == [0, 0] or two.asked("c16.example") == [1, 0]:
        ages.append([rrset.ttl for rrset in two.ask("c16.example").answer])
        time.sleep(0.1)
    assert all(long - short == 298 for long, short in ages), "all of them age"
    assert {short for _, short in ages} == {1, 2}, "and none is told with a life that is over"


def test_c21_new_names_do_not_push_out_what_is_in_demand(two):
    assert two.ask("c21-hot.example").rcode() == dns.rcode.NOERROR
    for start in range(0, 6000, 500):
        flood = [query(f"c21-{number}.example").to_wire() for number in range(start, start + 500)]
        assert all(two.client.exchange(flood, timeout=30)), "each has its reply"
        assert two.ask("c21-hot.example").rcode() == dns.rcode.NOERROR
    assert two.asked("c21-hot.example") == [1, 0]
    metrics = two.running.metrics()
    assert metrics.value("dotline_cache_entries") <= 2000
    assert metrics.value("dotline_cache_evictions_total") > 3000


# ---------------------------------------------------------------- C23: stale answers

def soon_over(rcode=dns.rcode.NOERROR):
    if rcode == dns.rcode.NXDOMAIN:
        return saying(rcode, authority=[("example.", 2, "SOA", SOA)])
    return saying(records=[(None, 2, "A", ADDRESS), (None, 300, "TXT", "x")])


STALE_ROWS = {
    "servfail": failing(dns.rcode.SERVFAIL),
    "refused": failing(dns.rcode.REFUSED),
    "notimp": failing(dns.rcode.NOTIMP),
    "garbage": BROKEN["C18_rdlength_past_the_end"],
    "silence": lambda asked: None,
}


def test_c23_a_failure_is_told_as_the_answer_that_was(two):
    rows = [f"c23-{name}" for name in STALE_ROWS] + ["c23-nxdomain", "c23-nodata", "c23-bogus", "c23-flushed", "c23-zero"]
    for label in rows:
        two.says[label] = soon_over()
    two.says["c23-nxdomain"] = soon_over(dns.rcode.NXDOMAIN)
    for label in rows:
        two.ask(f"{label}.example")
    time.sleep(2.2)
    told = two.outcomes("stale")

    for name, says in STALE_ROWS.items():
        two.says[f"c23-{name}"] = says
        asked = None
        for _ in range(3):
            reply = two.ask(f"c23-{name}.example")
            assert (reply.rcode(), addresses(reply), explanations(reply)) == (dns.rcode.NOERROR, [ADDRESS], [STALE]), name
            assert [rrset.ttl for rrset in reply.answer] == [30, 30]
            asked = asked or two.asked(f"c23-{name}.example")
        if name == "silence":  # The question goes on for 5 s: one before, two now, and a copy to see whether all is well again.
            assert max(two.asked(f"c23-{name}.example")) <= 5
        else:
            assert two.asked(f"c23-{name}.example") == asked, "not asked again for 30 seconds"
        plain = two.client.ask(query(f"c23-{name}.example"))
        assert addresses(plain) == [ADDRESS] and plain.edns < 0
    assert two.outcomes("stale") - told == 4 * len(STALE_ROWS)

    two.says["c23-nxdomain"] = failing(dns.rcode.SERVFAIL)
    reply = two.ask("c23-nxdomain.example")
    assert (reply.rcode(), explanations(reply)) == (dns.rcode.NXDOMAIN, [STALE_NXDOMAIN])
    assert reply.authority[0].ttl == 30

    # What a resolver knows is better than what it knew, though it be that there is nothing.
    two.says["c23-nodata"] = once_then(saying(authority=[("example.", 300, "SOA", SOA)]), failing(dns.rcode.SERVFAIL))
    assert not two.ask("c23-nodata.example").answer
    two.says["c23-zero"] = once_then(saying(records=[(None, 0, "A", "192.0.2.8")]), failing(dns.rcode.SERVFAIL))
    assert addresses(two.ask("c23-zero.example")) == ["192.0.2.8"]
    two.says["c23-zero"] = failing(dns.rcode.SERVFAIL)
    assert two.ask("c23-zero.example").rcode() == dns.rcode.SERVFAIL

    two.says["c23-bogus"] = failing(dns.rcode.SERVFAIL, BOGUS)
    assert two.ask("c23-bogus.example").rcode() == dns.rcode.SERVFAIL

    assert two.running.command("cache", "flush", "c23-flushed.example").returncode == 0
    two.says["c23-flushed"] = failing(dns.rcode.SERVFAIL)
    assert two.ask("c23-flushed.example").rcode() == dns.rcode.SERVFAIL


def test_prefetch_asks_before_an_answer_in_demand_expires(two):
    two.says["demand"] = saying(records=[(None, 10, "A", ADDRESS)])
    ttls = []

    def again():
        ttls.append(two.ask("demand.example").answer[0].ttl)
        return two.running.metrics().value("dotline_prefetches_total", result="asked")

    wait_until(again, "a query that no client waits for", timeout=90)
    asked = wait_until(lambda: sum(two.asked("demand.example")) >= 2 and sum(two.asked("demand.example")), "it comes")
    wait_until(lambda: two.ask("demand.example").answer[0].ttl > 5, "the new answer in the old one's place")
    assert sum(two.asked("demand.example")) == asked, "and no miss"
    assert min(ttls) >= 1, "no answer was told whose life was over"


# ---------------------------------------------------------------- a real resolver that dies

def test_c23_expired_names_outlive_their_resolver(other_rig):
    rig = other_rig
    names = [f"n{number}.short.example" for number in range(4)]
    settings = {"health_checks": {"mode": "lazy", "qname": "a.root-servers.net.", "lazy": {"interval": 1}}}
    with (rig.unbound(records="*.short 2 IN A 192.0.2.8\n") as resolver,
          rig.dotline(configuration([backend(resolver, rig.authority, **settings)])) as running):
        for name in names:
            assert addresses(rig.client.ask(query(name))) == ["192.0.2.8"]
        resolver.kill()
        time.sleep(2.2)
        for name in names[:2]:
            reply = rig.client.ask(query(name, edns=1232))
            assert (addresses(reply), reply.answer[0].ttl, explanations(reply)) == (["192.0.2.8"], 30, [STALE])
        wait_until(lambda: running.metrics().value("dotline_backend_in_rotation") == 0, "out of rotation", timeout=60)
        reply = rig.client.ask(query(names[2], edns=1232))
        assert (addresses(reply), explanations(reply)) == (["192.0.2.8"], [STALE]), "without being asked"
        resolver.start()
        wait_until(lambda: running.metrics().value("dotline_backend_in_rotation") == 1, "in rotation", timeout=120)
        reply = rig.client.ask(query(names[3], edns=1232))
        assert (addresses(reply), explanations(reply)) == (["192.0.2.8"], []) and reply.answer[0].ttl <= 2
        # And the others, when the operator does not want to wait for half a minute.
        assert running.command("cache", "flush").returncode == 0
        assert explanations(rig.client.ask(query(names[0], edns=1232))) == []
