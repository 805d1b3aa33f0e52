"""Ways for a resolver to fail, one function each: scripts for RawResolver.

They are what resolvers, middle boxes and attackers have been seen to do, from the first segment of the connection to the
last. What only goes wrong in the handshake never reads a query; the rest shakes hands as it should.
"""

import functools
import random
import struct
import time

from rig.raw_resolver import (address_for, address_record, framed, message, name_of, question_of, right_answer,
                              serve_rightly)
from rig.tls_records import Records

NEVER = 3600.0  # Seconds; the resolver's stop ends the wait.


def after_handshake(script):
    @functools.wraps(script)
    def whole(peer):
        peer.shake_hands()
        script(peer)
    return whole


def for_each_query(reply):
    """`reply(peer, query)` does what there is to do for each query."""
    @functools.wraps(reply)
    def script(peer):
        peer.shake_hands()
        for query in peer.queries():
            reply(peer, query)
    return script


# ---- Odd, but right -------------------------------------------------------------------------------------------------


@after_handshake
def reversed_answers(peer):
    while True:
        for query in reversed(peer.queries_at_once()):
            peer.send(right_answer(query))


@after_handshake
def shuffled_answers(peer):
    while True:
        queries = peer.queries_at_once()
        random.shuffle(queries)
        peer.send_raw(peer.seal(b"".join(framed(right_answer(query)) for query in queries)))


@for_each_query
def answers_twice(peer, query):
    for _ in range(2):
        peer.send(right_answer(query))


@after_handshake
def answers_twice_at_the_end(peer):
    while True:
        queries = peer.queries_at_once()
        answers = [right_answer(query) for query in queries] * 2
        random.shuffle(answers)
        for answer in answers:
            peer.send(answer)


@after_handshake
def first_answer_after_its_deadline(peer):
    """The id is known, but nobody waits any more; those that follow are right and in time."""
    late = peer.query()
    peer.connection.settimeout(1.5)
    try:
        while True:
            peer.send(right_answer(peer.query()))
    except TimeoutError:
        peer.connection.settimeout(None)
    peer.send(right_answer(late))
    for query in peer.queries():
        peer.send(right_answer(query))


@for_each_query
def prefix_in_two_records(peer, query):
    answer = framed(right_answer(query))
    for part in (answer[:1], answer[1:2], answer[2:]):
        peer.send_raw(peer.seal(part))


@for_each_query
def every_octet_in_a_record_of_its_own(peer, query):
    peer.send_raw(peer.seal(framed(right_answer(query)), record=1), piece=23)


@for_each_query
def records_cut_into_segments(peer, query):
    peer.send_raw(peer.seal(framed(right_answer(query))), piece=7)


@after_handshake
def many_answers_in_one_record(peer):
    while True:
        answers = b"".join(framed(right_answer(query)) for query in peer.queries_at_once())
        peer.send_raw(peer.seal(answers))


@for_each_query
def largest_answer(peer, query):
    """65,535 octets over five records: the right address, and many more."""
    room = 65535 - len(message(query))
    records = [address_record("10.255.255.255")] * (room // 16 - 1)
    answer = message(query, records=[address_record(address_for(name_of(query))), *records])
    peer.send_raw(peer.seal(framed(answer.ljust(65535, b"\0"))), piece=10000)


@after_handshake
def says_goodbye_when_idle(peer):
    for query in peer.queries_at_once(quiet=0.3):
        peer.send(right_answer(query))
    peer.say_goodbye()
    peer.finish()


@after_handshake
def closes_after_each_query(peer):
    peer.send(right_answer(peer.query()))
    peer.say_goodbye()


@after_handshake
def closes_without_goodbye_after_each_query(peer):
    peer.send(right_answer(peer.query()))


@after_handshake
def closes_after_half_a_second(peer):
    end = time.monotonic() + 0.5
    try:
        while (left := end - time.monotonic()) > 0:
            peer.connection.settimeout(left)
            peer.send(right_answer(peer.query()))
    except TimeoutError:
        pass


def first_connection(fault, *, otherwise=serve_rightly):
    """Connection 0 goes wrong, all others do not."""
    return lambda peer: (fault if peer.number == 0 else otherwise)(peer)


# ---- Before and in the handshake ------------------------------------------------------------------------------------


def never_speaks(peer):
    peer.wait(NEVER)


def trickles_the_handshake(peer):
    peer.shake_hands(piece=1, pause=1.0)


def garbage_for_a_handshake(peer):
    peer.receive_raw()
    peer.send_raw(random.Random(1).randbytes(300))
    peer.wait(NEVER)


def speaks_http(peer):
    peer.receive_raw()
    peer.send_raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def speaks_tls_of_another_version(peer):
    peer.receive_raw()
    peer.send_raw(struct.pack("!BHH", 0x16, 0x0200, 4) + b"\x02\x00\x00\x00")
    peer.wait(NEVER)


def alerts_in_the_handshake(peer):
    peer.receive_raw()
    peer.send_raw(struct.pack("!BHHBB", 0x15, 0x0303, 2, 2, 40))  # Fatal, handshake_failure.


def closes_before_the_handshake(peer):
    peer.receive_raw()


def resets_in_the_handshake(peer):
    peer.receive_raw()
    peer.reset()


# ---- TLS, once it stands --------------------------------------------------------------------------------------------


@for_each_query
def answers_in_the_clear(peer, query):
    """As DNS over TCP would, but for the name."""
    peer.send_raw(framed(message(query, question=b"\x00\x00\x01\x00\x01")))


@for_each_query
def breaks_the_record(peer, query):
    """One bit of the tag: a bad MAC."""
    record = bytearray(peer.seal(framed(right_answer(query))))
    record[-1] ^= 1
    peer.send_raw(bytes(record))


@for_each_query
def garbage_after_the_handshake(peer, _query):
    peer.send_raw(random.Random(2).randbytes(300))


def flood(kind, *, batch=200, most=20000):
    """Records without data, as fast as they can be made; then silence. `kind` names a method of Records."""
    def script(peer, key_log):
        peer.shake_hands()
        peer.query()
        records = Records(peer, key_log)
        for _ in range(most // batch):
            peer.send_raw(b"".join(getattr(records, kind)() for _ in range(batch)))
        peer.wait(NEVER)
    return script


def without_tickets(key_log):
    """What Records needs of the server's context."""
    def adjust(context):
        context.num_tickets = 0
        context.keylog_filename = str(key_log)
    return adjust


# ---- Connections that end -------------------------------------------------------------------------------------------


@for_each_query
def closes_on_each_query(peer, _query):
    peer.say_goodbye()
    raise EOFError


@for_each_query
def finishes_without_goodbye(peer, _query):
    peer.finish()
    raise EOFError


@for_each_query
def resets(peer, _query):
    peer.reset()
    raise EOFError


@after_handshake
def resets_within_an_answer(peer):
    record = peer.seal(framed(right_answer(peer.query())))
    peer.send_raw(record[:len(record) // 2])
    peer.reset()


@after_handshake
def ends_within_an_answer(peer):
    peer.send_raw(peer.seal(framed(right_answer(peer.query()))[:-1]))
    peer.say_goodbye()


@after_handshake
def closes_one_half(peer):
    """Says nothing more, though it owes answers, and still reads."""
    peer.query()
    peer.finish()
    for _ in peer.queries():
        pass


@after_handshake
def resets_while_it_is_written_to(peer):
    peer.reset()


# ---- Silence --------------------------------------------------------------------------------------------------------


@for_each_query
def silent(_peer, _query):
    pass


@after_handshake
def never_reads(peer):
    peer.wait(NEVER)


@after_handshake
def falls_silent_after_three(peer):
    for number, query in enumerate(peer.queries()):
        if number < 3:
            peer.send(right_answer(query))


@for_each_query
def announces_more_than_it_sends(peer, _query):
    peer.send_raw(peer.seal(b"\xff\xff\x01\x02\x03"))


# ---- Messages -------------------------------------------------------------------------------------------------------


def prefix(size):
    return for_each_query(lambda peer, _query: peer.send_raw(peer.seal(struct.pack("!H", size) + bytes(size))))


def replying(make):
    """`make(query)` is the message sent for each query."""
    return for_each_query(lambda peer, query: peer.send(make(query)))


@for_each_query
def unasked_answer_first(peer, query):
    stranger = struct.pack("!H", struct.unpack("!H", query[:2])[0] ^ 0x8000)
    peer.send(stranger + right_answer(query)[2:])
    peer.send(right_answer(query))


def with_another_id(query):
    return bytes([query[0] ^ 0x5A]) + right_answer(query)[1:]


def to_another_question(query):
    return message(query, question=b"\x05other" + question_of(query), records=[address_record("192.0.2.66")])


def garbage(_query):
    return b"\xff" * 40


def cut_short(query):
    return right_answer(query)[:-2]


def truncated(query):
    return message(query, flags=0x8380)


def no_response(query):
    return query


def with_two_opts(query):
    opt = struct.pack("!BHHIH", 0, 41, 1232, 0, 0)
    return message(query, records=[address_record(address_for(name_of(query)))], additional=[opt, opt])


def with_rcode(code):
    return lambda query: message(query, flags=0x8180 | code)
