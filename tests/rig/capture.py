"""Watches the link between dotline and its resolvers, and says what on it was not TLS.

The capture runs from before dotline starts until it has stopped. RFC 8310's strict profile is the promise under test: no DNS
in the clear in any state, so no UDP at all, no TCP but to port 853, and nothing on that port that does not begin as TLS.
"""

import collections
import contextlib
import dataclasses
import ipaddress
import re
import socket
import struct
import subprocess

from rig.namespaces import inside
from rig.waiting import wait_until

_TLS_HANDSHAKE = 0x16
_SOCKS5 = 0x05
# What each end of a stream has to be, by port, and how the stream begins.
DOT = {853: _TLS_HANDSHAKE}
DOH = {443: _TLS_HANDSHAKE}
PROXY = {1080: _SOCKS5}
_SNAPSHOT = 400  # Octets kept of each packet: a question in the clear would stand at the beginning.
_WHOLE = 2048    # More than any packet has; tcpdump's buffer holds so many of them that none is lost.
# The names asked in these tests end in `example.`; this is that label as DNS writes it. SNI has a dot in its place.
_LABEL_IN_THE_CLEAR = re.compile(rb"\x07example\x00", re.IGNORECASE)

# A frame of EtherType "local experimental" (IEEE 802) that is the last of every capture.
_LAST = b"\xff" * 6 + b"\x02\x00\x00\x00\x00\xee" + b"\x88\xb5" + b"the last frame of this capture".ljust(46, b".")

_ARP, _IPV4, _IPV6 = 0x0806, 0x0800, 0x86DD
_ICMP, _IGMP, _TCP, _UDP, _HOP_BY_HOP, _ICMPV6 = 1, 2, 6, 17, 0, 58


@dataclasses.dataclass
class Traffic:
    """What a capture holds. `leaks` are sentences; an empty list is the promise kept."""
    packets_to_resolver: int = 0
    streams: int = 0
    connections: collections.Counter = dataclasses.field(default_factory=collections.Counter)  # Attempts, by address.
    leaks: list = dataclasses.field(default_factory=list)


class Capture:
    """At the forwarder's end of the link, unless told another one. `secret`: octets, in lower case, that must not stand
    anywhere in any packet in the clear, whatever their case; whole packets are kept and searched then. `ports`: DOT, DOH or
    PROXY, the only ones that TCP may go to."""

    def __init__(self, topology, *, namespace=None, interface="back0", secret=None, ports=None):
        self._secret = secret
        self._ports = ports or DOT
        self._where = (namespace or topology.forwarder, interface)
        self._file = topology.directory / f"{interface}.pcap"
        self._messages = topology.directory / f"{interface}.tcpdump"
        command = topology.command(self._where[0], "tcpdump", "-i", interface, "-n", "-U", "--immediate-mode",
                                   "-B", "65536", "-s", str(_WHOLE if secret else _SNAPSHOT), "-Z", "root", "-w", str(self._file))
        with open(self._messages, "w") as messages:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=messages, stderr=messages)
        wait_until(lambda: "listening on" in self._messages.read_text(), "tcpdump listening")

    def stop(self):
        """All that was on the link until now is in the file then: tcpdump leaves out what it has not read when it is ended."""
        with contextlib.suppress(OSError):  # The link is down: nothing can have been on it lately.
            self._send_last()
            wait_until(lambda: _LAST in self._file.read_bytes(), "the last frame in the capture")
        self._process.terminate()
        self._process.wait(20)

    def _send_last(self):
        with inside(self._where[0]):
            link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        with link:
            link.bind((self._where[1], 0))
            link.send(_LAST)

    def traffic(self):
        """May be called while the capture runs; sees what was written so far."""
        return examine(self._file.read_bytes(), self._secret, self._ports)

    def lost_packets(self):
        """After `stop`: packets that tcpdump did not see. A proof needs 0."""
        return int(re.search(r"(\d+) packets? dropped by kernel", self._messages.read_text()).group(1))


def examine(pcap, secret=None, ports=None):
    """Reads a pcap file of Ethernet frames. A record cut short at the end is still being written and is left out."""
    traffic = Traffic()
    streams = set()
    attempts = set()
    kinds = collections.Counter()
    offset = 24
    while offset + 16 <= len(pcap):
        kept = struct.unpack_from("<I", pcap, offset + 8)[0]
        frame = memoryview(pcap)[offset + 16:offset + 16 + kept]
        offset += 16 + kept
        if len(frame) == kept:
            _examine_frame(frame, ports or DOT, traffic, streams, attempts, kinds)
        if secret and secret in bytes(frame).lower():
            kinds[f"{secret.decode()!r} in the clear"] += 1
    traffic.streams = len(streams)
    traffic.connections.update(destination for destination, *_ in attempts)
    traffic.leaks = [f"{what}, {count} packets" for what, count in kinds.items()]
    return traffic


def _examine_frame(frame, ports, traffic, streams, attempts, leaks):
    ether_type = int.from_bytes(frame[12:14], "big")
    if ether_type == _ARP or frame == _LAST:
        return
    if ether_type not in (_IPV4, _IPV6):
        leaks[f"frames of EtherType {ether_type:#06x}"] += 1
        return
    protocol, source, destination, segment = _ip_payload(frame[14:], ether_type)
    if protocol in (_ICMP, _IGMP, _ICMPV6, _HOP_BY_HOP):
        return  # Neighbour discovery, multicast membership, errors: the kernel's own.
    if protocol != _TCP:
        leaks[f"IP protocol {protocol} from {source} to {destination}"] += 1
        return
    _examine_segment(segment, source, destination, ports, traffic, streams, attempts, leaks)


def _examine_segment(segment, source, destination, ports, traffic, streams, attempts, leaks):
    source_port, destination_port = struct.unpack_from("!HH", segment)
    if source_port not in ports and destination_port not in ports:
        leaks[f"TCP from {source}:{source_port} to {destination}:{destination_port}"] += 1
        return
    payload = segment[(segment[12] >> 4) * 4:]
    if _LABEL_IN_THE_CLEAR.search(payload):
        leaks[f"a DNS name in the clear between {source} and {destination}"] += 1
    if destination_port not in ports:
        return
    traffic.packets_to_resolver += 1
    stream = (source, source_port, destination)
    if segment[13] & 0x02:  # SYN: the port may be used a second time.
        attempt = (str(destination), source_port, bytes(segment[4:8]))
        if attempt not in attempts:  # One sent again has the same sequence number, and may cross with data.
            streams.discard(stream)
        attempts.add(attempt)
    elif len(payload) > 0 and stream not in streams:
        streams.add(stream)
        if payload[0] != ports[destination_port]:
            leaks[f"a stream to {destination} that begins with {payload[0]:#04x}"] += 1


def _ip_payload(packet, ether_type):
    """Cuts at the IP length: Ethernet pads short frames, and padding is nobody's payload."""
    if ether_type == _IPV4:
        total = struct.unpack_from("!H", packet, 2)[0]
        source, destination = (ipaddress.ip_address(bytes(packet[at:at + 4])) for at in (12, 16))
        return packet[9], source, destination, packet[(packet[0] & 0x0F) * 4:total]
    length = struct.unpack_from("!H", packet, 4)[0]
    source, destination = (ipaddress.ip_address(bytes(packet[at:at + 16])) for at in (8, 24))
    return packet[6], source, destination, packet[40:40 + length]
