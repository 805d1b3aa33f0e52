"""DPDK drives the network card itself, behind an IOMMU: the way dotline runs on a server.

The cards are QEMU's, in a virtual machine that runs the program built here (tests/rig/guest.py). Nothing of this machine's
own hardware is touched.
"""

import collections
import contextlib
import copy
import json
import re
import threading

import dns.message
import dns.rcode
import pytest
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from rig.bypass import TAP, pings
from rig.client import Client, assert_comes_over_tcp, query
from rig.forwarder import BINARY, METRICS_PORT, backend, configuration, with_port
from rig.guest import E1000E, MANAGED, VIRTIO, VMXNET3, Guest, GuestDotline
from rig.namespaces import CLIENT, FORWARDER, FORWARDER6
from rig.waiting import wait_until

LOAD = BINARY.parent / "perf" / "load" / "load"
FRAME_PORT = 40000
SOMEBODY_ELSE = "02:00:00:00:00:99"


@pytest.fixture(scope="module")
def resolver(rig):
    with rig.unbound() as resolver:
        yield resolver


@pytest.fixture(scope="module")
def guest(rig):
    with Guest(rig.topology, (E1000E, VMXNET3, VIRTIO)) as guest:
        yield guest


@pytest.fixture(scope="module", params=[E1000E, VMXNET3], ids=lambda card: card.name)
def card(guest, request):
    return in_service(guest, request.param)


def in_service(guest, card):
    guest.give(card, "vfio-pci")
    guest.connect_client(card)
    return card


def introduce(topology, card):
    """Nobody answers ARP and neighbour discovery on a card that the kernel has no part in."""
    for address in (FORWARDER, FORWARDER6):
        topology.execute(topology.client, "ip", "neighbour", "replace", address, "lladdr", card.mac, "dev", card.name)


@pytest.fixture(scope="module")
def client(rig, card):
    return Client(rig.topology, card.name)


def settings(rig, resolver, card, *, cores=(1,), **port):
    made = configuration([backend(resolver, rig.authority)], metrics={"address": f"{MANAGED}:{METRICS_PORT}"})
    made["dataplane"].update(cores=list(cores), hugepages="require")
    made["packet_caches"][0]["temporary_failure_ttl"] = 1
    return with_port(made, device=f"pci:{card.address}", **port)


@contextlib.contextmanager
def running(rig, guest, client, wanted):
    """dotline in the guest, watched, with www.example's address in its cache.

    An emulated processor may be slow enough for the first handshake to outlast the first query.
    """
    with rig.watched(GuestDotline(guest, wanted), namespace=rig.topology.resolver, interface="eth0") as dotline:
        if "exception" in wanted["dataplane"]["ports"][0]:
            for address in (f"{FORWARDER}/24", f"{FORWARDER6}/64"):
                guest.execute(f"ip address add {address} dev {TAP} nodad")
        wait_until(lambda: is_answered(client), "an answer", timeout=120, interval=1)
        yield dotline


@pytest.fixture(scope="class")
def dotline(rig, resolver, guest, client, card):
    """One for all tests that need nothing but queries: under emulation a start takes seconds."""
    with running(rig, guest, client, settings(rig, resolver, card, exception=f"tap:{TAP}")) as dotline:
        yield dotline


class TestService:
    def test_misses_and_hits_are_answered_over_both_protocols(self, client, dotline):
        before = dotline.metrics()
        assert before.value("dotline_replies_total", outcome="fill") >= 1
        for server in (FORWARDER, FORWARDER6):
            assert "192.0.2.1" in client.kdig("www.example", "A", "+short", "+time=30", server=server)
            assert "2001:db8::1" in client.kdig("www.example", "AAAA", "+short", "+time=30", server=server)
            assert client.ask(query("www.example"), server=server).answer[0][0].to_text() == "192.0.2.1"
        assert gained(dotline, before, "dotline_replies_total", outcome="fill") == 1
        assert gained(dotline, before, "dotline_replies_total", outcome="hit") == 5

    def test_the_reply_comes_from_the_card(self, card, client, dotline):
        with client.raw_link() as link:
            link.send(question_frame(link.client_mac, card.mac))
            reply = wait_until(lambda: next(filter(is_reply, map(Ether, link.received(0.2))), None), "the reply's frame")
        assert (reply.src, reply.dst, reply[IP].src, reply[DNS].ancount) == (card.mac, link.client_mac, FORWARDER, 1)
        assert (reply[IP].chksum, reply[UDP].chksum) == whole_checksums(reply)

    def test_frames_for_others_are_left_alone(self, client, dotline):
        before = dotline.metrics()
        with client.raw_link() as link:
            for _ in range(5):
                link.send(question_frame(link.client_mac, SOMEBODY_ELSE))
            client.ask(query("www.example"))  # Once this one is answered, those before it have been dealt with.
            assert not [frame for frame in map(Ether, link.received(0.5)) if is_reply(frame)]
        assert gained(dotline, before, "dotline_queries_total") == 1
        # The card filters them by itself: it is not promiscuous.
        assert gained(dotline, before, "dotline_packets_dropped_total", reason="not_our_mac") == 0

    def test_everything_else_is_the_kernels(self, rig, guest, card, client, dotline):
        echo = guest.start(("socat", "TCP6-LISTEN:7777,ipv6only=0,reuseaddr,fork", "PIPE"), rig.topology.directory / "echo.log")
        for server in (FORWARDER, FORWARDER6):
            client.flush_neighbours()
            guest.execute(f"ip neighbour flush dev {TAP}")
            wait_until(lambda: pings(rig.topology, server, count=3), "replies to pings", timeout=60)
            assert echoed(client, server, b"0123456789" * 5000)
        echo.kill()
        neighbours = rig.topology.execute(rig.topology.client, "ip", "neighbour", "show", "dev", card.name).stdout
        assert f"{FORWARDER6} lladdr {card.mac}" in neighbours

    def test_what_does_not_fit_comes_over_tcp(self, client, dotline):
        """By way of the TAP, since the card's frames of TCP are the kernel's."""
        for server in (FORWARDER, FORWARDER6):
            assert_comes_over_tcp(client, server)

    def test_a_connection_carries_a_hundred_queries(self, client, dotline):
        for server in (FORWARDER, FORWARDER6):
            payloads = [query(f"host{number}.bulk.example", identity=number).to_wire() for number in range(100)]
            replies = [dns.message.from_wire(reply) for reply in client.pipelined(payloads, server=server)]
            assert sorted(reply.id for reply in replies) == list(range(100))
            assert {reply.answer[0][0].to_text() for reply in replies} == {"192.0.2.3"}

    def test_every_query_of_a_load_is_answered(self, rig, client, dotline):
        questions = rig.topology.directory / "questions"
        questions.write_text("www.example. A\n")
        for server in (FORWARDER, FORWARDER6):
            load = client.dnsperf(questions, server=server, seconds=2, rate=500, patience=30)
            assert load.sent > 500, load.output
            assert (load.lost, load.response_codes) == (0, {"NOERROR": load.sent}), load.output

    def test_it_answers_again_when_the_cable_is_back(self, guest, card, client, dotline):
        guest.set_link(card, "down")
        assert client.exchange([query("www.example").to_wire()], timeout=1) == [[]]
        wait_until(lambda: dotline.metrics().value("dotline_port_link_up") == 0, "the link known to be down", timeout=60)
        guest.set_link(card, "up")
        wait_until(lambda: is_answered(client), "a reply over the cable that is back", timeout=60)
        assert client.ask(query("www.example"), server=FORWARDER6).rcode() == dns.rcode.NOERROR
        wait_until(lambda: dotline.metrics().value("dotline_port_up") == 1, "the port known to serve again", timeout=60)


def test_it_takes_the_card_again_after_a_crash(rig, resolver, guest, card, client):
    introduce(rig.topology, card)
    wanted = settings(rig, resolver, card)
    GuestDotline(guest, wanted).start().kill()
    with running(rig, guest, client, wanted):
        assert client.ask(query("www.example"), server=FORWARDER6).rcode() == dns.rcode.NOERROR


def test_each_of_two_queues_has_its_core(rig, resolver, guest):
    card = in_service(guest, VIRTIO)
    client = Client(rig.topology, card.name)
    introduce(rig.topology, card)
    with running(rig, guest, client, settings(rig, resolver, card, cores=(0, 1))) as dotline:
        for server in (FORWARDER, FORWARDER6):
            questions = [query("www.example").to_wire() for _ in range(40)]  # From as many ports.
            assert all(len(replies) == 1 for replies in client.exchange(questions, server=server))
        for core in ("0", "1"):
            assert dotline.metrics().value("dotline_core_busy_cycles_total", core=core) > 0


def test_a_card_that_does_not_spread_frames_serves_from_one_queue(rig, resolver, guest):
    card = in_service(guest, E1000E)
    client = Client(rig.topology, card.name)
    introduce(rig.topology, card)
    with running(rig, guest, client, settings(rig, resolver, card, cores=(0, 1))) as dotline:
        assert client.ask(query("www.example"), server=FORWARDER6).rcode() == dns.rcode.NOERROR
        assert "does not spread frames over queues" in dotline.log()


@contextlib.contextmanager
def joined(topology, one, other):
    """A cable from card to card: each frame that one sends reaches the other."""
    topology.execute(topology.client, "ip", "link", "add", "cable", "type", "bridge")
    try:
        for card in (one, other):
            topology.execute(topology.client, "ip", "link", "set", card.name, "master", "cable")
        topology.execute(topology.client, "ip", "link", "set", "cable", "up")
        yield
    finally:
        topology.execute(topology.client, "ip", "link", "delete", "cable")


def test_the_load_generator_drives_a_card_as_well(rig, resolver, guest):
    """From card to card, and no kernel has part in it: the two-machine benchmark of docs/benchmarking.md in small."""
    card = in_service(guest, E1000E)
    client = Client(rig.topology, card.name)
    introduce(rig.topology, card)
    wanted = settings(rig, resolver, card)
    wanted["dataplane"]["memory"] = "128M"
    with running(rig, guest, client, wanted) as dotline, joined(rig.topology, E1000E, VMXNET3):
        guest.give(VMXNET3, "vfio-pci")
        for server, source in ((FORWARDER, "198.18.1.16"), (FORWARDER6, "2001:db8:1::16")):
            result = loaded(guest, to=server, source=source, card=VMXNET3, to_card=card)
            assert result["sent"] >= 100 and result["answered"] == result["sent"], result
            assert {what for what, count in result["found"].items() if count} <= {"right", "not_for_us"}, result
        assert dotline.metrics().value("dotline_replies_total", outcome="hit") >= 100


def loaded(guest, *, to, source, card, to_card):
    """What the generator found out. Every name is asked for once before; emulation has all the time it wants."""
    said = guest.execute(f"{LOAD} --lcores 0@0 --in-memory -m 96 -a {card.address} --no-telemetry --file-prefix load --log-level error -- "
                         f"--to {to} --to-mac {to_card.mac} --from {source} --addresses 16 --names 20 --warm-passes 2 --warm-rate 20 "
                         "--rate 100 --seconds 2 --patience 60", timeout=400)
    return json.loads(next(line for line in said.splitlines() if line.startswith("{")))


@pytest.mark.parametrize(("cores", "nodes"), [((1,), {1}), ((0, 1), {0, 1})], ids=["one_node", "two_nodes"])
def test_the_cache_lies_on_the_nodes_of_its_cores(rig, resolver, guest, cores, nodes):
    card = in_service(guest, VIRTIO)
    client = Client(rig.topology, card.name)
    introduce(rig.topology, card)
    wanted = settings(rig, resolver, card, cores=cores)
    wanted["packet_caches"][0]["size"] = 1_000_000  # A table of six large pages: more than one for each node.
    with running(rig, guest, client, wanted) as dotline:
        pages = placed_pages(guest, dotline.pid)
        assert pages.keys() == nodes and sum(pages.values()) >= 6, pages
        where = "on NUMA node 1" if len(nodes) == 1 else "spread over NUMA nodes 0 and 1"
        assert f"packet caches: {where}" in dotline.log()


def placed_pages(guest, pid):
    """How many pages each node has of the mappings with a policy of their own, which are the cache's: {node: pages}."""
    pages = collections.Counter()
    for line in guest.execute(f"cat /proc/{pid}/numa_maps").splitlines():
        if re.match(r"\w+ (prefer|interleave):", line):
            pages.update({int(node): int(count) for node, count in re.findall(r" N(\d+)=(\d+)", line)})
    return dict(pages)


def is_answered(client):
    replies = client.exchange([query("www.example").to_wire()])[0]
    return replies and dns.message.from_wire(replies[0]).rcode() == dns.rcode.NOERROR


def refusal(guest, wanted):
    """Why dotline does not start."""
    dotline = GuestDotline(guest, wanted)
    dotline.launch()
    assert dotline.wait() == 1, dotline.log()
    return dotline.log()


def test_a_card_that_the_kernel_has_is_refused(rig, resolver, guest):
    guest.give(E1000E, "e1000e")
    said = refusal(guest, settings(rig, resolver, E1000E))
    assert f"port pci:{E1000E.address}: the kernel's driver e1000e has it (interface eth" in said
    assert f"dpdk-devbind.py -b vfio-pci {E1000E.address}" in said


def test_a_card_that_is_not_there_is_refused(rig, resolver, guest):
    wanted = with_port(settings(rig, resolver, E1000E), device="pci:0000:00:1d.7")
    assert "port pci:0000:00:1d.7: there is no such PCI device" in refusal(guest, wanted)


def gained(dotline, before, name, **labels):
    return dotline.metrics().value(name, **labels) - before.value(name, **labels)


def is_reply(frame):
    """To a `question_frame`."""
    return frame.haslayer(UDP) and frame[UDP].dport == FRAME_PORT


def echoed(client, server, payload):
    with client.connected(server, 7777) as connection:
        threading.Thread(target=connection.sendall, args=(payload,), daemon=True).start()
        back = b""
        while len(back) < len(payload) and (received := connection.recv(65536)):
            back += received
    return back == payload


def question_frame(client_mac, mac):
    return bytes(Ether(src=client_mac, dst=mac) / IP(src=CLIENT, dst=FORWARDER) / UDP(sport=FRAME_PORT, dport=53)
                 / DNS(id=0x1234, rd=1, qd=DNSQR(qname="www.example.")))


def whole_checksums(frame):
    """As they should be: scapy fills in what is missing."""
    bare = copy.deepcopy(frame)
    del bare[IP].chksum, bare[UDP].chksum
    filled = Ether(bytes(bare))
    return filled[IP].chksum, filled[UDP].chksum
