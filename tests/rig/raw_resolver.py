"""A resolver of which every octet is under control: where TLS records and TCP segments end, and how the connection does.

OpenSSL works on memory here, so a script gets the ciphertext and sends as much of it as it likes, when it likes. Each
connection has a thread, and a script runs on it. What a healthy resolver would say is in `right_answer`: an address that
follows from the name, so that an answer to another question can not pass for the right one.
"""

import contextlib
import ipaddress
import socket
import ssl
import struct
import threading
import zlib

from rig.certificates import RESOLVER_NAME
from rig.namespaces import RESOLVER_B, inside

_HEADER = 12
_TYPE_A = 1
_NOERROR_RESPONSE, _TRUNCATED_RESPONSE = 0x8180, 0x8380
_POINTER_TO_QUESTION = b"\xc0\x0c"


def address_for(name):
    """The one right address for `name`, in text."""
    number = zlib.crc32(name.rstrip(".").lower().encode())
    return str(ipaddress.IPv4Address(0x0A000000 | number & 0x00FFFFFF))


def question_of(query):
    """The octets of a query's question: name, type and class."""
    at = _HEADER
    while query[at] != 0:
        at += 1 + query[at]
    return query[_HEADER:at + 5]


def name_of(query):
    labels, at = [], _HEADER
    while query[at] != 0:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels)


def message(query, *, flags=_NOERROR_RESPONSE, records=(), additional=(), question=None):
    """A response to `query`; `records` and `additional` are wire octets. A question may be put in place of the right one."""
    head = query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, len(additional))
    return head + (question or question_of(query)) + b"".join(records) + b"".join(additional)


def address_record(address, ttl=300):
    return _POINTER_TO_QUESTION + struct.pack("!HHIH", _TYPE_A, 1, ttl, 4) + ipaddress.IPv4Address(address).packed


def right_answer(query):
    return message(query, records=[address_record(address_for(name_of(query)))])


def framed(wire):
    """With the two octets of length before it. RFC 1035 §4.2.2."""
    return struct.pack("!H", len(wire)) + wire


class Peer:
    """One connection, on its thread. `number` counts the resolver's connections from 0.

    What ends a connection, at this end or the other, ends the script: every method may raise OSError or ssl.SSLError.
    """

    def __init__(self, resolver, connection, number):
        self.number = number
        self.connection = connection
        self.client_random = b""
        self._resolver = resolver
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._plain = b""
        self.tls = resolver.context_for(number).wrap_bio(self._incoming, self._outgoing, server_side=True)

    # TCP, octet by octet.

    def receive_raw(self):
        octets = self.connection.recv(65536)
        if not octets:
            raise EOFError
        if not self.client_random:
            self.client_random = octets[11:43]  # Of the ClientHello, RFC 8446 §4.1.2, behind the record's header.
        return octets

    def send_raw(self, octets, *, piece=None, pause=0.0):
        """In pieces of `piece` octets, each in a segment of its own, with a pause after each."""
        for at in range(0, len(octets), piece or max(1, len(octets))):
            self.connection.sendall(octets[at:at + (piece or len(octets))])
            self.wait(pause)

    def wait(self, seconds):
        """Does nothing for that long; ends the script if the resolver stops meanwhile."""
        if seconds > 0 and self._resolver.stopping.wait(seconds):
            raise EOFError

    def finish(self):
        """FIN, without a close_notify before it. The other direction stays open."""
        self.connection.shutdown(socket.SHUT_WR)

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    # TLS.

    def shake_hands(self, *, piece=None, pause=0.0):
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.send_raw(self._outgoing.read(), piece=piece, pause=pause)
                self._incoming.write(self.receive_raw())
        self._resolver.note_handshake(self)
        self.send_raw(self._outgoing.read(), piece=piece, pause=pause)  # Tickets.

    def seal(self, octets, *, record=None):
        """The TLS records that carry `octets`, `record` octets in each (all in one, if they fit)."""
        for at in range(0, len(octets), record or max(1, len(octets))):
            self.tls.write(octets[at:at + (record or len(octets))])
        return self._outgoing.read()

    def say_goodbye(self):
        """close_notify, without a FIN after it."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.send_raw(self._outgoing.read())

    # DNS.

    def send(self, wire):
        self.send_raw(self.seal(framed(wire)))

    def query(self):
        """The next query's octets; waits for it."""
        while (query := self._take_query()) is None:
            self._read()
        self._resolver.received.append(query)
        return query

    def queries(self):
        while True:
            yield self.query()

    def queries_at_once(self, quiet=0.1):
        """At least one query, and then all that come until none has come for `quiet` seconds."""
        batch = [self.query()]
        self.connection.settimeout(quiet)
        with contextlib.suppress(TimeoutError):
            while True:
                batch.append(self.query())
        self.connection.settimeout(None)
        return batch

    def _take_query(self):
        if len(self._plain) < 2:
            return None
        size = int.from_bytes(self._plain[:2], "big")
        if len(self._plain) < 2 + size:
            return None
        query, self._plain = self._plain[2:2 + size], self._plain[2 + size:]
        return query

    def _read(self):
        try:
            octets = self.tls.read(65536)
            if not octets:
                raise EOFError
            self._plain += octets
        except ssl.SSLWantReadError:
            self._incoming.write(self.receive_raw())


def serve_rightly(peer):
    peer.shake_hands()
    for query in peer.queries():
        peer.send(right_answer(query))


class RawResolver:
    """`script(peer)` is run for each connection; when it returns, the connection is closed.

    `certificates`: one, or several of which connection N presents the Nth, and the last from then on. `receive_buffer`:
    octets that the kernel takes from a peer whom nobody reads. `contexts`: further changes to an ssl.SSLContext.
    """

    def __init__(self, topology, certificates, script, *, address=RESOLVER_B, receive_buffer=None, adjust=None,
                 tickets_outlive_connections=True):
        self.name = RESOLVER_NAME
        self.address = address
        self.received = []  # Every query's octets.
        self.connections = 0
        self.handshakes = 0
        self.resumed = 0
        self.stopping = threading.Event()
        self._script = script
        self._certificates = certificates if isinstance(certificates, (list, tuple)) else [certificates]
        self._adjust = adjust or (lambda context: None)
        self._contexts = {}
        self._tickets_outlive_connections = tickets_outlive_connections
        self._lock = threading.Lock()
        self._open = set()
        self._threads = []
        with inside(topology.resolver):
            self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind((address, 853))

    def start(self):
        self._listener.listen(512)
        self._spawn(self._accept_all)
        return self

    def stop(self):
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            still_open = list(self._open)
        for connection in still_open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def context_for(self, number):
        """The same for all connections with one certificate, unless tickets are to be worth nothing on the next one."""
        index = min(number, len(self._certificates) - 1)
        key = index if self._tickets_outlive_connections else number
        with self._lock:
            if key not in self._contexts:
                self._contexts[key] = self._make_context(self._certificates[index])
            return self._contexts[key]

    def _make_context(self, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        self._adjust(context)
        return context

    def note_handshake(self, peer):
        with self._lock:
            self.handshakes += 1
            self.resumed += bool(peer.tls.session_reused)

    def _accept_all(self):
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                number, self.connections = self.connections, self.connections + 1
                self._open.add(connection)
            self._spawn(lambda connection=connection, number=number: self._serve(connection, number))

    def _serve(self, connection, number):
        try:
            self._script(Peer(self, connection, number))
        except (EOFError, OSError):
            pass  # ssl.SSLError is an OSError. The other side is done with this connection.
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _spawn(self, work):
        thread = threading.Thread(target=work, name="raw resolver", daemon=True)
        self._threads.append(thread)
        thread.start()
