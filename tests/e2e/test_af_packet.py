"""The fallback port, for machines without XDP: the kernel sees every frame too, and must not answer for dotline."""

import dns.rcode
import pytest
from scapy.layers.inet import ICMP
from scapy.layers.inet6 import ICMPv6DestUnreach
from scapy.layers.l2 import Ether

from rig.client import query
from rig.forwarder import backend, configuration, with_port
from rig.namespaces import FORWARDER, FORWARDER6
from rig.waiting import wait_until


@pytest.fixture(scope="module")
def resolver(rig):
    with rig.unbound() as resolver:
        yield resolver


def settings(rig, resolver, **port):
    return with_port(configuration([backend(resolver, rig.authority)]), device="af_packet:front0", **port)


def test_it_answers_and_the_kernel_does_not(rig, resolver):
    with rig.dotline(settings(rig, resolver)), rig.client.raw_link() as link:
        for server in (FORWARDER, FORWARDER6):
            for _ in range(3):
                reply = rig.client.ask(query("www.example"), server=server)
                assert reply.answer[0][0].to_text() == "192.0.2.1"
        frames = [Ether(frame) for frame in link.received(1.0)]
    assert not [frame for frame in frames if frame.haslayer(ICMPv6DestUnreach)]
    assert not [frame for frame in frames if frame.haslayer(ICMP) and frame[ICMP].type == 3]


def test_a_load_is_answered_completely(rig, resolver):
    questions = rig.topology.directory / "questions"
    questions.write_text("".join(f"host{number}.bulk.example. A\n" for number in range(500)))
    with rig.dotline(settings(rig, resolver)):
        load = rig.client.dnsperf(questions, seconds=3, rate=3000)
        assert (load.lost, load.response_codes) == (0, {"NOERROR": load.sent}), load.output


@pytest.fixture
def checksums_left_to_a_nic_that_is_not_there(rig):
    """veth's own default: the client's UDP checksums cover only the pseudo header."""
    rig.topology.execute(rig.topology.client, "ethtool", "-K", "eth0", "tx", "on")
    yield
    rig.topology.execute(rig.topology.client, "ethtool", "-K", "eth0", "tx", "off")


@pytest.mark.parametrize("device", ["af_packet:front0", "af_xdp:front0"])
def test_half_done_checksums_are_accepted_when_told_so(rig, resolver, checksums_left_to_a_nic_that_is_not_there, device):
    forgiving = with_port(settings(rig, resolver), device=device, verify_checksum=False)
    with rig.dotline(forgiving):
        assert rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR
        assert rig.client.ask(query("www.example"), server=FORWARDER6).rcode() == dns.rcode.NOERROR


def test_half_done_checksums_are_dropped_otherwise(rig, resolver, checksums_left_to_a_nic_that_is_not_there):
    with rig.dotline(settings(rig, resolver)) as dotline:
        assert rig.client.exchange([query("www.example").to_wire()] * 3, timeout=1) == [[], [], []]
        assert dotline.metrics().value("dotline_packets_dropped_total", reason="udp_checksum") == 3
        [note] = wait_until(lambda: dotline.status()["notes"], "a note")
        assert note.startswith("3 of the last 3 queries were dropped, most of them for udp_checksum: ")
        shown = " ".join(dotline.command("status").stdout.split())
        assert "ethtool -K IFACE tx off" in shown and "verify_checksum: false" in shown
