"""Resolvers that are in a mood: each answers as it feels, and feels otherwise every few seconds, as drawn from a seed.

They run on one thread of a process of their own, so that a thousand queries a second are no load for the test. Everybody who is
compared is shown the same moods at the same times; what happens to a query within a mood is drawn as well. Before `begin` and
after `rest` all of them are good. What a name's right address is, `address_for` of rig.raw_resolver says.
"""

import asyncio
import contextlib
import json
import logging
import random
import re
import socket
import ssl
import struct
import subprocess
import sys
import time

from rig.certificates import RESOLVER_NAME
from rig.namespaces import RESOLVER, RESOLVER_B, RESOLVER_C
from rig.raw_resolver import address_record, framed, message, name_of, question_of, right_answer

ADDRESSES = (RESOLVER, RESOLVER_B, RESOLVER_C)
USUAL_DELAY = (0.005, 0.04)  # Seconds until an answer.
_SERVFAIL_RESPONSE = 0x8182
_TYPE_A = b"\0\1\0\1"
_COST = re.compile(r"^after(\d+)ms")
_BROKEN = b"\xff" * 40


# ---- Moods: what is done about one query ----------------------------------------------------------------------------


def good(session, query):
    session.answer(query)


def silent(session, query):
    if not session.happens(0.8):
        session.answer(query)


def slow(session, query):
    session.answer(query, after=session.between(0, 2.5))


def closing(session, query):
    if session.happens(0.1):
        session.close()
    else:
        session.answer(query)


def resetting(session, query):
    if session.happens(0.1):
        session.reset()
    else:
        session.answer(query)


def servfail(session, query):
    session.say(message(query, flags=_SERVFAIL_RESPONSE) if session.happens(0.5) else right(query))


def garbage(session, query):
    session.say(_BROKEN if session.happens(0.1) else right(query))


def another_question(session, query):
    session.say(_to_another_question(query) if session.happens(0.1) else right(query))


def wrong_id(session, query):
    session.say(_with_another_id(query) if session.happens(0.1) else right(query))


def mistakes_some_names(session, query):
    """`mistaken...`: the answer is always to another question. `misnumbered...`: its id is always one that nobody used."""
    name = name_of(query)
    if name.startswith("mistaken"):
        session.say(_to_another_question(query))
    elif name.startswith("misnumbered"):
        session.say(_with_another_id(query))
    else:
        session.answer(query)


def lives_a_second(session, query):
    """Then it is gone, with all that it still owes."""
    session.end_at(session.since + 1.0)
    session.answer(query)


def gives_twenty_answers(session, query):
    """The twentieth ends the session, with all that it still owes."""
    session.answer(query, at_most=20)


def closes_at_random(session, query):
    if session.happens(1 / 30):
        session.close()
    else:
        session.answer(query)


def slow_at_first(session, query):
    """`after1600ms-7.example` is known 1.6 s after it was first asked for, to whoever asks: a cache that was cold."""
    cost = _COST.match(name_of(query))
    session.answer_when_known(query, int(cost[1]) / 1000 if cost else 0.0)


MOODS = {mood.__name__: mood for mood in (
    good, silent, slow, closing, resetting, servfail, garbage, another_question, wrong_id, lives_a_second,
    gives_twenty_answers, closes_at_random, slow_at_first, mistakes_some_names)}
ALL_BUT_CLOSERS = ("good", "silent", "slow", "closing", "resetting", "servfail", "garbage", "another_question", "wrong_id")


def right(query):
    """An address for A, no data for everything else."""
    return right_answer(query) if question_of(query).endswith(_TYPE_A) else message(query)


def _to_another_question(query):
    return message(query, question=b"\x05other" + question_of(query), records=[address_record("192.0.2.66")])


def _with_another_id(query):
    wire = right(query)
    return bytes([wire[0] ^ 0x5A]) + wire[1:]


# ---- What the test has in hand --------------------------------------------------------------------------------------


class Backend:
    """As rig.forwarder.backend wants to have it."""

    def __init__(self, address):
        self.name = RESOLVER_NAME
        self.address = address


class MoodyResolvers:
    """Use as a context. `backends` are in good mood until `begin`."""

    def __init__(self, topology, certificate, addresses=ADDRESSES):
        self.backends = [Backend(address) for address in addresses]
        self._command = topology.command(topology.resolver, sys.executable, "-m", "rig.moody_resolver",
                                         str(certificate.certificate), str(certificate.key), *addresses)

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def begin(self, moods, seed, *, each=(2.0, 5.0)):
        """From now on each is in one of `moods`, for so many seconds (least, most), then in another one."""
        self._tell({"moods": moods, "seed": seed, "each": each})

    def rest(self):
        """All are good again. Gives what each mood has heard: {"silent": 217}."""
        return self._tell({})

    def _tell(self, command):
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


# ---- The process ----------------------------------------------------------------------------------------------------


class _Resolver:
    """One address: its mood, and what it knows."""

    def __init__(self, address):
        self.address = address
        self.calm({})

    def calm(self, command):
        self._moods = [MOODS[name] for name in command.get("moods", ["good"])]
        self._each = command.get("each", (1e9, 1e9))
        self._fate = random.Random(f"{command.get('seed')} {self.address}")  # Of moods alone: the same whatever is asked.
        self.chance = random.Random(f"{command.get('seed')} {self.address} queries")
        self._mood, self._until = None, time.monotonic()
        self.known_at = {}
        self.heard = {}

    def mood(self):
        now = time.monotonic()
        while now >= self._until:
            self._mood = self._fate.choice(self._moods)
            self._until += self._fate.uniform(*self._each)
        return self._mood

    def hear(self, session, query):
        mood = self.mood()
        self.heard[mood.__name__] = self.heard.get(mood.__name__, 0) + 1
        mood(session, query)


class _Session(asyncio.Protocol):
    def __init__(self, resolver):
        self._resolver = resolver
        self._loop = asyncio.get_running_loop()
        self._plain = b""
        self._end = None
        self._lost = False
        self._given = 0

    def connection_made(self, transport):
        self._transport = transport
        self.since = time.monotonic()

    def connection_lost(self, _error):
        self._lost = True

    def data_received(self, octets):
        self._plain += octets
        while len(self._plain) >= 2 and len(self._plain) >= 2 + (size := struct.unpack_from("!H", self._plain)[0]):
            query, self._plain = self._plain[2:2 + size], self._plain[2 + size:]
            if not self._transport.is_closing():
                self._resolver.hear(self, query)

    # What moods do.

    def happens(self, share):
        return self._resolver.chance.random() < share

    def between(self, least, most):
        return self._resolver.chance.uniform(least, most)

    def answer(self, query, *, after=None, at_most=None):
        """`at_most`: so many answers in all, and it closes."""
        self._loop.call_later(self.between(*USUAL_DELAY) if after is None else after, self._give, right(query), at_most)

    def _give(self, wire, at_most):
        self.say(wire)
        self._given += 1
        if at_most is not None and self._given >= at_most:
            self.close()

    def answer_when_known(self, query, cost):
        known_at = self._resolver.known_at.setdefault(question_of(query), time.monotonic() + cost)
        self._loop.call_later(max(USUAL_DELAY[0], known_at - time.monotonic()), self.say, right(query))

    def say(self, wire):
        if not self._lost and not self._transport.is_closing():
            self._transport.write(framed(wire))

    def close(self):
        self._transport.close()

    def end_at(self, when):
        if self._end is None:
            self._end = self._loop.call_later(max(0.0, when - time.monotonic()), self.close)

    def reset(self):
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


async def _obey(resolvers):
    loop = asyncio.get_running_loop()
    print("ready", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        heard = {}
        for resolver in resolvers:
            for mood, count in resolver.heard.items():
                heard[mood] = heard.get(mood, 0) + count
            resolver.calm(json.loads(line))
        print(json.dumps(heard), flush=True)


async def _main(certificate, key, *addresses):
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # It warns of answers to sessions that the other side has closed.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    resolvers = [_Resolver(address) for address in addresses]
    loop = asyncio.get_running_loop()
    for resolver in resolvers:
        await loop.create_server(lambda resolver=resolver: _Session(resolver), resolver.address, 853, ssl=context, backlog=512)
    await _obey(resolvers)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(*sys.argv[1:]))
