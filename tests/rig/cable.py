"""A bad cable between dotline and its resolvers: frames get lost, late or damaged, for one resolver or for all.

The kernel's netem does the same, where it is built in. Here a process of its own carries every frame from one veth to
another, and does to those of some addresses what it was told on its standard input.
"""

import heapq
import ipaddress
import itertools
import json
import random
import select
import socket
import subprocess
import sys
import time

from rig.namespaces import FORWARDER_BACK, RESOLVER, RESOLVER_B, run

_WIRES = ("wire0", "wire1")
_IPV4 = b"\x08\x00"
_HEADERS = 14 + 20 + 20  # Ethernet, IPv4, TCP: damage is done behind them, where only TCP's checksum finds it.
_IGNORE_OUTGOING = 23  # PACKET_IGNORE_OUTGOING of linux/if_packet.h.
_RECEIVE_BUFFER = 16 << 20


class Cable:
    """In place of the topology's link to the resolvers. As a context; nothing is done to any frame before `impair`."""

    def __init__(self, topology):
        self._topology = topology
        self._process = None

    def __enter__(self):
        topology = self._topology
        run("ip", "-n", topology.forwarder, "link", "delete", "back0")
        topology.join((topology.forwarder, "back0"), (topology.resolver, _WIRES[0]))
        topology.join((topology.resolver, _WIRES[1]), (topology.resolver, "eth0"))
        for wire in _WIRES:  # They only carry: the kernel is not to answer for them.
            run("ip", "-n", topology.resolver, "link", "set", wire, "arp", "off")
            topology.execute(topology.resolver, "sysctl", "-qw", f"net.ipv6.conf.{wire}.disable_ipv6=1")
        for address in FORWARDER_BACK:
            run("ip", "-n", topology.forwarder, "address", "replace", address, "dev", "back0")
        topology.give_addresses(topology.resolver, "eth0")
        self._process = subprocess.Popen(topology.command(topology.resolver, sys.executable, "-m", "rig.cable"),
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def impair(self, *addresses, loss=0.0, delay=0.0, damage=0.0):
        """From now on, for frames from and to these resolvers: shares of 1 that are lost or damaged, seconds of delay
        each way."""
        self._process.stdin.write(json.dumps([addresses or [RESOLVER, RESOLVER_B], loss, delay, damage]) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"

    def repair(self):
        self.impair()


class _Ends:
    """The process: both ends, what is to be done to whom, and what is on its way."""

    def __init__(self):
        self._sockets = [_open(wire) for wire in _WIRES]
        self._faults = {}  # By address, packed.
        self._under_way = []
        self._order = itertools.count()

    def run(self):
        epoll = select.epoll()
        for descriptor in (sys.stdin.fileno(), *(end.fileno() for end in self._sockets)):
            epoll.register(descriptor, select.EPOLLIN)
        others = {self._sockets[0].fileno(): (self._sockets[0], self._sockets[1]),
                  self._sockets[1].fileno(): (self._sockets[1], self._sockets[0])}
        print("ready", flush=True)
        while True:
            due = self._under_way[0][0] - time.monotonic() if self._under_way else -1
            for descriptor, _ in epoll.poll(max(due, 0) if self._under_way else -1):
                if descriptor in others:
                    self._carry(*others[descriptor])
                elif not self._obey():
                    return
            self._deliver()

    def _obey(self):
        line = sys.stdin.readline()
        if not line:
            return False
        addresses, loss, delay, damage = json.loads(line)
        for address in addresses:
            self._faults[ipaddress.ip_address(address).packed] = (loss, delay, damage)
        print("done", flush=True)
        return True

    def _carry(self, source, sink):
        while True:
            try:
                frame = source.recv(65536)
            except BlockingIOError:
                return
            loss, delay, damage = self._fault_of(frame)
            if random.random() < loss:
                continue
            if len(frame) > _HEADERS and random.random() < damage:
                at = random.randrange(_HEADERS, len(frame))
                frame = frame[:at] + bytes([frame[at] ^ 0x40]) + frame[at + 1:]
            if delay > 0:
                heapq.heappush(self._under_way, (time.monotonic() + delay, next(self._order), sink, frame))
            else:
                _put(sink, frame)

    def _fault_of(self, frame):
        if frame[12:14] != _IPV4:
            return 0.0, 0.0, 0.0
        return self._faults.get(frame[26:30]) or self._faults.get(frame[30:34]) or (0.0, 0.0, 0.0)

    def _deliver(self):
        while self._under_way and self._under_way[0][0] <= time.monotonic():
            _, _, sink, frame = heapq.heappop(self._under_way)
            _put(sink, frame)


def _open(interface):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    end.setsockopt(263, _IGNORE_OUTGOING, 1)  # SOL_PACKET
    end.bind((interface, 0))
    end.setblocking(False)
    return end


def _put(sink, frame):
    try:
        sink.send(frame)
    except OSError:
        pass  # The other end's queue is full or it is down: one more frame lost.


if __name__ == "__main__":
    _Ends().run()
