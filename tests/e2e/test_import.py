"""A dnsdist configuration becomes one of dotline's: what is missing is named, and with it filled in the result is without errors."""

import pathlib
import re
import subprocess

import pytest

from rig.forwarder import BINARY

USUAL = pathlib.Path(__file__).resolve().parents[1] / "control" / "import" / "forwarder.conf"


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
