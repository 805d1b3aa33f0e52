"""One domain is dead, everything else is well: no resolver leaves rotation, and who asks for anything else notices nothing.

A minute of a quiet network and of a busy one, in a few seconds; `perf/dead_domain.py` is an hour of either.
"""

import pytest

from rig.client import query
from rig.dead_domain import DEAD_DOMAIN, GOOD_DOMAINS, Network, Watch, is_good, resolvers_of_a_dead_domain
from rig.forwarder import backend, configuration
from rig.open_loop import OpenLoop, Tally


@pytest.fixture(scope="module")
def resolvers(rig):
    with resolvers_of_a_dead_domain(rig.topology, rig.certificate) as resolvers:
        yield resolvers


# Of a quiet one most queries are for the dead domain: nothing else proves for seconds that the resolvers live.
@pytest.mark.parametrize("network, seconds", [(Network(rate=2, dead=0.6, popular=0.2), 15), (Network(rate=100, dead=0.03, popular=0.5), 5)],
                         ids=["quiet", "busy"])
def test_a_dead_domain_takes_nothing_with_it(rig, resolvers, network, seconds):
    backends = [backend(resolver, rig.authority) for resolver in resolvers]
    with rig.dotline(configuration(backends)) as dotline:
        rig.client.ask(query(f"first.{GOOD_DOMAINS[0]}"))
        with Watch(dotline, [one["name"] for one in backends]) as watch:
            tally = OpenLoop(rig.topology).ask(network.names(seconds), rate=network.rate)
        assert watch.trouble == [] and watch.looks > seconds / 2
        good = Tally([reply for reply in tally.replies if is_good(reply)])
        dead = Tally([reply for reply in tally.replies if not is_good(reply)])
        assert dead.asked > 10 and dead.counts["SERVFAIL"] == dead.asked, f"{DEAD_DOMAIN}: {dead}"
        assert good.asked >= 5 and good.failed == 0, good
        assert not any(reply.stale for reply in good.replies)
        assert dotline.metrics().value("dotline_replies_total", outcome="stale") == 0
