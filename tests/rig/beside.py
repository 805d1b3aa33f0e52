"""The same clients, the same moods of the same resolvers, and in the middle dotline or what else people run, one after the other."""

import contextlib
import dataclasses
import time

from rig import other_forwarders
from rig.forwarder import Dotline, backend, configuration
from rig.moody_resolver import ADDRESSES, MoodyResolvers
from rig.open_loop import LISTEN, OpenLoop, mostly_new_names

RATE = 100  # Queries a second.


@dataclasses.dataclass(frozen=True)
class Weather:
    """What all resolvers are like. `moods`: one for good, or several by turns."""
    name: str
    moods: tuple
    seed: int = 1
    each: tuple = (2.0, 5.0)


def plain_dotline(topology, backends, authority):
    return Dotline(topology, configuration([backend(resolver, authority) for resolver in backends]))


# Each with a context that runs it: (topology, backends, authority).
OTHERS = {
    "Unbound": other_forwarders.unbound,
    "dnsdist": other_forwarders.dnsdist,
    "dnsdist, 100 in flight": lambda *where: other_forwarders.dnsdist(*where, options="maxInFlight=100,"),
}


class Field:
    """Use as a context. `dotline`: how to run it, if not plainly."""

    def __init__(self, topology, authority, certificate, *, addresses=ADDRESSES, dotline=plain_dotline):
        self.topology = topology
        self._authority = authority
        self.servers = {"dotline": dotline, **OTHERS}
        self._resolvers = MoodyResolvers(topology, certificate, addresses)
        self._runs = 0

    def __enter__(self):
        self._resolvers.__enter__()
        return self

    def __exit__(self, *error):
        self._resolvers.__exit__(*error)

    @contextlib.contextmanager
    def running(self, server):
        """Afterwards it may be looked at, if it is dotline."""
        with self.servers[server](self.topology, self._resolvers.backends, self._authority) as process:
            yield process

    def through(self, server, weather, names, *, rate=RATE, listen=LISTEN):
        """What becomes of queries for these names."""
        with self.running(server):
            return self.ask(weather, names, rate=rate, listen=listen)

    def ask(self, weather, names, *, rate=RATE, listen=LISTEN, linger=0.0):
        """Through whoever runs. The weather stays for `linger` seconds more."""
        self._resolvers.begin(weather.moods, weather.seed, each=weather.each)
        tally = OpenLoop(self.topology).ask(names, rate=rate, listen=listen)
        time.sleep(linger)
        heard = self._resolvers.rest()
        tally.sent = sum(heard.values())
        return tally

    def beside(self, weather, *, seconds, servers=None, rate=RATE):
        """{server: tally}, for each of them (all, if not said), and prints it."""
        tallies = {}
        for server in servers or self.servers:
            self._runs += 1  # Nobody asks for another one's names: resolvers may remember them.
            names = mostly_new_names(f"r{self._runs}", int(seconds * rate), seed=weather.seed)
            tallies[server] = self.through(server, weather, names, rate=rate)
            print(f"{weather.name:24} {server:24} {tallies[server]}, {tallies[server].sent} asked of resolvers", flush=True)
        return tallies


def best_of_the_others(tallies):
    """How many clients the better of them has not served."""
    return min(tally.failed for server, tally in tallies.items() if server != "dotline")
