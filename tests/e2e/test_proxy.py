"""Resolvers behind a SOCKS5 proxy: everything goes through it, whatever it does, and nothing goes anywhere else."""

import dns.rcode
import pytest

from rig.capture import DOT, PROXY
from rig.certificates import RESOLVER_NAME
from rig.client import query
from rig.forwarder import backend, configuration
from rig.namespaces import RESOLVER
from rig.proxies import dante, microsocks, names_of, tor
from rig.waiting import wait_until

LOGIN = ("somebody", "with-a-word")
# Opening a session has 3 s; the rest is for a machine that is busy with something else.
PATIENCE = 10.0


def through(proxy, resolver, authority, *, login=None, **changes):
    socks5 = f"{login[0]}:{login[1]}@{proxy.endpoint}" if login else proxy.endpoint
    return backend(resolver, authority, **{"socks5": socks5, **changes})


def answers(rig, name):
    reply = rig.client.ask(query(name), timeout=PATIENCE)
    return reply.rcode() == dns.rcode.NOERROR and reply.answer[0][0].to_text() == "192.0.2.3"


def failures(dotline, counted):
    return dotline.metrics().value("dotline_backend_failures_total", **{"class": counted})


@pytest.mark.parametrize("protocol", ["DoT", "DoH"])
@pytest.mark.parametrize("login", [None, LOGIN], ids=["without_login", "with_login"])
def test_microsocks_is_the_only_way(rig, protocol, login):
    with rig.unbound() as resolver, microsocks(rig.topology, login=login) as proxy:
        port = 853 if protocol == "DoT" else 443
        entry = through(proxy, resolver, rig.authority, login=login, protocol=protocol, address=f"{RESOLVER}:{port}")
        with rig.dotline(configuration([entry]), ports=PROXY, secret=b"hidden") as dotline:
            for number in range(50):
                assert answers(rig, f"hidden{number}.bulk.example")
            assert failures(dotline, "connect") == 0
        assert dict(dotline.traffic.connections) == {proxy.address: 2}


def test_dante_is_the_only_way(rig):
    with rig.unbound() as resolver, dante(rig.topology) as proxy:
        with rig.dotline(configuration([through(proxy, resolver, rig.authority)]), ports=PROXY, secret=b"hidden") as dotline:
            assert all(answers(rig, f"hidden{number}.bulk.example") for number in range(20))
        assert set(dotline.traffic.connections) == {proxy.address}


def test_proxy_looks_the_resolvers_name_up(rig):
    """The forwarder has no way to look anything up, and does not try."""
    with rig.unbound() as resolver, names_of(rig.topology.resolver, resolver_example=RESOLVER), microsocks(rig.topology) as proxy:
        entry = through(proxy, resolver, rig.authority, address=f"{RESOLVER_NAME}:853")
        with rig.dotline(configuration([entry]), ports=PROXY, secret=b"hidden") as dotline:
            assert answers(rig, "hidden.bulk.example")
        assert set(dotline.traffic.connections) == {proxy.address}


REFUSALS = {
    "wrong_login": (lambda rig: microsocks(rig.topology, login=("else", "where")), {"login": LOGIN}, "refuses the login"),
    "login_that_nobody_gave": (lambda rig: microsocks(rig.topology, login=LOGIN), {}, "refuses the login"),
    "rules_of_dante": (lambda rig: dante(rig.topology, allows=False), {}, "rules do not allow it"),
    "resolver_that_does_not_listen": (lambda rig: microsocks(rig.topology), {"address": f"{RESOLVER}:8853"}, "connection refused"),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_refusal_is_a_failure_to_connect_and_no_reason_to_go_around(rig, refusal):
    """The resolver is there and could be reached; nobody tries."""
    start, changes, says = refusal
    with rig.unbound(label="refused") as resolver, start(rig) as proxy:
        before = resolver.questions()
        with rig.dotline(configuration([through(proxy, resolver, rig.authority, **changes)]), ports=PROXY, secret=b"hidden") as dotline:
            assert rig.client.ask(query("hidden.bulk.example"), timeout=PATIENCE).rcode() == dns.rcode.SERVFAIL
            wait_until(lambda: says in dotline.log(), says)
            assert f"proxy {proxy.endpoint}" in dotline.log()
            assert failures(dotline, "connect") >= 1
            metrics = dotline.metrics()
            assert metrics.value("dotline_backend_failures_total") == metrics.value("dotline_backend_failures_total", **{"class": "connect"})
        assert resolver.questions() == before
        assert set(dotline.traffic.connections) == {proxy.address}


def test_proxy_that_dies_and_comes_back(rig):
    with rig.unbound() as resolver, microsocks(rig.topology) as proxy:
        with rig.dotline(configuration([through(proxy, resolver, rig.authority)]), ports=PROXY, secret=b"hidden") as dotline:
            assert answers(rig, "hidden-before.bulk.example")
            proxy.__exit__()
            wait_until(lambda: rig.client.ask(query("hidden-meanwhile.bulk.example"), timeout=PATIENCE).rcode()
                       == dns.rcode.SERVFAIL, "SERVFAIL without a proxy")
            proxy.__enter__()
            numbers = iter(range(10**6))
            wait_until(lambda: answers(rig, f"hidden{next(numbers)}.bulk.example"), "answers again", timeout=40)
        assert set(dotline.traffic.connections) == {proxy.address}


def test_one_backend_with_and_one_without_a_proxy(rig):
    with rig.unbound() as resolver, rig.scripted_resolver() as direct, microsocks(rig.topology) as proxy:
        proxied = through(proxy, resolver, rig.authority, name="proxied", order=1)
        entries = [proxied, backend(direct, rig.authority, name="direct", order=2)]
        with rig.dotline(configuration(entries), ports={**PROXY, **DOT}, secret=b"hidden") as dotline:
            for number in range(20):
                assert rig.client.ask(query(f"hidden{number}.bulk.example"), timeout=PATIENCE).rcode() == dns.rcode.NOERROR
            assert dotline.metrics().value("dotline_backend_up", backend="proxied") == 1
        assert RESOLVER not in dotline.traffic.connections


def test_tor_without_a_network_is_a_failure_to_connect(rig):
    """Tor's client runs, takes the login and the resolver's name, and finds no way: nothing goes around it."""
    with rig.unbound(label="behind-tor") as resolver, tor(rig.topology) as proxy:
        entries = [through(proxy, resolver, rig.authority, name="by-address"),
                   through(proxy, resolver, rig.authority, name="by-name", protocol="DoH", address=RESOLVER_NAME)]
        with rig.dotline(configuration(entries), ports=PROXY, secret=b"hidden") as dotline:
            assert rig.client.ask(query("hidden.bulk.example"), timeout=PATIENCE).rcode() == dns.rcode.SERVFAIL
            wait_until(lambda: all(dotline.metrics().value("dotline_backend_failures_total", backend=name, **{"class": "connect"}) > 0
                                   for name in ("by-address", "by-name")), "both failed to connect", timeout=30)
            assert "proxy 127.0.0.1:9050" in dotline.log()
        assert not dotline.traffic.connections
        assert not resolver.questions()
