"""`./dev demo`: dotline on one end of a veth pair, a real resolver behind TLS, and what clients see of them.

Arguments: `--keep` leaves everything running; `--stop` ends what was kept. Exits 1 if anything but TLS went to the resolver.
"""

import argparse
import sys

from rig.capture import Capture
from rig.certificates import RESOLVER_NAME, Authority
from rig.client import Client
from rig.forwarder import BINARY, METRICS_PORT, Dotline, backend, configuration
from rig.namespaces import FORWARDER, FORWARDER6, RESOLVER, Topology, remove_kept
from rig.resolver import Unbound

_LOAD_SECONDS = 5
_LOAD_NAMES = 2000


def main():
    parser = argparse.ArgumentParser(prog="./dev demo", description="Show dotline at work, without a NIC of its own.")
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--stop", action="store_true", help="end what was kept")
    arguments = parser.parse_args()
    if arguments.stop:
        return stop()
    topology = Topology()
    try:
        honest = show(topology, arguments.keep)
    except AssertionError as failure:  # Something did not start: its own words say why.
        topology.remove()
        print(red(str(failure)), file=sys.stderr)
        return 1
    except BaseException:
        topology.remove()
        raise
    if not arguments.keep:
        topology.remove()
        say("Everything is taken down again. `./dev demo --keep` leaves it running.")
    return 0 if honest else 1


def stop():
    kept = remove_kept()
    print(f"Ended: {', '.join(kept)}" if kept else "Nothing was kept.")
    return 0


def show(topology, keep):
    """The whole demonstration. Tells whether all that went to the resolver was TLS."""
    say("Network namespaces: client ── veth ── forwarder ── veth ── resolver")
    authority = Authority(topology.directory)
    certificate = authority.issue("resolver", names=[RESOLVER_NAME])
    resolver = Unbound(topology, certificate).start()
    print(f"unbound answers DNS over TLS on {RESOLVER}:853, as {RESOLVER_NAME}, with a certificate made just now")
    capture = Capture(topology)
    dotline = Dotline(topology, configuration([backend(resolver, authority)])).start()
    print(f"dotline is ready on {FORWARDER} and {FORWARDER6}, port 53; configuration: {dotline.settings_file}")
    client = Client(topology)
    show_answers(client)
    show_load(client, topology, dotline)
    show_status(dotline)
    show_metrics_address(topology, dotline)
    capture.stop()
    honest = show_traffic(capture)
    if keep:
        topology.keep()
        show_how_to_use(topology, dotline)
    return honest


def show_answers(client):
    say("Questions, asked with kdig")
    for server in (FORWARDER, FORWARDER6):
        for name, rdtype in (("www.example", "A"), ("www.example", "AAAA"), ("alias.example", "A"), ("mail.example", "MX")):
            answer = " ".join(client.kdig(name, rdtype, "+short", server=server).split())
            print(f"  kdig @{server:<15} {name:<14} {rdtype:<5} -> {answer}")
    print(f"\n$ kdig @{FORWARDER} nowhere.example A +edns\n")
    print(client.kdig("nowhere.example", "A", "+edns"))


def show_load(client, topology, dotline):
    say(f"dnsperf for {_LOAD_SECONDS} seconds over {_LOAD_NAMES} names")
    questions = topology.directory / "questions"
    questions.write_text("".join(f"host{number}.bulk.example. A\n" for number in range(_LOAD_NAMES)))
    load = client.dnsperf(questions, seconds=_LOAD_SECONDS)
    print(load.output[load.output.index("Statistics:"):].strip())
    metrics = dotline.metrics()
    hits = metrics.value("dotline_cache_hits_total")
    misses = metrics.value("dotline_cache_misses_total")
    print(f"\nAnswered from memory: {100 * hits / (hits + misses):.2f} % ({hits:.0f} hits, {misses:.0f} misses)")


def show_status(dotline):
    say(f"dotline status --socket {dotline.socket}")
    print(dotline.command("status").stdout)


def show_metrics_address(topology, dotline):
    say("Metrics")
    print(f"  ip netns exec {topology.forwarder} curl -s http://127.0.0.1:{METRICS_PORT}/metrics")
    for line in dotline.metrics().text.splitlines():
        if line.startswith(("dotline_replies_total", "dotline_backend_handshakes_total")) and not line.endswith(" 0"):
            print(f"    {line}")


def show_traffic(capture):
    say("On the wire")
    traffic = capture.traffic()
    lost = capture.lost_packets()
    if traffic.leaks or lost:
        for leak in traffic.leaks + ([f"{lost} packets that tcpdump lost"] if lost else []):
            print(red(f"NOT TLS: {leak}"))
        return False
    print(f"packets towards the resolver: {traffic.packets_to_resolver}, all of them TLS on port 853")
    return True


def show_how_to_use(topology, dotline):
    say("Still running")
    print(f"  ask:   ip netns exec {topology.client} kdig @{FORWARDER} www.example A")
    print(f"  load:  ip netns exec {topology.client} dnsperf -s {FORWARDER} -d {topology.directory}/questions -l 10")
    print(f"  look:  {BINARY} top --socket {dotline.socket}")
    print(f"  watch: ip netns exec {topology.forwarder} tcpdump -n -i back0")
    print("  stop:  ./dev demo --stop")


def say(text):
    print(f"\n== {text}", flush=True)


def red(text):
    return f"\033[31m{text}\033[0m" if sys.stdout.isatty() else text


if __name__ == "__main__":
    sys.exit(main())
