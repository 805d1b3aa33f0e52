"""Standard error is a pipe that nobody reads any more, as when the journal has stopped or a supervisor hangs: clients are
served, commands are answered, `/healthz` is right, and SIGTERM ends the process.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import threading

import dns.rcode
import pytest

from rig.client import query
from rig.forwarder import Dotline, backend, configuration
from rig.one_thread import Stopped
from rig.waiting import wait_until

LINES_KEPT = 4096


class Unread(Dotline):
    """Its standard error is a pipe that is full from the start, and that nobody reads before `read` is called."""

    def _spawn(self, *command):
        self._end, end = os.pipe()
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
        os.write(end, b"." * 4096)
        try:
            with open(self._log, "w") as log:
                return subprocess.Popen(self._topology.command(self._topology.forwarder, *command), stdin=subprocess.DEVNULL,
                                        stdout=log, stderr=end, start_new_session=True, env=self._environment)
        finally:
            os.close(end)

    def read(self):
        """From now on everything is read."""
        self.heard = bytearray()

        def listen():
            while piece := os.read(self._end, 65536):
                self.heard.extend(piece)
        threading.Thread(target=listen, daemon=True).start()


@pytest.fixture(scope="module")
def unbound(rig):
    with rig.unbound() as unbound:
        yield unbound


@pytest.fixture
def dotline(rig, unbound):
    settings = configuration([backend(unbound, rig.authority, health_checks={"mode": "up"})])
    with Unread(rig.topology, settings) as dotline:
        yield dotline


def say_a_lot(dotline, times):
    """Each of these commands is a line in the log, and is answered."""
    with socket.socket(socket.AF_UNIX) as commands:
        commands.settimeout(20)
        commands.connect(str(dotline.socket))
        with contextlib.closing(commands.makefile("rw")) as stream:
            for number in range(times):
                state = "up" if number % 2 else "auto"
                stream.write(json.dumps({"command": "backend", "name": dotline.backend, "state": state}) + "\n")
                stream.flush()
                assert json.loads(stream.readline())["ok"]


def ask(rig, name):
    return rig.client.ask(query(name)).rcode()


def test_everything_goes_on_and_the_end_comes_in_time(rig, dotline, unbound):
    dotline.backend = f"at-{unbound.address}"
    assert ask(rig, "host1.bulk.example") == dns.rcode.NOERROR

    # An outage, of which worker and control have a lot to say.
    unbound.stop()
    wait_until(lambda: ask(rig, "host2.bulk.example") == dns.rcode.SERVFAIL, "misses fail")
    say_a_lot(dotline, LINES_KEPT + 500)
    assert dotline.metrics().value("dotline_log_lines_lost_total") >= 500
    unbound.start()
    wait_until(lambda: ask(rig, "host3.bulk.example") == dns.rcode.NOERROR, "misses are answered again")

    assert dotline.command("reload").returncode == 0
    wait_until(lambda: any("nobody has read the log for" in note for note in dotline.status()["notes"]), "the status says so")
    assert dotline.http("/healthz") == (200, "ok\n"), "which is nothing that clients suffer from"
    assert "nobody has read the log" in dotline.command("status").stdout
    wait_until(lambda: dotline.metrics().unaccounted() == 0, "received = replied + dropped + parked")
    exit_code, seconds = dotline.terminate()
    assert exit_code == 0 and seconds < 5  # A second, on a machine that does nothing else.


def test_what_was_lost_is_told_where_it_is_missing(rig, dotline, unbound):
    dotline.backend = f"at-{unbound.address}"
    say_a_lot(dotline, LINES_KEPT + 500)
    dotline.read()
    wait_until(lambda: b"lines of the log are lost here: for " in dotline.heard, "the log tells what it has lost")
    os.kill(dotline.pid, signal.SIGHUP)
    wait_until(lambda: b": reloaded\n" in dotline.heard, "the log goes on")
    assert dotline.terminate()[0] == 0
    assert dotline.heard.endswith(b"stopped\n")


def test_a_fault_at_the_start_is_told(rig, unbound):
    settings = configuration([backend(unbound, rig.authority)])
    settings["dataplane"]["ports"] = [{"device": "af_xdp:nowhere0"}]
    dotline = Unread(rig.topology, settings)
    dotline.launch()
    dotline.read()
    assert dotline.wait(60) == 1
    wait_until(lambda: b"nowhere0" in dotline.heard, "the reason")


def test_a_control_thread_that_hangs_is_seen_from_outside(rig, dotline):
    wait_until(lambda: dotline.is_healthy(), "health")
    with Stopped(dotline.pid):
        wait_until(lambda: dotline.http("/healthz") == (503, "the control thread does not move\n"), "it is noticed", timeout=30)
        assert ask(rig, "host5.bulk.example") == dns.rcode.NOERROR
    wait_until(dotline.is_healthy, "health again")
    assert dotline.terminate()[0] == 0
