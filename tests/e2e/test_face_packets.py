"""Frames that are not quite a DNS query: answered where hosts must, dropped and counted where not, never answered twice.

Through `af_packet` every frame reaches dotline, so each drop is seen under its reason. Through `af_xdp` the program in the
kernel may already have passed a frame by; then the promise is only that nobody gets a DNS reply. Every row has a DNS id of its
own, so they follow one another without waiting, and one look at the end tells that nobody got a second reply.
"""

import contextlib
import dataclasses
import signal
import struct
from typing import Callable

import pytest
from scapy.layers.inet import IP, TCP, UDP, ICMP, IPOption_EOL, IPOption_LSRR, IPOption_NOP, IPOption_RR, IPOption_Timestamp
from scapy.layers.inet6 import (ICMPv6DestUnreach, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrRouting)
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from rig.client import query
from rig.forwarder import backend, configuration, with_port
from rig.namespaces import CLIENT, CLIENT6, FORWARDER, FORWARDER6
from rig.waiting import wait_until

CLIENT_PORT = 40053
# The kernel collects IPv4 fragments, and takes tags off, before it shows a whole packet to af_packet. What it can not make
# whole is counted nowhere.
UNSEEN = "unseen"
DNS = query("www.example", identity=0).to_wire()
FIRST_ID = 0x4200
BURST = 6000  # Frames at once: more than any ring of a port that is not emptied.


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    build: Callable        # (Ethernet header, DNS message) -> octets of the frame.
    reason: str | None     # Why it is dropped; None: it is answered.


def v4(**fields):
    return IP(**{"src": CLIENT, "dst": FORWARDER, **fields})


def v6(**fields):
    return IPv6(**{"src": CLIENT6, "dst": FORWARDER6, **fields})


def udp(**fields):
    return UDP(**{"sport": CLIENT_PORT, "dport": 53, **fields})


def row(name, reason, packet, behind=b""):
    """The message behind `packet`, and `behind` that."""
    return Row(name, lambda ethernet, message: bytes(ethernet / packet / Raw(message + behind)), reason)


def changed(name, reason, change):
    """A good frame in which `change` alters octets."""
    def build(ethernet, message):
        frame = bytearray(bytes(ethernet / v4() / udp() / Raw(message)))
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
    def build(ethernet, message):
        frame = ethernet.copy()
        for field, value in ethernet_fields.items():
            setattr(frame, field, value)
        return bytes(frame / v4() / udp() / Raw(message))
    return Row(name, build, reason)


def padded(ethernet, message):
    """Octets behind the IP packet, as a network card adds them to short frames."""
    packet = v4() / udp() / Raw(message)
    return bytes(ethernet / packet) + b"\xff" * 9


def cut_message(size):
    return lambda ethernet, message: bytes(ethernet / v4() / udp() / Raw(message[:size]))


def long_query(ethernet, message):
    """1400 octets with a padding option (RFC 7830)."""
    option = struct.pack("!HH", 12, 1400 - len(message) - 15)
    padding = option + bytes(1400 - len(message) - 15)
    opt = b"\x00" + struct.pack("!HHIH", 41, 1232, 0, len(padding)) + padding
    return bytes(ethernet / v4() / udp() / Raw(message[:10] + b"\x00\x01" + message[12:] + opt))


def of_ether_type(number):
    return lambda ethernet, message: bytes(Ether(src=ethernet.src, dst=ethernet.dst, type=number) / Raw(message))


ANSWERED = [
    row("plain", None, v4() / udp()),
    row("plain_ipv6", None, v6() / udp()),
    Row("ethernet_padding", padded, None),
    Row("of_1400_octets", long_query, None),
    row("no_checksum_over_ipv4", None, v4() / udp(chksum=0)),
    row("ttl_1", None, v4(ttl=1) / udp()),
    row("ttl_0", None, v4(ttl=0) / udp()),
    row("hop_limit_0", None, v6(hlim=0) / udp()),
    row("dont_fragment", None, v4(flags="DF") / udp()),
    row("evil_bit", None, v4(flags="evil") / udp()),
    *(row(f"from_port_{port}", None, v4() / udp(sport=port)) for port in (53, 123, 5353, 65535)),
    row("from_a_link_local_address", None, v6(src="fe80::2") / udp()),
    row("priority_tag", None, Dot1Q(vlan=0, prio=5) / v4() / udp()),
]

DROPPED = [
    changed("ip_header_cut", "runt", lambda frame: frame[:30]),
    changed("udp_header_cut", "ip_header", lambda frame: frame[:38]),
    Row("tag_cut", lambda ethernet, message: bytes(ethernet / Dot1Q(vlan=0))[:16], UNSEEN),
    changed("ip_version_5", "ip_header", with_octet(14, 0x55)),
    changed("ip_header_of_16_octets", "ip_header", with_octet(14, 0x44)),
    row("ip_total_length_too_large", "ip_header", v4(len=1400) / udp()),
    row("ip_total_length_too_small", "ip_header", v4(len=10) / udp()),
    row("ip_checksum_wrong", "ip_checksum", v4(chksum=0x1234) / udp()),
    row("first_fragment", UNSEEN, v4(flags="MF") / udp()),
    row("last_fragment", UNSEEN, v4(frag=100) / udp()),
    row("fragment_at_offset_1", UNSEEN, v4(frag=1) / udp()),
    row("fragment_that_must_not_be", UNSEEN, v4(flags="DF+MF") / udp()),
    *(row(f"ip_option_{name}", "ip_options", v4(options=options) / udp()) for name, options in (
        ("nop", [IPOption_NOP()] * 4), ("end", [IPOption_EOL()] * 4), ("record_route", [IPOption_RR(routers=["0.0.0.0"])]),
        ("loose_source_route", [IPOption_LSRR(routers=["192.0.2.9"])]), ("timestamp", [IPOption_Timestamp()]))),
    row("ipv6_hop_by_hop", "extension_header", v6() / IPv6ExtHdrHopByHop() / udp()),
    row("ipv6_destination_options", "extension_header", v6() / IPv6ExtHdrDestOpt() / udp()),
    row("ipv6_routing", "extension_header", v6() / IPv6ExtHdrRouting(addresses=[FORWARDER6]) / udp()),
    row("ipv6_chain", "extension_header", v6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment() / udp()),
    *(row(f"ipv6_next_header_{number}", "extension_header", v6(nh=number) / udp()) for number in (50, 51, 59, 135)),
    row("ipv6_fragment", "fragment", v6() / IPv6ExtHdrFragment(m=1) / udp()),
    row("ipv6_atomic_fragment", "fragment", v6() / IPv6ExtHdrFragment() / udp()),
    row("ipv6_payload_length_0", "runt", v6(plen=0) / udp()),
    row("ipv6_payload_length_too_large", "ip_header", v6(plen=1400) / udp()),
    row("udp_checksum_wrong", "udp_checksum", v4() / udp(chksum=0x1234)),
    row("udp_checksum_wrong_over_ipv6", "udp_checksum", v6() / udp(chksum=0x1234)),
    row("no_checksum_over_ipv6", "udp_checksum", v6() / udp(chksum=0)),
    *(changed(f"udp_length_{length}", "udp_length", with_udp_length(length))
      for length in (0, 7, 8, len(DNS) + 7, len(DNS) + 9, 65535)),
    *(row(f"from_port_{port}", "source_port", v4() / udp(sport=port)) for port in (0, 7, 13, 17, 19, 37, 69, 464)),
    *(row(f"from_{source.replace('.', '_')}", "bad_source", v4(src=source) / udp())
      for source in (FORWARDER, "0.0.0.0", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255")),
    *(row(f"from_{source.replace(':', '_').replace('.', '_')}", "bad_source", v6(src=source) / udp())
      for source in (FORWARDER6, "::", "::1", "ff02::1", f"::ffff:{CLIENT}")),
    *(row(f"to_{address.replace('.', '_')}", "not_bound", v4(dst=address) / udp())
      for address in ("198.18.1.77", "198.18.1.255", "255.255.255.255", "224.0.0.251")),
    *(row(f"to_{address.replace(':', '_')}", "not_bound", v6(dst=address) / udp()) for address in ("2001:db8:1::77", "ff02::fb")),
    row("to_another_port", "not_bound", v4() / udp(dport=5353)),
    row("tcp", "not_udp", v4() / TCP(sport=CLIENT_PORT, dport=53, flags="SA")),
    *(row(f"protocol_{number}", "not_udp", v4(proto=number) / udp()) for number in (47, 132)),
    addressed("to_another_mac", "not_our_mac", dst="02:00:00:00:00:99"),
    addressed("to_the_broadcast_mac", "not_our_mac", dst="ff:ff:ff:ff:ff:ff"),
    addressed("to_a_multicast_mac", "not_our_mac", dst="01:00:5e:00:00:fb"),
    addressed("from_a_group_mac", "bad_source", src="03:00:00:00:00:01"),
    Row("from_our_own_mac", lambda ethernet, message: bytes(
        Ether(src=ethernet.dst, dst=ethernet.dst) / v4() / udp() / Raw(message)), "bad_source"),
    row("unexpected_vlan", "vlan", Dot1Q(vlan=7) / v4() / udp()),
    row("two_tags", "ether_type", Dot1Q(vlan=0) / Dot1Q(vlan=0) / v4() / udp()),
    row("a_providers_tag", "vlan", Dot1AD(vlan=7) / Dot1Q(vlan=7) / v4() / udp()),
    *(Row(f"ether_type_{number:04x}", of_ether_type(number), "ether_type") for number in (0x0040, 0x88CC, 0x88E5)),
    *(Row(f"dns_of_{size}_octets", cut_message(size), "short_query") for size in (0, 1, 11)),
]

ROWS = ANSWERED + DROPPED
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


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
def ethernet(rig):
    """Of a frame from the client to dotline."""
    return Ether(src=rig.topology.mac(rig.topology.client, "eth0"), dst=rig.topology.mac(rig.topology.forwarder, "front0"))


def message_of(row):
    return struct.pack("!H", FIRST_ID + ROWS.index(row)) + DNS[2:]


@dataclasses.dataclass
class Seen:
    """What came of the rows: every frame from the client's link, and which rows' drops were counted."""
    replies: list
    icmp_errors: list
    counted: set

    def to(self, row):
        return [reply for reply in self.replies if bytes(reply[UDP].payload)[:2] == message_of(row)[:2]]


@pytest.fixture(scope="module")
def seen(rig, kind, dotline, ethernet):
    frames, counted = [], set()
    with rig.client.raw_link() as link:
        def answered(row):
            frames.extend(map(Ether, link.received(0.005)))
            return any(bytes(reply[UDP].payload)[:2] == message_of(row)[:2] for reply in dns_replies(frames))
        for row in ROWS:
            before = drops(dotline, row.reason) if is_counted(kind, row) else None
            link.send(row.build(ethernet, message_of(row)))
            with contextlib.suppress(AssertionError):  # The row's own test tells what is missing.
                if row.reason is None:
                    wait_until(lambda: answered(row), f"a reply to {row.name}", timeout=5)
                elif is_counted(kind, row):
                    # The kernels' own ARP and neighbour discovery are dropped, and counted, as well.
                    wait_until(lambda: drops(dotline, row.reason) > before, row.reason, timeout=5, interval=0.002)
                    counted.add(row.name)
        frames.extend(map(Ether, link.received(0.5)))
    return Seen(dns_replies(frames), icmp_errors(frames), counted)


def is_counted(kind, row):
    return kind == "af_packet" and row.reason not in (None, UNSEEN)


def drops(dotline, reason):
    return dotline.metrics().value("dotline_packets_dropped_total", reason=reason)


def dns_replies(packets):
    """Those that come from the DNS port."""
    return [packet for packet in packets if packet.haslayer(UDP) and packet[UDP].sport == 53]


def icmp_errors(packets):
    return [packet for packet in packets
            if packet.haslayer(ICMPv6DestUnreach) or (packet.haslayer(ICMP) and packet[ICMP].type == 3)]


def test_the_rows_have_names_of_their_own():
    assert len({row.name for row in ROWS}) == len(ROWS)


@every_row
def test_frame(kind, seen, ethernet, row):
    replies = seen.to(row)
    if row.reason is None:
        assert len(replies) == 1
        assert_mirrored(replies[0], Ether(row.build(ethernet, message_of(row))))
        return
    assert replies == []
    assert (row.name in seen.counted) == is_counted(kind, row)


def assert_mirrored(reply, sent):
    """Addresses, ports and tag as in the query, the ends swapped; checksums right."""
    assert (reply.src, reply.dst) == (sent.dst, sent.src)
    network = IPv6 if sent.haslayer(IPv6) else IP
    assert (reply[network].src, reply[network].dst) == (sent[network].dst, sent[network].src)
    assert (reply[UDP].sport, reply[UDP].dport) == (53, sent[UDP].sport)
    assert bytes(reply[UDP].payload)[12:len(DNS)] == DNS[12:]
    assert reply[UDP].chksum not in (0, None)
    again = reply.copy()
    del again[UDP].chksum
    if network is IP:
        assert (reply[IP].flags, reply[IP].id, reply[IP].ttl) == ("DF", 0, 64)
        del again[IP].chksum
    assert bytes(again) == bytes(reply), "checksums"


def test_nobody_else_got_a_reply(seen):
    assert len(seen.replies) == len(ANSWERED)


def test_no_query_is_refused_over_icmp(kind, seen):
    """The kernel sees the frames of af_packet too, and has those that an XDP program leaves: it may refuse what is for nobody."""
    refused = [error.summary() for error in seen.icmp_errors if refused_port(error) == b"\x00\x35"]
    if kind == "af_packet":
        assert refused == []
    assert len(refused) <= sum(row.reason == "ip_options" for row in ROWS), "what an XDP program does not take for a query"


def refused_port(error):
    """The destination port in the datagram that an ICMP error quotes; nothing if that is no UDP."""
    quoted = IPv6(bytes(error[ICMPv6DestUnreach].payload)) if error.haslayer(ICMPv6DestUnreach) else IP(bytes(error[ICMP].payload))
    return bytes(quoted.payload)[2:4] if (quoted.nh if quoted.version == 6 else quoted.proto) == 17 else b""


def test_a_burst_larger_than_the_ring_costs_nothing_but_itself(rig, kind, dotline, ethernet):
    """What found room is answered, buffers come back, and the next query is answered as ever."""
    before = dotline.metrics()
    frame = bytes(ethernet / v4() / udp() / Raw(DNS))
    dotline.signal(signal.SIGSTOP)
    with rig.client.raw_link() as link:
        for _ in range(BURST):
            link.send(frame)
    dotline.signal(signal.SIGCONT)
    wait_until(lambda: rig.client.exchange([DNS], timeout=1)[0], "an answer behind the burst")
    if kind == "af_xdp":  # DPDK 22.11 does not ask the kernel what an af_packet socket had no room for.
        wait_until(lambda: gained(dotline, before, "dotline_port_missed_total") > 0, "frames that found no room are counted")
    wait_until(lambda: dotline.metrics().unaccounted() == 0, "received = replied + dropped + parked")
    wait_until(lambda: abs(gained(dotline, before, "dotline_mempool_in_use")) <= 64, "buffers at their baseline")


def gained(dotline, before, name):
    return dotline.metrics().value(name) - before.value(name)


def test_after_all_frames_dotline_answers_as_before(rig, dotline):
    assert rig.client.ask(query("www.example")).answer[0][0].to_text() == "192.0.2.1"
    assert rig.client.ask(query("www.example"), server=FORWARDER6).answer[0][0].to_text() == "192.0.2.1"
