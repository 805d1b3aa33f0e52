"""What dotline says to every odd query: the right code, the right flags, one reply at most, and silence where silence is due.

All rows are sent at once, over each transport, and each is judged alone; after them every packet is accounted for and dotline
answers as before. Names of the resolver's zone tell it what to say, so that sizes and flags of answers are rows as well.
"""

import dataclasses
import re
import ssl
import struct

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest

from rig.client import Client, query
from rig.forwarder import backend, configuration
from rig.namespaces import FORWARDER, FORWARDER6, OUTSIDER, OUTSIDER6
from rig.scripted_resolver import ADDRESS, answer

QUESTION = b"\x03www\x07example\x00" + struct.pack("!HH", 1, 1)
RD, TC, QR, CD, AD, AA, RA, Z = 0x0100, 0x0200, 0x8000, 0x0010, 0x0020, 0x0400, 0x0080, 0x0040
SHOWN_NAME = "dns.example"
MISTAKES = 50  # Fewer than a connection bears.
PROHIBITED, NOT_AUTHORITATIVE, NOT_SUPPORTED = 18, 20, 21  # RFC 8914 §4.19, §4.21, §4.22.
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
    options: frozenset = frozenset()  # Which the reply may carry, beside EDE.
    over_tcp: dict = dataclasses.field(default_factory=dict)  # What is different there, and over TLS.
    over_tls: dict = dataclasses.field(default_factory=dict)


FORMERR, NOTIMP, REFUSED, NOERROR, BADVERS = (dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.REFUSED, dns.rcode.NOERROR,
                                             dns.rcode.BADVERS)
WWW = b"\x03www\x07example\x00"
LONGEST_NAME = b"\x3f" + b"a" * 63 + b"\x3f" + b"b" * 63 + b"\x3f" + b"c" * 63 + b"\x35" + b"d" * 53 + b"\x07example\x00"
assert len(LONGEST_NAME) == 255
TSIG = b"\x00" + struct.pack("!HHIH", 250, 255, 0, 0)
SIG_0 = b"\x00" + struct.pack("!HHIH", 24, 255, 0, 0)
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
    malformed("an_answer_of_the_type_asked_for", message(counts=(1, 1, 0, 0), body=QUESTION + question(b"\xc0\x0c") + bytes(6))),
    malformed("an_opt_among_the_answers", message(counts=(1, 1, 0, 0), body=QUESTION + opt())),
    malformed("an_opt_among_the_authorities", message(counts=(1, 0, 1, 0), body=QUESTION + opt())),
    malformed("65535_additionals", message(counts=(1, 0, 0, 65535), body=QUESTION + opt())),
    malformed("an_additional_that_is_no_opt", message(counts=(1, 0, 0, 1), body=QUESTION + ADDRESS_RECORD), question=True),
    malformed("a_tsig", message(counts=(1, 0, 0, 1), body=QUESTION + TSIG), question=True),
    malformed("a_sig_0", message(counts=(1, 0, 0, 1), body=QUESTION + SIG_0), question=True),
    malformed("an_additional_that_is_absent", message(counts=(1, 0, 0, 1)), question=True),
    malformed("truncated_flag", message(flags=RD | TC)),
]

NAMES = [
    malformed("nothing_behind_the_header", message(body=b"")),
    malformed("name_cut", message(body=b"\x03ww")),
    malformed("type_and_class_missing", message(body=WWW)),
    malformed("class_missing", message(body=WWW + b"\x00\x01")),
    malformed("label_type_01", asking(b"\x43" + b"x" * 67 + b"\x00")),
    malformed("label_of_64_octets", asking(b"\x40" + b"x" * 64 + b"\x00")),
    malformed("label_type_10", asking(b"\x83www\x00")),
    malformed("label_of_extended_type", asking(b"\x41\x08\xff\x00")),
    malformed("pointer_to_itself", asking(b"\xc0\x0c")),
    malformed("pointer_forward", asking(b"\xc0\x20")),
    malformed("pointer_past_the_end", asking(b"\xc3\xff")),
    malformed("pointer_to_a_pointer", asking(b"\xc0\x0e\xc0\x0c")),
    malformed("pointer_backwards_in_the_name", asking(b"\x03www\xc0\x0c")),
    malformed("pointer_cut", message(body=b"\x03www\xc0")),
    malformed("pointer_into_the_header", asking(b"\x03www\xc0\x04")),
    malformed("name_of_256_octets", asking(b"\x3f" + b"a" * 63 + LONGEST_NAME[64:-9].replace(b"\x35", b"\x36", 1) + b"d"
                                           + b"\x07example\x00")),
    Row("name_of_255_octets", asking(LONGEST_NAME), NOERROR),
    Row("119_labels_of_one_octet", asking(b"\x01x" * 119 + b"\x07example\x00"), NOERROR),
    Row("root", asking(b"\x00"), NOERROR),
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
    Row("any", asking(WWW, 255), NOERROR, truncated=True, over_tcp={"truncated": False}),
    Row("any_with_opt", with_opt(question(WWW, 255)), NOERROR, truncated=True, opt=True, over_tcp={"truncated": False}),
    malformed("type_opt_asked_for", asking(WWW, 41), question=True),
    malformed("type_tsig_asked_for", asking(WWW, 250), question=True),
    *(malformed(f"type_{number}_asked_for", asking(WWW, number), question=True) for number in (128, 249, 253, 254)),
    Row("type_0", asking(WWW, 0), NOERROR),
    Row("type_65280", asking(WWW, 65280), NOERROR),
    Row("class_chaos", asking(b"\x07version\x04bind\x00", 16, 3), REFUSED),
    Row("class_chaos_with_opt", with_opt(question(b"\x07version\x04bind\x00", 16, 3)), REFUSED, opt=True, ede=NOT_SUPPORTED),
    *(Row(f"class_{number}", asking(WWW, 1, number), REFUSED) for number in (0, 2, 4, 254, 255, 4242, 65535)),
    Row("flags_that_mean_nothing_in_a_query", message(flags=RD | AA | RA | Z | 5), NOERROR),
    *(Row(f"rcode_{number}_in_a_query", message(flags=RD | number), NOERROR) for number in range(1, 16)),
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
    *(Row(f"opt_size_{size}", with_opt(size=size), NOERROR, opt=True) for size in (1, 511, 512, 1232, 1233, 4096)),
    Row("opt_extended_rcode", with_opt(size=1232)[:-6] + b"\xff" + with_opt()[-5:], NOERROR, opt=True),
    Row("opt_then_trailing_octets", with_opt() + b"trailing", NOERROR, opt=True),
    Row("opt_unknown_option", with_opt(options=option(100, b"what")), NOERROR, opt=True),
    Row("opt_keepalive", with_opt(options=option(KEEPALIVE)), NOERROR, opt=True, over_tcp={"options": frozenset({KEEPALIVE})}),
    Row("opt_padding_is_not_reflected", with_opt(options=option(PADDING, bytes(100))), NOERROR, opt=True,
        over_tls={"options": frozenset({PADDING})}),
    Row("opt_cookie", with_opt(options=option(COOKIE, b"12345678")), NOERROR, opt=True, options=frozenset({COOKIE})),
    Row("opt_many_options", with_opt(options=option(3) + option(9) + option(COOKIE, b"12345678")), NOERROR, opt=True,
        options=frozenset({COOKIE})),
    Row("opt_subnet", with_opt(options=option(SUBNET, b"\0\1\x18\0\xc6\x33\x64")), NOERROR, opt=True),
    malformed("opt_subnet_of_no_family_with_an_address", with_opt(options=option(SUBNET, b"\0\0\x08\0\x0a")), question=True),
    malformed("opt_subnet_of_family_3", with_opt(options=option(SUBNET, b"\0\3\0\0")), question=True),
    malformed("opt_subnet_of_33_bits", with_opt(options=option(SUBNET, b"\0\1\x21\0" + bytes(5))), question=True),
    malformed("opt_subnet_with_bits_beyond", with_opt(options=option(SUBNET, b"\0\1\x17\0\xc6\x33\x65")), question=True),
    malformed("opt_subnet_too_short", with_opt(options=option(SUBNET, b"\0\1\x18\0\xc6\x33")), question=True),
    *(Row(f"opt_version_{version}", with_opt(version=version), BADVERS, opt=True) for version in (1, 2, 127, 128, 255)),
    *(Row(f"opt_version_1_before_{what}", with_opt(body, version=1), BADVERS, opt=True) for what, body in (
        ("any", question(WWW, 255)), ("axfr", question(WWW, 252)), ("chaos", question(WWW, 16, 3)), ("tsig", question(WWW, 250)))),
    Row("opt_version_1_with_option_and_flags", with_opt(version=1, flags=0x80C0, options=option(100)), BADVERS, opt=True),
    malformed("opt_owner_is_not_the_root", with_opt(owner=b"\x01x\x00"), question=True),
    malformed("opt_owner_is_a_pointer", with_opt(owner=b"\xc0\x0c"), question=True),
    malformed("opt_length_past_the_end", with_opt(length=4), question=True),
    malformed("opt_length_65535", with_opt(length=65535), question=True),
    malformed("opt_option_overruns", with_opt(options=struct.pack("!HH", 100, 9) + b"1234"), question=True),
    *(malformed(f"opt_{count}_stray_octets", with_opt(options=option(100, b"x") + bytes(count)), question=True)
      for count in (1, 2, 3)),
    malformed("opt_cookie_of_9_octets", with_opt(options=option(COOKIE, b"123456789")), question=True),
    Row("opt_100_empty_options", with_opt(options=option(100) * 100), NOERROR, opt=True),
    malformed("opt_101_empty_options", with_opt(options=option(100) * 101), question=True),
    malformed("opt_280_empty_options", with_opt(options=option(100) * 280), question=True),
    malformed("opt_cut", message(counts=(1, 0, 0, 1), body=QUESTION + opt()[:6]), question=True),
    malformed("opt_as_the_question", message(body=opt()), question=True),
]

ROWS = SILENCE + OPCODES + COUNTS + NAMES + KINDS + EDNS
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


TOLD = re.compile(rb"(size|rcode)-\d+|ad\x07")


def told_by_name(query):
    """What the first label asks for: `size-N` an answer that makes a reply of N octets without an OPT, `rcode-N` that code,
    `ad` a validated answer, any other name the usual."""
    what, _, number = query.question[0].name.labels[0].decode("latin-1").partition("-")
    if what == "size":
        return of_size(query, int(number))
    if what == "rcode":
        response = dns.message.make_response(query, recursion_available=True)
        response.set_rcode(int(number))
        return response.to_wire()
    wire = answer(query)
    return wire[:3] + bytes([wire[3] | 0x20]) + wire[4:] if what == "ad" else wire


def of_size(query, size):
    """One TXT record fills it up."""
    header_and_question = struct.pack("!6H", query.id, QR | RD | RA, 1, 1, 0, 0) + query.question[0].name.to_wire() + bytes([0, 16, 0, 1])
    room = size - len(header_and_question) - 12
    strings = b"".join(bytes([count]) + b"x" * count for count in [255] * (room // 256) + [room % 256 - 1] if count >= 0)
    return header_and_question + b"\xc0\x0c" + struct.pack("!HHIH", 16, 1, 300, room) + strings


@pytest.fixture(scope="module")
def resolver(rig):
    with rig.scripted_resolver(behaviour=told_by_name) as resolver:
        yield resolver


@pytest.fixture(scope="module")
def dotline(rig, resolver):
    settings = configuration([backend(resolver, rig.authority)])
    shown = rig.authority.issue("shown", names=[SHOWN_NAME])
    tls = {"certificates": [{"certificate": str(shown.certificate), "key": str(shown.key)}]}
    settings["binds"].append({"address": f"{FORWARDER}:853", "protocol": "DoT", "tls": tls})
    with rig.dotline(settings) as dotline:
        yield dotline


@dataclasses.dataclass(frozen=True)
class Exchange:
    """Sends payloads over one transport; gives all replies to each."""
    client: Client
    server: str
    tcp: bool

    def __call__(self, payloads, **options):
        if self.tcp:
            return self.client.exchange_over_tcp(payloads, server=self.server)
        return self.client.exchange(payloads, server=self.server, linger=0.5, **options)

    def of(self, row):
        """The row as it is over this transport."""
        return dataclasses.replace(row, **row.over_tcp) if self.tcp else row

    @property
    def limit(self):
        return 65535 if self.tcp else 1232


TRANSPORTS = {"udp_ipv4": (FORWARDER, False), "udp_ipv6": (FORWARDER6, False),
              "tcp_ipv4": (FORWARDER, True), "tcp_ipv6": (FORWARDER6, True)}


@pytest.fixture(scope="module", params=TRANSPORTS)
def exchange(rig, dotline, request):
    return Exchange(rig.client, *TRANSPORTS[request.param])


@pytest.fixture(scope="module")
def replies(exchange):
    received = exchange([row.payload for row in ROWS], answered=sum(row.rcode is not None for row in ROWS))
    return {row.name: got for row, got in zip(ROWS, received)}


def test_the_rows_have_names_of_their_own():
    assert len({row.name for row in ROWS}) == len(ROWS)


@every_row
def test_row(exchange, replies, row):
    row, got = exchange.of(row), replies[row.name]
    if row.rcode is None:
        assert got == []
        return
    assert len(got) == 1
    assert_told(row, got[0], row.payload[:2], exchange.limit)


def assert_told(row, wire, identity, limit):
    reply = dns.message.from_wire(without_opcode(wire))
    flags = struct.unpack_from("!H", wire, 2)[0]
    assert wire[:2] == identity and len(wire) <= limit
    assert flags & QR and flags >> 11 & 15 == row.payload[2] >> 3 & 15
    assert reply.rcode() == row.rcode
    assert flags & (TC | RD | RA | CD | AA | Z) == row.flags | (TC if row.truncated else 0), hex(flags)
    assert (reply.edns == 0) == row.opt
    assert [option.code for option in reply.options if option.otype == dns.edns.OptionType.EDE] == (
        [row.ede] if row.ede is not None else [])
    if PADDING in row.options:
        assert len(wire) % 468 == 0  # RFC 8467 §4.1.
    assert_question_and_records(row, wire, reply)


def without_opcode(wire):
    """dnspython does not read messages of opcodes it does not know."""
    return wire[:2] + bytes([wire[2] & 0x87]) + wire[3:]


def question_in(wire):
    """Octet by octet: name, type and class."""
    end = 12
    while wire[end] != 0:
        end += 1 + wire[end]
    return wire[12:end + 5]


def assert_question_and_records(row, wire, reply):
    assert struct.unpack_from("!H", wire, 4)[0] == int(row.question)
    if row.question:
        assert wire[12:].startswith(question_in(row.payload))
    if row.rcode != NOERROR:
        assert not reply.answer and not reply.authority
        if row.ede is None and PADDING not in row.options:
            assert len(wire) <= len(row.payload), "an error is never larger than what it answers"
    if row.opt:
        assert reply.ednsflags & 0x7FFF == 0
        assert {option.otype for option in reply.options} <= {dns.edns.OptionType.EDE} | row.options


@dataclasses.dataclass(frozen=True)
class Size:
    """A client that can take so much gets an answer of so much, or the news that there is more."""
    answer: int            # Octets of the reply, its OPT apart.
    offered: int | None    # The client's UDP size; None: it sends no OPT.

    @property
    def payload(self):
        asked = question(label(f"size-{self.answer}") + b"\x07example\x00", 16)
        return message(body=asked) if self.offered is None else with_opt(asked, size=self.offered)

    @property
    def whole(self):
        return self.answer + (0 if self.offered is None else OPT_SIZE)

    @property
    def limit(self):
        """Over UDP."""
        return 512 if self.offered is None else min(max(512, self.offered), 1232)


def label(text):
    return bytes([len(text)]) + text.encode()


OPT_SIZE = 11
SIZES = [Size(answer + less, offered) for answer in (511, 512, 513, 1231, 1232, 1233, 4096, 65535)
         for less in (0, -OPT_SIZE) for offered in (None, 0, 511, 512, 513, 1231, 1232, 1233, 4096, 65535)]


def test_what_a_client_can_not_take_is_truncated_to_nothing(exchange):
    """And whatever it can take comes whole, up to the last octet."""
    wrong = []
    for size, got in zip(SIZES, exchange([size.payload for size in SIZES])):
        assert len(got) == 1, size
        flags, answers, additionals = (struct.unpack_from("!H", got[0], at)[0] for at in (2, 6, 10))
        fits = size.whole <= (exchange.limit if exchange.tcp else size.limit)
        asked = size.payload[12:-OPT_SIZE] if size.offered is not None else size.payload[12:]
        expected = (0 if fits else TC, int(fits), int(size.offered is not None),
                    size.whole if fits else 12 + len(asked) + size.whole - size.answer, asked)
        if (flags & TC, answers, additionals, len(got[0]), got[0][12:12 + len(asked)]) != expected:
            wrong.append((size, hex(flags), answers, additionals, len(got[0])))
    assert wrong == []


@dataclasses.dataclass(frozen=True)
class Validated:
    name: str
    payload: bytes
    told: bool             # That the resolver has validated the answer.


VALIDATED = b"\x02ad\x07example\x00"
TELLING = [
    Validated("asked_nothing", asking(VALIDATED), False),
    Validated("asked_with_opt", with_opt(question(VALIDATED)), False),
    Validated("asked_with_ad", asking(VALIDATED, flags=RD | AD), True),
    Validated("asked_with_do", with_opt(question(VALIDATED), flags=0x8000), True),
    Validated("asked_with_cd_only", asking(VALIDATED, flags=RD | CD), False),
    Validated("not_validated_asked_with_ad", message(flags=RD | AD), False),
    Validated("not_validated_asked_with_do", with_opt(flags=0x8000), False),
]


def test_ad_is_told_to_those_who_asked_for_it_and_only_if_the_resolver_said_so(exchange):
    """RFC 6840 §5.7 and §5.8. DO comes back as it was sent (RFC 3225 §3)."""
    for row, got in zip(TELLING, exchange([row.payload for row in TELLING])):
        reply = dns.message.from_wire(got[0])
        assert bool(reply.flags & dns.flags.AD) == row.told, row.name
        assert reply.ednsflags & 0x8000 == dns.message.from_wire(row.payload).ednsflags & 0x8000, row.name
        assert [rrset[0].to_text() for rrset in reply.answer] == [ADDRESS], row.name


def test_a_code_that_only_an_opt_can_carry_is_servfail_without_one(exchange):
    codes = (16, 22, 23, 24, 4000)
    names = [label(f"rcode-{code}") + b"\x07example\x00" for code in codes]
    payloads = [asking(name) for name in names] + [with_opt(question(name)) for name in names]
    told = [[dns.message.from_wire(wire).rcode() for wire in got] for got in exchange(payloads)]
    assert told == [[dns.rcode.SERVFAIL]] * len(codes) + [[code] for code in codes]


def test_what_can_be_answered_was_asked_of_the_resolver_and_nothing_else(resolver, replies):
    """As it was asked, octet by octet but for the case of letters, and nothing more of what the client sent."""
    def question_of(wire):
        asked = dns.message.from_wire(wire, ignore_trailing=True).question[0]
        return asked.name, asked.rdtype, asked.rdclass
    rows = [*ROWS, *(dataclasses.replace(row, **row.over_tcp) for row in ROWS)]
    answerable = {question_of(row.payload) for row in rows if row.rcode == NOERROR and not row.truncated}
    received = [wire for wire in resolver.received if not TOLD.match(wire, 13)]
    assert {question_of(wire) for wire in received} - answerable == set()
    assert received
    for wire in received:
        sent = dns.message.from_wire(wire)
        assert (len(sent.question), sent.answer, sent.authority, sent.additional) == (1, [], [], [])
        assert (sent.edns, sent.payload, sent.opcode(), sent.rcode()) == (0, 1232, dns.opcode.QUERY, NOERROR)
        assert {option.otype for option in sent.options} <= {KEEPALIVE, PADDING}
        assert len(wire) % 128 == 0


@pytest.mark.parametrize("server, source", [(FORWARDER, OUTSIDER), (FORWARDER6, OUTSIDER6)], ids=["ipv4", "ipv6"])
def test_a_client_outside_of_the_access_list_is_refused(rig, dotline, server, source):
    def gained(name, **labels):
        return dotline.metrics().value(name, **labels) - before.value(name, **labels)
    before = dotline.metrics()
    room_for_a_reason = [dns.edns.GenericOption(100, bytes(4))]
    payloads = [query("www.example", edns=1232, options=room_for_a_reason).to_wire(), message(counts=(2, 0, 0, 0)), message(flags=RD | 5 << 11)]
    refused, *silence = rig.client.exchange(payloads, server=server, source=source, answered=1, linger=0.3)
    assert len(refused) == 1 and silence == [[], []]
    reply = dns.message.from_wire(refused[0])
    assert (reply.rcode(), reply.answer, [option.code for option in reply.options]) == (dns.rcode.REFUSED, [], [PROHIBITED])
    assert not reply.flags & RA, "scanners would call it an open resolver"
    assert gained("dotline_replies_total", outcome="refused") == 1
    assert gained("dotline_packets_dropped_total", reason="acl_denied") == 2


@pytest.mark.parametrize("server, source", [(FORWARDER, OUTSIDER), (FORWARDER6, OUTSIDER6)], ids=["ipv4", "ipv6"])
def test_a_connection_from_outside_of_the_access_list_is_refused_too(rig, dotline, server, source):
    refused, *silence = rig.client.exchange_over_tcp(
        [query("www.example", edns=1232).to_wire(), message(counts=(2, 0, 0, 0)), message(flags=QR)], server=server, source=source)
    replies = [dns.message.from_wire(wire) for wire in refused]
    assert [(reply.rcode(), reply.flags & RA) for reply in replies] == [(dns.rcode.REFUSED, 0)]
    assert silence == [[], []]


@pytest.mark.parametrize("encrypted", [False, True], ids=["tcp", "tls"])
def test_a_connection_carries_every_row_that_has_a_reply(rig, dotline, encrypted):
    """In whatever order; each reply is told by its id. A connection bears so many mistakes, then comes another one."""
    rows = [dataclasses.replace(row, **{**row.over_tcp, **(row.over_tls if encrypted else {})}) for row in ROWS if row.rcode is not None]
    for first in range(0, len(rows), MISTAKES):
        some = dict(enumerate(rows[first:first + MISTAKES]))
        with connected(rig, encrypted) as stream:
            stream.send(*(struct.pack("!H", number) + row.payload[2:] for number, row in some.items()))
            replies = {reply[:2]: reply for reply in (stream.receive() for _ in some)}
        assert len(replies) == len(some)
        for number, row in some.items():
            identity = struct.pack("!H", number)
            assert_told(row, replies[identity], identity, 65535)


def connected(rig, encrypted):
    if not encrypted:
        return rig.client.stream()
    stream = rig.client.stream(port=853)
    context = ssl.create_default_context(cafile=rig.authority.certificate)
    stream.connection = context.wrap_socket(stream.connection, server_hostname=SHOWN_NAME)
    return stream


def test_after_all_of_it_everything_is_as_before(rig, dotline, replies):
    assert rig.client.ask(query("www.example")).answer[0][0].to_text() == ADDRESS
    assert dotline.running()
