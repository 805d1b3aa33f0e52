"""The alerts and the dashboard that come with dotline: right by Prometheus' own word, about metrics that there are, explained
where they say, and alive: when a resolver dies, a real Prometheus says so.
"""

import contextlib
import itertools
import json
import pathlib
import re
import socket
import subprocess
import time

import pytest
import yaml

from rig.client import query
from rig.forwarder import METRICS_PORT, backend, configuration
from rig.namespaces import FORWARDER, RESOLVER, RESOLVER_B, inside
from rig.prometheus import Prometheus
from rig.waiting import wait_until

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
RULES = DOCS / "observability" / "dotline-alerts.yml"
RULES_TEST = DOCS / "observability" / "dotline-alerts-test.yml"
DASHBOARD = DOCS / "observability" / "dotline-dashboard.json"
SEVERITIES = {"critical", "warning", "info"}
OWN_METRIC = re.compile(r"\b(?:dotline|process)_\w+")


def promtool(*arguments):
    result = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def alerts():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels():
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def dashboard_expressions():
    return [target["expr"] for panel in panels() for target in panel["targets"]]


# ---------------------------------------------------------------- the alerts

def test_prometheus_accepts_the_rules():
    assert f"{len(alerts())} rules found" in promtool("check", "rules", str(RULES))


def test_the_rules_do_what_their_tests_say():
    promtool("test", "rules", str(RULES_TEST))


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_each_alert_says_what_it_means_and_is_tried(alert):
    assert alert["labels"]["severity"] in SEVERITIES
    assert alert["annotations"]["summary"] and alert["annotations"]["description"]
    page, _, section = alert["annotations"]["runbook"].partition("#")
    assert page == "docs/runbook.md" and section == alert["alert"].lower()
    assert f"\n### {alert['alert']}\n" in (DOCS / "runbook.md").read_text()
    assert re.search(rf"\b{alert['alert']}\b", RULES_TEST.read_text()), "no test makes it fire"


def test_every_section_about_an_alert_is_about_one_that_there_is():
    sections = set(re.findall(r"^### (Dotline\w+)$", (DOCS / "runbook.md").read_text(), re.MULTILINE))
    assert sections == {alert["alert"] for alert in alerts()}


# ---------------------------------------------------------------- the dashboard

def test_each_panel_has_a_title_a_query_and_a_place_of_its_own():
    dashboard = json.loads(DASHBOARD.read_text())
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    taken = set()
    for panel in dashboard["panels"]:
        assert panel["title"]
        place = panel["gridPos"]
        squares = set(itertools.product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])))
        assert not squares & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= squares
    for panel in panels():
        assert panel["targets"] and all(target["expr"] for target in panel["targets"]), panel["title"]
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources), panel["title"]
        assert all('instance=~"$instance"' in target["expr"] for target in panel["targets"]), panel["title"]


def test_prometheus_accepts_what_the_dashboard_asks(tmp_path):
    rules = [{"record": f"panel{number}", "expr": expression.replace("$__rate_interval", "1m")}
             for number, expression in enumerate(dashboard_expressions())]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", str(file))


# ---------------------------------------------------------------- beside a dotline that runs

@pytest.fixture(scope="module")
def resolvers(rig):
    with (rig.unbound(address=RESOLVER, address6=None, label="first") as first,
          rig.unbound(address=RESOLVER_B, address6=None, label="second") as second):
        yield first, second


@pytest.mark.parametrize("listening, families", [("[::1]", [6]), ("[::]", [4, 6])])
def test_metrics_are_to_be_had_over_ipv6(rig, resolvers, listening, families):
    """Before the dotline that the tests below share."""
    settings = configuration([backend(resolvers[0], rig.authority)], metrics={"address": f"{listening}:{METRICS_PORT}"})
    target = f"[::1]:{METRICS_PORT}"
    with rig.dotline(settings, metrics_host="::1") as dotline:
        assert f"metrics at http://{listening}:{METRICS_PORT}/metrics" in dotline.log()
        with Prometheus(rig.topology, label=f"prometheus-{len(families)}", target=target) as prometheus:
            wait_until(lambda: prometheus.evaluate('up{job="dotline"} == 1'), "it is scraped", timeout=60)
        for family, host in ((4, "127.0.0.1"), (6, "[::1]")):
            url = f"http://{host}:{METRICS_PORT}/healthz"
            got = subprocess.run(rig.topology.command(rig.topology.forwarder, "curl", "--globoff", "--silent", "--max-time", "5", url),
                                 capture_output=True, text=True, timeout=20)
            assert got.stdout == ("ok\n" if family in families else ""), family


@pytest.fixture(scope="module")
def dotline(rig, resolvers):
    backends = [backend(resolver, rig.authority, health_checks={"mode": "auto", "timeout": 500}) for resolver in resolvers]
    shown = rig.authority.issue("shown", names=["dns.example"])
    pair = {"certificate": str(shown.certificate), "key": str(shown.key)}
    settings = configuration(backends)
    settings["binds"].append({"address": FORWARDER, "protocol": "DoT", "tls": {"certificates": [pair]}})
    with rig.dotline(settings) as dotline:
        yield dotline


@pytest.mark.parametrize("expressions", [[alert["expr"] for alert in alerts()], dashboard_expressions()],
                         ids=["alerts", "dashboard"])
def test_all_that_is_asked_for_is_exported(dotline, expressions):
    exported = set(re.findall(r"^(\w+)", dotline.metrics().text, re.MULTILINE))
    asked = {name for expression in expressions for name in OWN_METRIC.findall(expression)}
    assert asked and asked <= exported


def test_all_that_is_exported_is_on_the_dashboard(dotline):
    shown = set(OWN_METRIC.findall(" ".join(dashboard_expressions())))
    families = set(re.findall(r"^# TYPE (\w+)", dotline.metrics().text, re.MULTILINE))
    missing = {family for family in families if not {family, f"{family}_bucket"} & shown}
    assert missing <= {"process_virtual_memory_bytes"}


def test_all_that_is_exported_is_explained(dotline):
    families = set(re.findall(r"^# TYPE (\w+)", dotline.metrics().text, re.MULTILINE))
    assert families <= set(OWN_METRIC.findall((DOCS / "metrics.md").read_text()))


def test_whatever_is_full_raises_an_alert(dotline):
    full = set(re.findall(r"^# TYPE (\w+_full_total|\w+_refused_total)", dotline.metrics().text, re.MULTILINE))
    watched = set(OWN_METRIC.findall(" ".join(alert["expr"] for alert in alerts())))
    assert len(full) >= 5 and full <= watched


# ---------------------------------------------------------------- what clients may do to it

def connected(rig):
    with inside(rig.topology.forwarder):
        return socket.create_connection(("127.0.0.1", METRICS_PORT), timeout=10)


def told(rig, request):
    with connected(rig) as connection:
        connection.sendall(request.encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@pytest.mark.parametrize("request_head, reply", [
    ("GET http://localhost/healthz HTTP/1.1\r\nHost: localhost", "HTTP/1.1 200 OK\r\n"),
    ("GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost", "HTTP/1.1 421 Misdirected Request\r\n"),
    ("OPTIONS * HTTP/1.1\r\nHost: localhost", "HTTP/1.1 204 No Content\r\n"),
    ("GET /healthz HTTP/1.1\r\nHost : localhost", "HTTP/1.1 400 Bad Request\r\n"),
    ("GET /healthz HTTP/1.1\r\nHost: localhost" + 63 * "\r\nX: y", "HTTP/1.1 200 OK\r\n"),
    ("GET /healthz HTTP/1.1\r\nHost: localhost" + 64 * "\r\nX: y", "HTTP/1.1 431 Request Header Fields Too Large\r\n"),
], ids=["whole-url", "whole-url-of-another", "options-of-all", "space-before-colon", "64-headers", "65-headers"])
def test_each_request_is_answered_as_http_has_it(rig, dotline, request_head, reply):
    assert told(rig, request_head + "\r\n\r\n").startswith(reply)


@pytest.mark.parametrize("silent", [40, 200])
def test_silent_connections_delay_no_scrape(rig, dotline, silent):
    with contextlib.ExitStack() as stack:
        for _ in range(silent):
            stack.enter_context(connected(rig))
        began = time.monotonic()
        for _ in range(5):
            assert "dotline_build_info" in told(rig, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert time.monotonic() - began < 3, "those are there for 5 s"
        assert dotline.http("/healthz") == (200, "ok\n")


def hurried(tmp_path):
    """The rules as they are, but for how long something must be so until they fire."""
    rules = yaml.safe_load(RULES.read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = "3s"
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump(rules))
    return file


def test_a_real_prometheus_tells_of_a_resolver_that_dies(rig, dotline, resolvers, tmp_path):
    dead = ("DotlineBackendOutOfRotation", f"at-{RESOLVER}")
    rig.client.ask(query("www.example"))
    with Prometheus(rig.topology, rules=hurried(tmp_path)) as prometheus:
        wait_until(lambda: prometheus.evaluate('count(dotline_backend_up == 1) == 2'), "both resolvers up", timeout=60)
        assert prometheus.alerts() == {}
        resolvers[0].kill()
        wait_until(lambda: prometheus.alerts().get(dead) == "pending", "the alert pending", timeout=60)
        wait_until(lambda: prometheus.alerts().get(dead) == "firing", "the alert firing", timeout=60)
        assert ("DotlineNoBackend", None) not in prometheus.alerts()
        resolvers[1].kill()
        wait_until(lambda: prometheus.alerts().get(("DotlineNoBackend", None)) == "firing", "no resolver left", timeout=60)
        for resolver in resolvers:
            resolver.start()
        wait_until(lambda: prometheus.alerts() == {}, "no alert once they are back", timeout=60)
