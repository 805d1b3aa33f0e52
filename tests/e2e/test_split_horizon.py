"""Two resolvers that answer the same names differently: which one is asked, and that their answers never mix."""

import contextlib
import itertools
import signal

import dns.message
import dns.rcode
import pytest
import yaml

from rig.client import query
from rig.forwarder import backend, configuration
from rig.namespaces import FORWARDER, FORWARDER6, RESOLVER, RESOLVER_B
from rig.waiting import wait_until

INSIDE, OUTSIDE = "10.0.0.1", "192.0.2.66"
DOMAIN = "corp.example"

# Each knows every name that is asked here; what it says tells who was asked.
OWN_NAMES = ("corp", "*.corp", "*.deep.corp", "notcorp", "*.notcorp", "corpx", "xcorp", "*.plain", "open.corp", "*.open.corp")


def zone(address):
    return "".join(f"{name} 300 IN A {address}\n" for name in OWN_NAMES)


_runs = itertools.count()


@contextlib.contextmanager
def two_resolvers(rig):
    """With logs of their own, so that each test sees what it has asked."""
    run = next(_runs)
    with (rig.unbound(address=RESOLVER, label=f"outside-{run}", records=zone(OUTSIDE)) as outside,
          rig.unbound(address=RESOLVER_B, address6=None, label=f"inside-{run}", records=zone(INSIDE)) as inside):
        yield outside, inside


def split(rig, outside, inside, *, caches=("main", "corp"), domains=(DOMAIN,), **changes):
    """The IPv6 address of dotline answers everything from inside if that has a cache of its own."""
    settings = configuration(
        [backend(outside, rig.authority), backend(inside, rig.authority, pools=["corp"], **changes)],
        packet_caches=[{"name": name, "size": 10000} for name in sorted(set(caches))],
        pools=[{"name": "", "packet_cache": caches[0]},
               {"name": "corp", "packet_cache": caches[1], "domains": list(domains)}])
    if caches[0] != caches[1]:
        settings["binds"] = [{"address": f"{FORWARDER}:53", "cache": caches[0]},
                             {"address": f"[{FORWARDER6}]:53", "cache": caches[1]}]
    return settings


def address_in(message):
    assert message.rcode() == dns.rcode.NOERROR, message
    return message.answer[-1][0].address


NAMES = {
    "corp.example": INSIDE, "CORP.EXAMPLE.": INSIDE, "www.corp.example": INSIDE, "WwW.CoRp.eXaMpLe": INSIDE,
    "a.b.deep.corp.example": INSIDE, "notcorp.example": OUTSIDE, "www.notcorp.example": OUTSIDE, "corpx.example": OUTSIDE,
    "xcorp.example": OUTSIDE, "corp.plain.example": OUTSIDE, "corp.example.plain.example": OUTSIDE,
    "a-name-that-is-too-long-for-the-short-way-of-cached-answers-to.take.www.corp.example": INSIDE,
    "a-name-that-is-too-long-for-the-short-way-of-cached-answers-to.take.www.notcorp.example": OUTSIDE,
}


@pytest.mark.parametrize("caches", [("main", "corp"), ("main", "main")], ids=["a_cache_each", "one_cache"])
def test_names_are_asked_of_their_own_resolver(rig, caches):
    with (two_resolvers(rig) as (outside, inside), rig.dotline(split(rig, outside, inside, caches=caches)) as dotline):
        for _ in ("cold", "cached"):
            for name, address in NAMES.items():
                for edns in (None, 1232):
                    assert address_in(rig.client.ask(query(name, edns=edns))) == address, name
        assert dotline.metrics().value("dotline_replies_total", outcome="hit") >= 2 * len(NAMES)
        for resolver, own in ((inside, INSIDE), (outside, OUTSIDE)):
            asked = {name.rstrip(".") for name, _ in resolver.questions()}
            assert asked == {name.rstrip(".").lower() for name, address in NAMES.items() if address == own}


def test_the_ds_of_a_domain_is_asked_where_the_name_above_is(rig):
    """RFC 4035 section 3.1.4.1: only the zone above can prove that there is none, or tell it."""
    with two_resolvers(rig) as (outside, inside), rig.dotline(split(rig, outside, inside)):
        for _ in ("cold", "cached"):
            for name in (DOMAIN, DOMAIN.upper(), f"www.{DOMAIN}"):
                rig.client.ask(query(name, "DS"))
        assert {name for name, kind in outside.questions() if kind == "DS"} == {f"{DOMAIN}."}
        assert {name for name, kind in inside.questions() if kind == "DS"} == {f"www.{DOMAIN}."}


def test_the_longest_domain_wins(rig):
    """A part of the company's names that is the world's: a pool may have several domains, and one inside another's."""
    with two_resolvers(rig) as (outside, inside):
        settings = split(rig, outside, inside, domains=("10.in-addr.arpa", DOMAIN, "plain.example"))
        settings["pools"][0]["domains"] = ["open.corp.example"]
        with rig.dotline(settings):
            for name, address in {"www.corp.example": INSIDE, "www.open.corp.example": OUTSIDE, "open.corp.example": OUTSIDE,
                                  "xopen.corp.example": INSIDE, "www.plain.example": INSIDE, "corpx.example": OUTSIDE}.items():
                assert address_in(rig.client.ask(query(name))) == address, name


@pytest.mark.parametrize("caches", [("main", "corp"), ("main", "main")], ids=["a_cache_each", "one_cache"])
def test_answers_do_not_mix_when_all_is_asked_at_once(rig, caches):
    with (two_resolvers(rig) as (outside, inside), rig.dotline(split(rig, outside, inside, caches=caches))):
        for burst in range(10):
            names = [f"n{number}.{domain}" for number in range(40) for domain in
                     ("corp.example", "notcorp.example", "Corp.Example", "deep.corp.example", "plain.example")]
            # Every other burst is of names that are cached by then.
            names = [f"b{burst // 2}{name}" for name in names]
            replies = rig.client.exchange([query(name).to_wire() for name in names])
            for name, received in zip(names, replies):
                assert len(received) == 1, name
                own = INSIDE if name.lower().endswith(".corp.example") else OUTSIDE
                assert address_in(dns.message.from_wire(received[0])) == own, name


def test_equal_names_at_two_addresses_stay_apart(rig):
    """One address answers from the outside, the other from the inside; a domain goes inside at both."""
    with (two_resolvers(rig) as (outside, inside), rig.dotline(split(rig, outside, inside)) as dotline):
        for burst in range(6):
            names = [f"n{number}-{burst // 2}.plain.example" for number in range(50)]
            payloads = [query(name).to_wire() for name in names]
            for server, own in ((FORWARDER, OUTSIDE), (FORWARDER6, INSIDE), (FORWARDER, OUTSIDE)):
                for name, received in zip(names, rig.client.exchange(payloads, server=server)):
                    assert address_in(dns.message.from_wire(received[0])) == own, (name, server)
            for server in (FORWARDER, FORWARDER6):
                assert address_in(rig.client.ask(query(f"n{burst}.corp.example"), server=server)) == INSIDE
        # Each name was asked of both, once.
        for resolver in (outside, inside):
            asked = {name: count for (name, _), count in resolver.questions().items() if name.endswith(".plain.example.")}
            assert len(asked) == 150 and set(asked.values()) == {1}
        assert dotline.metrics().value("dotline_cache_entries", cache="corp") >= 150


def test_names_of_a_domain_are_never_asked_elsewhere(rig):
    """Its resolver is gone: they fail, and the world does not hear of them."""
    with two_resolvers(rig) as (outside, inside), rig.dotline(split(rig, outside, inside, query_timeout=500)):
        assert address_in(rig.client.ask(query("www.corp.example"))) == INSIDE
        inside.kill()
        for number in range(10):
            reply = rig.client.ask(query(f"gone{number}.corp.example", edns=1232))
            assert reply.rcode() == dns.rcode.SERVFAIL
            assert address_in(rig.client.ask(query(f"here{number}.plain.example"))) == OUTSIDE
        assert address_in(rig.client.ask(query("www.corp.example"))) == INSIDE, "what is cached is still answered"
        assert not [name for name, _ in outside.questions() if name.endswith(".corp.example.")]
        inside.start()
        fresh = iter(range(1000))
        wait_until(lambda: rig.client.ask(query(f"back{next(fresh)}.corp.example")).rcode() == dns.rcode.NOERROR,
                   "answers from the inside again", timeout=60)


@pytest.mark.parametrize("caches", [("main", "corp"), ("main", "main")], ids=["a_cache_each", "one_cache"])
def test_a_reload_moves_a_domain_and_none_of_its_answers(rig, caches):
    """What the world said of a name, cached a moment ago, is not what the company's resolver says of it now."""
    with two_resolvers(rig) as (outside, inside):
        together = split(rig, outside, inside, caches=caches, domains=())
        apart = split(rig, outside, inside, caches=caches)
        with rig.dotline(together) as dotline:
            for number, (settings, own) in enumerate([(together, OUTSIDE), (apart, INSIDE), (together, OUTSIDE), (apart, INSIDE)]):
                if number > 0:
                    dotline.settings_file.write_text(yaml.safe_dump(settings, sort_keys=False))
                    dotline.signal(signal.SIGHUP)
                    wait_until(lambda: dotline.metrics().value("dotline_config_reloads_total", result="ok") == number, "reload")
                for _ in ("first", "again"):
                    names = [f"n{host}.{domain}" for host in range(30) for domain in (DOMAIN, "notcorp.example")]
                    for name, received in zip(names, rig.client.exchange([query(name).to_wire() for name in names])):
                        expected = own if name.endswith("." + DOMAIN) else OUTSIDE
                        assert address_in(dns.message.from_wire(received[0])) == expected, (name, number)
