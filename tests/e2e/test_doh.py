"""Resolvers of real life that are asked over HTTPS: unbound and dnsdist."""

import dns.message
import dns.rcode
import pytest

from rig.capture import DOH
from rig.client import query
from rig.dnsdist import ANSWER, Dnsdist
from rig.forwarder import backend, configuration
from rig.namespaces import RESOLVER6
from rig.waiting import wait_until

QUESTIONS = 500


def over_https(resolver, authority, **changes):
    settings = {"protocol": "DoH", "address": f"{resolver.address}:443", **changes}
    return backend(resolver, authority, **settings)


def ask_all(client, names, address):
    """Each has exactly one reply: its own, and the right one."""
    payloads = [query(name, identity=3 * number).to_wire() for number, name in enumerate(names)]
    for payload, replies in zip(payloads, client.exchange(payloads, timeout=20)):
        assert len(replies) == 1
        assert replies[0][:2] == payload[:2]
        reply = dns.message.from_wire(replies[0])
        assert (reply.rcode(), reply.answer[0][0].to_text()) == (dns.rcode.NOERROR, address)


def test_unbound_answers_everything_on_its_sessions(rig):
    with (rig.unbound() as resolver,
          rig.dotline(configuration([over_https(resolver, rig.authority)]), ports=DOH, secret=b"bulk") as dotline):
        ask_all(rig.client, [f"n{number}.bulk.example" for number in range(QUESTIONS)], "192.0.2.3")
        assert rig.client.ask(query("nowhere.example")).rcode() == dns.rcode.NXDOMAIN
        assert rig.client.ask(query("text.example", "TXT")).answer[0].to_text().endswith('"one text" "two texts"')
        assert dotline.metrics().value("dotline_backend_failures_total") == 0
        asked = resolver.questions()
        assert all(asked[(f"n{number}.bulk.example.", "A")] == 1 for number in range(QUESTIONS))
    assert 2 <= dotline.traffic.connections[resolver.address] <= 2 + 8, "as many sessions as configured, and some while questions wait"


def test_unbound_is_asked_over_ipv6_too(rig):
    with (rig.unbound() as resolver,
          rig.dotline(configuration([over_https(resolver, rig.authority, address=f"[{RESOLVER6}]:443",
                                                tls={"subject_address": RESOLVER6,
                                                     "ca_store": str(rig.authority.certificate)})]), ports=DOH)):
        ask_all(rig.client, ["six.bulk.example"], "192.0.2.3")


def test_large_answers_come_whole(rig):
    with (rig.unbound() as resolver, rig.dotline(configuration([over_https(resolver, rig.authority)]), ports=DOH) as dotline):
        assert rig.client.ask(query("medium.example", "TXT", edns=1232)).answer
        reply = rig.client.ask(query("large.example", "TXT", edns=1232))
        assert reply.flags & dns.flags.TC, "known, but too long for a datagram"
        assert dotline.metrics().value("dotline_backend_failures_total") == 0


@pytest.mark.parametrize("path", ["/dns-query", "/a/path/of/its/own"], ids=["usual_path", "another_path"])
def test_dnsdist_answers(rig, path):
    with (Dnsdist(rig.topology, rig.certificate, path=path) as resolver,
          rig.dotline(configuration([over_https(resolver, rig.authority, doh={"path": path})]), ports=DOH, secret=b"spoofed") as dotline):
        ask_all(rig.client, [f"n{number}.spoofed.example" for number in range(QUESTIONS)], ANSWER)
        assert dotline.metrics().value("dotline_backend_failures_total") == 0


def test_wrong_path_is_a_refusal_and_the_log_has_the_status(rig):
    with (Dnsdist(rig.topology, rig.certificate) as wrong,
          rig.dotline(configuration([over_https(wrong, rig.authority, doh={"path": "/elsewhere"})]), ports=DOH) as dotline):
        assert rig.client.ask(query("lost.example")).rcode() == dns.rcode.SERVFAIL
        assert dotline.metrics().value("dotline_backend_failures_total", **{"class": "refused"}) >= 1
        wait_until(lambda: "HTTP status 404" in dotline.log(), "the status in the log")


def test_dot_port_is_not_taken_for_https(rig):
    """It chooses nothing in ALPN, so it does not get a query."""
    with (rig.scripted_resolver() as resolver,
          rig.dotline(configuration([over_https(resolver, rig.authority, address=f"{resolver.address}:853")])) as dotline):
        assert rig.client.ask(query("www.example")).rcode() == dns.rcode.SERVFAIL
        assert dotline.metrics().value("dotline_backend_failures_total", **{"class": "tls"}) >= 1
        assert not resolver.received
        assert "does not agree to HTTP/2" in dotline.log()


def test_resolver_that_comes_back_is_asked_again(rig):
    with rig.unbound() as resolver, rig.dotline(configuration([over_https(resolver, rig.authority)]), ports=DOH):
        ask_all(rig.client, ["before.bulk.example"], "192.0.2.3")
        resolver.stop()
        assert rig.client.ask(query("meanwhile.bulk.example"), timeout=10).rcode() == dns.rcode.SERVFAIL
        resolver.start()
        number = iter(range(10**6))
        wait_until(lambda: rig.client.ask(query(f"after{next(number)}.bulk.example"), timeout=10).rcode() == dns.rcode.NOERROR,
                   "answers again", timeout=30)
