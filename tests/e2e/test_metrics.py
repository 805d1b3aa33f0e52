"""The metrics as Prometheus sees them: its own linter accepts them, and a real server scrapes and finds them."""

import itertools
import os
import socket
import subprocess

import pytest

from rig.client import query
from rig.forwarder import METRICS_PORT, backend, configuration
from rig.namespaces import inside
from rig.prometheus import Prometheus
from rig.waiting import wait_until

AT_ONCE = 24  # Connections that HTTP has in hand at most, and a few sessions to the resolver.
DROP_REASONS = ("runt", "ip_checksum", "ip_options", "fragment", "extension_header", "udp_length", "udp_checksum",
                "short_query", "not_a_query", "not_our_mac", "acl_denied", "error_rate_limited", "pool_empty", "transmit_full",
                "exception_rate_limited", "exception_full", "exception_refused")
OUTCOMES = ("hit", "fill", "stale", "local", "blocked", "refused", "servfail", "formerr", "notimp", "badvers", "truncated")
FAILURES = ("connect", "tls", "certificate", "eof", "reset", "deadline", "mismatch", "malformed", "refused", "servfail")


@pytest.fixture(scope="module")
def dotline(rig):
    with rig.unbound() as resolver, rig.dotline(configuration([backend(resolver, rig.authority)])) as dotline:
        yield dotline


def test_every_reason_outcome_and_class_is_exported_from_the_start(dotline):
    metrics = dotline.metrics()
    for reason in DROP_REASONS:
        assert metrics.value("dotline_packets_dropped_total", reason=reason) >= 0
    for outcome in OUTCOMES:
        assert metrics.value("dotline_replies_total", outcome=outcome) >= 0
    for failure in FAILURES:
        assert metrics.value("dotline_backend_failures_total", **{"class": failure}) == 0
    for kind in ("full", "resumed"):
        assert metrics.value("dotline_backend_handshakes_total", kind=kind) >= 0


def test_hits_and_misses_are_counted(rig, dotline):
    before = dotline.metrics()
    for _ in range(5):
        rig.client.ask(query("counted.bulk.example"))
    after = dotline.metrics()

    def grown(name, **labels):
        return after.value(name, **labels) - before.value(name, **labels)
    assert grown("dotline_queries_total", transport="udp") == 5
    assert grown("dotline_packets_received_total") == grown("dotline_packets_sent_total") == 5
    assert grown("dotline_replies_total", outcome="hit") == grown("dotline_cache_hits_total") == 4
    assert grown("dotline_replies_total", outcome="fill") == grown("dotline_cache_misses_total") == 1
    assert grown("dotline_cache_inserts_total") == 1
    assert grown("dotline_backend_queries_total") == 1
    assert grown("dotline_backend_responses_total", rcode="noerror") == 1
    assert grown("dotline_reply_duration_seconds_count", outcome="hit") == 4
    assert grown("dotline_backend_response_duration_seconds_count") == 1
    assert after.value("dotline_backend_up") == 1


def test_names_of_clients_never_become_labels(rig, dotline):
    for name in ('quote"brace}.bulk.example', "newline\\010label.bulk.example"):
        rig.client.ask(query(name))
    assert "bulk" not in dotline.metrics().text
    assert promtool_complaints(dotline) == ""


def promtool_complaints(dotline):
    result = subprocess.run(["promtool", "check", "metrics"], input=dotline.metrics().text, capture_output=True, text=True,
                            timeout=30)
    return result.stdout + result.stderr + (f"exit {result.returncode}" if result.returncode else "")


def test_promtool_accepts_the_metrics(dotline):
    assert promtool_complaints(dotline) == ""


def test_healthz_answers(dotline):
    assert dotline.http("/healthz")[0] == 200
    assert dotline.http("/nothing-here")[0] == 404


def test_clients_who_never_finish_do_no_harm(rig, dotline):
    """They say nothing, or half a request, or never read their reply. DNS goes on; when they are gone, so does HTTP."""
    questions = rig.topology.directory / "questions-beside"
    questions.write_text("".join(f"beside{number}.bulk.example A\n" for number in range(1000)))
    threads, files = threads_of(dotline), dotline.open_files()
    with inside(rig.topology.forwarder):
        clients = [socket.create_connection(("127.0.0.1", METRICS_PORT)) for _ in range(30)]
    whole = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for client, words in zip(clients, itertools.cycle((b"", whole[:15], whole))):
        client.sendall(words)
    assert rig.client.dnsperf(questions, seconds=3, rate=500).lost == 0
    assert threads_of(dotline) == threads and dotline.open_files() <= files + AT_ONCE
    for client in clients:
        client.close()
    wait_until(lambda: dotline.http("/healthz")[0] == 200, "HTTP again", timeout=60)


def threads_of(dotline):
    return len(os.listdir(f"/proc/{dotline.pid}/task"))


@pytest.fixture(scope="module")
def prometheus(rig):
    with Prometheus(rig.topology) as prometheus:
        yield prometheus.evaluate


def test_prometheus_scrapes_dotline(rig, dotline, prometheus):
    rig.client.ask(query("www.example"))
    wait_until(lambda: prometheus('up{job="dotline"} == 1'), "a successful scrape", timeout=60)
    counted = dotline.metrics().value("dotline_queries_total", transport="udp")
    assert counted > 0
    wait_until(lambda: [sample["value"][1] for sample in prometheus('dotline_queries_total{transport="udp"}')]
               == [f"{counted:.0f}"], "the counter in Prometheus", timeout=30)
    assert prometheus("histogram_quantile(0.5, sum by (le) (dotline_reply_duration_seconds_bucket))")
