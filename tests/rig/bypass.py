"""A port that dotline has to itself, as it has a NIC that DPDK drives, and the TAP that joins it to the kernel.

The NIC is played by net_af_packet on a veth end. The kernel would see those frames as well, so the end is given to a
bridge that is down: what arrives there goes nowhere but to dotline.
"""

from rig.forwarder import backend, configuration, with_port
from rig.namespaces import FORWARDER, FORWARDER6

DEVICE = "vdev:net_af_packet0,iface=front0,blocksz=4096,framesz=2048,framecnt=4096,qdisc_bypass=1"
TAP = "dns0"


def take_the_link_from_the_kernel(topology):
    for command in ("ip address flush dev front0", "ip link add nowhere type bridge", "ip link set front0 master nowhere"):
        topology.execute(topology.forwarder, *command.split())


def settings(rig, resolver, **port):
    return with_port(configuration([backend(resolver, rig.authority)]),
                     **{"device": DEVICE, "exception": f"tap:{TAP}", **port})


def give_addresses(topology, interface=TAP):
    """What the operator does once the TAP is there."""
    for address in (f"{FORWARDER}/24", f"{FORWARDER6}/64"):
        topology.execute(topology.forwarder, "ip", "address", "replace", address, "dev", interface)


def interfaces(topology):
    return topology.execute(topology.forwarder, "ip", "-o", "link").stdout


def pings(topology, server=FORWARDER, count=1):
    """Whether every one of `count` pings of the largest size without fragments is answered."""
    command = ("ping", "-n", "-c", str(count), "-i", "0.2", "-W", "2", "-s", "1452", server)
    ping = topology.execute(topology.client, *command, check=False)
    return " 0% packet loss" in ping.stdout
