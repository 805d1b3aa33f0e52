"""What a DNS message says, apart from how it says it: for comparing a hundred thousand of them in seconds.

Names are taken out of compression and lower-cased, records are sorted within their section, TTLs and the OPT are kept apart.
Fails on whatever is malformed.
"""

import functools
import struct
import typing

_NAMES_IN_RDATA = {2: (0, 1), 5: (0, 1), 6: (0, 2), 12: (0, 1), 15: (2, 1), 39: (0, 1), 33: (6, 1)}  # Octets before, names.
_OPT = 41


class Opt(typing.NamedTuple):
    size: int
    extended_rcode: int
    version: int
    flags: int
    options: tuple  # Of codes.


class Sketch(typing.NamedTuple):
    flags: int        # The header's second word, with the rcode.
    question: bytes   # Octet by octet.
    sections: tuple   # Three sorted tuples of (owner, type, class, data), without the OPT.
    ttls: tuple       # Those of `sections`, in that order.
    opt: Opt | None


def _name(message, at):
    """The name at `at`, lower-cased and whole; where it ends."""
    octets, end, hops = b"", None, 0
    while True:
        length = message[at]
        if length >= 0xC0:
            end = at + 2 if end is None else end
            at = (length & 0x3F) << 8 | message[at + 1]
            hops += 1
            assert hops < 128, "pointers without end"
        elif length == 0:
            return octets + b"\0", at + 1 if end is None else end
        else:
            assert length < 64 and at + 1 + length <= len(message), "a label runs over"
            octets += message[at:at + 1 + length].lower()
            at += 1 + length


def _data(message, kind, at, size):
    if kind not in _NAMES_IN_RDATA:
        return message[at:at + size]
    before, names = _NAMES_IN_RDATA[kind]
    data, end, at = message[at:at + before], at + size, at + before
    for _ in range(names):
        name, at = _name(message, at)
        data += name
    return data + message[at:end]


@functools.lru_cache(maxsize=50_000)
def sketch(tail):
    """Of a message without its first two octets, the id. Many messages differ in nothing else."""
    message = b"\0\0" + tail
    flags, questions, *counts = struct.unpack_from("!HHHHH", message, 2)
    at = 12
    for _ in range(questions):
        while message[at] != 0:
            at += 1 + message[at]
        at += 5
    question, opt, sections, ttls = message[12:at], None, [], []
    for count in counts:
        section = []
        for _ in range(count):
            owner, at = _name(message, at)
            kind, klass, ttl, size = struct.unpack_from("!HHIH", message, at)
            at += 10
            assert at + size <= len(message), "a record runs over"
            if kind == _OPT:
                assert opt is None and owner == b"\0", "an OPT too many"
                opt = Opt(klass, ttl >> 24, ttl >> 16 & 0xFF, ttl & 0xFFFF, _option_codes(message[at:at + size]))
            else:
                section.append(((owner, kind, klass, _data(message, kind, at, size)), ttl))
            at += size
        section.sort()
        sections.append(tuple(record for record, _ in section))
        ttls += (ttl for _, ttl in section)
    assert at == len(message), "octets behind the last record"
    return Sketch(flags, question, tuple(sections), tuple(ttls), opt)


def _option_codes(octets):
    codes, at = [], 0
    while at < len(octets):
        code, size = struct.unpack_from("!HH", octets, at)
        codes.append(code)
        at += 4 + size
    return tuple(codes)
