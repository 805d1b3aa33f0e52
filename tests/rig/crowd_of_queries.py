"""Queries of every kind that a stub or a curious operator sends, drawn at random, and ways to ask them by the hundred."""

import collections
import random
import select
import socket
import ssl
import struct
import time
import typing

import h2.config
import h2.connection
import h2.events

from rig.namespaces import FORWARDER, inside
from rig.signed_zones import BOGUS, CHAIN, HOSTS, PLAIN, SIGNED, TEXT_SIZES

RD, AD, CD = 0x0100, 0x0020, 0x0010
IN, CHAOS = 1, 3
ANY, AXFR, IXFR, MAILB = 255, 252, 251, 253
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "DNAME": 39, "DS": 43,
         "DNSKEY": 48, "NSEC": 47, "TLSA": 52, "HTTPS": 65, "CAA": 257, "TYPE1000": 1000, "TYPE65280": 65280}
_DO = 0x8000
_OPTIONS = (b"", b"", b"", struct.pack("!HH", 3, 0), struct.pack("!HH", 65001, 2) + b"xy",
            struct.pack("!HHHBB", 8, 4, 1, 0, 0))  # None, NSID, one that nobody knows, client subnet 0.0.0.0/0.


class Query(typing.NamedTuple):
    flags: int
    name: bytes  # In wire form and the client's case.
    kind: int
    klass: int
    edns: int | None  # The size that is offered.
    dnssec_ok: bool
    options: bytes

    def wire(self, number):
        message = struct.pack("!HHHHHH", number, self.flags, 1, 0, 0, int(self.edns is not None)) + self.question()
        if self.edns is not None:
            message += b"\0" + struct.pack("!HHIH", 41, self.edns, _DO if self.dnssec_ok else 0, len(self.options)) + self.options
        return message

    def question(self):
        return self.name + struct.pack("!HH", self.kind, self.klass)


def _wire_name(labels, zone):
    octets = [label if isinstance(label, bytes) else label.encode() for label in labels]
    octets += [label.encode() for label in zone.rstrip(".").split(".")]
    return b"".join(bytes([len(label)]) + label for label in octets) + b"\0"


_FIXED_NAMES = [("ns",), ("dangling",), ("abroad",), ("deep", "empty"), ("empty",), ("tree",), ("leaf", "tree"), ("none", "tree"),
                ("leaf", "branch"), ("_sip", "_udp"), ("www",), ("_853", "_tcp", "host0"), ("unknown",), ("many",), ("a.dot",),
                (b"\0\xff",), ("x" * 63, "y" * 63, "z" * 40), ("wild",), ("tame",), (), ("x" * 63,) * 3,
                ("x" * 63, "y" * 63, "z" * 63, "tree"), *((name,) for name in TEXT_SIZES)]


def _labels(draw):
    made = (lambda: (f"host{draw.randrange(HOSTS)}",), lambda: (f"alias{draw.randrange(CHAIN)}",),
            lambda: (f"w{draw.randrange(500)}", "wild"), lambda: (f"t{draw.randrange(100)}", "tame"),
            lambda: (f"missing{draw.randrange(1000)}",), lambda: (f"m{draw.randrange(100)}", f"host{draw.randrange(9)}"),
            lambda: draw.choice(_FIXED_NAMES))
    return draw.choices(made, (6, 3, 2, 1, 3, 1, 8))[0]()


def _mixed_case(name, draw):
    return bytes(octet ^ 0x20 if 65 <= octet & 0xDF <= 90 and draw.random() < 0.5 else octet for octet in name)


def _kind(draw):
    rare = draw.random()
    if rare < 0.004:
        return draw.choice((ANY, AXFR, IXFR, MAILB))
    return draw.choices(list(TYPES.values()), (30, 3, 3, 3, 2, 4, 12, 20, 2, 1, 2, 2, 1, 2, 4, 2, 2, 1))[0]


def draw_query(draw):
    name = _wire_name(_labels(draw), draw.choices((PLAIN, SIGNED, BOGUS), (5, 5, 1))[0])
    if len(name) > 255:
        name = _wire_name(("host0",), PLAIN)
    flags = (RD if draw.random() < 0.97 else 0) | (AD if draw.random() < 0.2 else 0) | (CD if draw.random() < 0.15 else 0)
    edns = None if draw.random() < 0.35 else draw.choice((0, 511, 512, 700, 1231, 1232, 1233, 1400, 4096, 65535))
    return Query(flags, name if draw.random() < 0.6 else _mixed_case(name, draw), _kind(draw),
                 CHAOS if draw.random() < 0.003 else IN, edns, edns is not None and draw.random() < 0.5,
                 draw.choice(_OPTIONS) if edns is not None else b"")


def draw_queries(count, seed):
    draw = random.Random(seed)
    return [draw_query(draw) for _ in range(count)]


class OverUdp:
    """Asks a batch at once from one socket, again what got no reply."""

    def __init__(self, namespace, server=FORWARDER, port=53):
        with inside(namespace):
            self._socket = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.connect((server, port))

    def ask(self, queries):
        replies = [None] * len(queries)
        waiting = collections.Counter(range(len(queries)))
        end = time.monotonic() + 60
        while waiting:
            assert time.monotonic() < end, f"no reply to {queries[next(iter(waiting))]}"
            for number in waiting:
                self._socket.send(queries[number].wire(number))
            while waiting and select.select([self._socket], [], [], 3)[0]:
                reply = self._socket.recv(65535)
                number = reply[0] << 8 | reply[1]
                replies[number] = reply
                del waiting[number]
        return replies

    def close(self):
        self._socket.close()


class OverStream:
    """Asks a batch at once over one TCP connection, or TLS with `context`."""

    def __init__(self, namespace, server, port, *, context=None, name=None):
        with inside(namespace):
            self._socket = socket.create_connection((server, port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            self._socket = context.wrap_socket(self._socket, server_hostname=name)
        self._octets = bytearray()

    def ask(self, queries):
        wires = (query.wire(number) for number, query in enumerate(queries))
        self._socket.sendall(b"".join(struct.pack("!H", len(wire)) + wire for wire in wires))
        replies = [None] * len(queries)
        for _ in queries:
            reply = self._next()
            replies[reply[0] << 8 | reply[1]] = reply
        assert None not in replies, "two replies to one query"
        return replies

    def _next(self):
        while len(self._octets) < 2 or len(self._octets) < 2 + (self._octets[0] << 8 | self._octets[1]):
            octets = self._socket.recv(1 << 18)
            assert octets, "the connection was closed"
            self._octets += octets
        size = self._octets[0] << 8 | self._octets[1]
        reply = bytes(self._octets[2:2 + size])
        del self._octets[:2 + size]
        return reply

    def close(self):
        self._socket.close()


class OverHttps:
    """Asks a batch over one HTTP/2 connection (RFC 8484), as many at once as the server lets us."""

    def __init__(self, namespace, server, port, *, context, name, path="/dns-query"):
        context.set_alpn_protocols(["h2"])
        with inside(namespace):
            connection = socket.create_connection((server, port), timeout=60)
        self._socket = context.wrap_socket(connection, server_hostname=name)
        self._http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._http.initiate_connection()
        self._http.increment_flow_control_window(1 << 30)
        self._headers = [(":method", "POST"), (":scheme", "https"), (":authority", name), (":path", path),
                         ("accept", "application/dns-message"), ("content-type", "application/dns-message")]
        self._flush()

    def ask(self, queries):
        replies = []
        while len(replies) < len(queries):
            replies += self._ask_at_once(queries[len(replies):len(replies) + 64], len(replies))
        return replies

    def _ask_at_once(self, queries, first):
        streams = {}
        for number, query in enumerate(queries, start=first):
            stream, wire = self._http.get_next_available_stream_id(), query.wire(number)
            self._http.send_headers(stream, [*self._headers, ("content-length", str(len(wire)))])
            self._http.send_data(stream, wire, end_stream=True)
            streams[stream] = bytearray()
        self._flush()
        ended = 0
        while ended < len(queries):
            octets = self._socket.recv(1 << 18)
            assert octets, "the connection was closed"
            for event in self._http.receive_data(octets):
                if isinstance(event, h2.events.ResponseReceived):
                    assert dict(event.headers)[":status"] == "200", event.headers
                elif isinstance(event, h2.events.DataReceived):
                    streams[event.stream_id] += event.data
                    self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    ended += 1
                else:
                    assert not isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)), event
            self._flush()
        return [bytes(reply) for reply in streams.values()]

    def _flush(self):
        self._socket.sendall(self._http.data_to_send())

    def close(self):
        self._socket.close()


def tls_context(authority):
    return ssl.create_default_context(cafile=str(authority.certificate))
