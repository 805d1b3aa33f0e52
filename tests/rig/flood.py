"""Frames with forged sources, sent from the client's end of the link by a process of their own.

`python3 -m rig.flood FILE INTERFACE RATE SECONDS` sends the frames in FILE over and over and prints what it sent.
"""

import json
import socket
import struct
import subprocess
import sys
import time

_ETHERNET = struct.Struct("!6s6sH")
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_UDP = struct.Struct("!HHHH")
_LENGTH = struct.Struct("!H")
_BATCH = 64


class Link:
    """Writes frames to dotline as if they came from anywhere."""

    def __init__(self, topology, server):
        self._ethernet = _ETHERNET.pack(_mac(topology.mac(topology.forwarder, "front0")),
                                        _mac(topology.mac(topology.client, "eth0")), 0x0800)
        self._server = socket.inet_aton(server)

    def frame(self, source, payload, *, port=40000):
        """IPv4 and UDP; IPv4 lets a sender leave UDP's checksum out."""
        sender = socket.inet_aton(source)
        size = 20 + 8 + len(payload)
        header = _IPV4.pack(0x45, 0, size, 0, 0x4000, 64, 17, 0, sender, self._server)
        header = _IPV4.pack(0x45, 0, size, 0, 0x4000, 64, 17, _checksum(header), sender, self._server)
        return self._ethernet + header + _UDP.pack(port, 53, 8 + len(payload), 0) + payload


class Flood:
    """Use as a context; `result` tells when it is over. `rate`: frames a second, if the machine is fast enough."""

    def __init__(self, topology, frames, *, rate, seconds, label="flood"):
        file = topology.directory / label
        file.write_bytes(b"".join(_LENGTH.pack(len(frame)) + frame for frame in frames))
        self._seconds = seconds
        # Elsewhere than the core that it is sent to, as an attacker is.
        self._command = topology.command(topology.client, "taskset", "-c", "0", sys.executable, "-m", "rig.flood", str(file), "eth0", str(rate), str(seconds))

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def result(self):
        """{"frames": sent, "payload": octets of their UDP payloads}"""
        output, _ = self._process.communicate(timeout=self._seconds + 60)
        assert self._process.returncode == 0, output
        return json.loads(output)


def _mac(text):
    return bytes.fromhex(text.replace(":", ""))


def _checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _read(file):
    octets, frames, at = open(file, "rb").read(), [], 0
    while at < len(octets):
        size = _LENGTH.unpack_from(octets, at)[0]
        frames.append(octets[at + 2:at + 2 + size])
        at += 2 + size
    return frames


def _send(frames, interface, rate, seconds):
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    link.bind((interface, 0))
    sent = payload = at = 0
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < seconds:
        if sent > passed * rate:
            time.sleep(0.0005)
            continue
        for _ in range(_BATCH):
            frame = frames[at]
            at = at + 1 if at + 1 < len(frames) else 0
            try:
                link.send(frame)
            except OSError:  # The interface's queue is full.
                continue
            sent += 1
            payload += len(frame) - 42
    return {"frames": sent, "payload": payload}


if __name__ == "__main__":
    print(json.dumps(_send(_read(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))))
