"""Resolvers that misbehave, and how many clients are served meanwhile: by dotline, and by Unbound and dnsdist in its place.

Short forms of `perf/field.py`: everybody has the same resolvers in the same moods, and the same kind of clients, who ask at
fixed times and wait two seconds.
"""

import itertools

import pytest

from rig.beside import Field, Weather, best_of_the_others
from rig.forwarder import backend, configuration
from rig.moody_resolver import ADDRESSES, ALL_BUT_CLOSERS
from rig.open_loop import Tally

pytestmark = pytest.mark.alone

LEAST = 0.97  # Of the clients, in moods that last a second. `perf/field.py` aims at 0.995, in moods that last longer.


def field(rig, **options):
    """Where dotline is watched, as in every other test."""
    def watched(_topology, backends, authority):
        return rig.dotline(configuration([backend(resolver, authority) for resolver in backends]))
    return Field(rig.topology, rig.authority, rig.certificate, dotline=watched, **options)


def test_resolvers_that_close_sessions_cost_no_client_an_answer(rig):
    """RFC 7766 §6.2.4: what a session owed when it was closed is asked again. Two resolvers, each of which closes in all these ways."""
    weather = Weather("closers", ("lives_a_second", "gives_twenty_answers", "closes_at_random"), each=(0.5, 1.0))
    with field(rig, addresses=ADDRESSES[:2]) as two:
        tallies = two.beside(weather, seconds=4, rate=200, servers=["dotline", "Unbound", "dnsdist, 100 in flight"])
    assert tallies["dotline"].failed <= best_of_the_others(tallies), str(tallies["dotline"])


@pytest.mark.parametrize("seed", [1, 2])
def test_resolvers_in_all_moods_leave_few_clients_without_an_answer(rig, seed):
    weather = Weather(f"all moods, seed {seed}", ALL_BUT_CLOSERS, seed=seed, each=(0.5, 1.5))
    with field(rig) as three:
        tallies = three.beside(weather, seconds=6, servers=["dotline", "dnsdist, 100 in flight"] if seed == 1 else ["dotline"])
    ours = tallies.pop("dotline")
    assert ours.counts["wrong"] == 0 and ours.counts["silence"] == 0, str(ours)
    assert ours.share >= LEAST, str(ours)
    assert all(ours.share >= theirs.share for theirs in tallies.values())


def test_an_answer_that_takes_long_once_is_there_for_who_asks_again(rig):
    """A resolver with a cold cache. Clients are told in time that there is no answer yet; it is kept when it comes (RFC 8767 §5)."""
    delays = (1600, 2500, 3500)
    names = [f"after{delay}ms-{number}.cold{number}.example" for number in range(10) for delay in delays]
    weather = Weather("slow at first", ("slow_at_first",))
    with field(rig, addresses=ADDRESSES[:1]) as one, one.running("dotline"):
        first = one.ask(weather, names, rate=30, listen=3.0, linger=max(delays) / 1000 - 1.5)
        again = one.ask(weather, names, rate=200, listen=0.5)
    for delay in delays:
        print(delay, sorted((reply.outcome, round(reply.took, 2)) for reply in first.replies if f"after{delay}ms" in reply.name))
    assert first.counts["wrong"] == 0 and first.counts["silence"] == 0, str(first)
    assert max(reply.took for reply in first.replies) <= 2.0
    assert all(reply.outcome == "right" for reply in first.replies if "after1600ms" in reply.name), "known before clients are told"
    assert again.failed == 0, str(again)


@pytest.mark.parametrize("resolvers", [1, 2])
def test_a_name_whose_answers_are_always_wrong_harms_no_other(rig, resolvers):
    """RFC 7766 §7. One query in ten is for it."""
    kinds = itertools.cycle(["mistaken", "misnumbered"])
    names = [f"{next(kinds)}{number}.bad.example" if number % 10 == 0 else f"n{number}.site{number % 70}.example" for number in range(400)]
    weather = Weather("mistakes", ("mistakes_some_names",))
    with field(rig, addresses=ADDRESSES[:resolvers]) as some:
        tally = some.through("dotline", weather, names)
    innocent = Tally([reply for reply in tally.replies if "site" in reply.name])
    assert innocent.failed == 0, str(innocent)
    assert Tally([reply for reply in tally.replies if "bad" in reply.name]).counts["SERVFAIL"] == 40
