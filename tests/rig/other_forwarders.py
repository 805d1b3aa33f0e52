"""What else people run in dotline's place: Unbound and dnsdist, each set up as its manual says for forwarding over TLS."""

import subprocess

from rig.namespaces import FORWARDER
from rig.waiting import wait_until

_UNBOUND = """\
server:
  directory: "{directory}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  so-reuseport: no
  interface: {address}
  access-control: 198.18.0.0/15 allow
  module-config: "iterator"
  tls-cert-bundle: "{authority}"
  msg-cache-size: {cache}m
  rrset-cache-size: {cache}m
  msg-cache-slabs: 1
  rrset-cache-slabs: 1
  minimal-responses: yes
forward-zone:
  name: "."
{forward}  forward-tls-upstream: yes
"""

_DNSDIST = """\
setLocal("{address}:53")
setACL({{"198.18.0.0/15"}})
{servers}getPool(""):setCache(newPacketCache({entries}, {{maxTTL=86400}}))
setSecurityPollSuffix("")
"""

_DNSDIST_SERVER = """\
newServer({{address="{address}:853", tls="openssl", subjectName="{name}", caStore="{authority}", validateCertificates=true,
  checkName="ns.example.", {options}}})
"""


def unbound_settings(topology, resolvers, authority, *, cache_megabytes=64):
    forward = "".join(f"  forward-addr: {resolver.address}@853#{resolver.name}\n" for resolver in resolvers)
    return _UNBOUND.format(directory=topology.directory, address=FORWARDER, authority=authority.certificate, forward=forward,
                           cache=cache_megabytes)


def dnsdist_settings(resolvers, authority, *, entries=100_000, options=""):
    """`options`: of each server, in Lua: "maxInFlight=100,"."""
    servers = "".join(_DNSDIST_SERVER.format(address=resolver.address, name=resolver.name, authority=authority.certificate,
                                             options=options) for resolver in resolvers)
    return _DNSDIST.format(address=FORWARDER, servers=servers, entries=entries)


class Process:
    """A server in the forwarder's namespace. Leaving the context ends it."""

    def __init__(self, topology, command, *, ready, label):
        self._topology = topology
        self._command = topology.command(topology.forwarder, *command)
        self._ready = ready
        self._log = topology.directory / f"{label}.out"
        self._process = None

    def __enter__(self):
        with open(self._log, "w") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self._started()
        wait_until(lambda: self._process.poll() is not None or self._ready(), f"{self._log.stem} ready", timeout=30)
        if self._process.poll() is not None:
            raise RuntimeError(f"{self._command}: exit {self._process.returncode}\n{self._log.read_text()}")
        return self

    def _started(self):
        """For who has something to do with the process at once."""

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # A server that ends without taking its XDP program along would keep the next one from attaching its own.
        self._topology.execute(self._topology.forwarder, "ip", "link", "set", "front0", "xdp", "off", check=False)

    @property
    def pid(self):
        return self._process.pid


def answers(topology):
    """Whether somebody in the forwarder's place answers DNS by now."""
    asked = topology.execute(topology.client, "kdig", f"@{FORWARDER}", "+time=1", "+retry=0", "+short", "h0.bulk.example", "A", check=False)
    return asked.stdout.strip() != "" and asked.returncode == 0


def unbound(topology, resolvers, authority):
    return _server(topology, "unbound", unbound_settings(topology, resolvers, authority), ["unbound", "-d", "-c"])


def dnsdist(topology, resolvers, authority, *, options=""):
    """As it comes it has one query at a time on each of its connections."""
    return _server(topology, "dnsdist", dnsdist_settings(resolvers, authority, options=options),
                   ["dnsdist", "--supervised", "--disable-syslog", "-u", "root", "-g", "root", "-C"])


def _server(topology, label, settings, command):
    file = topology.directory / f"other-{label}.conf"
    file.write_text(settings)
    return Process(topology, [*command, str(file)], ready=lambda: answers(topology), label=f"other-{label}")
