"""Whatever is not for dotline goes to the kernel over a TAP, and back, while dotline answers DNS and is not disturbed."""

import re
import socket

import pytest
from scapy.layers.inet import ICMP, IP, UDP, IPOption_NOP
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6,
                                IPv6ExtHdrFragment)
from scapy.layers.l2 import ARP, Ether

from rig.bypass import DEVICE, TAP, give_addresses, interfaces, pings, settings, take_the_link_from_the_kernel
from rig.client import echo_over_tcp, query
from rig.namespaces import CLIENT, CLIENT6, FORWARDER, FORWARDER6, inside
from rig.waiting import wait_until

BURST = 3000  # Frames at once: more than any ration has for a moment, fewer than the device's ring.


@pytest.fixture(scope="module")
def dotline(rig):
    take_the_link_from_the_kernel(rig.topology)
    with rig.unbound() as resolver:
        with rig.dotline(settings(rig, resolver)) as dotline:
            give_addresses(rig.topology)
            rig.client.ask(query("www.example"))
            yield dotline
        assert f" {TAP}: " not in interfaces(rig.topology), "the TAP goes with the process"


def questions(rig):
    path = rig.topology.directory / "questions"
    path.write_text("".join(f"host{number}.bulk.example. A\n" for number in range(500)))
    return path


def forget_neighbours(rig):
    """On both ends, so that the next packets need ARP or neighbour discovery each way."""
    rig.client.flush_neighbours()
    rig.topology.execute(rig.topology.forwarder, "ip", "neighbour", "flush", "dev", TAP)


def dropped(dotline, reason):
    return dotline.metrics().value("dotline_packets_dropped_total", reason=reason)


def test_the_tap_is_the_ports_double(rig, dotline):
    link = rig.topology.execute(rig.topology.forwarder, "ip", "-o", "link", "show", TAP).stdout
    assert rig.topology.mac(rig.topology.forwarder, TAP) == rig.topology.mac(rig.topology.forwarder, "front0")
    assert re.search(r"[<,]UP[,>]", link) and " mtu 1500 " in link, link


def test_dns_is_answered_by_dotline_and_everything_else_by_the_kernel(rig, dotline):
    before = dotline.metrics()
    with rig.client.start_dnsperf(questions(rig), seconds=6, rate=2000) as load:
        for server in (FORWARDER, FORWARDER6):
            forget_neighbours(rig)
            assert pings(rig.topology, server, count=3)
            assert rig.client.ask(query("www.example"), server=server).answer
        payload = bytes(range(256)) * 1024
        assert echo_over_tcp(rig.topology, payload) == payload
        assert load.running(), "the load ended before it was needed"
        assert load.finish(30).lost == 0
    neighbours = rig.topology.execute(rig.topology.client, "ip", "neighbour", "show").stdout
    assert re.search(rf"^{FORWARDER} .*lladdr", neighbours, re.MULTILINE), neighbours
    assert re.search(rf"^{FORWARDER6} .*lladdr", neighbours, re.MULTILINE), neighbours
    after = dotline.metrics()
    for direction in ("to_kernel", "from_kernel"):
        moved = [metrics.value("dotline_exception_frames_total", port=DEVICE, direction=direction)
                 for metrics in (before, after)]
        assert moved[1] - moved[0] > 200, direction
    assert after.value("dotline_exception_unsent_total") == 0


def test_the_kernel_opens_connections_of_its_own(rig, dotline):
    """A BGP daemon on the TAP calls its router."""
    forget_neighbours(rig)
    with inside(rig.topology.client):
        listener = socket.create_server((CLIENT, 7778))
    with inside(rig.topology.forwarder):
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with listener, connection:
        connection.settimeout(20)
        connection.connect((CLIENT, 7778))
        listener.settimeout(20)
        accepted, address = listener.accept()
        accepted.close()
        assert address[0] == FORWARDER


def to_us(rig, destination=None):
    return Ether(src=rig.topology.mac(rig.topology.client, "eth0"),
                 dst=destination or rig.topology.mac(rig.topology.forwarder, "front0"))


def test_a_query_that_reaches_the_kernel_meets_silence(rig, dotline):
    """dotline leaves IP options and fragments to the kernel. It must neither answer nor refuse a query in them."""
    with rig.client.raw_link() as link:
        for identity, port in ((7, 53), (8, 5454)):
            packet = IP(src=CLIENT, dst=FORWARDER, id=identity, options=[IPOption_NOP()] * 4) / UDP(sport=4444, dport=port)
            link.send(bytes(to_us(rig) / packet / query("www.example").to_wire()))
        unreachable = []

        def refused():
            frames = [Ether(frame) for frame in link.received(0.2)]
            unreachable.extend(frame for frame in frames if ICMP in frame and frame[ICMP].type == 3)
            return unreachable
        wait_until(refused, "the kernel refuses the other datagram, which came later")
    assert len(unreachable) == 1, "only the one that was for nobody"
    assert unreachable[0][ICMP].payload.id == 8


def test_broken_queries_stay_away_from_the_kernel(rig, dotline):
    before = dropped(dotline, "udp_checksum")
    packet = IP(src=CLIENT, dst=FORWARDER) / UDP(sport=4444, dport=53, chksum=1) / query("www.example").to_wire()
    with rig.client.raw_link() as link:
        link.send(bytes(to_us(rig) / packet))
    wait_until(lambda: dropped(dotline, "udp_checksum") == before + 1, "dropped by dotline")


def neighbour_solicitation(rig):
    client = rig.topology.mac(rig.topology.client, "eth0")
    return (to_us(rig) / IPv6(src=CLIENT6, dst=FORWARDER6, hlim=255) / ICMPv6ND_NS(tgt=FORWARDER6)
            / ICMPv6NDOptSrcLLAddr(lladdr=client))


FLOODS = {
    "pings": lambda rig: to_us(rig) / IP(src=CLIENT, dst=FORWARDER) / ICMP(),
    "arp": lambda rig: to_us(rig, "ff:ff:ff:ff:ff:ff") / ARP(op=1, psrc=CLIENT, pdst=FORWARDER),
    "neighbour_solicitations": neighbour_solicitation,
}


def quoted(network):
    """What an ICMP error quotes: a reply of ours to the client that was never sent."""
    ends = {"src": FORWARDER, "dst": CLIENT} if network is IP else {"src": FORWARDER6, "dst": CLIENT6}
    return network(**ends) / UDP(sport=53, dport=4444) / query("www.example").to_wire()


def test_errors_over_icmp_are_believed_by_nobody(rig, dotline):
    """Forged ones: unreachable, "fragmentation needed", redirect. None is answered, and replies are as large as before."""
    errors = [IP(src=CLIENT, dst=FORWARDER) / ICMP(type=kind, code=code, **more) / quoted(IP)
              for kind, code, more in ((3, 1, {}), (3, 3, {}), (3, 4, {"nexthopmtu": 68}), (4, 0, {}), (5, 1, {"gw": CLIENT}),
                                       (11, 0, {}), (12, 0, {}))]
    errors += [IPv6(src=CLIENT6, dst=FORWARDER6) / kind / quoted(IPv6)
               for kind in (ICMPv6DestUnreach(code=1), ICMPv6DestUnreach(code=4), ICMPv6PacketTooBig(mtu=1280), ICMPv6TimeExceeded())]
    with rig.client.raw_link() as link:
        for error in errors:
            link.send(bytes(to_us(rig) / error))
        for server in (FORWARDER, FORWARDER6):
            reply = rig.client.ask(query("medium.example", "TXT", edns=1232), server=server)
            assert len(reply.answer) == 1 and len(reply.to_wire()) > 512
        frames = [Ether(frame) for frame in link.received(0.5)]
    sent_back = [frame.summary() for frame in frames if (frame.haslayer(ICMP) and frame[ICMP].type in (3, 4, 5, 11, 12))
                 or frame.haslayer(ICMPv6DestUnreach) or frame.haslayer(ICMPv6TimeExceeded)]
    assert sent_back == []
    assert not any(frame.haslayer(IP) and (frame[IP].frag or frame[IP].flags.MF) for frame in frames)
    assert not any(frame.haslayer(IPv6ExtHdrFragment) for frame in frames)


def test_who_looks_for_open_ports_hears_little(rig, dotline):
    """The kernel rations "port unreachable" and varies the ration, so that nobody can count ports with it (CVE-2020-25705). A query
    to a resolver has no port to be found: it goes over TLS."""
    probes = 1000
    datagram = to_us(rig) / IP(src=CLIENT, dst=FORWARDER) / UDP(sport=4444, dport=53, chksum=0)
    head, tail = bytes(datagram)[:36], bytes(datagram)[38:]
    with rig.client.raw_link() as link:
        for port in range(20000, 20000 + probes):
            link.send(head + port.to_bytes(2, "big") + tail)
        refusals = [frame for frame in map(Ether, link.received(1.0)) if frame.haslayer(ICMP) and frame[ICMP].type == 3]
    assert 0 < len(refusals) < probes / 10


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_costs_dns_nothing(rig, dotline, kind):
    frame = bytes(FLOODS[kind](rig))
    before = dropped(dotline, "exception_rate_limited")
    with rig.client.raw_link() as link, rig.client.start_dnsperf(questions(rig), seconds=3, rate=1000) as load:
        while load.running():
            for _ in range(BURST):
                link.send(frame)
            assert rig.client.ask(query("www.example")).answer  # It came behind the burst, which is taken by now.
            link.forget()
        summary = load.finish(30)
    assert (summary.lost, summary.response_codes) == (0, {"NOERROR": summary.sent}), summary.output
    assert dropped(dotline, "exception_rate_limited") > before
    wait_until(lambda: dotline.metrics().unaccounted() == 0, "every frame accounted for")


def test_a_tap_that_is_down_costs_dns_nothing(rig, dotline):
    before = dropped(dotline, "exception_refused")
    rig.client.ask(query("www.example"))  # From here on the client knows our MAC.
    rig.topology.execute(rig.topology.forwarder, "ip", "link", "set", TAP, "down")
    assert not pings(rig.topology)
    wait_until(lambda: dropped(dotline, "exception_refused") > before, "what the TAP does not take is counted")
    assert rig.client.ask(query("www.example")).answer
    rig.topology.execute(rig.topology.forwarder, "ip", "link", "set", TAP, "up")
    give_addresses(rig.topology)  # Those of IPv6 went with the link.
    wait_until(lambda: pings(rig.topology), "the kernel answers again")
    assert "tap:dns0: takes frames again" in dotline.log()


def test_buffers_and_files_return_to_their_baseline(rig, dotline):
    def in_use():
        return dotline.metrics().value("dotline_mempool_in_use")
    buffers, files = in_use(), dotline.open_files()
    assert pings(rig.topology, count=3)
    assert echo_over_tcp(rig.topology, bytes(100_000)) == bytes(100_000)
    wait_until(lambda: in_use() == buffers and dotline.open_files() <= files, "back at the baseline")
