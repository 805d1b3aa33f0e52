"""Start and end: under load, after a crash, twice at once; and what systemd is told in between."""

import os
import signal
import socket
import time

import dns.rcode
import pytest

from rig.client import query
from rig.forwarder import Dotline, backend, configuration
from rig.namespaces import FORWARDER
from rig.one_thread import Stopped, named_threads
from rig.waiting import wait_until

OTHER_FORWARDER = "198.18.3.1"
OTHER_CLIENT = "198.18.3.2"


@pytest.fixture(scope="module")
def settings(rig):
    with rig.unbound() as resolver:
        yield configuration([backend(resolver, rig.authority)])


def questions(rig):
    file = rig.topology.directory / "questions"
    file.write_text("".join(f"host{number}.bulk.example. A\n" for number in range(50000)))
    return file


def xdp_program_is_attached(rig, interface="front0"):
    link = rig.topology.execute(rig.topology.forwarder, "ip", "-details", "link", "show", interface).stdout
    return "xdp" in link


def test_sigterm_under_load_ends_cleanly(rig, settings):
    with Dotline(rig.topology, settings) as dotline, rig.client.start_dnsperf(questions(rig), seconds=20, rate=5000):
        wait_until(lambda: dotline.metrics().value("dotline_queries_total") > 5000, "load")
        assert xdp_program_is_attached(rig)
        exit_code, seconds = dotline.terminate()
        assert exit_code == 0, dotline.log()
        assert seconds < 4, "drains for one second at most; the rest is for a busy machine"
        assert not xdp_program_is_attached(rig)


def test_after_a_kill_it_starts_again(rig, settings):
    for _ in range(2):
        with Dotline(rig.topology, settings) as dotline:
            assert rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR
            dotline.kill()
    with rig.dotline(settings):
        assert rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR


def test_start_and_end_leave_nothing_behind(rig, settings):
    def leftovers():
        mounts = open("/proc/mounts").read().count("hugetlbfs")
        return mounts, xdp_program_is_attached(rig)
    before = leftovers()
    for _ in range(3):
        with rig.dotline(settings):
            assert rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR
    assert leftovers() == before


@pytest.fixture(scope="module")
def second_link(rig):
    """A second veth pair between client and forwarder. Gives the settings for a dotline on it, without backends."""
    topology = rig.topology
    topology.join((topology.forwarder, "front1"), (topology.client, "eth1"))
    for namespace, interface, address in ((topology.forwarder, "front1", OTHER_FORWARDER),
                                          (topology.client, "eth1", OTHER_CLIENT)):
        topology.execute(namespace, "ip", "address", "add", f"{address}/24", "dev", interface)


def test_two_instances_side_by_side(rig, settings, second_link):
    other = {**settings, "binds": [{"address": f"{OTHER_FORWARDER}:53"}], "acl": ["198.18.3.0/24"],
             "dataplane": {**settings["dataplane"], "ports": [{"device": "af_xdp:front1"}]},
             "metrics": {"address": "127.0.0.1:9154"}}
    with rig.dotline(settings), Dotline(rig.topology, other, label="second", metrics_port=9154) as second:
        for server, source in ((FORWARDER, None), (OTHER_FORWARDER, OTHER_CLIENT)):
            reply = rig.client.ask(query("www.example"), server=server, source=source)
            assert reply.answer[0][0].to_text() == "192.0.2.1"
        assert second.metrics().value("dotline_queries_total", transport="udp") == 1
        assert second.terminate()[0] == 0
        assert rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR


def test_a_second_instance_on_the_same_interface_is_refused(rig, settings):
    with rig.dotline(settings):
        second = Dotline(rig.topology, {**settings, "metrics": {"address": "127.0.0.1:9154"}}, label="second")
        second.launch()
        assert second.wait(60) == 1
        assert "front0" in second.log()
        assert "ready" not in second.log().splitlines()
        assert rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR


def test_an_interface_that_does_not_exist_is_named(rig, settings):
    wrong = {**settings, "dataplane": {**settings["dataplane"], "ports": [{"device": "af_xdp:nothere0"}]}}
    dotline = Dotline(rig.topology, wrong, label="wrong")
    dotline.launch()
    assert dotline.wait(60) in (1, 2)
    assert "nothere0" in dotline.log()


def test_it_starts_and_answers_while_every_resolver_is_down(rig):
    nobody = {"name": "nobody", "address": "198.18.2.99:853", "tls": {"subject_name": "resolver.example",
                                                                     "ca_store": str(rig.authority.certificate)}}
    with rig.dotline(configuration([nobody])) as dotline:
        assert rig.client.ask(query("www.example")).rcode() == dns.rcode.SERVFAIL
        wait_until(lambda: "backend nobody (" in dotline.log().split("\nready\n")[1], "the log says so")
        assert dotline.http("/healthz") == (503, "no backend is up\n")


class Manager:
    """What systemd is to a service: a socket that it tells things, and a watchdog that waits."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(0.2)
        self.environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "15000000"}
        self.heard = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def listen(self):
        """Everything that has been told so far."""
        while True:
            try:
                self.heard.append(self._socket.recv(4096).decode())
            except TimeoutError:
                return self.heard

    def fed(self):
        return self.listen().count("WATCHDOG=1")


@pytest.mark.parametrize("thread", ["tls-worker-0", "rte-worker-1"])
def test_the_watchdog_is_fed_while_every_thread_moves(rig, settings, thread, tmp_path):
    with Manager(tmp_path / "notify") as manager:
        with Dotline(rig.topology, settings, environment=manager.environment) as dotline:
            assert "READY=1" in manager.listen()
            wait_until(lambda: manager.fed() > 1, "the watchdog is fed")
            wait_until(lambda: "STATUS=answering; 1 of 1 backends up" in manager.listen(), "the status is told")
            [stopped] = named_threads(dotline.pid, thread)
            with Stopped(stopped):
                wait_until(lambda: any("does not move" in word for word in manager.listen()), "it is noticed")
                fed = manager.fed()
                time.sleep(3)  # Three looks at the threads.
                assert manager.fed() == fed
                assert dotline.http("/healthz")[0] == 503
            wait_until(lambda: manager.fed() > fed, "the watchdog is fed again")
            assert dotline.terminate()[0] == 0
            assert manager.listen()[-1] == "STOPPING=1"


def test_the_manager_is_told_of_reloads(rig, settings, tmp_path):
    with Manager(tmp_path / "notify") as manager, Dotline(rig.topology, settings, environment=manager.environment) as dotline:
        before = len(manager.listen())
        os.kill(dotline.pid, signal.SIGHUP)
        wait_until(lambda: "READY=1" in manager.listen()[before:], "it is ready again")
        [began] = [word for word in manager.heard[before:] if word.startswith("RELOADING=1")]
        assert 0 < int(began.removeprefix("RELOADING=1\nMONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
        assert manager.heard.index(began) < len(manager.heard) - manager.heard[::-1].index("READY=1") - 1


@pytest.mark.parametrize("streams", ["</dev/null >/dev/full 2>/dev/full", "<&- >&- 2>&-", "| true"])
def test_it_answers_with_nobody_to_talk_to(rig, settings, streams):
    """A full disk, no streams at all, and a reader that has gone."""
    silent = Dotline(rig.topology, settings, under=["sh", "-c", f'"$0" "$@" {streams}'])
    silent.launch()
    try:
        wait_until(silent.is_healthy, "health")
        for number in range(20):
            assert rig.client.ask(query(f"host{number}.bulk.example")).rcode() == dns.rcode.NOERROR
        wait_until(lambda: silent.metrics().unaccounted() == 0, "received = replied + dropped + parked")
    finally:
        silent.kill_group()


def test_a_configuration_that_it_may_not_read_is_named(rig, settings):
    dotline = Dotline(rig.topology, settings, under=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    dotline.settings_file.chmod(0)
    dotline.launch()
    assert dotline.wait(60) == 2
    assert f"{dotline.settings_file}: cannot be opened: Permission denied" in dotline.log()
