"""Frames that are not quite a DNS query: answered where hosts must, dropped and counted where not, never answered twice.

Through `af_packet` every frame reaches dotline, so each drop is seen under its reason. Through `af_xdp` the program in the
kernel may already have passed a frame by; then the promise is only that nobody gets a DNS reply.
"""

import dataclasses
import struct
from typing import Callable

import pytest
from scapy.layers.inet import IP, UDP, IPOption_NOP, IPOption_RR
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from rig.client import query
from rig.forwarder import backend, configuration, with_port
from rig.namespaces import CLIENT, CLIENT6, FORWARDER, FORWARDER6
from rig.waiting import wait_until

CLIENT_PORT = 40053
# The kernel collects IPv4 fragments before it shows a whole packet to af_packet, so an incomplete one is counted nowhere.
UNSEEN = "unseen"
DNS = query("www.example", identity=0x4242).to_wire()


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    build: Callable        # Ethernet header -> octets of the frame.
    reason: str | None     # Why it is dropped; None: it is answered.


def v4(**fields):
    return IP(src=CLIENT, dst=FORWARDER, **fields)


def v6(**fields):
    return IPv6(src=CLIENT6, dst=FORWARDER6, **fields)


def udp(**fields):
    return UDP(**{"sport": CLIENT_PORT, "dport": 53, **fields})


def row(name, reason, packet):
    return Row(name, lambda ethernet: bytes(ethernet / packet), reason)


def changed(name, reason, change):
    """A good frame in which `change` alters octets."""
    def build(ethernet):
        frame = bytearray(bytes(ethernet / v4() / udp() / Raw(DNS)))
        return bytes(change(frame))
    return Row(name, build, reason)


def with_octet(at, value):
    def change(frame):
        frame[at] = value
        return frame
    return change


def with_udp_length(length):
    """The UDP checksum is left out, so that only the length is wrong."""
    def change(frame):
        frame[38:42] = struct.pack("!HH", length, 0)
        return frame
    return change


def addressed(name, reason, **ethernet_fields):
    def build(ethernet):
        frame = ethernet.copy()
        for field, value in ethernet_fields.items():
            setattr(frame, field, value)
        return bytes(frame / v4() / udp() / Raw(DNS))
    return Row(name, build, reason)


ANSWERED = [
    row("plain", None, v4() / udp() / Raw(DNS)),
    row("plain_ipv6", None, v6() / udp() / Raw(DNS)),
    row("ethernet_padding", None, v4() / udp() / Raw(DNS) / Raw(b"\xff" * 9)),
    row("no_checksum_over_ipv4", None, v4() / udp(chksum=0) / Raw(DNS)),
    row("ttl_1", None, v4(ttl=1) / udp() / Raw(DNS)),
    row("ttl_0", None, v4(ttl=0) / udp() / Raw(DNS)),
    row("dont_fragment", None, v4(flags="DF") / udp() / Raw(DNS)),
    row("evil_bit", None, v4(flags="evil") / udp() / Raw(DNS)),
    row("from_port_53", None, v4() / udp(sport=53) / Raw(DNS)),
    row("from_port_123", None, v4() / udp(sport=123) / Raw(DNS)),
    row("priority_tag", None, Dot1Q(vlan=0, prio=5) / v4() / udp() / Raw(DNS)),
]

DROPPED = [
    changed("ip_header_cut", "runt", lambda frame: frame[:30]),
    changed("udp_header_cut", "ip_header", lambda frame: frame[:38]),
    changed("ip_version_5", "ip_header", with_octet(14, 0x55)),
    changed("ip_header_of_16_octets", "ip_header", with_octet(14, 0x44)),
    row("ip_total_length_too_large", "ip_header", v4(len=1400) / udp() / Raw(DNS)),
    row("ip_total_length_too_small", "ip_header", v4(len=10) / udp() / Raw(DNS)),
    row("ip_checksum_wrong", "ip_checksum", v4(chksum=0x1234) / udp() / Raw(DNS)),
    row("first_fragment", UNSEEN, v4(flags="MF") / udp() / Raw(DNS)),
    row("last_fragment", UNSEEN, v4(frag=100) / udp() / Raw(DNS)),
    row("fragment_at_offset_1", UNSEEN, v4(frag=1) / udp() / Raw(DNS)),
    row("fragment_that_must_not_be", UNSEEN, v4(flags="DF+MF") / udp() / Raw(DNS)),
    row("ip_option_nop", "ip_options", v4(options=[IPOption_NOP()] * 4) / udp() / Raw(DNS)),
    row("ip_option_record_route", "ip_options", v4(options=[IPOption_RR(routers=["0.0.0.0"])]) / udp() / Raw(DNS)),
    row("ipv6_hop_by_hop", "extension_header", v6() / IPv6ExtHdrHopByHop() / udp() / Raw(DNS)),
    row("ipv6_destination_options", "extension_header", v6() / IPv6ExtHdrDestOpt() / udp() / Raw(DNS)),
    row("ipv6_fragment", "fragment", v6() / IPv6ExtHdrFragment(m=1) / udp() / Raw(DNS)),
    row("ipv6_atomic_fragment", "fragment", v6() / IPv6ExtHdrFragment() / udp() / Raw(DNS)),
    row("udp_checksum_wrong", "udp_checksum", v4() / udp(chksum=0x1234) / Raw(DNS)),
    row("udp_checksum_wrong_over_ipv6", "udp_checksum", v6() / udp(chksum=0x1234) / Raw(DNS)),
    row("no_checksum_over_ipv6", "udp_checksum", v6() / udp(chksum=0) / Raw(DNS)),
    *(changed(f"udp_length_{length}", "udp_length", with_udp_length(length))
      for length in (0, 7, 8, len(DNS) + 7, len(DNS) + 9, 65535)),
    row("from_port_0", "source_port", v4() / udp(sport=0) / Raw(DNS)),
    *(row(f"from_port_{port}", "source_port", v4() / udp(sport=port) / Raw(DNS)) for port in (7, 13, 19, 37)),
    *(row(f"from_{source.replace('.', '_')}", "bad_source", IP(src=source, dst=FORWARDER) / udp() / Raw(DNS))
      for source in (FORWARDER, "0.0.0.0", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255")),
    *(row(f"from_{source.replace(':', '_')}", "bad_source", IPv6(src=source, dst=FORWARDER6) / udp() / Raw(DNS))
      for source in ("::", "::1", "ff02::1")),
    row("to_another_address", "not_bound", IP(src=CLIENT, dst="198.18.1.77") / udp() / Raw(DNS)),
    row("to_another_port", "not_bound", v4() / udp(dport=5353) / Raw(DNS)),
    row("tcp_protocol_number", "not_udp", v4(proto=6) / udp() / Raw(DNS)),
    addressed("to_another_mac", "not_our_mac", dst="02:00:00:00:00:99"),
    addressed("to_the_broadcast_mac", "not_our_mac", dst="ff:ff:ff:ff:ff:ff"),
    addressed("from_a_group_mac", "bad_source", src="03:00:00:00:00:01"),
    row("unexpected_vlan", "vlan", Dot1Q(vlan=7) / v4() / udp() / Raw(DNS)),
    Row("unknown_ether_type", lambda ethernet: bytes(Ether(src=ethernet.src, dst=ethernet.dst, type=0x88CC) / Raw(DNS)),
        "ether_type"),
    row("dns_of_11_octets", "short_query", v4() / udp() / Raw(DNS[:11])),
    row("dns_of_nothing", "short_query", v4() / udp()),
]

every_row = pytest.mark.parametrize("row", ANSWERED + DROPPED, ids=lambda row: row.name)


def dns_replies(frames):
    """Those of the frames that come from the DNS port."""
    packets = (Ether(frame) for frame in frames)
    return [packet for packet in packets if packet.haslayer(UDP) and packet[UDP].sport == 53]


@pytest.fixture(scope="module", params=["af_xdp", "af_packet"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def dotline(rig, kind):
    with rig.unbound() as resolver:
        settings = with_port(configuration([backend(resolver, rig.authority)]), device=f"{kind}:front0")
        with rig.dotline(settings) as dotline:
            rig.client.ask(query("www.example"))
            yield dotline


@pytest.fixture(scope="module")
def link(rig):
    with rig.client.raw_link() as link:
        yield link


@every_row
def test_frame(rig, kind, dotline, link, row):
    forwarder_mac = rig.topology.mac(rig.topology.forwarder, "front0")
    before = dotline.metrics()
    link.forget()
    link.send(row.build(Ether(src=link.client_mac, dst=forwarder_mac)))
    replies = dns_replies(link.received(0.25))
    if row.reason is None:
        assert len(replies) == 1
        assert_mirrored(replies[0], link, forwarder_mac, row)
        return
    assert replies == []
    if kind == "af_packet" and row.reason != UNSEEN:
        def grown():
            return (dotline.metrics().value("dotline_packets_dropped_total", reason=row.reason)
                    - before.value("dotline_packets_dropped_total", reason=row.reason))
        # The kernels' own ARP and neighbour discovery are dropped, and counted, as well.
        wait_until(lambda: grown() >= 1, f"a packet dropped as {row.reason}", timeout=5)


def assert_mirrored(reply, link, forwarder_mac, row):
    """Addresses and ports swapped, checksums right, the answer to this very question."""
    sent = Ether(row.build(Ether(src=link.client_mac, dst=forwarder_mac)))
    assert (reply.src, reply.dst) == (forwarder_mac, link.client_mac)
    network = IPv6 if sent.haslayer(IPv6) else IP
    assert (reply[network].src, reply[network].dst) == (sent[network].dst, sent[network].src)
    assert (reply[UDP].sport, reply[UDP].dport) == (53, sent[UDP].sport)
    assert bytes(reply[UDP].payload)[:2] == DNS[:2]
    assert reply[UDP].chksum not in (0, None)
    again = reply.copy()
    del again[UDP].chksum
    if network is IP:
        del again[IP].chksum
    assert bytes(again) == bytes(reply), "checksums"


def test_after_all_frames_dotline_answers_as_before(rig, dotline):
    assert rig.client.ask(query("www.example")).answer[0][0].to_text() == "192.0.2.1"
    assert rig.client.ask(query("www.example"), server=FORWARDER6).answer[0][0].to_text() == "192.0.2.1"
