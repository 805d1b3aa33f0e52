"""`./dev screenshot`: docs/status-page.png, the status page of a dotline at work, one of whose three resolvers has just died.
`dotline status` of the same moment is printed."""

import contextlib
import pathlib
import sys
import time

from rig.browser import Browser
from rig.certificates import RESOLVER_NAME, Authority
from rig.client import Client
from rig.forwarder import METRICS_PORT, Dotline, backend, configuration
from rig.namespaces import RESOLVER, RESOLVER_B, RESOLVER_C, Topology
from rig.resolver import Unbound
from rig.waiting import wait_until

_PICTURE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "status-page.png"
_NAMES = ("amsterdam", "berlin", "copenhagen")
_BEFORE, _AFTER = 70, 20  # Seconds of traffic before and after the death.


def main():
    with contextlib.ExitStack() as stack:
        topology = Topology()
        stack.callback(topology.remove)
        authority = Authority(topology.directory)
        certificate = authority.issue("resolver", names=[RESOLVER_NAME])
        resolvers = [stack.enter_context(running(Unbound(topology, certificate, address=address, address6=None, label=name,
                                                         log_queries=False)))
                     for name, address in zip(_NAMES, (RESOLVER, RESOLVER_B, RESOLVER_C))]
        dotline = stack.enter_context(Dotline(topology, settings(resolvers, authority)))
        load = Client(topology)
        popular = questions(topology, "popular", 3000, "A")
        stack.enter_context(load.start_dnsperf(popular, seconds=600, rate=4000))
        rare = questions(topology, "rare", 400000, "AAAA")
        stack.enter_context(load.start_dnsperf(rare, seconds=600, rate=250))
        browser = stack.enter_context(Browser(topology, topology.forwarder))
        browser.resize(1280, 760)
        browser.open(f"http://127.0.0.1:{METRICS_PORT}/")
        watch(browser, _BEFORE)
        resolvers[1].kill()
        wait_until(lambda: dotline.metrics().value("dotline_backend_in_rotation", backend=_NAMES[1]) == 0, "it out of rotation")
        watch(browser, _AFTER)
        browser.screenshot(_PICTURE)
        print(dotline.command("status").stdout)
        print(f"{_PICTURE}: {_PICTURE.stat().st_size} octets; {browser.text('#headline')}")
    return 0


@contextlib.contextmanager
def running(resolver):
    resolver.start()
    try:
        yield resolver
    finally:
        resolver.stop()


def settings(resolvers, authority):
    backends = [backend(resolver, authority, name=name) for name, resolver in zip(_NAMES, resolvers)]
    backends[2].update(protocol="DoH", address=f"{RESOLVER_C}:443")
    return configuration(backends, load_balancing_policies={"default_policy": "roundrobin"})


def questions(topology, label, count, rdtype):
    file = topology.directory / f"questions-{label}"
    file.write_text("".join(f"{label}{number}.bulk.example {rdtype}\n" for number in range(count)))
    return file


def watch(browser, seconds):
    """Lets the page go on; what the browser says meanwhile is read."""
    for _ in range(2 * seconds):
        time.sleep(0.5)
        browser.text("#headline")


if __name__ == "__main__":
    sys.exit(main())
