#!/usr/bin/python3
"""An hour of a network in which one domain is dead: `dead_domain.py [quiet|busy] [--seconds N]`.

Two real resolvers, an authoritative server that is silent for one domain, and clients who ask for names in it beside all others: three
queries a minute (quiet) or a hundred a second (busy). It fails if a resolver leaves rotation, `/healthz` says anything but 200, or anybody
who asks for a good name hears anything but its address: a stale answer is not its address.
"""

import argparse
import sys
import threading
import time

from rig import dead_domain
from rig.certificates import RESOLVER_NAME, Authority
from rig.dead_domain import Watch, is_good, resolvers_of_a_dead_domain
from rig.forwarder import Dotline, backend, configuration
from rig.namespaces import RESOLVER, RESOLVER_B, Topology
from rig.open_loop import OpenLoop, Tally

NETWORKS = {"quiet": dead_domain.QUIET, "busy": dead_domain.BUSY}
SAY_EVERY = 300  # Seconds.


def traffic(topology, network, seconds, watch):
    """What became of it. Says from time to time that it goes on."""
    result = []
    thread = threading.Thread(target=lambda: result.append(OpenLoop(topology).ask(network.names(seconds), rate=network.rate)))
    begin = time.monotonic()
    thread.start()
    while thread.is_alive():
        thread.join(SAY_EVERY)
        print(f"{time.monotonic() - begin:6.0f} s: looked {watch.looks} times, trouble: {watch.trouble[-3:] or 'none'}", flush=True)
    return result[0]


def report(tally, watch, metrics):
    """What is not as it should be, in words."""
    good = Tally([reply for reply in tally.replies if is_good(reply)])
    dead = Tally([reply for reply in tally.replies if not is_good(reply)])
    stale = sum(reply.stale for reply in good.replies)
    told_stale = metrics.value("dotline_replies_total", outcome="stale")
    print(f"good names: {good}; stale {stale} (by its own count {told_stale:.0f})\ndead names: {dead}\n{metrics.counted()}", flush=True)
    found = [f"{at} s: {what}" for at, what in watch.trouble[:20]]
    found += [f"{reply.asked:.1f} s: {reply.name}: {reply.outcome} {reply.errors} after {reply.took:.3f} s" for reply in good.replies
              if reply.outcome != "right" or reply.stale]
    return found + [f"silence for {reply.name}" for reply in dead.replies if reply.outcome == "silence"]


def main():
    parser = argparse.ArgumentParser(description="Whether one dead domain takes anything else with it.")
    parser.add_argument("network", choices=NETWORKS, nargs="?", default="quiet")
    parser.add_argument("--seconds", type=float, default=3600)
    options = parser.parse_args()
    topology = Topology()
    try:
        authority = Authority(topology.directory)
        certificate = authority.issue("resolver", names=[RESOLVER_NAME], addresses=[RESOLVER, RESOLVER_B])
        with resolvers_of_a_dead_domain(topology, certificate) as resolvers:
            backends = [backend(resolver, authority) for resolver in resolvers]
            with Dotline(topology, configuration(backends)) as dotline, Watch(dotline, [one["name"] for one in backends]) as watch:
                tally = traffic(topology, NETWORKS[options.network], options.seconds, watch)
                found = report(tally, watch, dotline.metrics())
                if found:
                    print(dotline.log())
    finally:
        topology.remove()
    print("\n".join(["Not as it should be:", *found]) if found else "All as it should be.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
