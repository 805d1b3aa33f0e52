"""Interfaces that go, come back and change under a running dotline: it says so, and serves again by itself."""

import contextlib
import json

import dns.rcode
import pytest

from rig.client import query
from rig.forwarder import Dotline, backend, configuration, with_port
from rig.namespaces import FORWARDER, FORWARDER6
from rig.waiting import wait_until

KINDS = ("af_xdp", "af_packet")


@pytest.fixture(scope="module")
def resolver(rig):
    with rig.unbound() as resolver:
        yield resolver


@pytest.fixture(params=KINDS)
def dotline(rig, resolver, request):
    with running(rig, resolver, request.param) as dotline:
        yield dotline


@pytest.fixture
def over_xdp(rig, resolver):
    with running(rig, resolver, "af_xdp") as dotline:
        yield dotline


@contextlib.contextmanager
def running(rig, resolver, kind):
    make_anew(rig.topology)
    settings = with_port(configuration([backend(resolver, rig.authority)]), device=f"{kind}:front0")
    with rig.dotline(settings) as dotline:
        assert answers(rig)
        yield dotline
        wait_until(dotline.is_healthy, "health in the end")
        assert answers(rig)


def ip(topology, command, namespace=None):
    topology.execute(namespace or topology.forwarder, "ip", *command.split())


def make_anew(topology):
    """Whatever a test has left there, if it failed, goes first."""
    for namespace, name in ((topology.forwarder, "front0"), (topology.forwarder, "front9"), (topology.client, "eth0")):
        topology.execute(namespace, "ip", "link", "del", name, check=False)
    topology.join((topology.forwarder, "front0"), (topology.client, "eth0"))
    give_addresses(topology)


def give_addresses(topology, interface="front0"):
    topology.give_addresses(topology.client, "eth0")
    for address in (f"{FORWARDER}/24", f"{FORWARDER6}/64"):
        ip(topology, f"address replace {address} dev {interface}")


def answers(rig):
    """Each address answers the first query that is put to it."""
    rig.client.flush_neighbours()
    return all(rig.client.ask(query("www.example"), server=server).rcode() == dns.rcode.NOERROR
               for server in (FORWARDER, FORWARDER6))


def port_of(dotline):
    [port] = dotline.status()["ports"]
    return port


def awaits_trouble(dotline, why):
    """It is told wherever anybody looks."""
    wait_until(lambda: why in port_of(dotline)["why"], why)
    assert dotline.http("/healthz") == (503, f"port {port_of(dotline)['name']}: {port_of(dotline)['why']}\n")
    assert dotline.metrics().value("dotline_port_up") == 0
    assert f"port {port_of(dotline)['name']}: it cannot serve: {port_of(dotline)['why']}" in dotline.log()
    shown = dotline.command("status")
    assert shown.returncode == 3 and " ".join(why.split()) in " ".join(shown.stdout.split())


def serves_again(dotline, *, reopened=0, programs_back=0):
    wait_until(dotline.is_healthy, "healthy again")
    metrics = dotline.metrics()
    assert metrics.value("dotline_port_up") == 1
    assert metrics.value("dotline_port_reopened_total") == reopened
    assert metrics.value("dotline_port_program_attached_again_total") == programs_back
    assert port_of(dotline)["serves"] and port_of(dotline)["link"]


def test_an_interface_is_deleted_and_made_anew(rig, dotline):
    for times in (1, 2):
        ip(rig.topology, "link del front0")
        awaits_trouble(dotline, "the interface is gone")
        make_anew(rig.topology)
        serves_again(dotline, reopened=times)
        assert answers(rig)
    assert "opened anew at front0" in dotline.log()


def test_what_waited_for_an_answer_when_the_interface_went_is_accounted_for(rig, dotline):
    """The end of the test sees to it that every packet has become something."""
    wanted = [query(f"host{number}.bulk.example").to_wire() for number in range(100)]
    rig.client.exchange(wanted, timeout=0.01)
    ip(rig.topology, "link del front0")
    awaits_trouble(dotline, "the interface is gone")
    make_anew(rig.topology)
    serves_again(dotline, reopened=1)


def test_an_interface_that_is_made_anew_at_once_is_another_one(rig, dotline):
    ip(rig.topology, "link del front0")
    make_anew(rig.topology)
    wait_until(lambda: dotline.metrics().value("dotline_port_reopened_total") >= 1, "opened anew")
    wait_until(dotline.is_healthy, "healthy again")


def test_an_interface_moves_to_another_namespace_and_back(rig, dotline):
    topology = rig.topology
    ip(topology, f"link set front0 netns {topology.resolver}")
    awaits_trouble(dotline, "the interface is gone")
    ip(topology, f"link set front0 netns {topology.forwarder}", namespace=topology.resolver)
    ip(topology, "link set front0 up")
    give_addresses(topology)
    serves_again(dotline, reopened=1)


def test_an_interface_moves_away_and_back_before_anybody_looks(rig, dotline):
    """It has the same name and number again, and its sockets are cut off all the same."""
    topology = rig.topology
    there_and_back = (f"ip link set front0 netns {topology.resolver} && ip -n {topology.resolver} link set front0 netns "
                      f"{topology.forwarder} && ip link set front0 up")
    topology.execute(topology.forwarder, "sh", "-c", there_and_back)
    give_addresses(topology)
    wait_until(lambda: dotline.metrics().value("dotline_port_reopened_total") >= 1, "opened anew")


def test_an_interface_is_renamed_and_serves_on(rig, dotline):
    topology = rig.topology
    ip(topology, "link set front0 down")
    ip(topology, "link set front0 name front9")
    ip(topology, "link set front9 up")
    give_addresses(topology, "front9")
    wait_until(lambda: "front9" in dotline.log() or dotline.metrics().value("dotline_port_reopened_total") > 0, "notice")
    wait_until(dotline.is_healthy, "healthy again")
    assert answers(rig)
    ip(topology, "link set front9 down")
    ip(topology, "link set front9 name front0")
    ip(topology, "link set front0 up")
    give_addresses(topology)


def test_the_first_reply_after_an_interface_was_down(rig, dotline):
    topology = rig.topology
    ip(topology, "link set front0 down")
    awaits_trouble(dotline, "the interface is down")
    ip(topology, "link set front0 up")
    give_addresses(topology)
    wait_until(dotline.is_healthy, "healthy again")
    rig.client.flush_neighbours()
    [replies] = rig.client.exchange([query("www.example").to_wire()], timeout=10)
    assert len(replies) == 1


def test_a_cable_is_out(rig, dotline):
    topology = rig.topology
    ip(topology, "link set eth0 down", namespace=topology.client)
    awaits_trouble(dotline, "the link is down")
    assert port_of(dotline)["link"] is False
    ip(topology, "link set eth0 up", namespace=topology.client)
    give_addresses(topology)
    serves_again(dotline)


def test_another_mac_address_and_mtu(rig, dotline):
    topology = rig.topology
    before = topology.mac(topology.forwarder, "front0")
    ip(topology, "link set front0 address 02:00:00:00:00:42")
    wait_until(lambda: f"its MAC address is 02:00:00:00:00:42 now, and was {before}" in dotline.log(), "a line in the log")
    assert answers(rig)
    ip(topology, "link set front0 mtu 1400")
    wait_until(lambda: "its MTU is 1400 now, and was 1500" in dotline.log(), "a line in the log")
    ip(topology, "link set front0 mtu 1500")
    serves_again(dotline)


def test_the_program_is_taken_off(rig, over_xdp):
    for times in (1, 2):
        ip(rig.topology, "link set dev front0 xdp off")
        wait_until(lambda: over_xdp.metrics().value("dotline_port_program_attached_again_total") == times, "attached again")
        serves_again(over_xdp, programs_back=times)
        assert answers(rig)
    assert "it cannot serve: its XDP program was taken off" in over_xdp.log()


def test_somebody_elses_program_in_its_place(rig, over_xdp, a_program):
    ip(rig.topology, f"-force link set dev front0 xdp object {a_program} section xdp")
    awaits_trouble(over_xdp, "another XDP program has its place")
    assert attached(rig.topology), "it is not ours to take off"
    ip(rig.topology, "link set dev front0 xdp off")
    serves_again(over_xdp, programs_back=1)


@pytest.fixture(scope="module")
def a_program(rig):
    """Lets everything through."""
    source = rig.topology.directory / "pass.c"
    source.write_text('__attribute__((section("xdp"), used)) int pass(void *frame) { return 2; }\n')
    rig.topology.execute(rig.topology.forwarder, "clang", "-target", "bpf", "-O2", "-c", str(source),
                         "-o", str(source.with_suffix(".o")))
    return source.with_suffix(".o")


def attached(topology):
    shown = topology.execute(topology.forwarder, "ip", "-j", "link", "show", "front0").stdout
    return json.loads(shown)[0].get("xdp")


def test_what_opening_anew_takes_is_set_aside_again(rig, dotline):
    def in_effect():
        with open(f"/proc/{dotline.pid}/status") as file:
            return next(line.split()[1] for line in file if line.startswith("CapEff"))

    ip(rig.topology, "link del front0")
    awaits_trouble(dotline, "the interface is gone")
    make_anew(rig.topology)
    serves_again(dotline, reopened=1)
    assert int(in_effect(), 16) == 0


# ---------------------------------------------------------------- one of several that is not there at the start

SECOND, SECOND_CLIENT = "198.18.7.1", "198.18.7.2"


def two_ports(rig, resolver, kind, **changes):
    settings = configuration([backend(resolver, rig.authority)], acl=["198.18.0.0/16", "2001:db8:1::/64"], **changes)
    settings["dataplane"]["ports"] = [{"device": f"{kind}:front0"}, {"device": f"{kind}:front1"}]
    settings["binds"] += [{"address": f"{SECOND}:53"}]
    return settings


@pytest.fixture
def without_second(rig):
    make_anew(rig.topology)

    def remove():
        rig.topology.execute(rig.topology.forwarder, "ip", "link", "del", "front1", check=False)
    remove()
    yield
    remove()


def make_second(topology):
    topology.join((topology.forwarder, "front1"), (topology.client, "eth1"))
    ip(topology, f"address add {SECOND}/24 dev front1")
    ip(topology, f"address add {SECOND_CLIENT}/24 dev eth1", namespace=topology.client)


@pytest.mark.parametrize("trouble", ["gone", "down"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_interface_that_is_not_there_at_the_start_keeps_no_other_from_serving(rig, resolver, without_second, kind, trouble):
    missing = f"{kind}:front1"
    if trouble == "down":
        make_second(rig.topology)
        ip(rig.topology, "link set front1 down")
    with rig.dotline(two_ports(rig, resolver, kind)) as dotline:
        assert answers(rig)
        first, second = dotline.status()["ports"]
        assert first["serves"] and not second["serves"] and second["name"] == missing
        wait_until(lambda: dotline.http("/healthz") == (503, f"port {missing}: the interface is {trouble}\n"), "the reason")
        assert dotline.metrics().value("dotline_port_up", port=missing) == 0
        assert dotline.metrics().value("dotline_port_up", port=f"{kind}:front0") == 1
        assert f"port {missing}: it cannot serve: " in dotline.log()
        if trouble == "down":
            ip(rig.topology, "link set front1 up")
        else:
            make_second(rig.topology)
        wait_until(dotline.is_healthy, "both serve")
        assert dotline.metrics().value("dotline_port_reopened_total", port=missing) == 1
        rig.client.flush_neighbours()
        for server in (FORWARDER, SECOND):
            assert rig.client.ask(query("www.example"), server=server).rcode() == dns.rcode.NOERROR
        assert answers(rig)


@pytest.mark.parametrize("changes", [{"strict_start": True}, {}], ids=["strict", "none_is_there"])
def test_nothing_starts_if_it_is_to_be_all_or_would_be_none(rig, resolver, without_second, changes):
    settings = two_ports(rig, resolver, "af_xdp", **changes)
    if not changes:
        settings["dataplane"]["ports"][0]["device"] = "af_xdp:front8"
    dotline = Dotline(rig.topology, settings)
    dotline.launch()
    assert dotline.wait(timeout=60) == 1, dotline.log()
    assert "port af_xdp:front1: " in dotline.log()
    assert "ready" not in dotline.log().splitlines()
