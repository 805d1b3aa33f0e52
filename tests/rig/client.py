"""Clients that speak plain DNS to dotline: sockets by the thousand, hand-made frames, kdig and dnsperf.

Sockets are opened inside the client's namespace and used from this process, so a thousand clients cost no second process.
"""

import contextlib
import itertools
import re
import resource
import selectors
import signal
import socket
import subprocess
import threading
import time

import dns.flags
import dns.message

from rig.namespaces import CLIENT, CLIENT6, FORWARDER, FORWARDER6, inside
from rig.resolver import LARGE_TEXTS

_LARGEST_PAYLOAD = 65535
_SO_RCVBUFFORCE = 33  # <asm-generic/socket.h>


def query(name, rdtype="A", *, edns=None, dnssec_ok=False, identity=None, **options):
    """A question as a stub resolver asks it. `edns` is the UDP size to offer; None sends no OPT."""
    use_edns = {} if edns is None else {"use_edns": 0, "payload": edns, "want_dnssec": dnssec_ok}
    message = dns.message.make_query(name, rdtype, **use_edns, **options)
    if identity is not None:
        message.id = identity
    return message


class Client:
    def __init__(self, topology, interface="eth0"):
        self._topology = topology
        self._namespace = topology.client
        self._interface = interface
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def ask(self, message, *, server=FORWARDER, timeout=10.0, source=None):
        """One question, its one answer. Fails if none comes."""
        replies = self.exchange([message.to_wire()], server=server, timeout=timeout, source=source)[0]
        assert replies, f"no reply to {message.question}"
        return dns.message.from_wire(replies[0])

    def exchange(self, payloads, *, server=FORWARDER, port=53, timeout=10.0, linger=0.0, source=None, answered=None):
        """Sends every payload from a socket of its own, all at once; gives for each the replies it got.

        Ends when `answered` of them (all, if not said) have one reply or `timeout` has passed, and then listens `linger`
        seconds more for further replies.
        """
        sockets = [self._udp_socket(server, port, source) for _ in payloads]
        replies = [[] for _ in payloads]
        with selectors.EpollSelector() as selector:
            for index, client in enumerate(sockets):
                selector.register(client, selectors.EVENT_READ, index)
            for client, payload in zip(sockets, payloads):
                client.send(payload)
            _collect(selector, replies, until=len(payloads) if answered is None else answered, seconds=timeout)
            _collect(selector, replies, until=None, seconds=linger)
        for client in sockets:
            client.close()
        return replies

    def in_a_row(self, payloads, *, server=FORWARDER, window=256, timeout=10.0):
        """Sends all payloads from one socket, at most `window` unanswered at a time; their ids must differ. Gives a list of
        replies for each. Ends when nothing came for `timeout` seconds, or everything has."""
        client = self._udp_socket(server, 53, None)
        client.settimeout(timeout)
        # A small reply counts with all of the memory it lies in; the usual buffer is full after fifty.
        client.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 64 * 1024 * window)
        replies = {payload[:2]: [] for payload in payloads}
        rest = iter(payloads)
        with client, contextlib.suppress(TimeoutError):
            for payload in itertools.islice(rest, window):
                client.send(payload)
            for _ in payloads:
                reply = client.recv(_LARGEST_PAYLOAD)
                replies[reply[:2]].append(reply)
                if (payload := next(rest, None)) is not None:
                    client.send(payload)
        return [replies[payload[:2]] for payload in payloads]

    def _udp_socket(self, server, port, source):
        with inside(self._namespace):
            client = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
        client.setblocking(False)
        client.bind((source or (CLIENT6 if ":" in server else CLIENT), 0))
        client.connect((server, port))
        return client

    def kdig(self, *arguments, server=FORWARDER):
        """What kdig prints."""
        return self._topology.execute(self._namespace, "kdig", f"@{server}", "+time=5", "+retry=0", *arguments).stdout

    def dnsperf(self, questions, *, server=FORWARDER, seconds=5, clients=20, rate=None, outstanding=100, patience=5,
                options=()):
        """Runs dnsperf over a file of questions to its end; gives its summary."""
        with self.start_dnsperf(questions, server=server, seconds=seconds, clients=clients, rate=rate,
                                outstanding=outstanding, patience=patience, options=options) as load:
            return load.finish(seconds + patience + 60)

    def start_dnsperf(self, questions, *, server=FORWARDER, seconds=5, clients=20, rate=None, outstanding=100, patience=5,
                      options=()):
        """A query that has no reply after `patience` seconds counts as lost. `options`: further ones of dnsperf's."""
        command = ["dnsperf", "-s", server, "-d", str(questions), "-l", str(seconds), "-c", str(clients),
                   "-q", str(outstanding), "-t", str(patience), "-W", *options]
        if rate is not None:
            command += ["-Q", str(rate)]
        return Load(self._topology.command(self._namespace, *command))

    def connected(self, server, port, timeout=30):
        """A TCP connection."""
        with inside(self._namespace):
            return socket.create_connection((server, port), timeout=timeout)

    def stream(self, server=FORWARDER, *, port=53, source=None, timeout=30):
        """DNS over a TCP connection. Use as a context."""
        with inside(self._namespace):
            connection = socket.create_connection((server, port), timeout=timeout, source_address=(source, 0) if source else None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Stream(connection)

    def exchange_over_tcp(self, payloads, **options):
        """Sends each payload over a connection of its own and says no more; gives for each what it got until the end."""
        return [self._all_over_tcp(payload, options) for payload in payloads]

    def pipelined(self, payloads, **options):
        """Sends all of them at once over one connection and says no more; gives all replies, in their order."""
        with self.stream(**options) as stream:
            stream.send(*payloads)
            stream.say_no_more()
            return list(iter(stream.receive, None))

    def _all_over_tcp(self, payload, options):
        with self.stream(**options) as stream:
            stream.send(payload)
            stream.say_no_more()
            return list(iter(stream.receive, None))

    def raw_link(self):
        return RawLink(self._topology, self._namespace, self._interface)

    def flush_neighbours(self):
        """Forgets the forwarder's MACs: the next packet needs ARP or neighbour discovery."""
        self._topology.execute(self._namespace, "ip", "neighbour", "flush", "dev", self._interface)


class Stream:
    """Messages behind their lengths (RFC 1035 §4.2.2) on a connection."""

    def __init__(self, connection):
        self.connection = connection
        self._received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send(self, *payloads):
        """All of them at once."""
        self.connection.sendall(b"".join(len(payload).to_bytes(2, "big") + payload for payload in payloads))

    def say_no_more(self):
        """Replies may still come."""
        self.connection.shutdown(socket.SHUT_WR)

    def receive(self):
        """The next message, or None at the end. What is cut short is an error, as is silence."""
        head = self._take(2)
        return None if head is None else self._take(int.from_bytes(head, "big"))

    def _take(self, size):
        while len(self._received) < size:
            octets = self.connection.recv(_LARGEST_PAYLOAD)
            if not octets:
                assert not self._received, f"the connection ended within a message: {self._received}"
                return None
            self._received += octets
        taken, self._received = self._received[:size], self._received[size:]
        return taken


def _collect(selector, replies, *, until, seconds):
    """Until so many have one reply; None: for all of the time."""
    answered = sum(bool(received) for received in replies)
    deadline = time.monotonic() + seconds
    while (remaining := deadline - time.monotonic()) > 0 and (until is None or answered < until):
        for key, _ in selector.select(remaining):
            try:
                replies[key.data].append(key.fileobj.recv(_LARGEST_PAYLOAD))
            except (BlockingIOError, ConnectionRefusedError):
                continue  # ConnectionRefusedError is an ICMP error; the missing reply is what the caller sees.
            answered += len(replies[key.data]) == 1


def assert_comes_over_tcp(client, server):
    """What a stub resolver does: over UDP it is told that there is more, and asks over TCP."""
    asked = query("large.example", "TXT", edns=1232)
    over_udp = client.ask(asked, server=server)
    assert over_udp.flags & dns.flags.TC and not over_udp.answer
    whole, = client.pipelined([asked.to_wire()], server=server)
    answer = dns.message.from_wire(whole)
    assert answer.id == asked.id and not answer.flags & dns.flags.TC
    assert sum(len(rrset) for rrset in answer.answer) == LARGE_TEXTS


def echo_over_tcp(topology, payload):
    """What comes back through a TCP connection from the client to the address that dotline answers DNS on."""
    with inside(topology.forwarder):
        listener = socket.create_server((FORWARDER, 7777))
    with inside(topology.client):
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def echo():
        accepted, _ = listener.accept()
        with accepted:
            while received := accepted.recv(65536):
                accepted.sendall(received)

    thread = threading.Thread(target=echo, daemon=True)
    thread.start()
    with listener, connection:
        connection.settimeout(60)
        connection.bind((CLIENT, 0))
        connection.connect((FORWARDER, 7777))
        sender = threading.Thread(target=lambda: (connection.sendall(payload), connection.shutdown(socket.SHUT_WR)))
        sender.start()
        back = b"".join(iter(lambda: connection.recv(65536), b""))
        sender.join(20)
        thread.join(20)
    return back


class RawLink:
    """The client's end of the link, one Ethernet frame at a time."""

    def __init__(self, topology, namespace, interface):
        with inside(namespace):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self._socket.bind((interface, 0))
        self._socket.setblocking(False)
        self.client_mac = topology.mac(namespace, interface)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def send(self, frame):
        self._socket.send(frame)

    def forget(self):
        """Throws away what has arrived so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(_LARGEST_PAYLOAD)

    def received(self, seconds):
        """All frames that arrive from the other end in the next `seconds`."""
        frames = []
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            while (remaining := deadline - time.monotonic()) > 0:
                if selector.select(remaining):
                    frame, address = self._socket.recvfrom(_LARGEST_PAYLOAD)
                    if address[2] != socket.PACKET_OUTGOING:
                        frames.append(frame)
        return frames


class Load:
    """A dnsperf that runs."""

    def __init__(self, command):
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def running(self):
        return self._process.poll() is None

    def interrupt(self):
        """Ends it before its time; gives its figures."""
        self._process.send_signal(signal.SIGINT)
        return self.finish(30)

    def finish(self, timeout):
        output, _ = self._process.communicate(timeout=timeout)
        assert self._process.returncode == 0, output
        return LoadSummary(output)


class LoadSummary:
    """dnsperf's own figures."""

    def __init__(self, output):
        self.output = output
        self.sent = self._number(r"Queries sent:\s+(\d+)")
        self.completed = self._number(r"Queries completed:\s+(\d+)")
        self.lost = self._number(r"Queries lost:\s+(\d+)")
        self.rate = float(re.search(r"Queries per second:\s+([\d.]+)", output).group(1))
        codes = re.search(r"Response codes:\s+(.*)", output).group(1)
        self.response_codes = {name: int(count) for name, count in re.findall(r"([A-Z]+) (\d+)", codes)}

    def _number(self, pattern):
        return int(re.search(pattern, self.output).group(1))
