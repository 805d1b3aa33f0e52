"""What dotline says to every odd query: the right code, the right flags, one reply at most, and silence where silence is due.

All rows are sent at once and each is judged alone; after them every packet is accounted for and dotline answers as before.
"""

import dataclasses
import struct

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from rig.client import query
from rig.forwarder import backend, configuration
from rig.namespaces import FORWARDER6, OUTSIDER
from rig.scripted_resolver import ADDRESS

QUESTION = b"\x03www\x07example\x00" + struct.pack("!HH", 1, 1)
RD, TC, QR, CD, AA, RA, Z = 0x0100, 0x0200, 0x8000, 0x0010, 0x0400, 0x0080, 0x0040
NOT_AUTHORITATIVE, NOT_SUPPORTED = 20, 21  # RFC 8914 §4.21, §4.22.
COOKIE, KEEPALIVE, PADDING, SUBNET = 10, 11, 12, 8


def message(*, flags=RD, counts=(1, 0, 0, 0), body=QUESTION, identity=0x1234):
    return struct.pack("!6H", identity, flags, *counts) + body


def opt(*, owner=b"\x00", size=1232, version=0, flags=0, options=b"", length=None):
    length = len(options) if length is None else length
    return owner + struct.pack("!HHBBHH", 41, size, 0, version, flags, length) + options


def with_opt(body=QUESTION, **fields):
    return message(counts=(1, 0, 0, 1), body=body + opt(**fields))


def option(code, data=b""):
    return struct.pack("!HH", code, len(data)) + data


def question(name, rdtype=1, rdclass=1):
    return name + struct.pack("!HH", rdtype, rdclass)


def asking(name, rdtype=1, rdclass=1, **fields):
    return message(body=question(name, rdtype, rdclass), **fields)


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    payload: bytes
    rcode: dns.rcode.Rcode | None   # None: no reply at all.
    opt: bool = False               # The reply has an OPT.
    ede: int | None = None
    truncated: bool = False
    flags: int = RD | RA            # Of the reply, beside QR, opcode, TC and rcode.
    question: bool = True           # The reply repeats it.


FORMERR, NOTIMP, REFUSED, NOERROR, BADVERS = (dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.REFUSED, dns.rcode.NOERROR,
                                             dns.rcode.BADVERS)
WWW = b"\x03www\x07example\x00"
LONGEST_NAME = b"\x3f" + b"a" * 63 + b"\x3f" + b"b" * 63 + b"\x3f" + b"c" * 63 + b"\x35" + b"d" * 53 + b"\x07example\x00"
assert len(LONGEST_NAME) == 255
TSIG = b"\x00" + struct.pack("!HHIH", 250, 255, 0, 0)
ADDRESS_RECORD = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 300, 4) + bytes(4)


def malformed(name, payload, *, question=False, **others):
    """FORMERR and NOTIMP say nothing but that: RA is not set, the question is there only if it could be read."""
    return Row(name, payload, others.pop("rcode", FORMERR), flags=others.pop("flags", RD), question=question, **others)


SILENCE = (
    [Row(f"only_{size}_octets", message()[:size], None) for size in range(1, 12)]
    + [Row(f"response_with_rcode_{code}", message(flags=QR | RD | code), None) for code in range(16)]
    + [Row("response_without_anything", message(flags=QR, counts=(0, 0, 0, 0), body=b""), None),
       Row("response_with_an_answer", message(flags=QR | RD | RA, counts=(1, 1, 0, 0), body=QUESTION + ADDRESS_RECORD), None)])

OPCODES = [malformed(f"opcode_{code}", message(flags=RD | code << 11), rcode=NOTIMP) for code in range(1, 16)] + [
    malformed("opcode_15_header_only", message(flags=RD | 15 << 11, counts=(0, 0, 0, 0), body=b""), rcode=NOTIMP)]

COUNTS = [
    malformed("no_question", message(counts=(0, 0, 0, 0), body=b"")),
    malformed("no_question_but_its_octets", message(counts=(0, 0, 0, 0))),
    malformed("two_questions", message(counts=(2, 0, 0, 0), body=QUESTION * 2)),
    malformed("65535_questions", message(counts=(65535, 0, 0, 0))),
    malformed("an_answer", message(counts=(1, 1, 0, 0), body=QUESTION + ADDRESS_RECORD)),
    malformed("an_authority", message(counts=(1, 0, 1, 0), body=QUESTION + ADDRESS_RECORD)),
    malformed("two_additionals", message(counts=(1, 0, 0, 2), body=QUESTION + opt() + opt())),
    malformed("an_additional_that_is_no_opt", message(counts=(1, 0, 0, 1), body=QUESTION + ADDRESS_RECORD), question=True),
    malformed("a_tsig", message(counts=(1, 0, 0, 1), body=QUESTION + TSIG), question=True),
    malformed("an_additional_that_is_absent", message(counts=(1, 0, 0, 1)), question=True),
    malformed("truncated_flag", message(flags=RD | TC)),
]

NAMES = [
    malformed("name_cut", message(body=b"\x03ww")),
    malformed("type_and_class_missing", message(body=WWW)),
    malformed("class_missing", message(body=WWW + b"\x00\x01")),
    malformed("label_type_01", asking(b"\x43" + b"x" * 67 + b"\x00")),
    malformed("label_type_10", asking(b"\x83www\x00")),
    malformed("pointer_to_itself", asking(b"\xc0\x0c")),
    malformed("pointer_forward", asking(b"\xc0\x20")),
    malformed("pointer_into_the_header", asking(b"\x03www\xc0\x04")),
    malformed("name_of_256_octets", asking(b"\x3f" + b"a" * 63 + LONGEST_NAME[64:-9].replace(b"\x35", b"\x36", 1) + b"d"
                                           + b"\x07example\x00")),
    Row("name_of_255_octets", asking(LONGEST_NAME), NOERROR),
    Row("119_labels_of_one_octet", asking(b"\x01x" * 119 + b"\x07example\x00"), NOERROR),
    Row("dots_and_controls_in_a_label", asking(b"\x06a.b\x00\n\x1b\x04bulk\x07example\x00"), NOERROR),
    Row("high_octets_in_a_label", asking(b"\x03\xff\x80\xfe\x04bulk\x07example\x00"), NOERROR),
]

KINDS = [
    Row("recursion_not_desired", message(flags=0), REFUSED, flags=RA),
    Row("recursion_not_desired_with_opt", message(flags=0, counts=(1, 0, 0, 1), body=QUESTION + opt()), REFUSED, opt=True,
        ede=NOT_AUTHORITATIVE, flags=RA),
    Row("axfr", asking(WWW, 252), REFUSED),
    Row("axfr_with_opt", with_opt(question(WWW, 252)), REFUSED, opt=True, ede=NOT_SUPPORTED),
    Row("ixfr", asking(WWW, 251), REFUSED),
    Row("any", asking(WWW, 255), NOERROR, truncated=True),
    Row("any_with_opt", with_opt(question(WWW, 255)), NOERROR, truncated=True, opt=True),
    malformed("type_opt_asked_for", asking(WWW, 41), question=True),
    malformed("type_tsig_asked_for", asking(WWW, 250), question=True),
    malformed("type_128_asked_for", asking(WWW, 128), question=True),
    Row("type_0", asking(WWW, 0), NOERROR),
    Row("type_65280", asking(WWW, 65280), NOERROR),
    Row("class_chaos", asking(b"\x07version\x04bind\x00", 16, 3), REFUSED),
    Row("class_chaos_with_opt", with_opt(question(b"\x07version\x04bind\x00", 16, 3)), REFUSED, opt=True, ede=NOT_SUPPORTED),
    *(Row(f"class_{number}", asking(WWW, 1, number), REFUSED) for number in (0, 2, 4, 254, 255, 4242)),
    Row("flags_that_mean_nothing_in_a_query", message(flags=RD | AA | RA | Z | 5), NOERROR),
    Row("checking_disabled", message(flags=RD | CD), NOERROR, flags=RD | RA | CD),
    Row("trailing_octet", message() + b"\x00", NOERROR),
    Row("trailing_1200_octets", message() + bytes(range(240)) * 5, NOERROR),
]

EDNS = [
    Row("opt", with_opt(), NOERROR, opt=True),
    Row("opt_do", with_opt(flags=0x8000), NOERROR, opt=True),
    Row("opt_reserved_flags", with_opt(flags=0x00C0), NOERROR, opt=True),
    Row("opt_size_0", with_opt(size=0), NOERROR, opt=True),
    Row("opt_size_65535", with_opt(size=65535), NOERROR, opt=True),
    Row("opt_then_trailing_octets", with_opt() + b"trailing", NOERROR, opt=True),
    Row("opt_unknown_option", with_opt(options=option(100, b"what")), NOERROR, opt=True),
    Row("opt_keepalive_is_ignored_over_udp", with_opt(options=option(KEEPALIVE)), NOERROR, opt=True),
    Row("opt_padding_is_not_reflected", with_opt(options=option(PADDING, bytes(100))), NOERROR, opt=True),
    Row("opt_cookie", with_opt(options=option(COOKIE, b"12345678")), NOERROR, opt=True),
    Row("opt_many_options", with_opt(options=option(3) + option(9) + option(COOKIE, b"12345678")), NOERROR, opt=True),
    *(Row(f"opt_version_{version}", with_opt(version=version), BADVERS, opt=True) for version in (1, 2, 255)),
    Row("opt_version_1_with_option_and_flags", with_opt(version=1, flags=0x80C0, options=option(100)), BADVERS, opt=True),
    malformed("opt_owner_is_not_the_root", with_opt(owner=b"\x01x\x00"), question=True),
    malformed("opt_owner_is_a_pointer", with_opt(owner=b"\xc0\x0c"), question=True),
    malformed("opt_length_past_the_end", with_opt(length=4), question=True),
    malformed("opt_length_65535", with_opt(length=65535), question=True),
    malformed("opt_option_overruns", with_opt(options=struct.pack("!HH", 100, 9) + b"1234"), question=True),
    malformed("opt_stray_octet", with_opt(options=option(100, b"x") + b"\x00"), question=True),
    malformed("opt_cookie_of_9_octets", with_opt(options=option(COOKIE, b"123456789")), question=True),
    malformed("opt_280_empty_options", with_opt(options=option(100) * 280), question=True),
    malformed("opt_cut", message(counts=(1, 0, 0, 1), body=QUESTION + opt()[:6]), question=True),
    malformed("opt_as_the_question", message(body=opt()), question=True),
]

ROWS = SILENCE + OPCODES + COUNTS + NAMES + KINDS + EDNS
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


@pytest.fixture(scope="module")
def resolver(rig):
    with rig.scripted_resolver() as resolver:
        yield resolver


@pytest.fixture(scope="module")
def dotline(rig, resolver):
    with rig.dotline(configuration([backend(resolver, rig.authority)])) as dotline:
        yield dotline


@pytest.fixture(scope="module", params=["ipv4", "ipv6"])
def replies(rig, dotline, request):
    """All replies to each row. Both families are asked all of it."""
    server = {} if request.param == "ipv4" else {"server": FORWARDER6}
    received = rig.client.exchange([row.payload for row in ROWS], timeout=3, linger=1, **server)
    return {row.name: got for row, got in zip(ROWS, received)}


def test_the_rows_have_names_of_their_own():
    assert len({row.name for row in ROWS}) == len(ROWS)


@every_row
def test_row(replies, row):
    got = replies[row.name]
    if row.rcode is None:
        assert got == []
        return
    assert len(got) == 1
    reply = dns.message.from_wire(without_opcode(got[0]))
    flags = struct.unpack_from("!H", got[0], 2)[0]
    assert got[0][:2] == row.payload[:2]
    assert flags & QR and flags >> 11 & 15 == row.payload[2] >> 3 & 15
    assert reply.rcode() == row.rcode
    assert flags & (TC | RD | RA | CD | AA | Z) == row.flags | (TC if row.truncated else 0), hex(flags)
    assert (reply.edns == 0) == row.opt
    assert [option.code for option in reply.options if option.otype == dns.edns.OptionType.EDE] == (
        [row.ede] if row.ede is not None else [])
    assert_question_and_size(row, got[0], reply)


def without_opcode(wire):
    """dnspython does not read messages of opcodes it does not know."""
    return wire[:2] + bytes([wire[2] & 0x87]) + wire[3:]


def assert_question_and_size(row, wire, reply):
    assert len(wire) <= 1232
    assert struct.unpack_from("!H", wire, 4)[0] == int(row.question)
    if row.question:
        end = 12 + len(reply.question[0].name.to_wire()) + 4
        assert wire[12:end] == row.payload[12:end]
    if row.rcode != NOERROR:
        assert not reply.answer and not reply.authority
        if row.ede is None:
            assert len(wire) <= len(row.payload), "an error is never larger than what it answers"
    if row.opt:
        assert reply.ednsflags & 0x7FFF == 0
        assert {option.otype for option in reply.options} <= {dns.edns.OptionType.EDE}


def test_only_what_can_be_answered_was_asked_of_the_resolver(resolver, replies):
    def question_of(wire):
        question = dns.message.from_wire(wire, ignore_trailing=True).question[0]
        return question.name, question.rdtype, question.rdclass
    answerable = {question_of(row.payload) for row in ROWS if row.rcode == NOERROR and not row.truncated}
    assert resolver.received
    assert {question_of(wire) for wire in resolver.received} <= answerable
    assert not any(b"trailing" in wire for wire in resolver.received)


def test_a_client_outside_of_the_access_list_is_refused(rig, dotline):
    before = dotline.metrics()
    reply = rig.client.ask(query("www.example", edns=1232), source=OUTSIDER)
    assert reply.rcode() == dns.rcode.REFUSED and not reply.answer
    malformed_from_outside = rig.client.exchange([message(counts=(2, 0, 0, 0))], source=OUTSIDER, timeout=1)
    assert malformed_from_outside == [[]]
    after = dotline.metrics()
    assert after.value("dotline_replies_total", outcome="refused") - before.value("dotline_replies_total", outcome="refused") == 1
    assert (after.value("dotline_packets_dropped_total", reason="acl_denied")
            - before.value("dotline_packets_dropped_total", reason="acl_denied")) == 1


def test_after_all_of_it_everything_is_as_before(rig, dotline, replies):
    assert rig.client.ask(query("www.example")).answer[0][0].to_text() == ADDRESS
    assert dotline.running()
