"""The TAP itself: whose it is, which tag its frames get, and what happens when it is not to be had or goes away."""

import contextlib
import socket
import struct

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether

from rig.bypass import TAP, give_addresses, interfaces, pings, settings, take_the_link_from_the_kernel
from rig.client import assert_comes_over_tcp, query
from rig.forwarder import Dotline
from rig.namespaces import CLIENT, FORWARDER, FORWARDER6, inside
from rig.waiting import wait_until

VLAN = 42


@pytest.fixture(scope="module")
def resolver(rig):
    take_the_link_from_the_kernel(rig.topology)
    with rig.unbound() as resolver:
        yield resolver


def test_one_that_the_operator_made_keeps_its_addresses_over_restarts(rig, resolver):
    rig.topology.execute(rig.topology.forwarder, "ip", "tuntap", "add", "dev", TAP, "mode", "tap")
    give_addresses(rig.topology)
    for _ in range(2):
        with rig.dotline(settings(rig, resolver)):
            wait_until(lambda: pings(rig.topology), "the kernel answers at the address it had before")
            assert rig.client.ask(query("www.example")).answer
        assert f" {TAP}: " in interfaces(rig.topology)
    rig.topology.execute(rig.topology.forwarder, "ip", "link", "del", TAP)


def test_one_that_is_removed_costs_dns_nothing(rig, resolver):
    with rig.dotline(settings(rig, resolver)) as dotline:
        give_addresses(rig.topology)
        assert rig.client.ask(query("www.example")).answer
        # Who would tell the client our MAC now?
        rig.topology.execute(rig.topology.client, "ip", "neighbour", "replace", FORWARDER, "dev", "eth0", "lladdr",
                             rig.topology.mac(rig.topology.forwarder, "front0"), "nud", "permanent")
        rig.topology.execute(rig.topology.forwarder, "ip", "link", "del", TAP)
        assert not pings(rig.topology)
        wait_until(lambda: dotline.metrics().value("dotline_packets_dropped_total", reason="exception_refused") > 0,
                   "the ping is counted")
        assert rig.client.ask(query("www.example")).answer
        assert f"tap:{TAP}: was removed; expected a restart" in dotline.log()
        assert dotline.http("/healthz")[0] == 200
    rig.topology.execute(rig.topology.client, "ip", "neighbour", "del", FORWARDER, "dev", "eth0")


def test_what_does_not_fit_comes_over_tcp_through_it(rig, resolver):
    with rig.dotline(settings(rig, resolver)) as dotline:
        give_addresses(rig.topology)
        for server in (FORWARDER, FORWARDER6):
            assert_comes_over_tcp(rig.client, server)
        assert dotline.metrics().value("dotline_exception_frames_total", direction="from_kernel") > 0


@pytest.mark.parametrize("name", ["back0", "lo"])
def test_a_name_that_is_taken_is_told(rig, resolver, name):
    dotline = Dotline(rig.topology, settings(rig, resolver, exception=f"tap:{name}"))
    dotline.launch()
    assert dotline.wait(timeout=60) == 1
    assert f"tap:{name}: there is an interface of that name already, and it is no TAP" in dotline.log()


def test_frames_of_the_ports_vlan_lie_untagged_on_it(rig, resolver):
    client = Ether(src=rig.topology.mac(rig.topology.client, "eth0"), dst="ff:ff:ff:ff:ff:ff")
    question = ARP(op=1, psrc=CLIENT, pdst=FORWARDER)
    with rig.dotline(settings(rig, resolver, vlan=VLAN)) as dotline, TaggedLink(rig.topology) as link:
        give_addresses(rig.topology)
        before = dotline.metrics().value("dotline_packets_dropped_total", reason="vlan")
        link.send(client / question)
        wait_until(lambda: dotline.metrics().value("dotline_packets_dropped_total", reason="vlan") > before,
                   "what has no tag is of another VLAN")
        link.send(client / Dot1Q(vlan=VLAN, prio=3) / question)
        wait_until(lambda: (VLAN, FORWARDER) in link.answers(), "the kernel's answer, tagged")
        to_dotline = Ether(src=client.src, dst=rig.topology.mac(rig.topology.forwarder, "front0"))
        asked = IP(src=CLIENT, dst=FORWARDER) / UDP(sport=4444, dport=53) / query("www.example").to_wire()
        link.send(to_dotline / Dot1Q(vlan=VLAN, prio=3) / asked)
        wait_until(lambda: (VLAN, "DNS") in link.answers(), "dotline's reply, tagged")
        assert {vlan for vlan, _ in link.answered} == {VLAN}


class TaggedLink:
    """The client's end of the link with the tags that the kernel takes off what it receives."""

    _SOL_PACKET, _PACKET_AUXDATA, _TAGGED = 263, 8, 1 << 4  # <linux/if_packet.h>; TP_STATUS_VLAN_VALID

    def __init__(self, topology):
        with inside(topology.client):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self._socket.setsockopt(self._SOL_PACKET, self._PACKET_AUXDATA, 1)
        self._socket.bind(("eth0", 0))
        self._socket.setblocking(False)
        self.answered = set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def send(self, frame):
        self._socket.send(bytes(frame))

    def answers(self):
        """(VLAN id or None, address) of every ARP answer so far, and (VLAN id or None, "DNS") of every reply."""
        with contextlib.suppress(BlockingIOError):
            while True:
                octets, ancillary, _, _ = self._socket.recvmsg(2048, 64)
                frame = Ether(octets)
                status, _, _, _, _, control, _ = struct.unpack("=IIIHHHH", ancillary[0][2][:20])
                vlan = control & 0xFFF if status & self._TAGGED else None
                if ARP in frame and frame[ARP].op == 2:
                    self.answered.add((vlan, frame[ARP].psrc))
                if UDP in frame and frame[UDP].sport == 53:
                    self.answered.add((vlan, "DNS"))
        return self.answered
