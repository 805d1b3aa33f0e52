"""Changing the configuration while clients go on asking."""

import copy
import signal
import time

import dns.rcode
import pytest

from rig.client import query
from rig.forwarder import backend, configuration
from rig.namespaces import FORWARDER, RESOLVER_B
from rig.waiting import wait_until

RELOADS = 1000


@pytest.fixture(scope="module")
def resolvers(rig):
    with rig.unbound(log_queries=False) as first, \
         rig.unbound(address=RESOLVER_B, address6=None, label="second", log_queries=False) as second:
        yield first, second


@pytest.fixture
def settings(rig, resolvers):
    return configuration([backend(resolver, rig.authority) for resolver in resolvers])


def reload(dotline, result="ok"):
    """SIGHUP, and until it has been dealt with."""
    def counts():
        metrics = dotline.metrics()
        return {name: metrics.value("dotline_config_reloads_total", result=name) for name in ("ok", "failed")}
    before = counts()
    dotline.signal(signal.SIGHUP)
    wait_until(lambda: counts() != before, "reload", interval=0.01)
    assert counts() == {**before, result: before[result] + 1}, dotline.log()


def questions(rig, label, count):
    file = rig.topology.directory / f"questions-{label}"
    file.write_text("".join(f"host{number}.bulk.example. A\n" for number in range(count)))
    return file


def resident_kilobytes(dotline):
    with open(f"/proc/{dotline.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def variants(settings, resolvers):
    """What an operator changes in a day: weights, a backend, pools, caches' limits, who may ask, the log."""
    first, second = (copy.deepcopy(settings["backends"][i]) for i in range(2))
    yield {**settings, "backends": [{**first, "weight": 5}, second], "logging": {"level": "warning"}}
    yield {**settings, "backends": [first]}
    yield {**settings, "backends": [second], "packet_caches": [{"name": "main", "size": 100000, "max_ttl": 600}]}
    yield {**settings, "backends": [{**first, "name": "renamed", "pools": ["other"]}, second],
           "packet_caches": [{"name": "main", "size": 50000}, {"name": "small", "size": 500}],
           "pools": [{"name": "", "packet_cache": "main", "policy": "roundrobin"},
                     {"name": "other", "packet_cache": "small", "domains": ["host7.bulk.example", "bulk2.example"]}]}
    yield {**settings, "acl": [*settings["acl"], "203.0.113.0/24"]}
    yield settings


@pytest.mark.alone
def test_a_thousand_reloads_lose_nothing(rig, settings, resolvers):
    # Two streams: names that are in the cache, and names that are not.
    cached, distinct = questions(rig, "cached", 200), questions(rig, "distinct", 200000)
    with rig.dotline(settings) as dotline:
        with rig.client.start_dnsperf(cached, seconds=600, rate=2000) as hits, \
             rig.client.start_dnsperf(distinct, seconds=600, rate=300) as misses:
            wait_until(lambda: dotline.metrics().value("dotline_queries_total") > 1000, "load")
            different = list(variants(settings, resolvers))
            settled = None
            for number in range(RELOADS):
                dotline.configure(different[number % len(different)])
                reload(dotline)
                if number == RELOADS // 4:
                    settled = resident_kilobytes(dotline)
            summaries = [stream.interrupt() for stream in (hits, misses)]
        metrics = dotline.metrics()
        assert metrics.value("dotline_config_reloads_total", result="ok") == RELOADS
        assert metrics.value("dotline_config_reloads_total", result="failed") == 0
        for summary in summaries:
            assert summary.completed > 1000, summary.output
            assert summary.lost == 0, summary.output
            assert set(summary.response_codes) == {"NOERROR"}, summary.output
        # At any moment some backends are leaving; when they are gone, no more is left than after the first quarter.
        wait_until(lambda: resident_kilobytes(dotline) <= settled, f"{settled} kB or less")
        # Whoever has left is gone, and his sessions with him.
        wait_until(lambda: sum("853" in line for line in sockets(rig)) <= 2 * len(resolvers), "sessions of old backends are closed")


def sockets(rig):
    return rig.topology.execute(rig.topology.forwarder, "ss", "-Htn", "state", "established").stdout.splitlines()


def test_bad_configuration_changes_nothing(rig, settings):
    with rig.dotline(settings) as dotline:
        assert rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR
        dotline.configure({**settings, "acl": ["not an address"]})
        wrong = dotline.settings_file.read_text().splitlines()
        line = next(number for number, text in enumerate(wrong, 1) if "not an address" in text)
        reload(dotline, "failed")
        assert f"{dotline.settings_file}:{line}:" in dotline.log()
        assert "not reloaded, what was in force stays so" in dotline.log()
        assert dotline.metrics().value("dotline_config_last_reload_successful") == 0
        assert rig.client.ask(query("other.bulk.example")).rcode() == dns.rcode.NOERROR
        for broken in ("backends: [", "", "\x00\xff"):
            dotline.configure(broken)
            reload(dotline, "failed")
        dotline.settings_file.unlink()
        reload(dotline, "failed")
        dotline.configure(settings)
        reload(dotline)
        assert dotline.metrics().value("dotline_config_last_reload_successful") == 1


def test_a_trust_store_that_went_away_changes_nothing(rig, settings):
    store = rig.topology.directory / "another-authority.pem"
    store.write_bytes(rig.authority.certificate.read_bytes())
    settings = copy.deepcopy(settings)
    for entry in settings["backends"]:
        entry["tls"]["ca_store"] = str(store)
    with rig.dotline(settings) as dotline:
        store.unlink()
        reload(dotline, "failed")
        assert str(store) in dotline.log()
        assert rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR


def test_sessions_of_unchanged_backends_live_on(rig, settings):
    with rig.dotline(settings) as dotline:
        assert rig.client.ask(query("a.bulk.example")).rcode() == dns.rcode.NOERROR
        wait_until(lambda: dotline.metrics().value("dotline_backend_sessions") == 4, "sessions")
        before = sorted(sockets(rig))
        changed = copy.deepcopy(settings)
        changed["backends"][0].update(weight=7, order=3)
        changed["pools"] = [{"name": "", "packet_cache": "main", "policy": "wrandom"}]
        dotline.configure(changed)
        reload(dotline)
        assert rig.client.ask(query("b.bulk.example")).rcode() == dns.rcode.NOERROR
        assert sorted(sockets(rig)) == before


def test_who_may_ask_changes_at_once_and_the_cache_stays(rig, settings):
    with rig.dotline(settings) as dotline:
        assert rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR
        dotline.configure({**settings, "acl": ["203.0.113.0/24"]})
        reload(dotline)
        assert rig.client.ask(query("www.example")).rcode() == dns.rcode.REFUSED
        dotline.configure(settings)
        reload(dotline)
        hits = dotline.metrics().value("dotline_cache_hits_total")
        assert rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR
        assert dotline.metrics().value("dotline_cache_hits_total") == hits + 1


def test_what_needs_a_restart_is_named(rig, settings):
    changed = copy.deepcopy(settings)
    changed["dataplane"]["memory"] = "300M"
    changed["tls_workers"]["threads"] = 2
    changed["metrics"]["address"] = "127.0.0.1:9199"
    changed["binds"][1]["address"] = f"{FORWARDER}:5353"
    with rig.dotline(settings) as dotline:
        dotline.configure(changed)
        reload(dotline)
        for name in ("dataplane.memory", "tls_workers.threads", "metrics.address", f"{FORWARDER}:5353"):
            assert any(name in line and "restart" in line for line in dotline.log().splitlines()), dotline.log()
        assert rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR


def test_a_backend_that_leaves_answers_what_it_was_asked(rig, settings, resolvers):
    """Its queries are under way for as long as they may take; nobody is told SERVFAIL because of a reload."""
    slow = copy.deepcopy(settings)
    with rig.dotline(slow) as dotline:
        with rig.client.start_dnsperf(questions(rig, "leaving", 20000), seconds=60, rate=500) as load:
            wait_until(lambda: dotline.metrics().value("dotline_queries_total") > 500, "load")
            for keep in (0, 1):
                dotline.configure({**settings, "backends": [settings["backends"][keep]]})
                reload(dotline)
                time.sleep(6)  # Longer than a backend stays after it has left.
            summary = load.interrupt()
        assert summary.lost == 0 and set(summary.response_codes) == {"NOERROR"}, summary.output


def test_what_needs_a_restart_is_not_nothing(rig, settings):
    with rig.dotline(settings) as dotline:
        assert dotline.command("reload").stdout == "nothing has changed\nreloaded\n"
        dotline.configure({**settings, "tls_workers": {"threads": 2, "cpus": [0]}})
        done = dotline.command("reload")
        assert "tls_workers.threads: a change needs a restart" in done.stdout and "nothing has changed" not in done.stdout, done
        dotline.configure({**settings, "rate_limit": {"responses_per_second": 7}, "cookies": {"enabled": False}})
        done = dotline.command("reload")
        for said in ("rate_limit.responses_per_second: changed", "cookies.enabled: changed"):
            assert said in done.stdout, done
