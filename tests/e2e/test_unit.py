"""The systemd unit: systemd finds nothing wrong with it, and dotline works with no more than it leaves."""

import os
import pathlib
import signal
import subprocess

import dns.rcode
import pytest

from rig.bypass import give_addresses, settings as settings_with_tap, take_the_link_from_the_kernel
from rig.client import query
from rig.forwarder import BINARY, backend, configuration, with_port
from rig.waiting import wait_until

UNIT = BINARY.parent / "control" / "dotline.service"
WORST_EXPOSURE = 30  # Tenths. 2.7 as it is; the capabilities and sockets that ports take are most of it.


@pytest.fixture(scope="module")
def resolver(rig):
    with rig.unbound() as resolver:
        yield resolver


def analyze(*words):
    return subprocess.run(["systemd-analyze", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)


def test_systemd_understands_it(tmp_path):
    # Programs that are there: the unit names installed ones.
    installed = UNIT.read_text().replace("/usr/local/bin/dotline", str(BINARY)).replace("man:dotline(1)", "https://dotline.invalid")
    copy = tmp_path / "dotline.service"
    copy.write_text(installed)
    result = analyze("verify", "--man=no", copy)
    complaints = [line for line in result.stderr.splitlines() if "dotline" in line]
    assert complaints == [], result


def test_it_is_limited():
    result = analyze("security", "--offline=true", f"--threshold={WORST_EXPOSURE}", "--no-pager", UNIT)
    assert result.returncode == 0, result.stdout
    assert "exposure level" in result.stdout


def under_unit(rig, settings):
    """dotline as nobody, with what the unit leaves it. Gives what Rig.dotline takes."""
    runtime = rig.topology.directory / "runtime"
    runtime.mkdir(exist_ok=True)
    os.chown(runtime, 65534, 65534)
    settings = {**settings, "control": {"socket": str(runtime / "dotline.sock")}}
    for readable in (rig.topology.directory, rig.authority.certificate):
        os.chmod(readable, 0o755)
    # LeakSanitizer, if it is in there, looks at a process by ptrace, which the unit denies.
    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return rig.dotline(settings, environment={"RUNTIME_DIRECTORY": str(runtime), "ASAN_OPTIONS": options},
                       under=["/usr/bin/python3", "-m", "rig.as_unit", str(UNIT)])


def is_limited(pid):
    """Whether it is nobody's, with the unit's filter below its own."""
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return status["Uid"].split()[0] == "65534" and int(status["Seccomp_filters"]) == 2


@pytest.mark.parametrize("device", ["af_xdp:front0", "af_packet:front0"])
def test_dotline_works_with_what_it_leaves(rig, resolver, device):
    settings = with_port(configuration([backend(resolver, rig.authority)]), device=device)
    with under_unit(rig, settings) as dotline:
        assert rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR
        assert dotline.http("/healthz") == (200, "ok\n")
        assert is_limited(dotline.pid)
        dotline.settings_file.write_text(dotline.settings_file.read_text().replace("size: 100000", "size: 200000"))
        os.kill(dotline.pid, signal.SIGHUP)
        wait_until(lambda: "reloaded" in dotline.log(), "a reload")
        assert rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR


def test_a_tap_works_with_what_it_leaves(rig, resolver):
    take_the_link_from_the_kernel(rig.topology)
    with under_unit(rig, settings_with_tap(rig, resolver)) as dotline:
        give_addresses(rig.topology)
        wait_until(lambda: rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR, "an answer")
        assert is_limited(dotline.pid)
