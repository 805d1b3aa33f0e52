"""Clients who ask at fixed times, whatever becomes of what they asked before, and give up after two seconds.

Each reply is compared with what the name must give, so a wrong answer is not taken for one.
"""

import collections
import dataclasses
import random
import selectors
import socket
import struct
import time

import dns.exception
import dns.message
import dns.rcode

from rig.client import query
from rig.namespaces import CLIENT, FORWARDER, inside
from rig.raw_resolver import address_for

PATIENCE = 2.0  # Seconds. Who is answered later has gone, but it is no silence.
LISTEN = 3.0
_SOCKETS = 16
_RECEIVE_BUFFER = 1 << 20
_EXTENDED_ERROR = 15
_STALE_ANSWER, _STALE_NXDOMAIN = 3, 19  # RFC 8914 §4.4, §4.20.


def mostly_new_names(label, count, *, seed=1, popular=0.2):
    """Of many domains; one in five is asked for again and again. `label` makes them other ones than those of another run."""
    draw = random.Random(f"{label} {seed}")
    names = []
    for number in range(count):
        if draw.random() < popular:
            names.append(f"popular{draw.randrange(50)}.{label}-{draw.randrange(10)}.example")
        else:
            names.append(f"n{number}.{label}-site{draw.randrange(300)}.example")
    return names


@dataclasses.dataclass
class Reply:
    name: str
    asked: float                # Seconds after the first query.
    outcome: str = "silence"    # right, wrong, SERVFAIL, silence
    took: float = LISTEN
    errors: tuple = ()          # Extended DNS errors.

    @property
    def served(self):
        return self.outcome == "right" and self.took <= PATIENCE

    @property
    def stale(self):
        return _STALE_ANSWER in self.errors or _STALE_NXDOMAIN in self.errors


class Tally:
    """What became of all queries."""

    def __init__(self, replies):
        self.replies = replies
        self.counts = collections.Counter(reply.outcome for reply in replies)

    @property
    def asked(self):
        return len(self.replies)

    @property
    def served(self):
        return sum(reply.served for reply in self.replies)

    @property
    def share(self):
        return self.served / max(1, self.asked)

    @property
    def failed(self):
        """Who did not get the right answer in time."""
        return self.asked - self.served

    def __str__(self):
        quick = sum(reply.outcome == "SERVFAIL" and reply.took < 1.5 for reply in self.replies)
        late = self.counts["right"] - self.served
        return (f"{100 * self.share:6.2f} % served of {self.asked}: SERVFAIL {self.counts['SERVFAIL']} ({quick} within 1.5 s), late {late}, "
                f"silence {self.counts['silence']}, wrong {self.counts['wrong']}")


class OpenLoop:
    def __init__(self, topology, server=FORWARDER):
        self._topology = topology
        self._server = server

    def ask(self, names, *, rate, listen=LISTEN):
        """Asks for the address of each name, so many a second, and listens so many seconds for each reply."""
        waiting = {}  # (socket's number, id): Reply
        replies = []
        sockets = [self._socket() for _ in range(_SOCKETS)]
        with selectors.EpollSelector() as selector:
            for number, client in enumerate(sockets):
                selector.register(client, selectors.EVENT_READ, number)
            begin = time.monotonic()
            for number, name in enumerate(names):
                self._listen_until(begin + number / rate, selector, waiting, begin)
                place, identity = number % _SOCKETS, number // _SOCKETS + 1
                replies.append(Reply(name, asked=time.monotonic() - begin))
                waiting[place, identity] = replies[-1]
                sockets[place].send(query(name, edns=1232, identity=identity).to_wire())
            end = time.monotonic() + listen
            while waiting and (left := end - time.monotonic()) > 0:
                self._listen_until(time.monotonic() + min(left, 0.05), selector, waiting, begin)
        for client in sockets:
            client.close()
        for reply in replies:
            if reply.took > listen:
                reply.outcome = "silence"
        return Tally(replies)

    def _socket(self):
        with inside(self._topology.client):
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        client.setblocking(False)
        client.bind((CLIENT, 0))
        client.connect((self._server, 53))
        return client

    @staticmethod
    def _listen_until(when, selector, waiting, begin):
        while True:
            left = when - time.monotonic()
            for key, _ in selector.select(max(left, 0)):
                try:
                    wire = key.fileobj.recv(65535)
                except (BlockingIOError, ConnectionRefusedError):
                    continue
                reply = waiting.pop((key.data, struct.unpack_from("!H", wire)[0]), None)
                if reply is not None:
                    _judge(reply, wire, time.monotonic() - begin - reply.asked)
            if left <= 0:
                return


def _judge(reply, wire, took):
    reply.took = took
    try:
        message = dns.message.from_wire(wire)
    except dns.exception.DNSException:
        reply.outcome = "wrong"
        return
    reply.errors = tuple(int(option.code) for option in message.options if option.otype == _EXTENDED_ERROR)
    if message.rcode() == dns.rcode.SERVFAIL:
        reply.outcome = "SERVFAIL"
        return
    told = [record.to_text() for records in message.answer for record in records]
    asked = message.question[0].name.to_text().rstrip(".").lower() if message.question else None
    right = message.rcode() == dns.rcode.NOERROR and told == [address_for(reply.name)] and asked == reply.name
    reply.outcome = "right" if right else "wrong"
