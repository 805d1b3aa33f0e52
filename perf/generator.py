"""perf/load over a net_memif port: its own process on one CPU, frames through shared memory, no kernel in between."""

import json
import os
import pathlib

from rig.namespaces import CLIENT, FORWARDER
from undisturbed import output_of

BINARY = pathlib.Path(__file__).resolve().parents[1] / "build" / "perf" / "load" / "load"
SERVER_MAC = "02:00:00:00:00:01"
_TIMEOUT = 300


def server_device(socket):
    """DPDK's arguments for the server's end, which has to be there first."""
    return f"net_memif0,role=server,id=0,socket={socket},socket-abstract=no,mac={SERVER_MAC}"


class Generator:
    def __init__(self, socket, *, cpu, names, pattern="h#.bulk.example", addresses=16):
        self._command = [str(BINARY), "--lcores", f"0@{cpu}", "--no-huge", "-m", "256", "--no-pci", "--iova-mode=va", "--no-telemetry", "--no-shconf",
                         "--log-level=error", "--file-prefix", f"load-{os.getpid()}", "--vdev",
                         f"net_memif0,role=client,id=0,socket={socket},socket-abstract=no", "--", "--to", FORWARDER, "--to-mac", SERVER_MAC,
                         "--from", CLIENT, "--addresses", str(addresses), "--names", str(names), "--pattern", pattern]

    def warm(self, *, passes=3, rate=5000, tries=6):
        """Asks for every name until all of them are answered well. Not urgent: it would keep its own CPU from the resolver."""
        for _ in range(tries):
            result = self._measure([rate], 0.1, ["--warm-passes", str(passes), "--warm-rate", str(rate)], urgent=False)[0]
            if result["answered"] == result["sent"]:
                return
        raise RuntimeError(f"not every name gets cached: {result['found']}")

    def run(self, rates, seconds, *options, runs=1):
        """`runs` results, as perf/load prints them, for each of the rates."""
        results = self._measure(rates, seconds, ["--runs", str(runs), *options], urgent=True)
        if len(results) != len(rates) * runs:
            raise RuntimeError(f"perf/load printed {len(results)} results instead of {len(rates) * runs}")
        for result in results:
            require_right(result)
        return results

    def _measure(self, rates, seconds, options, *, urgent):
        command = [*self._command, "--rate", ",".join(str(int(rate)) for rate in rates), "--seconds", str(seconds), *options]
        output, code = output_of(command, timeout=_TIMEOUT, urgent=urgent)
        results = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        if code != 0 or not results:
            raise RuntimeError(f"{' '.join(command)}: exit {code}\n{output}")
        return results


def require_right(result):
    """Lost is a measurement; wrong is a fault of the server's, and no figure is worth printing beside it."""
    wrong = {what: count for what, count in result["found"].items() if count > 0 and what not in ("right", "not_for_us", "unexpected")}
    if wrong:
        raise RuntimeError(f"wrong replies: {wrong}")
