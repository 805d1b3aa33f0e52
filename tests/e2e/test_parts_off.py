"""What can be served is served: a part that is broken is off, and loud, and on again when it is mended; the rest is on from the start."""

import contextlib
import shutil
import socket
import subprocess

import dns.rcode
import pytest

from rig.client import query
from rig.forwarder import BINARY, METRICS_PORT, Dotline, backend, configuration
from rig.namespaces import FORWARDER, inside
from rig.waiting import wait_until

NAME = "dns.example"
DOT = f"{FORWARDER}:853"


@pytest.fixture(scope="module")
def resolver(rig):
    with rig.unbound() as resolver:
        yield resolver


@pytest.fixture(scope="module")
def good(rig):
    return rig.authority.issue("shown-good", names=[NAME])


def configuration_with_dot(rig, resolver, certificate, key, **changes):
    tls = {"certificates": [{"certificate": str(certificate), "key": str(key)}]}
    binds = [{"address": f"{FORWARDER}:53"}, {"address": DOT, "protocol": "DoT", "tls": tls}]
    return configuration([backend(resolver, rig.authority)], binds=binds, **changes)


def answers(rig, name="www.example"):
    return rig.client.ask(query(name)).rcode() == dns.rcode.NOERROR


def speaks_tls(rig):
    """Whether a client is shown a certificate that its authority vouches for."""
    result = subprocess.run(rig.topology.command(rig.topology.client, "kdig", f"@{FORWARDER}", "+tls", f"+tls-ca={rig.authority.certificate}",
                                                 f"+tls-hostname={NAME}", "+retry=0", "+time=3", "www.example"),
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    return "NOERROR" in result.stdout


def bind_up(dotline, address=DOT):
    return dotline.metrics().value("dotline_bind_up", bind=address)


def check(settings_file, *words):
    return subprocess.run([str(BINARY), "check", *words, "--config", str(settings_file)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=30)


def pair_of(rig, name, identity):
    """Copies that a test can change."""
    certificate, key = (rig.topology.directory / f"{name}.{kind}" for kind in ("pem", "key"))
    shutil.copy(identity.certificate, certificate)
    shutil.copy(identity.key, key)
    return certificate, key


def test_an_expired_certificate_turns_one_bind_off_until_its_files_are_good(rig, resolver, good):
    certificate, key = pair_of(rig, "renewed", rig.authority.issue("shown-expired", names=[NAME], start="-30", end="-2"))
    with rig.dotline(configuration_with_dot(rig, resolver, certificate, key)) as dotline:
        assert answers(rig)
        assert not speaks_tls(rig)
        assert bind_up(dotline) == 0 and bind_up(dotline, f"{FORWARDER}:53") == 1
        assert dotline.metrics().value("dotline_parts_off") == 1
        assert dotline.http("/healthz")[0] == 200, "all but one bind is served"
        shown = dotline.command("status")
        assert f"DoT at {DOT} is off: the certificate in {certificate} has expired" in " ".join(shown.stdout.split())
        [off] = dotline.status()["off"]
        assert off in dotline.log()
        assert f"answering at {DOT}" not in dotline.log()
        assert dotline.metrics().value("dotline_client_connections_refused_total", reason="bind_off") >= 1
        told = check(dotline.settings_file)
        assert told.returncode == 2 and "has expired" in told.stderr and "the bind is off" in told.stderr
        assert check(dotline.settings_file, "--lenient").returncode == 0

        for file, source in ((certificate, good.certificate), (key, good.key)):
            shutil.copy(source, file)
        wait_until(lambda: bind_up(dotline) == 1, "the bind is on by itself", timeout=30)
        assert speaks_tls(rig)
        assert dotline.status()["off"] == []
        assert "can be now" in dotline.log()


def test_other_things_can_be_reloaded_and_a_broken_renewal_goes_on_with_what_there_was(rig, resolver, good):
    certificate, key = pair_of(rig, "broken", good)
    settings = configuration_with_dot(rig, resolver, certificate, key)
    with rig.dotline(settings) as dotline:
        assert speaks_tls(rig)
        shutil.copy(rig.authority.issue("shown-other", names=[NAME]).key, key)
        dotline.configure({**settings, "packet_caches": [{"name": "main", "size": 200000}]})
        done = dotline.command("reload")
        assert done.returncode == 3, done
        assert "packet cache main: 200000 entries (changed: size)" in done.stdout
        assert "does not belong to the certificate" in done.stderr
        assert speaks_tls(rig) and bind_up(dotline) == 1
        assert "does not show all that it should" in dotline.status()["off"][0]
        shutil.copy(good.key, key)
        wait_until(lambda: dotline.status()["off"] == [], "nothing is off", timeout=30)
        assert speaks_tls(rig)


def test_an_address_that_another_program_has_costs_tcp_alone(rig, resolver, good):
    with inside(rig.topology.forwarder):
        other = socket.create_server((FORWARDER, 53))
    with other, rig.dotline(configuration_with_dot(rig, resolver, good.certificate, good.key)) as dotline:
        assert answers(rig) and speaks_tls(rig)
        assert bind_up(dotline, f"{FORWARDER}:53") == 0 and bind_up(dotline) == 1
        [off] = dotline.status()["off"]
        assert off.startswith(f"Do53 at {FORWARDER}:53 is answered over UDP only: cannot listen for TCP") and off in dotline.log()
        assert f"answering at {FORWARDER}:53 over UDP\n" in dotline.log()


def test_a_metrics_address_that_another_program_has_costs_metrics_alone(rig, resolver, good):
    with contextlib.ExitStack() as stack:
        with inside(rig.topology.forwarder):
            stack.enter_context(socket.create_server(("127.0.0.1", METRICS_PORT + 1)))
        settings = configuration_with_dot(rig, resolver, good.certificate, good.key)
        settings["metrics"] = {"address": f"127.0.0.1:{METRICS_PORT + 1}"}
        with Dotline(rig.topology, settings) as dotline:
            assert answers(rig)
            [off] = dotline.status()["off"]
            assert off.startswith("metrics.address: ") and off in dotline.log()


def test_a_backend_without_authorities_is_not_asked_and_the_other_is(rig, resolver, good):
    settings = configuration_with_dot(rig, resolver, good.certificate, good.key)
    lost = backend(resolver, rig.authority, name="lost")
    lost["tls"]["ca_store"] = str(rig.topology.directory / "absent.pem")
    settings["backends"].append(lost)
    with rig.dotline(settings) as dotline:
        assert answers(rig)
        for i in range(20):
            rig.client.ask(query(f"name{i}.example"))
        assert dotline.metrics().value("dotline_backend_queries_total", backend="lost") == 0
        [off] = dotline.status()["off"]
        assert off.startswith("backend lost cannot be authenticated, so that it is not asked")
        shutil.copy(rig.authority.certificate, rig.topology.directory / "absent.pem")
        wait_until(lambda: dotline.metrics().value("dotline_backend_up", backend="lost") == 1, "it can be asked", timeout=40)
        assert dotline.status()["off"] == []


@pytest.mark.parametrize("broken", ["certificate", "listener"])
def test_a_strict_start_is_all_or_nothing(rig, resolver, good, broken):
    certificate = rig.topology.directory / "never.pem" if broken == "certificate" else good.certificate
    settings = configuration_with_dot(rig, resolver, certificate, good.key, strict_start=True)
    with contextlib.ExitStack() as stack:
        if broken == "listener":
            with inside(rig.topology.forwarder):
                stack.enter_context(socket.create_server((FORWARDER, 53)))
        dotline = Dotline(rig.topology, settings)
        dotline.launch()
        assert dotline.wait(timeout=60) == 1, dotline.log()
        assert ("cannot be opened" if broken == "certificate" else "cannot listen for TCP") in dotline.log()
        assert "ready" not in dotline.log().splitlines()
