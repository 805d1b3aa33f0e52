"""A dnsdist configuration becomes one of dotline's: what is missing is named, and with it filled in the result is without errors."""

import pathlib
import re
import subprocess

import pytest

from rig.forwarder import BINARY

FILES = pathlib.Path(__file__).resolve().parents[1] / "control" / "import"
USUAL = FILES / "forwarder.conf"


def dotline(*words):
    return subprocess.run([str(BINARY), *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


@pytest.fixture
def imported(tmp_path):
    result = dotline("import-dnsdist", USUAL, "--output", tmp_path / "dotline.yaml")
    return result, tmp_path / "dotline.yaml"


def test_dnsdist_itself_takes_the_file():
    result = subprocess.run(["dnsdist", "--check-config", "-C", str(USUAL)], stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, timeout=60)
    assert result.returncode == 0, result


def test_the_importer_names_each_server_without_a_subject(imported):
    result, _ = imported
    assert result.returncode == 3, result
    lines = USUAL.read_text().splitlines()
    servers = [number for number, line in enumerate(lines, 1) if line.startswith("newServer")]
    named = [int(line) for line in re.findall(rf"^{re.escape(str(USUAL))}:(\d+): newServer .*subjectName", result.stderr, re.M)]
    assert named == servers


def test_what_is_missing_is_an_error_with_its_line(imported):
    _, settings = imported
    result = dotline("check", "--config", settings)
    assert result.returncode == 2, result
    lines = settings.read_text().splitlines()
    wanting = [number for number, line in enumerate(lines, 1) if line == "    tls:"]
    named = [int(line) for line in re.findall(rf"^{re.escape(str(settings))}:(\d+):\d+: .*`subject_name`", result.stderr, re.M)]
    assert named == wanting and len(wanting) == 2


def test_with_the_suggested_names_it_is_without_errors(imported):
    _, settings = imported
    subprocess.run(["sed", "-i", "s/# subject_name:/subject_name:/", str(settings)], check=True)
    result = dotline("check", "--config", settings)
    assert result.returncode == 0, result
    assert settings.read_text().count("public.dns.iij.jp") == 2


def test_a_file_without_an_end_is_given_up(tmp_path):
    endless = tmp_path / "dnsdist.conf"
    # Counted instructions end the first, the limit of CPU time the second: `next` looks for long without executing anything.
    for text in ("while true do end",
                 "local t = {} for i = 1, 1e6 do t[i] = i end for i = 1, 1e6 do t[i] = nil end while true do next(t) end"):
        endless.write_text(text)
        result = dotline("import-dnsdist", endless)
        assert result.returncode == 2, result
        assert "takes too long" in result.stderr
        assert result.stdout == ""


SETTING = re.compile(r"^( *)# ( *(?:- )?[a-z0-9_]+:(?: .*)?|#.*|    +#.*)$")


def fill_in(text):
    """What says FILL IN, filled in: the comments behind it become settings, as an operator would have them."""
    for _ in range(3):
        lines, active = [], False
        for line in text.splitlines():
            is_comment = line.lstrip().startswith("#")
            active = is_comment and (active or "FILL IN" in line)
            if active and not line.lstrip().startswith("# FILL IN"):
                line = SETTING.sub(r"\1\2", line)
            lines.append(line)
        text = "\n".join(lines) + "\n"
    addresses = iter(range(100, 200))
    text = re.sub(r"(?<!\[)ADDRESS", lambda _: f"198.51.100.{next(addresses)}", text)
    return text.replace("subject_name: NAME", "subject_name: a.example")


@pytest.mark.parametrize("name", ["home.conf", "split_horizon.conf", "all_to_a_pool.conf", "by_address.conf", "environment.conf",
                                  "typographic.conf", "old.conf", "forwarder.yml", "rules.yml", "tuned.yml"])
def test_what_people_publish_passes_the_check_once_it_is_filled_in(name, tmp_path):
    settings = tmp_path / "dotline.yaml"
    result = dotline("import-dnsdist", FILES / "files" / name, "--output", settings)
    assert result.returncode == (0 if name == "forwarder.yml" else 3), result
    settings.write_text(fill_in(settings.read_text()))
    result = dotline("check", "--config", settings)
    assert result.returncode == 0, (result, settings.read_text())


def test_both_forms_of_one_configuration_become_the_same(tmp_path):
    lua = tmp_path / "dnsdist.conf"
    lua.write_text("""addLocal("192.0.2.53:53")
setACL({"192.0.2.0/24"})
newServer({address="9.9.9.9:853", tls="openssl", subjectName="dns.quad9.net", name="quad9", qps=100, checkInterval=2})
getPool(""):setCache(newPacketCache(5000, {maxTTL=600}))
addAction("corp.example", PoolAction("corp"))
newServer({address="192.0.2.2:853", tls="openssl", subjectName="corp.example", pool="corp"})
setTCPRecvTimeout(3)
""")
    yaml = tmp_path / "dnsdist.yml"
    yaml.write_text("""binds: [{listen_address: "192.0.2.53:53"}]
acl: [192.0.2.0/24]
backends:
  - {address: "9.9.9.9:853", protocol: DoT, tls: {subject_name: dns.quad9.net}, name: quad9, queries_per_second: 100,
     health_checks: {interval: 2}}
  - {address: "192.0.2.2:853", protocol: DoT, tls: {subject_name: corp.example}, pools: [corp]}
packet_caches: [{name: main, size: 5000, max_ttl: 600}]
pools: [{name: "", packet_cache: main}]
query_rules: [{selector: {type: QNameSuffix, suffixes: [corp.example]}, action: {type: Pool, pool_name: corp}}]
tuning: {tcp: {receive_timeout: 3}}
""")
    results = [dotline("import-dnsdist", file) for file in (lua, yaml)]
    assert [result.returncode for result in results] == [0, 0], results
    first, second = (re.sub(r" +# Line \d+ there\.", "", result.stdout.split("\n", 1)[1]) for result in results)
    assert first == second


def test_an_unreadable_file_is_named_with_its_line(tmp_path):
    broken = tmp_path / "dnsdist.yml"
    broken.write_text("binds:\n  - listen_address: 192.0.2.53\n\tprotocol: Do53\n")
    result = dotline("import-dnsdist", broken)
    assert result.returncode == 2, result
    assert result.stderr.startswith(f"{broken}:3: "), result
