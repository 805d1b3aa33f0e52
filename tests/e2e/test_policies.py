"""Each policy with three real resolvers: who is asked how often, and that nobody notices when one of them stops."""

import contextlib
import time

import dns.edns
import dns.message
import dns.rcode
import pytest

from rig.client import query
from rig.forwarder import backend, configuration
from rig.namespaces import RESOLVER, RESOLVER_B, RESOLVER_C
from rig.waiting import wait_until

AT_A_TIME = 20
BURST = 10  # What a budget of a hundred a second lets through at once; one of forty lets through five.
WEIGHTS = (1, 2, 5)


@pytest.fixture(scope="module")
def resolvers(rig):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(rig.unbound(address=address, address6=None, label=f"unbound-{index}"))
               for index, address in enumerate((RESOLVER, RESOLVER_B, RESOLVER_C))]


def three(rig, resolvers, policy, **factors):
    return configuration(
        [backend(resolver, rig.authority, order=index + 1, weight=WEIGHTS[index]) for index, resolver in enumerate(resolvers)],
        load_balancing_policies={"default_policy": policy, **factors})


def of_each(dotline, resolvers, metric):
    metrics = dotline.metrics()
    return [int(metrics.value(metric, backend=f"at-{resolver.address}")) for resolver in resolvers]


def asked(dotline, resolvers):
    return of_each(dotline, resolvers, "dotline_backend_queries_total")


@contextlib.contextmanager
def running(rig, resolvers, policy, **factors):
    """A dotline that has a session to each of them."""
    with rig.dotline(three(rig, resolvers, policy, **factors)) as dotline:
        wait_until(lambda: all(of_each(dotline, resolvers, "dotline_backend_sessions")), "sessions to all three")
        yield dotline


def ask(rig, names):
    """All of them, some at a time; every one must be answered."""
    for begin in range(0, len(names), AT_A_TIME):
        payloads = [query(name).to_wire() for name in names[begin:begin + AT_A_TIME]]
        for replies in rig.client.exchange(payloads):
            assert len(replies) == 1, "a client was left without a reply"
            assert dns.message.from_wire(replies[0]).rcode() == dns.rcode.NOERROR


def names(label, count):
    return [f"{label}{number}.bulk.example" for number in range(count)]


def is_near(counts, weights):
    """Within five standard deviations of their shares."""
    total = sum(counts)
    return all(abs(count - total * weight / sum(weights)) < 5 * (total * weight / sum(weights)) ** 0.5
               for count, weight in zip(counts, weights))


EXPECTED = {
    "leastOutstanding": lambda counts: min(counts) > sum(counts) / 20,
    "firstAvailable": lambda counts: counts[1:] == [0, 0],
    "roundrobin": lambda counts: max(counts) - min(counts) <= 1,
    "wrandom": lambda counts: is_near(counts, WEIGHTS),
    "whashed": lambda counts: is_near(counts, WEIGHTS),
    "chashed": lambda counts: is_near(counts, WEIGHTS),
    "p2c": lambda counts: min(counts) > sum(counts) / 20,
}


@pytest.mark.parametrize("policy", EXPECTED)
def test_questions_are_shared_out_and_nobody_notices_a_stop(rig, resolvers, policy):
    with running(rig, resolvers, policy) as dotline:
        ask(rig, names("n", 600))
        counts = asked(dotline, resolvers)
        assert sum(counts) == 600 and EXPECTED[policy](counts), counts

        # The one that is asked most.
        stopped = counts.index(max(counts))
        try:
            resolvers[stopped].stop()
            ask(rig, names("stopped", 200))
            before = asked(dotline, resolvers)
            ask(rig, names("later", 200))
            after = asked(dotline, resolvers)
            assert after[stopped] == before[stopped], "it was asked all the same"
            assert sum(after) - sum(before) == 200
        finally:
            resolvers[stopped].start()
        fresh = iter(range(1000))
        def is_asked_again():
            ask(rig, names(f"back{next(fresh)}-", AT_A_TIME))
            return asked(dotline, resolvers)[stopped] > after[stopped]
        wait_until(is_asked_again, "questions for the one that came back", timeout=60)


def test_what_is_too_much_for_a_budget_goes_to_the_next(rig, resolvers):
    """Two workers, one budget."""
    settings = three(rig, resolvers, "firstAvailable")
    settings["tls_workers"]["threads"] = 2
    settings["backends"][0]["queries_per_second"] = 100
    with rig.dotline(settings) as dotline:
        wait_until(lambda: all(of_each(dotline, resolvers, "dotline_backend_sessions")), "sessions to all three")
        begin = time.monotonic()
        ask(rig, names("budget", 400))
        seconds = time.monotonic() - begin
        counts = asked(dotline, resolvers)
        assert sum(counts) == 400
        assert 0 < counts[0] <= 100 * seconds + BURST + 1, f"in {seconds} s"
        assert of_each(dotline, resolvers, "dotline_backend_over_budget_total") == [400 - counts[0], 0, 0]


def test_who_waits_for_a_spent_budget_is_answered_or_told(rig, resolvers):
    settings = configuration([backend(resolvers[0], rig.authority, queries_per_second=40)])
    with rig.dotline(settings) as dotline:
        wait_until(lambda: of_each(dotline, resolvers[:1], "dotline_backend_sessions")[0], "a session")
        begin = time.monotonic()
        all_replies = rig.client.exchange([query(name, edns=1232).to_wire() for name in names("wait", 200)])
        seconds = time.monotonic() - begin
        replies = [dns.message.from_wire(replies[0]) for replies in all_replies if len(replies) == 1]
        assert len(replies) == 200, "a client was left without a reply"
        answered = [reply for reply in replies if reply.rcode() == dns.rcode.NOERROR]
        assert BURST < len(answered) <= 40 * seconds + BURST + 1, f"in {seconds} s"
        told = [reply for reply in replies if reply.rcode() == dns.rcode.SERVFAIL]
        assert len(told) == 200 - len(answered)
        assert {option.code for reply in told for option in reply.options if option.otype == dns.edns.EDE} == {dns.edns.EDECode.NETWORK_ERROR}


@pytest.mark.parametrize("policy", ["whashed", "chashed"])
def test_a_name_goes_to_the_same_resolver_after_a_restart(rig, resolvers, policy):
    label = f"same-{policy}-"
    mine = {f"{name}." for name in names(label, 200)}
    shares = []
    for run in range(2):
        with running(rig, resolvers, policy):
            ask(rig, names(label, 200))
        counted = [resolver.questions() for resolver in resolvers]
        shares.append([{name for (name, _), count in counts.items() if name in mine and count == run + 1} for counts in counted])
    assert shares[0] == shares[1]
    assert sum(len(share) for share in shares[0]) == 200
    assert all(shares[0]), "each has some"


def test_a_popular_domain_does_not_drown_its_resolver(rig, resolvers):
    """With a factor, what is in flight at once is spread even if it all belongs to one resolver: here two hundred names that do."""
    with running(rig, resolvers, "chashed"):
        ask(rig, names("hot", 400))
    heavy = [name.rstrip(".") for (name, _) in resolvers[2].questions() if name.startswith("hot")][:100]
    with running(rig, resolvers, "chashed", consistent_hashing_balancing_factor=1) as dotline:
        replies = rig.client.exchange([query(name).to_wire() for name in heavy])
        assert all(len(received) == 1 for received in replies)
        assert min(asked(dotline, resolvers)) > 0, "all had to help"
