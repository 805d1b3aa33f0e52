"""Whom dotline believes, as an operator sets it up and sees it: pins, trust stores, expiry dates, keys for debugging."""

import base64
import datetime
import hashlib
import os
import stat
import subprocess

import dns.rcode
import pytest

from rig.certificates import RESOLVER_NAME, Authority
from rig.client import query
from rig.forwarder import BINARY, backend, configuration
from rig.namespaces import run
from rig.waiting import wait_until

PATIENCE = 4.0
NO_PIN = "sha256/" + base64.b64encode(bytes(32)).decode()


def pin_of(certificate):
    """As the manual tells operators to do it."""
    pem = run("openssl", "x509", "-in", str(certificate.certificate), "-pubkey", "-noout").stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem.encode(), capture_output=True, check=True)
    return "sha256/" + base64.b64encode(hashlib.sha256(der.stdout).digest()).decode()


def not_after(certificate):
    """In Unix time."""
    text = run("openssl", "x509", "-in", str(certificate.certificate), "-enddate", "-noout").stdout.strip()
    parsed = datetime.datetime.strptime(text, "notAfter=%b %d %H:%M:%S %Y GMT")
    return parsed.replace(tzinfo=datetime.timezone.utc).timestamp()


@pytest.fixture(scope="module")
def strange(rig):
    """A certificate that no authority vouches for which dotline knows, and for no name that matters."""
    return Authority(rig.topology.directory, "own").issue("key", names=["somebody.example"])


def test_a_pin_alone_is_enough(rig, strange):
    with rig.scripted_resolver(strange) as resolver:
        tls = {"pins": [NO_PIN, pin_of(strange)]}
        with rig.dotline(configuration([backend(resolver, rig.authority, tls=tls)])) as dotline:
            assert rig.client.ask(query("pinned.example")).rcode() == dns.rcode.NOERROR
            assert "as the owner of a pinned key" in dotline.log()


def test_another_key_gets_nothing_and_its_pin_is_in_the_log(rig, strange):
    with rig.scripted_resolver(strange) as resolver:
        tls = {"pins": [NO_PIN, "sha256/" + base64.b64encode(bytes(31) + b"1").decode()]}
        with rig.dotline(configuration([backend(resolver, rig.authority, tls=tls)])) as dotline:
            assert rig.client.ask(query("secret.example"), timeout=PATIENCE).rcode() == dns.rcode.SERVFAIL
            assert f"its key is {pin_of(strange)}, which is none of `pins`" in dotline.log()
            assert dotline.metrics().value("dotline_backend_failures_total", **{"class": "certificate"}) >= 1
        assert resolver.received == []


def test_a_pin_beside_a_name_does_not_replace_it(rig, strange):
    with rig.scripted_resolver(strange) as resolver:
        entry = backend(resolver, rig.authority)
        entry["tls"]["pins"] = [NO_PIN, pin_of(strange)]
        with rig.dotline(configuration([entry])):
            assert rig.client.ask(query("secret.example"), timeout=PATIENCE).rcode() == dns.rcode.SERVFAIL
        assert resolver.received == []


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_the_systems_store_is_read_before_workers_are_confined(rig, monkeypatch, tmp_path, variable):
    (tmp_path / "authority.pem").write_bytes(rig.authority.certificate.read_bytes())
    run("openssl", "rehash", str(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "missing"))
    monkeypatch.setenv(variable, str(tmp_path / "authority.pem" if variable == "SSL_CERT_FILE" else tmp_path))
    with rig.scripted_resolver() as resolver:
        settings = configuration([backend(resolver, rig.authority, tls={"subject_name": RESOLVER_NAME})])
        with rig.dotline(settings):
            assert rig.client.ask(query("stored.example")).rcode() == dns.rcode.NOERROR


def test_the_end_of_a_certificate_is_told_in_time(rig):
    ending = rig.authority.issue("ending", names=[RESOLVER_NAME], end="+3")
    with rig.scripted_resolver(ending) as resolver, rig.dotline(configuration([backend(resolver, rig.authority)])) as dotline:
        assert rig.client.ask(query("ending.example")).rcode() == dns.rcode.NOERROR
        assert dotline.metrics().value("dotline_backend_certificate_expiry_timestamp_seconds") == not_after(ending)
        wait_until(lambda: "its certificate expires on " in dotline.log(), "the warning")
        assert "in 2 days and 23 hours" in dotline.log()


def test_keys_are_written_only_where_a_setting_says_so(rig, monkeypatch, tmp_path):
    by_setting, by_environment = tmp_path / "keys", tmp_path / "environment"
    monkeypatch.setenv("SSLKEYLOGFILE", str(by_environment))
    with rig.scripted_resolver() as resolver:
        entry = backend(resolver, rig.authority)
        with rig.dotline(configuration([entry])):
            assert rig.client.ask(query("unseen.example")).rcode() == dns.rcode.NOERROR
        assert os.listdir(tmp_path) == []

        entry["tls"]["key_log_file"] = str(by_setting)
        with rig.dotline(configuration([entry])) as dotline:
            assert rig.client.ask(query("seen.example")).rcode() == dns.rcode.NOERROR
            assert "gets the keys of all sessions" in dotline.log()
        assert "\nCLIENT_TRAFFIC_SECRET_0 " in by_setting.read_text()
        assert stat.S_IMODE(by_setting.stat().st_mode) == 0o600
        assert not by_environment.exists()

        check = [str(BINARY), "check", "--config", str(dotline.settings_file)]
        checked = subprocess.run(rig.topology.command(rig.topology.forwarder, *check), capture_output=True, text=True, timeout=60)
        assert checked.returncode == 0 and "gets the keys of all sessions" in checked.stderr
        by_setting.chmod(0o644)
        checked = subprocess.run(rig.topology.command(rig.topology.forwarder, *check), capture_output=True, text=True, timeout=60)
        assert checked.returncode == 2 and "is open to other users" in checked.stderr
