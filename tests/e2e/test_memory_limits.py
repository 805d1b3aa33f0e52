"""Memory that a process may not have: hugepages that a cgroup keeps from it, a memory cgroup, a small address space. What cannot
start says why, what runs goes on, and nothing ends by a signal.
"""

import dns.rcode
import pytest

from rig.cgroups import hugepage_limit, hugepages, memory_cgroup
from rig.client import query
from rig.forwarder import Dotline, backend, configuration
from rig.waiting import wait_until

MB = 1 << 20
PACKET_BUFFERS = 64  # MB; dotline takes no less.
LONG = ".".join(["l" * 60] * 3)  # So that a few thousand answers fill two pieces of the cache's memory.


@pytest.fixture(scope="module")
def unbound(rig):
    with rig.unbound() as unbound:
        yield unbound


@pytest.fixture
def settings(rig, unbound):
    settings = configuration([backend(unbound, rig.authority)])
    settings["dataplane"] |= {"memory": f"{PACKET_BUFFERS}M", "max_misses_per_client": 65535}
    return settings


def ask_all(rig, names):
    """How many of them got an answer, and how many SERVFAIL."""
    queries = [query(name, identity=identity).to_wire() for identity, name in enumerate(names)]
    rcodes = [reply[3] & 0xF for [reply] in rig.client.in_a_row(queries, timeout=60)]
    return rcodes.count(dns.rcode.NOERROR), rcodes.count(dns.rcode.SERVFAIL)


# None at all; all that EAL takes, and the first table finds none left; a few more, which are used up while it serves.
@pytest.mark.parametrize("allowed", [0, PACKET_BUFFERS, PACKET_BUFFERS + 6])
def test_hugepages_that_a_cgroup_keeps_are_done_without(rig, settings, allowed):
    settings["dataplane"]["hugepages"] = "auto"
    with hugepages(60), hugepage_limit(allowed * MB) as cgroup, rig.dotline(settings, under=cgroup.under) as dotline:
        if allowed == 0:
            assert "hugepages: " in dotline.log() and "this process gets 0 MB of them" in dotline.log()
            assert "without hugepages" in dotline.log()
        else:
            assert "MB of memory, in hugepages" in dotline.log()
            assert cgroup.read("hugetlb.2MB.usage_in_bytes") >= PACKET_BUFFERS * MB
        names = [f"host{number}.bulk.example" for number in range(300)]
        names += [f"host{number}.{LONG[:length]}.bulk.example" for length in (60, 121, 182) for number in range(300)]
        assert ask_all(rig, names) == (len(names), 0)
        assert dotline.metrics().value("dotline_entries_refused_total") == 0


def test_hugepages_that_are_required_and_kept_are_named(rig, settings):
    settings["dataplane"]["hugepages"] = "require"
    with hugepages(60), hugepage_limit(0) as cgroup:
        dotline = Dotline(rig.topology, settings, under=cgroup.under)
        dotline.launch()
        assert dotline.wait(60) == 1
        assert "this process gets 0 MB of them; see the limit of its cgroup" in dotline.log().splitlines()[-1]


def test_packet_buffers_are_fewer_where_a_memory_cgroup_is_small(rig, settings):
    settings["dataplane"]["memory"] = "512M"
    with memory_cgroup() as cgroup:
        cgroup.write("memory.limit_in_bytes", 400 * MB)
        with rig.dotline(settings, under=cgroup.under) as dotline:
            assert "dataplane.memory: 512 MB wanted for packet buffers" in dotline.log()
            assert ask_all(rig, ["www.example"]) == (1, 0)


@pytest.mark.starves_sanitizers
def test_a_memory_cgroup_that_is_too_small_is_named(rig, settings):
    with memory_cgroup() as cgroup:
        cgroup.write("memory.limit_in_bytes", 60 * MB)
        dotline = Dotline(rig.topology, settings, under=cgroup.under)
        dotline.launch()
        assert dotline.wait(60) == 1
        assert "its memory cgroup (" in dotline.log().splitlines()[-1]


@pytest.mark.starves_sanitizers
def test_a_full_memory_cgroup_costs_old_answers_and_not_the_process(rig, settings):
    names = [f"host{number}.{LONG}.bulk.example" for number in range(16_000)]
    first, rest = names[:2000], names[2000:]
    with memory_cgroup() as cgroup, rig.dotline(settings, under=cgroup.under) as dotline:
        assert ask_all(rig, first) == (len(first), 0)
        # What is in use, and what answers leave to others.
        cgroup.write("memory.limit_in_bytes", cgroup.read("memory.usage_in_bytes") + 32 * MB)
        answered, failed = ask_all(rig, rest)
        assert answered + failed == len(rest)
        metrics = dotline.metrics()
        # A block is short now and then; each such time some answers are let go, and others have room.
        assert 1 <= metrics.value("dotline_entries_refused_total") <= len(rest) // 10
        assert failed <= len(rest) // 10
        assert metrics.value("dotline_cache_entries") < len(names) - 1000
        wait_until(lambda: ask_all(rig, ["www.example"]) == (1, 0), "a name is answered")


@pytest.mark.starves_sanitizers
@pytest.mark.parametrize("megabytes", [300, 560, 680, 720, 760, 900])
def test_a_small_address_space_ends_in_a_sentence_or_serves(rig, settings, megabytes):
    settings["dataplane"]["memory"] = "512M"
    dotline = Dotline(rig.topology, settings, under=["prlimit", f"--as={megabytes * MB}"])
    dotline.launch()
    try:
        wait_until(lambda: not dotline.running() or dotline.is_healthy(), "its end or health", timeout=60)
        if dotline.running():
            assert ask_all(rig, [f"host{number}.bulk.example" for number in range(200)]) == (200, 0)
            assert dotline.terminate()[0] == 0
        else:
            last = dotline.log().splitlines()[-1]
            assert dotline.wait() == 1, dotline.log()
            assert "memory" in last or "address space" in last, dotline.log()
    finally:
        dotline.kill()


def test_too_few_files_are_said_at_the_start(rig, settings):
    with rig.dotline(settings, under=["prlimit", "--nofile=1024:1024"]) as dotline:
        assert "warning: open files: 1024 allowed, up to 4210 needed" in dotline.log()
        assert ask_all(rig, ["www.example"]) == (1, 0)
