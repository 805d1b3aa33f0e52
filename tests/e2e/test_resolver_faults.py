"""Every fault of a resolver, one row each: no client waits in silence, gets a wrong answer or has its question told in clear.

Each row runs twice at once: a resolver with the fault alone, where clients are told in time that there is no answer, and one
beside a resolver without, where every client gets the right answer. Rows run in groups, a group under one dotline with one
worker: what is done to one resolver must not be felt by those who ask another. All traffic of a group is captured whole.
"""

import concurrent.futures
import contextlib
import dataclasses
import enum
import itertools
import time
from typing import Callable

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from rig import faults
from rig.certificates import RESOLVER_NAME, Authority
from rig.client import query
from rig.forwarder import backend, configuration
from rig.namespaces import FORWARDER, run
from rig.raw_resolver import RawResolver, address_for, serve_rightly
from rig.waiting import wait_until

# Promised is 2 s from the query; the rest is for a machine that is busy with something else.
PATIENCE = 4.0
NO_REACHABLE_AUTHORITY, NETWORK_ERROR = 22, 23  # RFC 8914 §4.23, §4.24.
SECRET = b"unspoken"  # A label of every name asked.
BREATH = 0.05  # Seconds between queries that come one after the other: an end of the session is seen before the next.
GROUP = 7  # Rows under one dotline.
BACK_OFF = 20  # Connections that pauses of 100 ms, doubling, leave room for while a group runs, for two sessions, and one a second for checks.


class Outcome(enum.Enum):
    """What clients hear when they have only this resolver."""
    ANSWERED = "the right answer"
    TRUNCATED = "TC=1, because the right answer does not fit"
    RELAYED = "the resolver's own rcode"
    UNREACHABLE = "SERVFAIL, EDE 22"
    STALLED = "SERVFAIL, EDE 22; or 23, if the poll core's clock ran out before the worker's"
    FAILED = "SERVFAIL, EDE 23"
    SOME = "the right answer or SERVFAIL, never anything else"


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    script: Callable             # For RawResolver; None: nobody listens.
    alone: Outcome
    counted: str = ""            # Failure classes of which one must be counted; none: nothing need fail.
    also: str = ""               # Further classes that may be counted.
    connections: int = BACK_OFF  # At most, to each of the row's resolvers.
    queries: int = 12
    at_once: bool = True         # Or one after the other.
    certificates: Callable = lambda rig: rig.certificate
    options: Callable = lambda rig: {}
    address: Callable = lambda rig, address: None  # Does something to the resolver's address.

    @property
    def untrusted(self):
        return self.alone in (Outcome.UNREACHABLE, Outcome.STALLED)


def issued(**subject):
    return lambda rig: rig.authority.issue("odd", **subject)


def by_a_stranger(rig):
    return Authority(rig.topology.directory, "stranger").issue("own", names=[RESOLVER_NAME])


def good_then(other):
    return lambda rig: [rig.certificate, other(rig)]


def unreachable(rig, address):
    """The neighbour is known and is not there: what is sent to it vanishes."""
    run("ip", "-n", rig.topology.forwarder, "neighbour", "replace", address, "lladdr", "02:00:00:00:00:99", "dev", "back0")


def flooding(kind):
    """The script and the options of a resolver that floods with records of this kind."""
    flood = faults.flood(kind)

    def options(rig):
        key_log = rig.topology.directory / f"keys-{kind}"
        return {"adjust": faults.without_tickets(key_log), "key_log": key_log}
    return flood, options


def flood_row(name, kind):
    script, options = flooding(kind)
    return Row(name, script, Outcome.FAILED, "tls", queries=6, options=options)


A, F, U, S = Outcome.ANSWERED, Outcome.FAILED, Outcome.UNREACHABLE, Outcome.SOME
HANG_UP = "eof reset"  # Whichever segment comes first.
ROWS = [
    Row("T01_answers_reversed", faults.reversed_answers, A, connections=2, queries=60),
    Row("T01_answers_shuffled", faults.shuffled_answers, A, connections=2, queries=60),
    Row("T02_every_answer_twice", faults.answers_twice, A, connections=2, queries=60),
    Row("T02_every_answer_twice_and_shuffled", faults.answers_twice_at_the_end, A, connections=2, queries=60),
    Row("T02_unasked_answer_first", faults.unasked_answer_first, F, "mismatch"),
    Row("T02_another_id", faults.replying(faults.with_another_id), F, "mismatch"),
    Row("T02_another_question", faults.replying(faults.to_another_question), F, "mismatch"),
    Row("T02_garbage_message", faults.replying(faults.garbage), F, "mismatch malformed"),
    Row("T03_answer_after_its_deadline", faults.first_answer_after_its_deadline, S, "deadline", connections=6),
    Row("T04_prefix_in_two_records", faults.prefix_in_two_records, A, connections=2),
    Row("T04_every_octet_in_a_record_of_its_own", faults.every_octet_in_a_record_of_its_own, A, connections=2),
    Row("T04_records_cut_into_segments", faults.records_cut_into_segments, A, connections=2),
    Row("T04_many_answers_in_one_record", faults.many_answers_in_one_record, A, connections=2, queries=60),
    Row("T04_largest_answer", faults.largest_answer, Outcome.TRUNCATED, connections=2, queries=6),
    Row("T05_prefix_0", faults.prefix(0), F, "malformed"),
    Row("T05_prefix_1", faults.prefix(1), F, "malformed"),
    Row("T05_prefix_11", faults.prefix(11), F, "malformed"),
    Row("T05_ends_within_an_answer", faults.ends_within_an_answer, F, HANG_UP),
    Row("T05_announces_65535_and_stalls", faults.announces_more_than_it_sends, F, "deadline"),
    Row("T06_garbage_for_a_handshake", faults.garbage_for_a_handshake, U, "tls"),
    Row("T06_http", faults.speaks_http, U, "tls"),
    Row("T06_another_version", faults.speaks_tls_of_another_version, U, "tls"),
    Row("T06_alert", faults.alerts_in_the_handshake, U, "tls"),
    Row("T06_bad_mac", faults.breaks_the_record, F, "tls"),
    Row("T06_answer_in_the_clear", faults.answers_in_the_clear, F, "tls"),
    Row("T06_garbage_after_the_handshake", faults.garbage_after_the_handshake, F, "tls"),
    Row("T07_for_another_name", serve_rightly, U, "certificate", certificates=issued(names=["somebody-else.example"])),
    Row("T07_for_a_name_below", serve_rightly, U, "certificate", certificates=issued(names=[f"a.{RESOLVER_NAME}"])),
    Row("T07_for_an_address_only", serve_rightly, U, "certificate", certificates=issued(addresses=["198.18.2.53"])),
    Row("T07_expired", serve_rightly, U, "certificate", certificates=issued(names=[RESOLVER_NAME], start="-30", end="-2")),
    Row("T07_not_yet_valid", serve_rightly, U, "certificate", certificates=issued(names=[RESOLVER_NAME], start="+2")),
    Row("T07_unknown_authority", serve_rightly, U, "certificate", certificates=by_a_stranger),
    Row("T08_port_closed", None, U, "connect"),
    Row("T08_syn_without_reply", None, Outcome.STALLED, "connect", address=unreachable),
    Row("T08_never_speaks", faults.never_speaks, Outcome.STALLED, "tls"),
    Row("T08_handshake_of_one_octet_a_second", faults.trickles_the_handshake, Outcome.STALLED, "tls"),
    Row("T08_resets_in_the_handshake", faults.resets_in_the_handshake, U, "tls"),
    Row("T08_closes_in_the_handshake", faults.closes_before_the_handshake, U, "tls"),
    Row("T09_silent", faults.silent, F, "deadline"),
    Row("T09_falls_silent", faults.falls_silent_after_three, S, "deadline"),
    Row("T10_goodbye_when_idle", faults.says_goodbye_when_idle, A, connections=12),
    Row("T10_closes_on_each_query", faults.closes_on_each_query, F, HANG_UP),
    Row("T10_end_without_goodbye", faults.finishes_without_goodbye, F, HANG_UP),
    Row("T10_end_without_goodbye_once", faults.first_connection(faults.finishes_without_goodbye), A, HANG_UP, connections=4),
    Row("T10_reset", faults.resets, F, "reset"),
    Row("T10_reset_within_an_answer", faults.resets_within_an_answer, F, "reset"),
    Row("T10_reset_once", faults.first_connection(faults.resets_within_an_answer), A, "reset", connections=4),
    Row("T10_closes_one_half", faults.closes_one_half, F, HANG_UP),
    Row("T11_closes_after_each_query", faults.closes_after_each_query, A, also=HANG_UP, at_once=False, queries=8,
        connections=24),
    Row("T11_closes_after_each_of_many", faults.closes_after_each_query, S, HANG_UP, connections=24),
    Row("T11_closes_after_half_a_second", faults.closes_after_half_a_second, S, also=HANG_UP, at_once=False, queries=30,
        connections=60),
    Row("T12_ticket_is_worth_nothing", faults.closes_without_goodbye_after_each_query, A, also=HANG_UP, at_once=False,
        queries=8, connections=24, options=lambda rig: {"tickets_outlive_connections": False}),
    Row("T12_certificate_gets_wrong", faults.closes_after_each_query, S, "certificate", also=HANG_UP,
        certificates=good_then(by_a_stranger)),
    flood_row("T13_empty_records", "empty"),
    flood_row("T13_key_updates", "key_update"),
    flood_row("T13_tickets", "ticket"),
    Row("T14_never_reads", faults.never_reads, F, "deadline", queries=300, options=lambda rig: {"receive_buffer": 2048}),
    Row("T15_truncated", faults.replying(faults.truncated), F, "malformed"),
    Row("T15_two_opts", faults.replying(faults.with_two_opts), F, "malformed"),
    Row("T15_not_a_response", faults.replying(faults.no_response), F, "malformed"),
    Row("T15_record_cut", faults.replying(faults.cut_short), F, "malformed"),
    Row("T18_servfail", faults.replying(faults.with_rcode(dns.rcode.SERVFAIL)), Outcome.RELAYED, "servfail", connections=2),
    Row("T18_refused", faults.replying(faults.with_rcode(dns.rcode.REFUSED)), Outcome.RELAYED, "refused", connections=2),
    Row("T23_reset_while_written_to", faults.resets_while_it_is_written_to, F, HANG_UP),
]
GROUPS = [ROWS[at:at + GROUP] for at in range(0, len(ROWS), GROUP)]


def group_of(row):
    return ROWS.index(row) // GROUP


@dataclasses.dataclass(frozen=True)
class Place:
    """Where one row is asked: a bind of its own, a pool of its own, a resolver of its own."""
    row: Row
    kind: str     # "alone" or "beside".
    number: int   # No other place has it.

    @property
    def label(self):
        return f"{self.row.name}-{self.kind}"

    @property
    def address(self):
        return f"198.18.2.{60 + self.number}"

    @property
    def port(self):
        return 5300 + self.number

    def names(self, wave, count):
        return [f"{self.kind}-{wave}-{number}.{self.row.name.replace('_', '-')}.{SECRET.decode()}.example"
                for number in range(count)]

    def all_names(self):
        return self.names("first", self.row.queries) + self.names("second", AFTERWARDS)


AFTERWARDS = 3  # Queries of the second wave, when the fault is known.


@dataclasses.dataclass
class Seen:
    """What became of a row at one place."""
    first: list   # (name, reply or None)
    second: list
    failures: dict = dataclasses.field(default_factory=dict)  # By class, those that are not 0.
    connections: int = 0
    received: int = 0  # Queries that the bad resolver has read.


# ---- Running a group ------------------------------------------------------------------------------------------------


def places_of(group):
    first = 2 * ROWS.index(group[0])
    return [Place(row, kind, number) for number, (row, kind) in enumerate(itertools.product(group, ("alone", "beside")), first)]


def settings(rig, places, good):
    def bad(place):
        return {"name": place.label, "address": f"{place.address}:853", "pools": [place.label], "order": 1,
                # Where it runs out, the good one is asked then; more of it is left on a busy machine.
                "query_timeout": 1000 if "deadline" in place.row.counted else 1500,
                "tls": {"subject_name": RESOLVER_NAME, "ca_store": str(rig.authority.certificate)}}
    beside = [place.label for place in places if place.kind == "beside"]
    return configuration(
        [*map(bad, places), backend(good, rig.authority, name="good", order=2, pools=beside)],
        binds=[{"address": f"{FORWARDER}:{place.port}", "cache": place.label} for place in places],
        packet_caches=[{"name": place.label, "size": 1000} for place in places],
        pools=[{"name": place.label, "packet_cache": place.label} for place in places])


@contextlib.contextmanager
def bad_resolver(rig, place):
    """Gives the RawResolver, or None for a row without one."""
    run("ip", "-n", rig.topology.resolver, "address", "replace", f"{place.address}/24", "dev", "eth0")
    place.row.address(rig, place.address)
    if place.row.script is None:
        yield None
        return
    options = place.row.options(rig)
    script, key_log = place.row.script, options.pop("key_log", None)
    if key_log is not None:
        own_log = key_log.with_name(f"{key_log.name}-{place.kind}")
        options["adjust"] = faults.without_tickets(own_log)
        script = lambda peer: place.row.script(peer, own_log)  # noqa: E731
    with RawResolver(rig.topology, place.row.certificates(rig), script, address=place.address, **options) as resolver:
        yield resolver


def batches_for(place):
    """What to send, in batches. Made beforehand: while queries are under way, this process also plays the resolvers."""
    payloads = [query(name, edns=1232).to_wire() for name in place.all_names()]
    together = place.row.queries if place.row.at_once else 0
    return ([payloads[:together]] if together else []) + [[payload] for payload in payloads[together:]]


def ask(rig, place, batches):
    """For each query the replies that came."""
    replies = []
    for batch in batches:
        replies += rig.client.exchange(batch, port=place.port, timeout=PATIENCE)
        time.sleep(BREATH)
    return replies


def read(place, replies):
    """What the replies say: [(name, its one reply or None)] in two waves."""
    messages = [dns.message.from_wire(got[0]) if len(got) == 1 else None for got in replies]
    pairs = list(zip(place.all_names(), messages))
    return Seen(pairs[:place.row.queries], pairs[place.row.queries:])


def failures_of(metrics, label):
    counts = {name: metrics.value("dotline_backend_failures_total", backend=label, **{"class": name})
              for name in ("connect", "tls", "certificate", "eof", "reset", "deadline", "mismatch", "malformed", "refused",
                           "servfail")}
    return {name: int(count) for name, count in counts.items() if count > 0}


def run_group(rig, group):
    """{(row's name, kind): Seen}, and what the good resolver failed with."""
    places = places_of(group)
    batches = [batches_for(place) for place in places]
    records = "".join(f"{name}. 300 IN A {address_for(name)}\n" for place in places for name in place.all_names())
    with contextlib.ExitStack() as stack:
        bad = [stack.enter_context(bad_resolver(rig, place)) for place in places]
        good = stack.enter_context(rig.unbound(log_queries=False, records=records))
        with rig.dotline(settings(rig, places, good), secret=SECRET) as dotline:
            with concurrent.futures.ThreadPoolExecutor(len(places)) as threads:
                replies = list(threads.map(lambda place, its_batches: ask(rig, place, its_batches), places, batches))
            with contextlib.suppress(AssertionError):  # The rows' own tests tell which of them it was.
                wait_until(lambda: all(failures_of(dotline.metrics(), place.label) for place in places if place.row.counted),
                           "every row's failure counted", timeout=5)
            metrics = dotline.metrics()
    seen = [read(place, its_replies) for place, its_replies in zip(places, replies)]
    for place, at_place, resolver in zip(places, seen, bad):
        at_place.failures = failures_of(metrics, place.label)
        at_place.connections = dotline.traffic.connections[place.address]
        at_place.received = len(resolver.received) if resolver else 0
    results = {(place.row.name, place.kind): at_place for place, at_place in zip(places, seen)}
    results["good"] = failures_of(metrics, "good")
    return results


@pytest.fixture(scope="module")
def results(rig):
    """Gives what a group's run brought; a group runs when the first of its tests asks."""
    known = {}

    def of(group):
        if group not in known:
            known[group] = run_group(rig, GROUPS[group])
        return known[group]
    return of


# ---- What must hold -------------------------------------------------------------------------------------------------


def extended_errors(reply):
    return [option.code for option in reply.options if option.otype == dns.edns.OptionType.EDE]


def is_right(name, reply):
    return reply.rcode() == dns.rcode.NOERROR and [
        rdata.to_text() for rrset in reply.answer for rdata in rrset] == [address_for(name)]


def told(*errors):
    return lambda _name, reply: (reply.rcode() == dns.rcode.SERVFAIL and not reply.answer
                                 and extended_errors(reply)[:1] in [[error] for error in errors])


def is_right_or_told(name, reply):
    return is_right(name, reply) or told(NO_REACHABLE_AUTHORITY, NETWORK_ERROR)(name, reply)


def is_truncated(_name, reply):
    return reply.flags & dns.flags.TC and not reply.answer


def is_relayed(_name, reply):
    return reply.rcode() in (dns.rcode.SERVFAIL, dns.rcode.REFUSED) and not reply.answer


ACCEPTED = {  # In the first wave, and in the second one, in which sessions may have come and gone.
    Outcome.ANSWERED: (is_right, is_right),
    Outcome.TRUNCATED: (is_truncated, is_truncated),
    Outcome.RELAYED: (is_relayed, is_relayed),
    Outcome.UNREACHABLE: (told(NO_REACHABLE_AUTHORITY), told(NO_REACHABLE_AUTHORITY)),
    Outcome.STALLED: (told(NO_REACHABLE_AUTHORITY, NETWORK_ERROR), told(NO_REACHABLE_AUTHORITY, NETWORK_ERROR)),
    Outcome.FAILED: (told(NETWORK_ERROR), told(NO_REACHABLE_AUTHORITY, NETWORK_ERROR)),
    Outcome.SOME: (is_right_or_told, is_right_or_told),
}


def assert_all(replies, accepted):
    wrong = [f"{name}:\n{reply.to_text() if reply else 'no reply'}" for name, reply in replies
             if reply is None or not accepted(name, reply)]
    if wrong:
        pytest.fail(f"{len(wrong)} of {len(replies)}, the first: {wrong[0]}")


def assert_counted_and_bounded(row, seen, *, must_fail):
    assert seen.connections <= row.connections
    counted = set(row.counted.split())
    assert set(seen.failures) <= counted | set(row.also.split()), seen.failures
    if must_fail and counted:
        assert counted & set(seen.failures), f"none of {counted} was counted"
    if row.untrusted:
        assert seen.received == 0, "a query was sent to somebody who did not prove who he is"


each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


@each_row
def test_without_another_resolver_every_client_is_told_in_time(results, row):
    seen = results(group_of(row))[row.name, "alone"]
    first, second = ACCEPTED[row.alone]
    assert_all(seen.first, first)
    assert_all(seen.second, second)
    # A server that closes after each answer may well lose nothing.
    assert_counted_and_bounded(row, seen, must_fail=row.name != "T11_closes_after_each_of_many")


@each_row
def test_beside_a_good_resolver_every_client_gets_the_right_answer(results, row):
    seen = results(group_of(row))[row.name, "beside"]
    accepted = is_truncated if row.alone is Outcome.TRUNCATED else is_right
    assert_all(seen.first + seen.second, lambda name, reply: is_right(name, reply) or accepted(name, reply))
    assert_counted_and_bounded(row, seen, must_fail=row.untrusted)


@pytest.mark.parametrize("group", range(len(GROUPS)))
def test_the_good_resolver_notices_nothing_of_the_others(results, group):
    """T22: one connection's error must not be taken for another's on the same thread."""
    assert results(group)["good"] == {}
