"""The servers that dotline is measured beside: each started as its users start it, in the forwarder's place, on one CPU."""

import contextlib
import os
import time

from rig import other_forwarders
from rig.forwarder import Dotline, backend, configuration
from rig.namespaces import FORWARDER
from rig.other_forwarders import answers
from undisturbed import prefer

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


class Process(other_forwarders.Process):
    """On one CPU, before whatever else the machine does."""

    def __init__(self, topology, cpu, command, **options):
        super().__init__(topology, ["taskset", "-c", str(cpu), *command], **options)

    def _started(self):
        prefer(self.pid)


def unbound(topology, resolver, authority, *, cpu, cache_megabytes=64):
    settings = topology.directory / "peer-unbound.conf"
    settings.write_text(other_forwarders.unbound_settings(topology, [resolver], authority, cache_megabytes=cache_megabytes))
    return Process(topology, cpu, ["unbound", "-d", "-c", str(settings)], ready=lambda: answers(topology), label="peer-unbound")


def dnsdist(topology, resolver, authority, *, cpu, entries=100_000, options=""):
    settings = topology.directory / "peer-dnsdist.conf"
    settings.write_text(other_forwarders.dnsdist_settings([resolver], authority, entries=entries, options=options))
    command = ["dnsdist", "--supervised", "--disable-syslog", "-C", str(settings), "-u", "root", "-g", "root"]
    return Process(topology, cpu, command, ready=lambda: answers(topology), label="peer-dnsdist")


def knot(topology, zone, *, cpu):
    """Authoritative: `zone` is a file. What it answers it need not look for in a cache, and never asks anybody."""
    settings = topology.directory / "peer-knot.conf"
    settings.write_text(_KNOT.format(directory=topology.directory, address=FORWARDER, zone=zone))
    return Process(topology, cpu, ["knotd", "-c", str(settings)], ready=lambda: answers(topology), label="peer-knot")


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
