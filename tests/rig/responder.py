"""perf/responder, which was built beside dotline: a DNS-over-TLS resolver that has an address for every name, and answers faster
than a script could."""

import subprocess

from rig.certificates import RESOLVER_NAME
from rig.forwarder import BINARY
from rig.namespaces import RESOLVER
from rig.waiting import wait_until


class Responder:
    """Use as a context. `close_every`: ends a session after so many answers, on average."""

    def __init__(self, topology, certificate, *, close_every=None):
        self.name = RESOLVER_NAME
        self.address = RESOLVER
        self._log = topology.directory / "responder.log"
        self._command = topology.command(
            topology.resolver, str(BINARY.parent / "perf" / "responder" / "responder"), "--listen", f"{RESOLVER}:853",
            "--certificate", str(certificate.certificate), "--key", str(certificate.key),
            *(() if close_every is None else ("--close-every", str(close_every))))

    def __enter__(self):
        with open(self._log, "w") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: "ready" in self._log.read_text(), "the responder listening")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
