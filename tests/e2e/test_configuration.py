"""Mistakes in a configuration are named with file, line and column, and dotline does not start with them."""

import dataclasses
import re
import subprocess

import pytest
import yaml

from rig.forwarder import BINARY, Dotline, configuration

GOOD = """\
dataplane:
  cores: [0]
  idle: sleep
  memory: 256M
  hugepages: off
  ports:
    - device: af_xdp:front0
binds:
  - address: 198.18.1.1:53
    protocol: Do53
acl: [198.18.1.0/24]
packet_caches:
  - name: main
    size: 1000
pools:
  - name: ""
    packet_cache: main
backends:
  - name: first
    address: 198.18.2.53:853
    protocol: DoT
    tls:
      subject_name: resolver.example
      ca_store: {authority}
metrics:
  address: 127.0.0.1:9153
"""


@dataclasses.dataclass(frozen=True)
class Mistake:
    name: str
    right: str    # What stands in the good configuration ...
    wrong: str    # ... and what is there instead.
    line: int     # Where the mistake is, counted from `right`'s first line.
    says: str     # A word or value that the message must have.


MISTAKES = [
    Mistake("unknown_key", "    protocol: DoT\n", "    protocoll: DoT\n", 0, "protocoll"),
    Mistake("duplicate_key", "  idle: sleep\n", "  idle: sleep\n  idle: busy\n", 1, "idle"),
    Mistake("address_that_is_none", "198.18.2.53:853", "198.18.2.553:853", 0, "198.18.2.553"),
    Mistake("address_by_name", "198.18.2.53:853", "dns.example:853", 0, "dns.example"),
    Mistake("backend_that_is_dotline_itself", "198.18.1.1:53", "198.18.2.53:853", 11, "binds"),
    Mistake("subnet_that_is_none", "acl: [198.18.1.0/24]", "acl: [198.18.1.0/33]", 0, "198.18.1.0/33"),
    Mistake("number_that_is_none", "    size: 1000\n", "    size: many\n", 0, "many"),
    Mistake("value_out_of_its_list", "idle: sleep", "idle: sometimes", 0, "sometimes"),
    Mistake("cache_that_does_not_exist", "    packet_cache: main\n", "    packet_cache: other\n", 0, "other"),
    Mistake("no_subject", "      subject_name: resolver.example\n", "", 0, "subject_name"),
    Mistake("authority_file_that_does_not_exist", "ca_store: {authority}", "ca_store: /nowhere/at/all.pem", 0,
            "/nowhere/at/all.pem"),
    Mistake("authority_file_that_is_no_certificate", "ca_store: {authority}", "ca_store: /etc/hostname", 0, "/etc/hostname"),
    Mistake("authority_file_that_is_a_folder", "ca_store: {authority}", "ca_store: /etc", 0, "/etc"),
    Mistake("device_of_an_unknown_kind", "af_xdp:front0", "carrier_pigeon:front0", 0, "carrier_pigeon"),
    Mistake("yaml_that_is_broken", "acl: [198.18.1.0/24]", "acl: [198.18.1.0/24", 0, ""),
    Mistake("clear_text_backend", "    protocol: DoT\n", "    protocol: Do53\n", 0, "Do53"),
]
every_mistake = pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)


@pytest.fixture(scope="module")
def write(rig):
    def write_settings(text):
        settings = rig.topology.directory / "tried.yaml"
        settings.write_text(text.replace("{authority}", str(rig.authority.certificate)))
        return settings
    return write_settings


def dotline(rig, command, settings):
    return subprocess.run(rig.topology.command(rig.topology.forwarder, str(BINARY), command, "--config", str(settings)),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


@every_mistake
def test_check_says_where_and_what(rig, write, mistake):
    assert GOOD.count(mistake.right) == 1
    settings = write(GOOD.replace(mistake.right, mistake.wrong))
    result = dotline(rig, "check", settings)
    assert result.returncode == 2, result
    said = re.findall(rf"^{re.escape(str(settings))}:(\d+):(\d+): (.+)$", result.stderr + result.stdout, re.MULTILINE)
    assert said, result
    if mistake.name in ("yaml_that_is_broken", "no_subject"):  # Reported where reading stopped, or at the enclosing key.
        return
    expected_line = GOOD[:GOOD.index(mistake.right)].count("\n") + 1 + mistake.line
    assert any(int(line) == expected_line and mistake.says in what for line, _, what in said), (expected_line, said)


@every_mistake
def test_run_refuses_to_start(rig, write, mistake):
    result = dotline(rig, "run", write(GOOD.replace(mistake.right, mistake.wrong)))
    assert result.returncode == 2, result
    assert "ready" not in (result.stdout + result.stderr).splitlines()


def test_all_mistakes_are_named_at_once(rig, write):
    settings = write(GOOD.replace("idle: sleep", "idle: sometimes").replace("size: 1000", "size: many"))
    result = dotline(rig, "check", settings)
    assert result.returncode == 2
    assert "sometimes" in result.stderr + result.stdout and "many" in result.stderr + result.stdout


def test_a_file_that_is_not_there_is_named(rig):
    result = dotline(rig, "check", "/nowhere/dotline.yaml")
    assert result.returncode == 2
    assert "/nowhere/dotline.yaml" in result.stderr + result.stdout


def test_a_good_configuration_passes(rig, write):
    result = dotline(rig, "check", write(GOOD))
    assert result.returncode == 0, result


def test_what_the_machine_lacks_is_told(rig, write):
    lacking = GOOD.replace("af_xdp:front0", "af_xdp:front7").replace("198.18.1.1:53", "192.0.2.77:53")
    result = dotline(rig, "check", write(lacking))
    assert result.returncode == 0, result
    assert "this machine has no interface `front7` (warning)" in result.stderr
    assert "`192.0.2.77` is no address of this machine: nobody can ask there until it is (warning)" in result.stderr
    first = {"name": "first", "address": "198.18.2.53:853", "tls": {"subject_name": "resolver.example",
                                                                 "ca_store": str(rig.authority.certificate)}}
    binds = [{"address": "198.18.1.1:53"}, {"address": "192.0.2.77:53"}]
    with Dotline(rig.topology, configuration([first], binds=binds)) as running:
        assert "answering at 198.18.1.1:53 over UDP and TCP" in running.log()
        assert "192.0.2.77:53 is not on this machine" in running.log() and "answering at 192.0.2.77" not in running.log()


def test_the_configuration_of_the_other_tests_passes(rig, write):
    first = {"name": "first", "address": "198.18.2.53:853", "tls": {"subject_name": "resolver.example",
                                                                 "ca_store": str(rig.authority.certificate)}}
    result = dotline(rig, "check", write(yaml.safe_dump(configuration([first]))))
    assert result.returncode == 0, result
