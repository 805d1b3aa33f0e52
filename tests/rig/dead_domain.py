"""Two real resolvers, one authoritative server, which is dead for one domain: what clients ask of all others must not suffer from it.

The resolvers are Unbounds; the server is a few lines, since a real one cannot be dead for a part of what it has. It answers with
`address_for` (rig.raw_resolver) in every domain but one, of which it says nothing at all.
"""

import contextlib
import dataclasses
import random
import socket
import threading
import time

from rig.namespaces import RESOLVER, RESOLVER_B, inside, run
from rig.raw_resolver import address_for, address_record, message, name_of, question_of
from rig.resolver import Unbound

_AUTHORITATIVE = "198.18.2.60"
_ADDRESS_ANSWER, _TYPE_A = 0x8400, b"\0\1\0\1"
GOOD_DOMAINS = tuple(f"site{number}.lab" for number in range(30))
DEAD_DOMAIN = "dead.lab"
POPULAR_TTL = 20  # Seconds: what is popular has to be asked for again all the time.
_TTL = 300


class _Authoritative:
    """Use as a context."""

    def __init__(self, topology):
        self._topology = topology

    def __enter__(self):
        run("ip", "-n", self._topology.resolver, "address", "replace", f"{_AUTHORITATIVE}/24", "dev", "eth0")
        with inside(self._topology.resolver):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((_AUTHORITATIVE, 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._socket.close()

    def _serve(self):
        while True:
            try:
                query, client = self._socket.recvfrom(4096)
            except OSError:
                return
            if not query:
                return
            name = name_of(query).lower()
            if not name.endswith(DEAD_DOMAIN):
                self._socket.sendto(_answer(query, name), client)


def _answer(query, name):
    has_address = question_of(query).endswith(_TYPE_A)
    ttl = POPULAR_TTL if name.startswith("popular") else _TTL
    return message(query, flags=_ADDRESS_ANSWER, records=[address_record(address_for(name), ttl)] if has_address else [])


@contextlib.contextmanager
def resolvers_of_a_dead_domain(topology, certificate):
    """Gives both."""
    stubs = "".join(f'stub-zone:\n  name: "{domain}."\n  stub-addr: {_AUTHORITATIVE}\n' for domain in (*GOOD_DOMAINS, DEAD_DOMAIN))
    with _Authoritative(topology), contextlib.ExitStack() as running:
        resolvers = []
        for address in (RESOLVER, RESOLVER_B):
            resolver = Unbound(topology, certificate, address=address, address6=None, label=f"unbound-{address}", log_queries=False,
                               settings=stubs)
            resolvers.append(resolver.start())
            running.callback(resolver.stop)
        yield resolvers


@dataclasses.dataclass(frozen=True)
class Network:
    """Who asks. Shares of its queries: for names below the dead domain, never the same twice; for what many ask for; the rest
    is for good names, never the same twice."""
    rate: float  # Queries a second.
    dead: float
    popular: float

    def names(self, seconds, *, seed=1):
        draw = random.Random(seed)
        return [self._name(draw, number) for number in range(int(seconds * self.rate))]

    def _name(self, draw, number):
        what = draw.random()
        if what < self.dead:
            return f"n{number}.{DEAD_DOMAIN}"
        if what < self.dead + self.popular:
            return f"popular{draw.randrange(5)}.{draw.choice(GOOD_DOMAINS[:3])}"
        return f"n{number}.{draw.choice(GOOD_DOMAINS)}"


QUIET = Network(rate=3 / 60, dead=1 / 3, popular=1 / 3)
BUSY = Network(rate=100, dead=0.01, popular=0.5)


def is_good(reply):
    return not reply.name.endswith(DEAD_DOMAIN)


class Watch:
    """While it is entered, looks twice a second whether all backends are in rotation and `/healthz` says 200."""

    def __init__(self, dotline, backends):
        self._dotline = dotline
        self._backends = backends
        self._stop = threading.Event()
        self.looks = 0
        self.trouble = []  # (seconds after the beginning, what)

    def __enter__(self):
        self._begin = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(30)

    def _run(self):
        while not self._stop.wait(0.5):
            self.looks += 1
            status, _ = self._dotline.http("/healthz")
            if status != 200:
                self._note(f"/healthz {status}")
            metrics = self._dotline.metrics()
            for name in self._backends:
                if metrics.value("dotline_backend_in_rotation", backend=name) != 1:
                    self._note(f"{name} is out of rotation")

    def _note(self, what):
        self.trouble.append((round(time.monotonic() - self._begin, 1), what))
