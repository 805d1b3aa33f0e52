"""A second kind of real resolver for dotline to ask: dnsdist, which answers DNS over TLS and over HTTPS from rules of its own."""

import subprocess

from rig.certificates import RESOLVER_NAME
from rig.namespaces import RESOLVER_B
from rig.waiting import wait_until

ANSWER = "192.0.2.88"

_SETTINGS = """\
setLocal("127.0.0.1:5353")
setSecurityPollSuffix("")
setACL({{"0.0.0.0/0"}})
addTLSLocal("{address}:853", "{certificate}", "{key}")
addDOHLocal("{address}:443", "{certificate}", "{key}", {{"{path}"}})
newServer({{address="127.0.0.1:5300", healthCheckMode="up"}})
addAction(AllRule(), LuaAction(function(query)
  local number = tonumber(string.match(query.qname:toString(), "^c(%d+)%."))
  if number == nil then return DNSAction.Spoof, "{answer}" end
  return DNSAction.Spoof, string.format("10.0.%d.%d", math.floor(number / 256), number % 256)
end))
"""


class Dnsdist:
    """`cN.anything` has the address 10.0.(N / 256).(N mod 256), every other name has ANSWER. `path`: of its URL."""

    def __init__(self, topology, certificate, *, address=RESOLVER_B, path="/dns-query", label="dnsdist"):
        self.name = RESOLVER_NAME
        self.address = address
        self._topology = topology
        self._log = topology.directory / f"{label}.log"
        self._settings = topology.directory / f"{label}.conf"
        self._settings.write_text(_SETTINGS.format(address=address, certificate=certificate.certificate, key=certificate.key,
                                                   path=path, answer=ANSWER))
        self._process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        with open(self._log, "w") as log:
            self._process = subprocess.Popen(
                self._topology.command(self._topology.resolver, "dnsdist", "--supervised", "--disable-syslog", "-C",
                                       str(self._settings)),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        wait_until(self._listens, "dnsdist listening")
        return self

    def kill(self):
        """SIGKILL: no goodbye on any session."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def stop(self):
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def _listens(self):
        assert self._process.poll() is None, f"dnsdist ended:\n{self._log.read_text(errors='replace')}"
        listening = self._topology.execute(self._topology.resolver, "ss", "-Htln", f"src {self.address}")
        return len(listening.stdout.split(f"{self.address}:")) > 2  # Both of its ports.
