"""Under load nothing is lost, nothing is wrong, nothing leaks, and the kernel keeps its share of the interface."""

import re

import pytest

from rig.client import echo_over_tcp, query
from rig.forwarder import backend, configuration
from rig.namespaces import FORWARDER, FORWARDER6
from rig.waiting import wait_until

NAMES = 100_000
CACHE_ENTRIES = 10_000
SECONDS = 60
LAST_BURST = 32  # Frames that AF_XDP gives back only when the next ones are sent.
RATE = 4000  # Far below what the slowest machine does: whatever is lost, is lost for a reason.


def write_questions(rig, count):
    questions = rig.topology.directory / f"questions-{count}"
    questions.write_text("".join(f"host{number}.bulk.example. A\n" for number in range(count)))
    return questions


@pytest.fixture(scope="module")
def dotline(rig):
    caches = [{"name": "main", "size": CACHE_ENTRIES}]
    with rig.unbound() as resolver, rig.dotline(
            configuration([backend(resolver, rig.authority)], packet_caches=caches)) as dotline:
        rig.client.ask(query("www.example"))
        yield dotline


def test_a_minute_with_ten_times_more_names_than_the_cache_holds(rig, dotline):
    questions = write_questions(rig, NAMES)
    # What the first load makes the process open and fill stays; the baseline is taken after it.
    rig.client.dnsperf(questions, seconds=2, rate=RATE)
    before, files_before = dotline.metrics(), dotline.open_files()
    load = rig.client.dnsperf(questions, seconds=SECONDS, rate=RATE)
    assert load.lost == 0, load.output
    assert load.sent == load.completed >= SECONDS * RATE * 0.5, load.output
    assert load.response_codes == {"NOERROR": load.completed}, load.output
    wait_until(lambda: dotline.metrics().unaccounted() == 0, "received = replied + dropped + parked")
    after = dotline.metrics()
    assert after.value("dotline_parked") == 0
    assert after.value("dotline_packets_received_total") - before.value("dotline_packets_received_total") == load.sent
    assert after.value("dotline_cache_entries") <= CACHE_ENTRIES * 1.1
    assert after.value("dotline_cache_evictions_total") > 0
    wait_until(lambda: dotline.metrics().value("dotline_mempool_in_use")
               <= before.value("dotline_mempool_in_use") + LAST_BURST, "packet buffers back at their baseline")
    wait_until(lambda: dotline.open_files() <= files_before, "files back at their baseline")


def test_answers_under_load_are_the_right_ones(rig, dotline):
    with rig.client.start_dnsperf(write_questions(rig, NAMES), seconds=4, rate=RATE) as load:
        while load.running():
            assert rig.client.ask(query("sample.bulk.example")).answer[0][0].to_text() == "192.0.2.3"
            assert rig.client.ask(query("www.example", "AAAA"), server=FORWARDER6).answer[0][0].to_text() == "2001:db8::1"
        assert load.finish(30).lost == 0


def test_ping_neighbour_discovery_and_tcp_work_on_the_same_interface(rig, dotline):
    with rig.client.start_dnsperf(write_questions(rig, 1000), seconds=6, rate=RATE) as load:
        for server in (FORWARDER, FORWARDER6):
            rig.client.flush_neighbours()
            ping = rig.topology.execute(rig.topology.client, "ping", "-n", "-c", "5", "-i", "0.2", "-W", "3", server)
            assert " 0% packet loss" in ping.stdout
        assert echo_over_tcp(rig.topology, bytes(range(256)) * 4096) == bytes(range(256)) * 4096
        assert load.running(), "the load ended before it was needed"
        assert load.finish(30).lost == 0
    neighbours = rig.topology.execute(rig.topology.client, "ip", "neighbour", "show").stdout
    assert re.search(rf"^{FORWARDER} .*lladdr", neighbours, re.MULTILINE), neighbours
    assert re.search(rf"^{FORWARDER6} .*lladdr", neighbours, re.MULTILINE), neighbours


def test_no_udp_socket_is_open_in_the_forwarder(rig, dotline):
    """Nothing that could send DNS in the clear even exists, idle or under load."""
    with rig.client.start_dnsperf(write_questions(rig, NAMES), seconds=2, rate=RATE) as load:
        for _ in range(5):
            sockets = rig.topology.execute(rig.topology.forwarder, "ss", "-Huanp").stdout
            assert sockets.strip() == ""
        load.finish(30)
    tcp = rig.topology.execute(rig.topology.forwarder, "ss", "-Htnp", "state", "established").stdout
    remote = {line.split()[3].rsplit(":", 1)[1] for line in tcp.splitlines() if f"pid={dotline.pid}," in line}
    assert remote <= {"853"}, tcp
