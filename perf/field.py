#!/usr/bin/python3
"""How many clients are served while resolvers misbehave, beside Unbound and dnsdist: `field.py [closers|moods|single|slow ...] [--seconds N]`.

Three resolvers, 100 queries a second for mostly new names, at fixed times; who has no right answer within two seconds has none. Everybody
gets the same moods at the same times. It takes long: every mood by itself, two seeds of all of them. It fails where dotline serves fewer than the best of the others, or says anything wrong, or nothing.
"""

import argparse
import sys

from rig.beside import RATE, Field, Weather, best_of_the_others
from rig.certificates import RESOLVER_NAME, Authority
from rig.moody_resolver import ADDRESSES, ALL_BUT_CLOSERS
from rig.namespaces import Topology

CLOSERS = ("lives_a_second", "gives_twenty_answers", "closes_at_random")
SEEDS = (1, 2)
AIM = 0.995
DELAYS = (1600, 2000, 3000, 4000)  # Milliseconds until a resolver knows a name.
SLOW_NAMES = 40                    # Of each delay.
LISTEN = 5.0


def judged(weather, tallies, aim=0.0):
    """What is not as it should be, in words."""
    ours = tallies["dotline"]
    found = [f"{weather.name}: {ours.counts[outcome]} {outcome}" for outcome in ("wrong", "silence") if ours.counts[outcome]]
    if ours.failed > best_of_the_others(tallies):
        found.append(f"{weather.name}: {ours.failed} not served, beside {best_of_the_others(tallies)}")
    if ours.share < aim:
        found.append(f"{weather.name}: {100 * ours.share:.2f} % served, the aim is {100 * aim} %")
    return found


def closers(rig, seconds):
    """Of two resolvers, and at twice the rate, so that there is always something under way when a session is closed."""
    found = []
    with Field(*rig, addresses=ADDRESSES[:2]) as field:
        for mood in CLOSERS:
            weather = Weather(mood, (mood,))
            found += judged(weather, field.beside(weather, seconds=seconds, rate=2 * RATE))
    return found


def moods(rig, seconds):
    """All of them by turns."""
    found = []
    with Field(*rig) as field:
        for seed in SEEDS:
            weather = Weather(f"all moods, seed {seed}", ALL_BUT_CLOSERS, seed=seed)
            found += judged(weather, field.beside(weather, seconds=seconds), aim=AIM)
    return found


def single(rig, seconds):
    """Good, or in one and the same bad mood, by turns."""
    found = []
    with Field(*rig) as field:
        for mood in ALL_BUT_CLOSERS[1:]:
            weather = Weather(f"good or {mood}", ("good", mood), seed=SEEDS[0])
            found += judged(weather, field.beside(weather, seconds=seconds))
    return found


def slow(rig, _seconds):
    """One resolver. Asked once, by clients who wait long, and again when the resolver knows it: what they get and the cache has."""
    found = []
    with Field(*rig, addresses=ADDRESSES[:1]) as field:
        for server in field.servers:
            with field.running(server):
                for delay in DELAYS:
                    found += slow_by(field, server, delay)
    return found


def slow_by(field, server, delay):
    weather = Weather("slow at first", ("slow_at_first",))
    label = "".join(filter(str.isalnum, server)).lower()
    names = [f"after{delay}ms-{number}.{label}{number}.example" for number in range(SLOW_NAMES)]
    first = field.ask(weather, names, rate=20, listen=LISTEN, linger=delay / 1000)
    again = field.ask(weather, names, rate=200, listen=0.3)
    print(f"known after {delay} ms   {server:24} right within 2 s {first.served}, later {first.counts['right'] - first.served}, SERVFAIL"
          f" {first.counts['SERVFAIL']}, silence {first.counts['silence']}; asked again: right at once {again.counts['right']} of {again.asked}",
          flush=True)
    if server == "dotline" and (again.failed or first.counts["silence"] or first.counts["wrong"]):
        return [f"known after {delay} ms: {again.failed} of {again.asked} not in the cache"]
    return []


def main():
    parts = {"closers": closers, "moods": moods, "single": single, "slow": slow}
    parser = argparse.ArgumentParser(description="How many clients are served while resolvers misbehave, beside Unbound and dnsdist.")
    parser.add_argument("parts", nargs="*", choices=[[], *parts], help="all, if none is named")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each run")
    options = parser.parse_args()
    topology = Topology()
    try:
        authority = Authority(topology.directory)
        certificate = authority.issue("field", names=[RESOLVER_NAME], addresses=ADDRESSES)
        found = [line for name in options.parts or parts for line in parts[name]((topology, authority, certificate), options.seconds)]
    finally:
        topology.remove()
    print("\n".join(["Not as it should be:", *found]) if found else "All as it should be.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
