"""What people do to resolvers: forged sources, loops, floods of names that nobody has, crowds that wait for one answer.

One dotline takes all of it, with other settings by reload; after each it accounts for every packet and answers as before.
"""

import contextlib
import copy
import itertools
import struct
import threading
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from rig.client import query
from rig.flood import Flood, Link
from rig.forwarder import Dotline, backend, configuration
from rig.namespaces import CLIENT, FORWARDER, FORWARDER6
from rig.scripted_resolver import ADDRESS, answer
from rig.waiting import wait_until

COOKIE = 10
CLIENT_COOKIE = bytes(range(8))
FORGED = "198.18.{}.{}"  # Like 198.18.1.0/24, where the client is, all of 198.18.0.0/15 may ask.


def settings_for(backends, **changes):
    return configuration(backends, acl=["198.18.0.0/15", "2001:db8:1::/64"], **changes)


@pytest.fixture(scope="module")
def held():
    """Set: names below held.example are answered."""
    return threading.Event()


@pytest.fixture(scope="module")
def resolver(rig, held):
    def behaviour(asked):
        name = asked.question[0].name.to_text().lower()
        if name.endswith("victim.example.") or (name.endswith("held.example.") and not held.is_set()):
            return None
        if name.endswith("large.example."):
            response = dns.message.make_response(asked, recursion_available=True)
            response.answer.append(dns.rrset.from_text(asked.question[0].name, 300, "IN", "TXT", *(f'"{letter * 250}"' for letter in "abcd")))
            return response.to_wire()
        return answer(asked)
    with rig.scripted_resolver(behaviour=behaviour) as resolver:
        yield resolver


@pytest.fixture(scope="module")
def backends(rig, resolver):
    return [backend(resolver, rig.authority)]


@pytest.fixture(scope="module")
def dotline(rig, backends):
    with rig.dotline(settings_for(backends)) as dotline:
        rig.client.ask(query("www.example"))
        yield dotline


@pytest.fixture
def configured(dotline, backends):
    """Goes over to other settings for one test."""
    def reload(**changes):
        dotline.configure(settings_for(backends, **changes))
        assert dotline.command("reload").returncode == 0
    yield reload
    reload()


@contextlib.contextmanager
def gains(dotline):
    """What metrics gain meanwhile: `gained(name, **labels)`, to be asked at its end."""
    before = dotline.metrics()
    yield lambda name, **labels: dotline.metrics().value(name, **labels) - before.value(name, **labels)


def with_cookie(name, cookie, rdtype="A"):
    return query(name, rdtype, edns=1232, options=[dns.edns.GenericOption(COOKIE, cookie)])


def cookie_of(reply):
    return next((option.to_wire() for option in reply.options if option.otype == COOKIE), None)


# ---- Cookies --------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["udp_ipv4", "udp_ipv6", "tcp_ipv4", "tcp_ipv6"])
def ask(rig, dotline, request):
    server = FORWARDER if "ipv4" in request.param else FORWARDER6
    over = rig.client.exchange if "udp" in request.param else rig.client.exchange_over_tcp

    def ask(message):
        wire = message if isinstance(message, bytes) else message.to_wire()
        return dns.message.from_wire(over([wire], server=server)[0][0])
    return ask


@pytest.mark.parametrize("name", ["www.example", "new.example", "localhost"])
def test_a_cookie_is_answered_and_then_known(ask, name):
    first = cookie_of(ask(with_cookie(name, CLIENT_COOKIE)))
    assert first[:8] == CLIENT_COOKIE and first[8:12] == b"\x01\0\0\0" and len(first) == 24
    assert abs(struct.unpack("!I", first[12:16])[0] - time.time()) < 60
    assert cookie_of(ask(with_cookie(name, first))) == first, "good and young: the same again"
    forged = first[:-1] + bytes([first[-1] ^ 1])
    assert cookie_of(ask(with_cookie(name, forged))) != forged
    assert cookie_of(ask(query(name, edns=1232))) is None
    assert cookie_of(ask(query(name))) is None


def test_a_cookie_can_be_asked_for_alone(ask):
    """RFC 7873 §5.4."""
    options = struct.pack("!HH", COOKIE, 8) + CLIENT_COOKIE
    probe = struct.pack("!6H", 0x1234, 0x0100, 0, 0, 0, 1) + b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(options)) + options
    reply = ask(probe)
    assert (reply.id, reply.rcode(), reply.question, reply.answer) == (0x1234, dns.rcode.NOERROR, [], [])
    assert cookie_of(reply)[:8] == CLIENT_COOKIE


def test_a_cookie_is_demanded_if_the_operator_wants_it(rig, configured):
    configured(cookies={"require_server_cookie": True})
    told = rig.client.ask(with_cookie("www.example", CLIENT_COOKIE))
    assert (told.rcode(), told.answer) == (23, [])
    assert rig.client.ask(with_cookie("www.example", cookie_of(told))).answer[0][0].to_text() == ADDRESS
    assert rig.client.ask(query("www.example", edns=1232)).answer, "who knows no cookies is answered"
    over_tcp = rig.client.exchange_over_tcp([with_cookie("www.example", CLIENT_COOKIE).to_wire()])[0][0]
    assert dns.message.from_wire(over_tcp).answer, "a stream proves the address"


def test_without_cookies_the_option_is_ignored(rig, configured):
    configured(cookies={"enabled": False})
    reply = rig.client.ask(with_cookie("www.example", CLIENT_COOKIE))
    assert reply.answer and reply.options == ()


def test_no_cookie_reaches_a_resolver(rig, dotline, resolver):
    rig.client.ask(with_cookie("cookie-of-a-client.example", CLIENT_COOKIE))
    sent = [dns.message.from_wire(wire) for wire in resolver.received]
    assert any("cookie-of-a-client" in message.question[0].name.to_text() for message in sent)
    assert all(option.otype != COOKIE for message in sent for option in message.options)


# ---- Loops ----------------------------------------------------------------------------------------------------------


def test_two_that_face_each_other_do_not_start_to_talk(rig, dotline, backends):
    """One forged error from the one to the other, and nothing more is ever sent (CVE-2024-2169)."""
    mirrored = copy.copy(rig.topology)
    mirrored.forwarder = rig.topology.client
    other = settings_for(backends, binds=[{"address": f"{CLIENT}:53"}])
    other["dataplane"]["ports"] = [{"device": "af_packet:eth0"}]
    link = Link(rig.topology, FORWARDER)
    with Dotline(mirrored, other, label="other") as other_dotline, rig.client.raw_link() as sender, gains(dotline) as gained, \
            gains(other_dotline) as other_gained:
        errors = [struct.pack("!6H", 0x4242, 0x8000 | flags | rcode, count, 0, 0, 0) + (b"\x03www\x07example\0\0\1\0\1" if count else b"")
                  for rcode in (1, 2, 4, 5) for flags in (0, 0x0180) for count in (0, 1)]
        for error in errors:
            sender.send(link.frame(CLIENT, error, port=53))
        wait_until(lambda: gained("dotline_packets_dropped_total", reason="not_a_query") == len(errors), "forged errors dropped")
        # What is answered is answered once: the other one drops the reply.
        for number in range(20):
            sender.send(link.frame(CLIENT, struct.pack("!6H", number, 0x0100, 9, 0, 0, 0), port=53))
        wait_until(lambda: gained("dotline_replies_total", outcome="formerr") == 20, "malformed queries answered")
        wait_until(lambda: other_gained("dotline_packets_dropped_total", reason="not_a_query") == 20, "their replies dropped")
        time.sleep(0.3)
        assert gained("dotline_packets_sent_total") == 20
        assert other_gained("dotline_packets_sent_total") == 0


# ---- Reflection -----------------------------------------------------------------------------------------------------


def received_octets(rig):
    path = "/sys/class/net/eth0/statistics/rx_bytes"
    return int(rig.topology.execute(rig.topology.client, "cat", path).stdout)


def test_a_flood_with_forged_sources_is_not_passed_on(rig, dotline, configured):
    """To one /24, for the largest answer there is, which is cached. In it is a real client, who comes by TCP or with a cookie."""
    large = query("a.large.example", "TXT", edns=1232)
    assert len(rig.client.ask(large).to_wire()) > 1000
    configured(rate_limit={"responses_per_second": 5})
    link = Link(rig.topology, FORWARDER)
    frames = [link.frame(FORGED.format(1, number % 200 + 20), large.to_wire(), port=1024 + number) for number in range(1000)]
    in_it = query("a.large.example", "TXT", edns=1232).to_wire()
    with gains(dotline) as gained:
        before = received_octets(rig)
        with Flood(rig.topology, frames, rate=20000, seconds=2) as flood:
            wait_until(lambda: gained("dotline_packets_dropped_total", reason="rate_limited") > 0, "the limit")
            replies = [wire for got in rig.client.exchange([in_it] * 20, timeout=1) for wire in got]
            cookie = cookie_of(rig.client.ask(with_cookie("www.example", CLIENT_COOKIE)))
            proven = rig.client.exchange([with_cookie("a.large.example", cookie, "TXT").to_wire()] * 50, timeout=5)
            over_tcp = rig.client.exchange_over_tcp([in_it])[0]
            sent = flood.result()
        received = received_octets(rig) - before
        assert gained("dotline_rate_limited_total") > 0.9 * sent["frames"]
        assert gained("dotline_replies_total", outcome="truncated") > 0
    own = 70 * 1300  # At most what the real client got, and some for the limit's own rate.
    assert received - own <= sent["payload"] + 42 * sent["frames"], "no more goes out than came in"
    assert replies and all(dns.message.from_wire(wire).flags & dns.flags.TC or len(wire) > 1000 for wire in replies)
    assert any(dns.message.from_wire(wire).flags & dns.flags.TC for wire in replies), "asked to come by TCP"
    assert len(dns.message.from_wire(over_tcp[0]).answer) == 1
    assert all(len(got) == 1 and dns.message.from_wire(got[0]).answer for got in proven), "a cookie lifts the limit"


def test_a_cookie_is_asked_for_where_the_limit_would_hit(rig, configured):
    configured(rate_limit={"responses_per_second": 5, "slip": 1})
    got = rig.client.exchange([with_cookie("www.example", CLIENT_COOKIE).to_wire()] * 30, timeout=5)
    rcodes = [dns.message.from_wire(wire[0]).rcode() for wire in got]
    assert rcodes.count(dns.rcode.NOERROR) >= 5 and rcodes.count(23) >= 15
    assert rcodes.count(dns.rcode.NOERROR) + rcodes.count(23) == 30


def test_the_limit_can_be_looked_at_before_it_is_heeded(rig, dotline, configured):
    configured(rate_limit={"responses_per_second": 5, "log_only": True})
    with gains(dotline) as gained:
        assert all(rig.client.exchange([query("www.example").to_wire()] * 50, timeout=5))
        assert gained("dotline_rate_limited_total") >= 30
        assert gained("dotline_packets_dropped_total", reason="rate_limited") == 0


def test_error_replies_are_few_and_none_is_larger_than_its_query(rig, dotline):
    link = Link(rig.topology, FORWARDER)
    malformed = [struct.pack("!6H", 1, 0x0100, 2, 0, 0, 0), struct.pack("!6H", 1, 0x2900, 0, 0, 0, 0),
                 struct.pack("!6H", 1, 0x0100, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1",
                 query("a.example", edns=1232).to_wire()[:-3]]
    frames = [link.frame(FORGED.format(number % 250, 9), malformed[number % 4]) for number in range(1000)]
    with gains(dotline) as gained:
        before = received_octets(rig)
        with Flood(rig.topology, frames, rate=20000, seconds=1) as flood:
            sent = flood.result()
        wait_until(lambda: dotline.metrics().unaccounted() == 0, "every packet accounted for")
        assert received_octets(rig) - before <= sent["payload"] + 42 * sent["frames"]
        assert gained("dotline_packets_dropped_total", reason="error_rate_limited") > 0


# ---- Crowds ---------------------------------------------------------------------------------------------------------


def test_a_crowd_that_waits_for_one_answer_is_told_once_and_in_time(rig, dotline, resolver, held):
    """CVE-2024-33655: a resolver that holds its answer back until all of them can be hit at once."""
    asked = [query("one.held.example").to_wire()] * 900
    begin = time.monotonic()
    with gains(dotline) as gained:
        replies = rig.client.exchange(asked, timeout=10)
        assert all(len(got) == 1 and dns.message.from_wire(got[0]).rcode() == dns.rcode.SERVFAIL for got in replies)
        assert time.monotonic() - begin > 1, "they were parked"
        held.set()
        assert gained("dotline_packets_sent_total") == len(asked)
    assert sum(b"\x03one\x04held" in wire for wire in resolver.received) <= 2, "asked once, and once again"
    more = rig.client.exchange([query(f"{number}.victim.example").to_wire() for number in range(1100)], timeout=10)
    assert all(len(got) == 1 for got in more)
    assert dotline.metrics().value("dotline_client_full_total") >= 100, "one client may have a thousand waiting"


# ---- All at once ----------------------------------------------------------------------------------------------------

SECONDS = 10
CACHED_RATE, MISS_RATE = 1000, 50


def attack(topology):
    """Of ten frames five ask for what is cached from forged sources, three for names below a domain that is not answered, two are
    malformed. Sixty networks, fifteen thousand sources."""
    link = Link(topology, FORWARDER)
    sources = itertools.cycle(FORGED.format(2 + number % 60, 1 + number // 60 % 250) for number in range(15000))
    cached = [query("www.example", edns=1232).to_wire(), query("sample.example").to_wire()]
    victim = query("0000000.victim.example").to_wire()
    malformed = [struct.pack("!6H", 1, 0x0100, 2, 0, 0, 0), b"\xff" * 40, b"\0" * 11]
    frames = []
    for number in range(100_000):
        if number % 10 < 5:
            payload = cached[number % 2]
        elif number % 10 < 8:
            payload = victim.replace(b"0000000", b"%07d" % number)
        else:
            payload = malformed[number % 3]
        frames.append(link.frame(next(sources), payload, port=1024 + number % 60000))
    return frames


def resident(dotline):
    lines = open(f"/proc/{dotline.pid}/status").read().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


@pytest.mark.alone
def test_clients_notice_little_of_an_attack(rig, dotline, resolver, configured):
    configured(rate_limit={"responses_per_second": 20})
    cached = rig.topology.directory / "cached"
    cached.write_text("".join(f"cached{number}.example A\n" for number in range(200)))
    misses = rig.topology.directory / "misses"
    misses.write_text("".join(f"www.miss{number}.example A\n" for number in range(5000)))
    assert rig.client.dnsperf(cached, seconds=2, rate=200).lost == 0, "warm"
    files = dotline.open_files()
    frames = attack(rig.topology)
    with gains(dotline) as gained, Flood(rig.topology, frames, rate=200_000, seconds=SECONDS + 3) as flood:
        wait_until(lambda: gained("dotline_packets_dropped_total", reason="error_rate_limited") > 0, "the attack")
        time.sleep(1.5)
        before = resident(dotline)
        with rig.client.start_dnsperf(cached, seconds=SECONDS - 2, rate=CACHED_RATE, clients=8) as hits, \
                rig.client.start_dnsperf(misses, seconds=SECONDS - 2, rate=MISS_RATE, clients=8) as others:
            hits, others = hits.finish(SECONDS + 60), others.finish(SECONDS + 60)
        after = resident(dotline)
        sent = flood.result()
        wait_until(lambda: dotline.metrics().unaccounted() == 0, "every packet accounted for")
        outputs = "".join(line + "\n" for line in (hits.output + others.output).splitlines() if "timed out" not in line)
        report = f"{sent}\n{outputs}\n{dotline.metrics().counted()}"
        assert sent["frames"] > 5 * (CACHED_RATE + MISS_RATE) * SECONDS, f"an attack, however busy the machine is\n{report}"
        assert dotline.metrics().value("dotline_backend_up", backend=f"at-{resolver.address}") == 1, report
        # On a busy machine the core does not run at times, and the port has no room for what comes meanwhile.
        missed = gained("dotline_port_missed_total") / (gained("dotline_port_missed_total") + gained("dotline_packets_received_total"))
        assert missed < 0.24, f"more would say nothing\n{report}"
        assert hits.response_codes.get("NOERROR", 0) >= (0.999 - 4 * missed) * hits.sent, report
        assert others.response_codes.get("NOERROR", 0) >= (0.99 - 4 * missed) * others.sent, report
        assert gained("dotline_questions_crowded_total") > 0, report
        assert gained("dotline_packets_dropped_total", reason="rate_limited") > 0, report
    # AddressSanitizer keeps what was freed for a while.
    most = 16 * 1024 if "libasan" not in open(f"/proc/{dotline.pid}/maps").read() else 256 * 1024
    assert after - before < most, f"{before} KiB, then {after} KiB"
    wait_until(lambda: dotline.metrics().value("dotline_parked") == 0 and dotline.open_files() <= files + 1, "all given back")
    assert rig.client.ask(query("after.example")).answer[0][0].to_text() == ADDRESS
