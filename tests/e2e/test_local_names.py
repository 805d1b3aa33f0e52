"""Names that are answered here: no resolver hears of them, unless the operator says that one shall."""

import signal

import dns.flags
import dns.message
import dns.rcode
from rig.client import query
from rig.forwarder import backend, configuration
from rig.namespaces import FORWARDER, FORWARDER6
from rig.waiting import wait_until

NOBODY = "facebookcorewwwi.onion"
# Name, type, rcode, and the data of the answer.
TOLD = [
    (NOBODY, "A", "NXDOMAIN", set()),
    ("Www.OniOn", "AAAA", "NXDOMAIN", set()),
    ("localhost", "A", "NOERROR", {"127.0.0.1"}),
    ("app.localhost", "AAAA", "NOERROR", {"::1"}),
    ("localhost", "HTTPS", "NOERROR", set()),
    ("name.invalid", "A", "NXDOMAIN", set()),
    ("printer.local", "A", "NXDOMAIN", set()),
    ("nas.home.arpa", "A", "NXDOMAIN", set()),
    ("home.arpa", "NS", "NOERROR", {"localhost."}),
    ("4.3.2.10.in-addr.arpa", "PTR", "NXDOMAIN", set()),
    ("1.1.168.192.in-addr.arpa", "PTR", "NXDOMAIN", set()),
    ("1.0.0.127.in-addr.arpa", "PTR", "NOERROR", {"localhost."}),
    ("_dns.resolver.arpa", "SVCB", "NOERROR", set()),
    ("use-application-dns.net", "A", "NXDOMAIN", set()),
    ("ipv4only.arpa", "A", "NOERROR", {"192.0.0.170", "192.0.0.171"}),
    ("ipv4only.arpa", "AAAA", "NOERROR", set()),
]
KINDS = ["onion", "localhost", "invalid", "local", "home_arpa", "private_reverse", "resolver_arpa", "use_application_dns",
         "ipv4only_arpa"]


def told(reply):
    return {item.to_text() for rrset in reply.answer for item in rrset}


def test_are_answered_here_and_never_asked_of_a_resolver(rig):
    with (rig.unbound() as resolver,
          rig.dotline(configuration([backend(resolver, rig.authority)], local_names={"ipv4only_arpa": True})) as dotline):
        before = resolver.total_queries()
        for server in (FORWARDER, FORWARDER6):
            for edns in (None, 1232):
                for name, kind, rcode, data in TOLD:
                    asked = query(name, kind, edns=edns)
                    reply = rig.client.ask(asked, server=server)
                    case = f"{name} {kind}"
                    assert reply.rcode() == dns.rcode.from_text(rcode), case
                    assert told(reply) == data, case
                    assert reply.question == asked.question and reply.id == asked.id, case
                    assert not reply.flags & (dns.flags.AA | dns.flags.AD), case
                    if not data:
                        assert [rrset.to_text().split()[3] for rrset in reply.authority] == ["SOA"], case
        assert resolver.total_queries() == before
        metrics = dotline.metrics()
        assert metrics.value("dotline_replies_total", outcome="local") == 4 * len(TOLD)
        assert metrics.value("dotline_cache_entries", cache="main") == 0


def test_each_switch_lets_its_names_through_and_takes_them_back(rig):
    """What was heard while a switch was off is not served from the cache when it is on again."""
    with rig.unbound() as resolver:
        settings = configuration([backend(resolver, rig.authority)], local_names={kind: False for kind in KINDS})
        with rig.dotline(settings) as dotline:
            for name, kind, *_ in TOLD:
                rig.client.ask(query(name, kind))
            asked = {name.rstrip(".") for name, _ in resolver.questions()}
            assert {name.lower() for name, *_ in TOLD} <= asked
            assert dotline.metrics().value("dotline_replies_total", outcome="local") == 0
            assert dotline.metrics().value("dotline_cache_entries", cache="main") > 0

            settings["local_names"] = {"ipv4only_arpa": True}
            dotline.configure(settings)
            dotline.signal(signal.SIGHUP)
            wait_until(lambda: "reloaded" in dotline.log(), "the reload")
            assert "local_names.onion: answered here" in dotline.log()
            before = resolver.total_queries()
            for name, kind, rcode, data in TOLD:
                reply = rig.client.ask(query(name, kind))
                assert (reply.rcode(), told(reply)) == (dns.rcode.from_text(rcode), data), name
            assert resolver.total_queries() == before
            assert dotline.metrics().value("dotline_replies_total", outcome="local") == len(TOLD)


def test_only_the_resolver_knows_of_a_nat64_and_proves_a_zone_unsigned(rig):
    """RFC 8880 section 7.1; RFC 8375 section 4: what is asked of it has no label of the client's in it."""
    with rig.unbound() as resolver, rig.dotline(configuration([backend(resolver, rig.authority)])):
        before = resolver.questions()  # Of the tests before this one.

        def asked():
            return resolver.questions() - before

        for name, kind in (("ipv4only.arpa", "AAAA"), ("home.arpa", "DS"), ("10.in-addr.arpa", "DS")):
            def is_asked(name=name, kind=kind):
                rig.client.ask(query(name, kind, edns=1232, dnssec_ok=True))
                return (f"{name}.", kind) in asked()

            wait_until(is_asked, f"{name} {kind}")
        for name in ("nas.home.arpa", "onion", "local"):
            rig.client.ask(query(name, "DS", edns=1232, dnssec_ok=True))
        assert not {name for name, _ in asked()} & {"nas.home.arpa.", "onion.", "local."}


def test_the_pool_that_has_the_domain_has_the_name(rig):
    """A company's own server knows its private addresses."""
    with rig.unbound() as resolver:
        settings = configuration([backend(resolver, rig.authority, pools=["", "corp"])],
                                 pools=[{"name": "", "packet_cache": "main"},
                                        {"name": "corp", "packet_cache": "main", "domains": ["10.in-addr.arpa"]}])
        with rig.dotline(settings):
            rig.client.ask(query("9.3.2.10.in-addr.arpa", "PTR"))
            rig.client.ask(query("9.1.168.192.in-addr.arpa", "PTR"))
            asked = {name for name, _ in resolver.questions()}
            assert "9.3.2.10.in-addr.arpa." in asked and "9.1.168.192.in-addr.arpa." not in asked
