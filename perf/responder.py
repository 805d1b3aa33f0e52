"""perf/responder as the resolver of a rig, and perf/responder/asker as its client: programs of their own, each on one CPU."""

import itertools
import json
import pathlib
import subprocess

from rig.certificates import RESOLVER_NAME
from rig.namespaces import RESOLVER
from rig.waiting import wait_until
from undisturbed import output_of, prefer

_FOLDER = pathlib.Path(__file__).resolve().parents[1] / "build" / "perf" / "responder"
ZONE = "fixed.example"  # The rig's real resolver has an address for every name in it, too.
_asked = itertools.count()


class Responder:
    """A resolver that answers at once, unless `options` say otherwise. Use as a context."""

    def __init__(self, topology, certificate, *options, cpu, address=RESOLVER):
        self.name = RESOLVER_NAME
        self.address = address
        self._command = topology.command(topology.resolver, "taskset", "-c", str(cpu), str(_FOLDER / "responder"), "--listen", f"{address}:853",
                                         "--certificate", str(certificate.certificate), "--key", str(certificate.key), *options)
        self._log = topology.directory / f"responder-{address}.out"
        self._process = None

    def __enter__(self):
        with open(self._log, "w") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        prefer(self._process.pid)
        wait_until(lambda: self._process.poll() is not None or "ready" in self._log.read_text(), "the responder listening")
        if self._process.poll() is not None:
            raise RuntimeError(self._log.read_text())
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self.stop()

    def stop(self):
        """Ends it; gives what it counted."""
        self._process.terminate()
        self._process.wait(20)
        return json.loads(self._log.read_text().splitlines()[-1])

    @property
    def pid(self):
        return self._process.pid


def ask(topology, namespace, to, *options, cpu, seconds, real_time=False):
    """Asks for names that nobody has asked for before; gives how many nanoseconds the answers took. `real_time`: it runs whenever it wants
    to, so it must not want to all the time."""
    scheduled = ("chrt", "--fifo", "1") if real_time else ()
    output, code = output_of(topology.command(namespace, *scheduled, "taskset", "-c", str(cpu), str(_FOLDER / "asker"), "--to", to, "--seconds", str(seconds),
                                              "--pattern", f"m#.{next(_asked)}.{ZONE}", *map(str, options)), timeout=seconds + 60)
    if code != 0:
        raise RuntimeError(f"asker: exit {code}\n{output}")
    return json.loads(output.splitlines()[-1])
