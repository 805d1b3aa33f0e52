"""The commands that speak to a running dotline: what they show, what they change, and who may use them."""

import contextlib
import json
import os
import pty
import re
import select
import signal
import socket
import stat
import subprocess
import termios
import time

import dns.rcode
import pytest

from rig import scripted_resolver
from rig.certificates import RESOLVER_NAME
from rig.client import query
from rig.forwarder import BINARY, Dotline, backend, configuration
from rig.namespaces import RESOLVER, RESOLVER_B
from rig.waiting import wait_until

HEALTHY, NOBODY, NOT_HEALTHY = 0, 1, 3


@pytest.fixture(scope="module")
def running(rig):
    """A dotline with two resolvers, shared by the tests that leave it as they found it."""
    with rig.scripted_resolver(address=RESOLVER) as first, rig.scripted_resolver(address=RESOLVER_B) as second:
        settings = configuration([backend(first, rig.authority, name="first", health_checks={"mode": "lazy"}),
                                  backend(second, rig.authority, name="second", order=2)])
        with rig.dotline(settings) as dotline:
            dotline.resolvers = (first, second)
            yield dotline


def ask(rig, name, rdtype="A"):
    return rig.client.ask(query(name, rdtype))


def says_to(dotline, *lines):
    """What comes back on the control socket for these lines."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(dotline.socket))
        connection.sendall(b"".join(line + b"\n" for line in lines))
        with connection.makefile("rb") as replies:
            return [json.loads(replies.readline()) for _ in lines]


def the(status, name):
    return next(one for one in status["backends"] if one["name"] == name)


# ---------------------------------------------------------------- status

def test_status_is_text_for_people(rig, running):
    assert ask(rig, "shown.example").rcode() == dns.rcode.NOERROR
    shown = running.command("status")
    assert shown.returncode == HEALTHY and shown.stderr == ""
    lines = shown.stdout.splitlines()
    assert re.fullmatch(r"dotline [\d.]+ is healthy, running for .*", lines[0])
    assert any(line.startswith("config ") and str(running.settings_file) in line for line in lines)
    assert any(re.match(r"first +up \d+s", line) for line in lines)
    assert "\033" not in shown.stdout
    assert max(map(len, lines)) <= 160


def test_status_is_json_for_scripts(rig, running):
    before = running.status()
    assert ask(rig, "counted.example").rcode() == dns.rcode.NOERROR
    assert ask(rig, "counted.example").rcode() == dns.rcode.NOERROR
    after = running.status()
    assert after["pid"] > 0 and after["uptime"] > 0 and after["healthy"] is True and after["why"] == ""
    assert after["config"]["file"] == str(running.settings_file)
    assert after["queries"] == before["queries"] + 2
    assert after["replies"]["hit"] == before["replies"]["hit"] + 1
    assert after["replies"]["fill"] == before["replies"]["fill"] + 1
    (cache,) = after["caches"]
    assert (cache["name"], cache["capacity"]) == ("main", 100000)
    assert cache["entries"] == before["caches"][0]["entries"] + 1
    assert after["pools"] == [{"name": "", "policy": "leastOutstanding", "cache": "main", "domains": [],
                               "backends": ["first", "second"]}]
    first = the(after, "first")
    assert first["address"] == f"{RESOLVER}:853" and first["protocol"] == "DoT" and first["proxy"] == ""
    assert first["identity"] == RESOLVER_NAME and first["pools"] == [""]
    assert first["state"] == "healthy" and first["in_rotation"] and first["up"]
    assert first["mode"] == "lazy" and first["operator"] == "auto"
    assert first["certificate_expiry"] > time.time()
    assert sum(one["queries"] for one in after["backends"]) > sum(one["queries"] for one in before["backends"])
    assert [port["name"] for port in after["ports"]] == ["af_xdp:front0"] and after["ports"][0]["link"] is True
    wait_until(lambda: running.status()["cores"][0]["busy"] is not None, "two looks at the core")


# ---------------------------------------------------------------- flush

def test_flush_takes_what_is_named_and_nothing_else(rig, running):
    def hits():
        return running.metrics().value("dotline_replies_total", outcome="hit")

    def is_cached(name, rdtype="A"):
        before = hits()
        assert ask(rig, name, rdtype).rcode() == dns.rcode.NOERROR
        return hits() == before + 1

    names = ["flush.example", "a.flush.example", "b.a.flush.example", "notflush.example"]
    def fill():
        for name in names:
            for rdtype in ("A", "AAAA"):
                ask(rig, name, rdtype)

    fill()
    assert running.command("cache", "flush", "FLUSH.example").stdout == "2 answers flushed\n"
    assert not is_cached("flush.example") and is_cached("a.flush.example") and is_cached("notflush.example")
    fill()
    assert running.command("cache", "flush", "flush.example", "--suffix", "--type", "AAAA").stdout == "3 answers flushed\n"
    assert is_cached("a.flush.example") and not is_cached("a.flush.example", "AAAA")
    fill()
    assert running.command("cache", "flush", "flush.example.", "--suffix", "--cache", "main").stdout == "6 answers flushed\n"
    assert not is_cached("b.a.flush.example") and is_cached("notflush.example")
    fill()
    assert int(running.command("cache", "flush").stdout.split()[0]) >= 8
    assert running.status()["caches"][0]["entries"] == 0
    assert not is_cached("notflush.example")


def test_flush_names_the_caches_there_are(running):
    refused = running.command("cache", "flush", "--cache", "other")
    assert refused.returncode == 1 and refused.stdout == ""
    assert refused.stderr == "dotline: there is no cache `other`, expected one of `main`\n"


# ---------------------------------------------------------------- reload

def test_reload_tells_what_changed_or_what_is_wrong(running):
    before = running.status()["config"]
    good = running.settings_file.read_text()
    try:
        running.settings_file.write_text(good.replace("order: 2", "order: 3"))
        done = running.command("reload")
        assert done.returncode == 0 and done.stderr == ""
        assert re.search(r"^backend second: .* \(changed: order\)$", done.stdout, re.MULTILINE) and done.stdout.endswith("reloaded\n")
        assert the(running.status(), "second")["order"] == 3

        running.settings_file.write_text(good + "colour: red\nshape: round\n")
        refused = running.command("reload")
        assert refused.returncode == 1 and refused.stdout == ""
        errors = refused.stderr.splitlines()
        assert len(errors) == 2 and all(line.startswith(f"dotline: {running.settings_file}:") for line in errors)
        status = running.command("status")
        assert status.returncode == HEALTHY
        assert "the last reload failed, what was loaded before is still in force:" in " ".join(status.stdout.split())
        assert "`colour`: unknown setting" in running.status()["config"]["last_error"]
    finally:
        running.settings_file.write_text(good)
    assert running.command("reload").returncode == 0
    after = running.status()["config"]
    assert after["generation"] == before["generation"] + 2 and after["reloads"] == before["reloads"] + 2
    assert after["failed_reloads"] == before["failed_reloads"] + 1 and after["last_error"] == ""
    assert after["loaded"] > before["loaded"]


def test_what_the_operator_said_outlives_a_reload(running):
    good = running.settings_file.read_text()
    try:
        assert running.command("backend", "down", "second").returncode == 0
        running.settings_file.write_text(good.replace("order: 2", "order: 2\n  max_in_flight: 77"))
        assert running.command("reload").returncode == 0
        assert the(running.status(), "second")["operator"] == "down"
        assert running.command("backend", "auto", "second").returncode == 0
    finally:
        running.settings_file.write_text(good)
    assert running.command("reload").returncode == 0
    assert the(running.status(), "second")["operator"] == "auto"


# ---------------------------------------------------------------- backend

def test_a_backend_is_asked_as_the_operator_says(rig, running):
    first, second = running.resolvers

    def asked(name):
        """Which resolvers saw a question for this name."""
        assert ask(rig, name).rcode() == dns.rcode.NOERROR
        return [resolver for resolver in (first, second) if resolver.questions()[(f"{name}.", "A")] > 0]

    assert running.command("backend", "down", "first").stdout == "backend first is held down\n"
    assert all(asked(f"down{number}.example") == [second] for number in range(5))
    held = the(running.status(), "first")
    assert (held["operator"], held["state"], held["in_rotation"]) == ("down", "down", False)
    assert "first is held down by the operator" in " ".join(running.command("status").stdout.split())
    assert running.metrics().value("dotline_backend_overridden", backend="first") == 1
    assert running.metrics().value("dotline_backend_in_rotation", backend="first") == 0

    assert running.command("backend", "down", "second").returncode == 0
    assert ask(rig, "neither.example").rcode() == dns.rcode.SERVFAIL
    assert running.command("status").returncode == NOT_HEALTHY

    assert running.command("backend", "auto", "first").returncode == 0
    assert asked("auto.example") == [first]
    assert the(running.status(), "first")["operator"] == "auto"
    assert running.command("backend", "up", "second").returncode == 0
    assert the(running.status(), "second")["state"] == "up"
    assert running.command("backend", "auto", "second").returncode == 0
    assert running.command("status").returncode == HEALTHY
    for line in ("backend first: held down by the operator's word", "backend second: held up by the operator's word",
                 "backend first: left to its health checks by the operator's word"):
        assert line in running.log()


def test_a_backend_that_is_not_there_is_refused(running):
    refused = running.command("backend", "up", "third")
    assert refused.returncode == 1
    assert refused.stderr == "dotline: there is no backend `third`, expected one of `first`, `second`\n"


# ---------------------------------------------------------------- the socket

def test_the_socket_is_for_its_owner_alone(rig, running):
    assert stat.S_IMODE(os.stat(running.socket).st_mode) == 0o600
    refused = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(BINARY), "status", "--socket",
                              str(running.socket)], capture_output=True, text=True, timeout=60)
    assert refused.returncode == NOBODY
    assert refused.stderr.startswith(f"dotline: no permission to speak to the dotline at {running.socket}: ")


def test_the_socket_answers_several_lines_and_bad_ones(running):
    good, bad, unknown, again = says_to(running, b'{"command":"status"}', b"nonsense", b'{"command":"fly"}', b'{"command":"status"}')
    assert good["ok"] and again["ok"] and again["status"]["pid"] == good["status"]["pid"]
    assert not bad["ok"] and "one JSON object" in bad["error"]
    assert not unknown["ok"] and "`fly` is unknown" in unknown["error"]


def test_clients_that_misbehave_hold_up_nobody(rig, running):
    def connection():
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        client.connect(str(running.socket))
        return client
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connection()) for _ in range(16)]
        for client in clients[:8]:
            client.sendall(b'{"command":')  # Never goes on.
        clients[8].sendall(b'{"command":"status"}\n' * 500)  # Never reads.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            clients[9].sendall(b"x" * 300_000)
        assert ask(rig, "meanwhile.example").rcode() == dns.rcode.NOERROR
        assert running.http("/healthz")[0] == 200
        wait_until(lambda: running.command("status").returncode == HEALTHY, "room for one more")
        clients[10].sendall(b'{"command":"status"}\n')
        assert b'"ok":true' in clients[10].recv(65536), "who waits between two lines is still there"
    files = running.open_files()
    wait_until(lambda: running.open_files() <= files, "no connection left behind")


def aside(rig, **changes):
    """A second dotline, on a port where nothing ever comes in, so that it is in nobody's way."""
    nobody = {"name": "nobody", "address": "198.18.2.99:853", "tls": {"subject_name": "a.example"}}
    settings = configuration([nobody], metrics={"address": "127.0.0.1:9154"}, **changes)
    settings["dataplane"]["ports"] = [{"device": "vdev:net_null0,no-rx=1"}]
    return Dotline(rig.topology, settings, label="aside", metrics_port=9154)


def test_a_living_ones_socket_is_left_alone(rig, running):
    second = aside(rig, control={"socket": str(running.socket)})
    second.launch()
    assert second.wait(60) == 1
    assert f"control.socket {running.socket}: process {running.status()['pid']} listens there" in second.log()
    assert running.command("status").returncode == HEALTHY


def test_a_dead_ones_socket_is_replaced(rig, running):
    folder = rig.topology.directory / "deep" / "er"
    second = aside(rig, control={"socket": str(folder / "dotline.sock")})
    second.socket = folder / "dotline.sock"
    with second:
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o755
        assert second.status()["pid"] != running.status()["pid"]
        second.kill()
        assert second.socket.exists()
    with second:
        assert second.status()["pid"] > 0
        assert second.terminate()[0] == 0
    assert not second.socket.exists()


@pytest.mark.parametrize("path, why", [("/proc/dotline/dotline.sock", "the folder /proc/dotline cannot be made: "),
                                       ("/dev/null", "there is something else that is no socket")])
def test_a_socket_that_cannot_be_is_named(rig, path, why):
    nowhere = aside(rig, control={"socket": path})
    nowhere.launch()
    assert nowhere.wait(60) == 1
    assert f"control.socket {path}: {why}" in nowhere.log()


def test_without_a_socket_there_are_no_commands(rig):
    with aside(rig, control={"socket": ""}) as silent:
        assert silent.command("status").stderr == f"dotline: no dotline answers at {silent.socket}: No such file or directory\n"
        assert silent.terminate()[0] == 0


def test_nobody_runs(rig):
    path = rig.topology.directory / "nobody.sock"
    for words in (["status"], ["status", "--json"], ["top"], ["reload"], ["cache", "flush"], ["backend", "up", "one"]):
        refused = subprocess.run([str(BINARY), *words], env={**os.environ, "DOTLINE_SOCKET": str(path)}, capture_output=True,
                                 text=True, timeout=60)
        assert refused.returncode == NOBODY and refused.stdout == ""
        assert refused.stderr == f"dotline: no dotline answers at {path}: No such file or directory\n"


# ---------------------------------------------------------------- top

class Terminal:
    """`dotline top` on a terminal of its own."""

    def __init__(self, dotline, *, columns=100, rows=30, **environment):
        self._leader, follower = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(follower)
        self.process = subprocess.Popen([str(BINARY), "top", "--socket", str(dotline.socket)], stdin=follower, stdout=follower,
                                        stderr=follower, env={**os.environ, "TERM": "xterm", **environment}, start_new_session=True)
        self._follower = follower
        self.text = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._follower)
        os.close(self._leader)

    def resize(self, columns, rows):
        termios.tcsetwinsize(self._leader, (rows, columns))

    def type(self, keys):
        os.write(self._leader, keys)

    def read(self):
        while select.select([self._leader], [], [], 0)[0]:
            self.text += os.read(self._leader, 65536).decode()
        return self.text

    def screens(self):
        """What was drawn, picture by picture, without colours."""
        plain = re.sub(r"\033\[[\d;]*m", "", self.read())
        return plain.split("\033[H")[1:]

    def is_as_before(self):
        return termios.tcgetattr(self._follower) == self.before and self.text.endswith("\033[?1049l")


def test_top_draws_in_place_and_leaves_the_terminal_as_it_was(rig, running):
    with Terminal(running) as terminal:
        def has_rates():
            ask(rig, "top.example")
            return any(re.search(r"queries +\d[\d.,]*/s", screen) for screen in terminal.screens())
        wait_until(has_rates, "a picture with rates")
        assert "\033[?1049h" in terminal.text and "\033[32m" in terminal.text
        assert "QUERIES/S" in terminal.screens()[-1]
        terminal.type(b"q")
        assert terminal.process.wait(20) == 0
        terminal.read()
        assert terminal.is_as_before()


def test_top_keeps_to_the_size_of_the_terminal(running):
    with Terminal(running, rows=6) as terminal:
        wait_until(lambda: any("queries" in screen for screen in terminal.screens()), "a picture")
        assert all(screen.count("\n") <= 5 for screen in terminal.screens())
        terminal.resize(200, 40)
        os.kill(terminal.process.pid, signal.SIGWINCH)
        wait_until(lambda: "HIT RATIO" in terminal.screens()[-1], "a larger picture")


def test_top_has_no_colours_where_nobody_wants_them(running):
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        with Terminal(running, **environment) as terminal:
            wait_until(lambda: terminal.screens(), "a picture")
            assert not re.search(r"\033\[[\d;]*m", terminal.text)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_top_ends_cleanly_on(running, number):
    with Terminal(running) as terminal:
        wait_until(lambda: terminal.screens(), "a picture")
        terminal.process.send_signal(number)
        assert terminal.process.wait(20) == 0
        terminal.read()
        assert terminal.is_as_before()


def test_top_ends_when_dotline_does(rig):
    with aside(rig) as ending, Terminal(ending) as terminal:
        wait_until(lambda: terminal.screens(), "a picture")
        assert ending.terminate()[0] == 0
        assert terminal.process.wait(20) == NOBODY
        terminal.read()
        assert "no dotline answers at" in terminal.text.rsplit("\033[?1049l", 1)[1]


def test_top_prints_blocks_where_there_is_no_terminal(running):
    shown = running.command("top", "--count", "2")
    assert shown.returncode == 0 and "\033" not in shown.stdout
    assert shown.stdout.count(" is healthy, running for ") == 2
    assert shown.stdout.count("QUERIES/S") == 2
