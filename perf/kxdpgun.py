"""kxdpgun, Knot's open-loop generator over AF_XDP, on the client's end of the veth pair and on one CPU."""

import dataclasses
import re

from rig.namespaces import CLIENT, FORWARDER
from undisturbed import output_of

_TRIES = 6


@dataclasses.dataclass(frozen=True)
class Shot:
    """What one run gave, a second."""
    offered: int  # As asked for.
    sent: float
    replies: float


class Gun:
    def __init__(self, topology, names, *, cpu, seconds):
        self._topology = topology
        self._cpu = cpu
        self._seconds = seconds
        self._questions = topology.directory / "kxdpgun-questions"
        self._questions.write_text("".join(f"{name} A E\n" for name in names))

    def shoot(self, rate):
        """It sometimes does not get its socket and says so, or prints nothing: then it is started again."""
        server = self._topology.mac(self._topology.forwarder, "front0")
        command = self._topology.command(
            self._topology.client, "taskset", "-c", str(self._cpu), "kxdpgun", "-t", str(self._seconds), "-Q", str(rate), "-F", str(self._cpu),
            "-I", "eth0", "-l", CLIENT, "-R", server, "-i", str(self._questions), FORWARDER)
        output = ""
        for _ in range(_TRIES):
            output, _ = output_of(command, timeout=self._seconds + 20)
            sent, replies = (re.search(rf"total {what}:\s+\d+ \((\d+) pps\)", output) for what in ("queries", "replies"))
            if sent:
                return Shot(rate, float(sent[1]), float(replies[1]) if replies else 0.0)
        raise RuntimeError(f"kxdpgun printed no result in {_TRIES} tries; the last: {output!r}")
