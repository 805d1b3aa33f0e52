"""The unit and the package's scripts under a real systemd that is process 1 of a machine of its own: what is started at the boot, what
is started again, and what stays down."""

import contextlib
import pathlib
import re
import time

import dns.rcode
import pytest
import yaml

from rig.client import query
from rig.forwarder import BINARY, backend, configuration
from rig.one_thread import Stopped, named_threads
from rig.systemd import Machine, made_package
from rig.waiting import wait_until

CONFIGURATION = "/etc/dotline/dotline.yaml"
AUTHORITY = "/etc/dotline/ca.pem"
BROKEN = "binds: [{adress: 192.0.2.1}]\n"
WATCHDOG_SECONDS = 3  # 15 as it comes.


@pytest.fixture(scope="module")
def resolver(rig):
    with rig.unbound() as resolver:
        yield resolver


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    return [made_package(BINARY.parent, folder, version) for version in ("1", "2")]


@pytest.fixture(scope="module")
def machine(rig, resolver, packages):
    """It was installed, configured and enabled, and the machine has booted since then."""
    with Machine(rig.topology, rig.topology.forwarder) as machine:
        for package in packages:
            machine.path("/root/" + package.name).write_bytes(package.read_bytes())
        install(machine, "1")
        assert machine.state("dotline") == "inactive", "its configuration is an example: nothing starts by itself"
        machine.path(AUTHORITY).write_bytes(rig.authority.certificate.read_bytes())
        machine.path(CONFIGURATION).write_text(good_configuration(rig, resolver))
        # The unit does not let a process look at itself as AddressSanitizer's search for leaks does.
        sanitizer = machine.path("/etc/systemd/system/dotline.service.d/sanitizer.conf")
        sanitizer.parent.mkdir(parents=True)
        sanitizer.write_text("[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n")
        machine.execute("systemctl", "enable", "dotline")
        machine.switch_off()
        yield machine.boot()


@pytest.fixture(autouse=True)
def serving(machine, rig, resolver):
    """Each test begins with a dotline that serves, whatever the one before has left."""
    machine.path(CONFIGURATION).write_text(good_configuration(rig, resolver))
    if machine.state("dotline") != "active":
        machine.execute("systemctl", "reset-failed", "dotline", check=False)
        machine.execute("systemctl", "start", "dotline")
    wait_until(lambda: answers(rig), "answers", timeout=90)


def good_configuration(rig, resolver, **changes):
    [one] = [backend(resolver, rig.authority)]
    one["tls"]["ca_store"] = AUTHORITY
    return yaml.safe_dump(configuration([one], **changes), sort_keys=False)


def install(machine, version):
    return machine.execute("dpkg", "--install", f"/root/dotline_{version}.deb", check=False)


def answers(rig):
    with contextlib.suppress(Exception):
        return rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR
    return False


def main_pid(machine):
    return int(machine.show("dotline", "MainPID"))


def restarts(machine):
    return int(machine.show("dotline", "NRestarts"))


def wait_until_replaced(machine, pid):
    def replaced():
        return machine.state("dotline") == "active" and main_pid(machine) not in (0, pid)
    wait_until(replaced, "another process in its place", timeout=60)


def assert_stays_down(machine, status):
    """As long as three tries would take."""
    wait_until(lambda: machine.state("dotline") == "failed", "the unit's end")
    before = restarts(machine)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        assert machine.state("dotline") == "failed" and restarts(machine) == before
        time.sleep(0.2)
    assert machine.show("dotline", "ExecMainStatus") == str(status)


def test_it_serves_after_a_boot(machine, rig):
    assert machine.state("dotline") == "active"
    assert "answering; 1 of 1 backends up" in wait_until(
        lambda: status if "answering" in (status := machine.show("dotline", "StatusText")) else None, "words for systemd")
    assert machine.execute("dotline", "status").returncode == 0
    assert answers(rig)


def test_it_stays_down_with_a_wrong_configuration(machine):
    machine.path(CONFIGURATION).write_text(BROKEN)
    result = machine.execute("systemctl", "restart", "dotline", check=False)
    assert result.returncode != 0
    assert_stays_down(machine, status=2)
    assert "`adress`" in machine.journal("dotline")


def test_it_is_started_again_after_a_crash(machine, rig):
    pid = main_pid(machine)
    machine.execute("kill", "-SEGV", str(pid))
    wait_until_replaced(machine, pid)
    wait_until(lambda: answers(rig), "answers", timeout=90)


def test_it_is_started_again_until_a_fault_has_passed(machine, rig, resolver):
    machine.path(CONFIGURATION).write_text(good_configuration(rig, resolver).replace("front0", "front7"))
    machine.execute("systemctl", "restart", "dotline", check=False)
    before = restarts(machine)
    wait_until(lambda: restarts(machine) >= before + 2, "two more tries", timeout=90)
    machine.path(CONFIGURATION).write_text(good_configuration(rig, resolver))
    wait_until(lambda: answers(rig), "answers", timeout=90)


def test_it_is_started_again_after_a_hang(machine, rig):
    shorter = machine.path("/run/systemd/system/dotline.service.d/shorter.conf")
    shorter.parent.mkdir(parents=True)
    shorter.write_text(f"[Service]\nWatchdogSec={WATCHDOG_SECONDS}\nTimeoutAbortSec=2\n")
    machine.execute("systemctl", "daemon-reload")
    machine.execute("systemctl", "restart", "dotline")
    pid = main_pid(machine)
    [worker] = named_threads(machine.outside_pid(pid), "tls")
    with Stopped(worker):
        wait_until(lambda: "does not move" in machine.show("dotline", "StatusText"), "a word on who stands", timeout=30)
        wait_until(lambda: "watchdog timeout" in machine.journal("dotline").lower(), "the watchdog", timeout=30)
    wait_until_replaced(machine, pid)
    wait_until(lambda: answers(rig), "answers", timeout=90)
    shorter.unlink()
    machine.execute("systemctl", "daemon-reload")


def test_it_serves_again_when_its_interface_is_made_anew(machine, rig):
    """With no more rights and system calls than the unit allows, and without being started again."""
    pid, before = main_pid(machine), restarts(machine)
    rig.topology.execute(rig.topology.forwarder, "ip", "link", "del", "front0")
    wait_until(lambda: "the interface is gone" in machine.execute("dotline", "status", check=False).stdout, "a word on the interface")
    assert machine.state("dotline") == "active"
    rig.topology.join((rig.topology.forwarder, "front0"), (rig.topology.client, "eth0"))
    for namespace, interface in ((rig.topology.forwarder, "front0"), (rig.topology.client, "eth0")):
        rig.topology.give_addresses(namespace, interface)
    wait_until(lambda: answers(rig), "answers", timeout=90)
    assert machine.execute("dotline", "status").returncode == 0
    assert (main_pid(machine), restarts(machine)) == (pid, before)


def test_a_reload_takes_a_good_configuration_up_and_refuses_a_wrong_one(machine, rig, resolver):
    pid = main_pid(machine)
    caches = [{"name": "main", "size": 200000}]
    machine.path(CONFIGURATION).write_text(good_configuration(rig, resolver, packet_caches=caches))
    machine.execute("systemctl", "reload", "dotline")
    wait_until(lambda: "packet cache main: 200000 entries" in machine.journal("dotline"), "the reload")
    machine.path(CONFIGURATION).write_text(BROKEN)
    assert machine.execute("systemctl", "reload", "dotline", check=False).returncode != 0
    assert machine.state("dotline") == "active" and main_pid(machine) == pid
    assert answers(rig)


def test_an_upgrade_with_a_broken_configuration_leaves_the_package_whole_and_the_old_program_serving(machine, rig):
    pid = main_pid(machine)
    machine.path(CONFIGURATION).write_text(BROKEN)
    result = install(machine, "2")
    assert result.returncode == 0, result.stdout + result.stderr
    assert machine.execute("dpkg-query", "--show", "--showformat", "${Version} ${db:Status-Status}", "dotline").stdout == "2 installed"
    assert machine.execute("dpkg", "--audit").stdout == ""
    assert "`adress`" in result.stderr and "systemctl restart dotline" in result.stderr
    assert main_pid(machine) == pid and answers(rig)


def test_an_upgrade_restarts_what_runs_and_nothing_else(machine, rig):
    pid = main_pid(machine)
    result = install(machine, "2")
    assert result.returncode == 0, result.stdout + result.stderr
    wait_until_replaced(machine, pid)
    wait_until(lambda: answers(rig), "answers", timeout=90)
    machine.execute("systemctl", "stop", "dotline")
    assert install(machine, "2").returncode == 0
    assert machine.state("dotline") == "inactive"


def test_the_manual_page_names_files_that_are_there(machine):
    page = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "dotline.1").read_text()
    files = re.findall(r"^\.I (/\S+)$", page.partition(".SH FILES")[2].partition(".SH ")[0], re.MULTILINE)
    assert len(files) >= 3
    for file in files:
        # Packages have /usr as their prefix, and this build may have another.
        assert machine.path(file).exists() or machine.path(file.replace("/usr/share", "/usr/local/share")).exists(), file


def test_commands_are_completed(machine):
    def completed(*words):
        script = """
            source "$(ls /usr/share/bash-completion/completions/dotline /usr/local/share/bash-completion/completions/dotline 2>/dev/null)"
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dotline; printf "%s\\n" "${COMPREPLY[@]}"
        """
        return machine.execute("bash", "-c", script, "bash", *words).stdout.split()
    there_are = re.findall(r"^  ([a-z-]+) ", machine.execute("dotline", "--help").stdout.partition("ubcommands:")[2], re.MULTILINE)
    assert {"run", "status", "help"} <= set(there_are) <= set(completed("dotline", ""))
    assert completed("dotline", "re") == ["reload"]
    assert completed("dotline", "cache", "") == ["flush", "--help"]
    assert completed("dotline", "backend", "") == ["up", "down", "auto", "--help"]
    assert completed("dotline", "check", "--l") == ["--lenient"]
    assert completed("dotline", "run", "--config", "/etc/dotline/dot") == ["/etc/dotline/dotline.yaml"]


def test_it_ends_at_once_and_without_a_fault_when_it_is_stopped(machine):
    machine.execute("systemctl", "stop", "dotline")
    assert machine.state("dotline") == "inactive"
    assert machine.show("dotline", "Result") == "success"
