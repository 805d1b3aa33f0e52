"""dnsdist as a DNS-over-HTTPS resolver that has one answer for everything."""

import subprocess

from rig.certificates import RESOLVER_NAME
from rig.namespaces import RESOLVER_B
from rig.waiting import wait_until

ANSWER = "192.0.2.88"

_SETTINGS = """\
setSecurityPollSuffix("")
setACL({{"0.0.0.0/0"}})
addDOHLocal("{address}:443", "{certificate}", "{key}", {{"{path}"}})
newServer({{address="127.0.0.1:5300", healthCheckMode="up"}})
addAction(AllRule(), SpoofAction({{"{answer}"}}))
"""


class Dnsdist:
    """Use as a context. `path`: of its URL."""

    def __init__(self, topology, certificate, *, address=RESOLVER_B, path="/dns-query"):
        self.name = RESOLVER_NAME
        self.address = address
        self._topology = topology
        self._settings = topology.directory / "dnsdist.conf"
        self._settings.write_text(_SETTINGS.format(address=address, certificate=certificate.certificate, key=certificate.key, path=path,
                                                   answer=ANSWER))
        self._log = topology.directory / "dnsdist.log"
        self._process = None

    def __enter__(self):
        with open(self._log, "w") as log:
            self._process = subprocess.Popen(
                self._topology.command(self._topology.resolver, "dnsdist", "--supervised", "--disable-syslog", "-C",
                                       str(self._settings)),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        wait_until(self._listens, f"dnsdist listening\n{self._log.read_text()}")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(10)

    def _listens(self):
        listening = self._topology.execute(self._topology.resolver, "ss", "-Htln", f"src {self.address}:443")
        return bool(listening.stdout.strip())
