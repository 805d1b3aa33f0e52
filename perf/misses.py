#!/usr/bin/python3
"""M1 to M4: what it costs to ask a resolver over DNS over TLS, and what waits for one that does not answer."""

import sys

import dead_resolver
import miss_latency
import miss_rate
from results import write
from rig.certificates import RESOLVER_NAME, Authority
from rig.namespaces import Topology

PARTS = {"rate": miss_rate, "latency": miss_latency, "dead": dead_resolver}


def main(*names):
    """All parts, or those named; only all of them together make a result for the page."""
    rows = []
    for name in names or PARTS:
        topology = Topology()
        try:
            authority = Authority(topology.directory)
            certificate = authority.issue("resolver", names=[RESOLVER_NAME])
            rows += PARTS[name].measure(topology, authority, certificate)
        finally:
            topology.remove()
    write("misses" if not names else f"misses-{'-'.join(names)}", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
