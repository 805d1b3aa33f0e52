"""The servers that dotline is measured beside: each started as its users start it, in the forwarder's place, on one CPU."""

import contextlib
import os
import subprocess
import time

from rig.forwarder import Dotline, backend, configuration
from rig.namespaces import FORWARDER
from rig.waiting import wait_until
from undisturbed import prefer

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
  forward-addr: {resolver}@853#{resolver_name}
  forward-tls-upstream: yes
"""

_DNSDIST = """\
setLocal("{address}:53")
setACL({{"198.18.0.0/15"}})
newServer({{address="{resolver}:853", tls="openssl", subjectName="{resolver_name}", caStore="{authority}", validateCertificates=true,
  checkName="ns.example.", {options}}})
getPool(""):setCache(newPacketCache({entries}, {{maxTTL=86400}}))
setSecurityPollSuffix("")
"""

_KNOT = """\
server:
    rundir: {directory}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    listen: {address}@53
xdp:
    listen: front0@53
database:
    storage: {directory}
log:
  - target: {directory}/knot.log
    any: info
zone:
  - domain: example.
    file: {zone}
    storage: {directory}
    zonefile-sync: -1
"""


class Process:
    """A server in the forwarder's namespace, on `cpu`. Leaving the context ends it."""

    def __init__(self, topology, cpu, command, *, ready, label):
        self._topology = topology
        self._command = topology.command(topology.forwarder, "taskset", "-c", str(cpu), *command)
        self._ready = ready
        self._log = topology.directory / f"{label}.out"
        self._process = None

    def __enter__(self):
        with open(self._log, "w") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        prefer(self._process.pid)
        wait_until(lambda: self._process.poll() is not None or self._ready(), f"{self._log.stem} ready", timeout=30)
        if self._process.poll() is not None:
            raise RuntimeError(f"{self._command}: exit {self._process.returncode}\n{self._log.read_text()}")
        return self

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


def _answers(topology):
    """Whether somebody in the forwarder's place answers DNS by now."""
    asked = topology.execute(topology.client, "kdig", f"@{FORWARDER}", "+time=1", "+retry=0", "+short", "h0.bulk.example", "A", check=False)
    return asked.stdout.strip() != "" and asked.returncode == 0


def unbound(topology, resolver, authority, *, cpu, cache_megabytes=64):
    settings = topology.directory / "peer-unbound.conf"
    settings.write_text(_UNBOUND.format(directory=topology.directory, address=FORWARDER, authority=authority.certificate,
                                        resolver=resolver.address, resolver_name=resolver.name, cache=cache_megabytes))
    return Process(topology, cpu, ["unbound", "-d", "-c", str(settings)], ready=lambda: _answers(topology), label="peer-unbound")


def dnsdist(topology, resolver, authority, *, cpu, entries=100_000, options=""):
    settings = topology.directory / "peer-dnsdist.conf"
    settings.write_text(_DNSDIST.format(address=FORWARDER, authority=authority.certificate, resolver=resolver.address,
                                        resolver_name=resolver.name, entries=entries, options=options))
    command = ["dnsdist", "--supervised", "--disable-syslog", "-C", str(settings), "-u", "root", "-g", "root"]
    return Process(topology, cpu, command, ready=lambda: _answers(topology), label="peer-dnsdist")


def knot(topology, zone, *, cpu):
    """Authoritative: `zone` is a file. What it answers it need not look for in a cache, and never asks anybody."""
    settings = topology.directory / "peer-knot.conf"
    settings.write_text(_KNOT.format(directory=topology.directory, address=FORWARDER, zone=zone))
    return Process(topology, cpu, ["knotd", "-c", str(settings)], ready=lambda: _answers(topology), label="peer-knot")


def testpmd_on(topology, device, *, cpu, control_cpu, label):
    """DPDK's own program on any device, which swaps addresses and ports and sends each frame back."""
    command = ["dpdk-testpmd", "--lcores", f"0@{control_cpu},1@{cpu}", "--no-huge", "-m", "512", "--no-pci", "--iova-mode=va", "--no-telemetry",
               "--file-prefix", f"testpmd-{os.getpid()}", "--vdev", device, "--", "--nb-cores=1", "--forward-mode=5tswap", "--port-topology=loop",
               "--no-flush-rx", "--burst=32", "--total-num-mbufs=16383", "--stats-period", "1"]
    log = topology.directory / f"peer-testpmd-{label}.out"
    return Process(topology, f"{control_cpu},{cpu}", command, label=log.stem, ready=lambda: "NIC statistics" in log.read_text(errors="replace"))


def testpmd(topology, driver, *, cpu, control_cpu):
    """The same over veth. The interface has no address meanwhile."""
    arguments = {"af_packet": "iface=front0,blocksz=65536,framesz=2048,framecnt=4096,qdisc_bypass=1", "af_xdp": "iface=front0,busy_budget=0"}
    device = f"net_{driver}0,{arguments[driver]}"
    return _without_address(topology, testpmd_on(topology, device, cpu=cpu, control_cpu=control_cpu, label=driver))


@contextlib.contextmanager
def _without_address(topology, process):
    """Else the kernel would answer every frame, which it sees as well, with an ICMP error."""
    topology.execute(topology.forwarder, "ip", "address", "flush", "dev", "front0")
    try:
        with process:
            yield process
    finally:
        topology.execute(topology.forwarder, "ip", "address", "add", f"{FORWARDER}/24", "dev", "front0")


@contextlib.contextmanager
def checksums_left_to_the_link(topology):
    """As servers on the kernel's sockets have it on a NIC: nobody computes a checksum on their CPU."""
    topology.execute(topology.forwarder, "ethtool", "-K", "front0", "tx", "on")
    try:
        yield
    finally:
        topology.execute(topology.forwarder, "ethtool", "-K", "front0", "tx", "off")


def dotline(topology, resolver, authority, device, *, cpu, other_cpu, size=100_000):
    """`device` as the configuration names it, "af_xdp:front0" for one."""
    settings = configuration([backend(resolver, authority)])
    settings["dataplane"] |= {"cores": [cpu], "idle": "busy", "memory": "512M", "ports": [{"device": device}]}
    settings["tls_workers"] = {"threads": 1, "cpus": [other_cpu]}
    settings["binds"] = [{"address": f"{FORWARDER}:53"}]
    settings["packet_caches"] = [{"name": "main", "size": size}]
    return preferred(Dotline(topology, settings))


@contextlib.contextmanager
def preferred(server):
    with server:
        prefer(server.pid)
        yield server


def warm(topology, names, *, passes=2, rate=None):
    """Asks for each name over the kernel's sockets until the server has it."""
    questions = topology.directory / "warm-questions"
    questions.write_text("".join(f"{name} A\n" for name in names))
    paced = ["-Q", str(rate)] if rate else []
    topology.execute(topology.client, "dnsperf", "-s", FORWARDER, "-d", str(questions), "-n", str(passes), "-c", "8", "-q", "64", "-W", "-e", *paced,
                     timeout=600)
    time.sleep(0.2)
