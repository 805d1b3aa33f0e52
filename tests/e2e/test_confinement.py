"""What the kernel keeps each thread from, as the kernel itself tells it."""

import pathlib

import dns.rcode

import pytest

from rig.client import query
from rig.forwarder import backend, configuration, with_port

WORKERS = 3
NO_RIGHTS = f"{0:016x}"
NET_BIND_SERVICE, NET_ADMIN, NET_RAW, IPC_LOCK, SYS_ADMIN = (1 << number for number in (10, 12, 13, 14, 21))
TO_OPEN_PACKET = f"{NET_BIND_SERVICE | NET_ADMIN | NET_RAW | IPC_LOCK:016x}"
TO_OPEN_XDP = f"{NET_ADMIN | NET_RAW | IPC_LOCK | SYS_ADMIN:016x}"


def threads(pid):
    """The lines of /proc/PID/task/*/status, by the thread's name."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        status = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)
        found.setdefault(status["Name"], []).append(status)
    return found


def test_every_worker_is_confined_and_works(rig):
    with rig.unbound() as resolver:
        settings = configuration([backend(resolver, rig.authority)], tls_workers={"threads": WORKERS, "cpus": [0]})
        with rig.dotline(settings) as dotline:
            for number in range(50):
                reply = rig.client.ask(query(f"confined{number}.bulk.example"))
                assert reply.rcode() == dns.rcode.NOERROR
            seen = threads(dotline.pid)
            for number in range(WORKERS):
                [worker] = seen[f"tls-worker-{number}"]
                assert (worker["Seccomp"], worker["NoNewPrivs"]) == ("2", "1")  # 2: a filter.
            assert "can open TCP connections, and no other socket" in dotline.log()


@pytest.mark.parametrize("device, permitted", [("af_xdp:front0", TO_OPEN_XDP), ("af_packet:front0", TO_OPEN_PACKET)])
def test_no_thread_has_rights_after_the_start(rig, device, permitted):
    """The control thread alone may bring some into effect again: to open a port whose interface was away."""
    with rig.unbound() as resolver:
        settings = with_port(configuration([backend(resolver, rig.authority)]), device=device)
        with rig.dotline(settings) as dotline:
            assert rig.client.ask(query("www.example")).rcode() == dns.rcode.NOERROR
            assert dotline.http("/healthz") == (200, "ok\n")
            named = threads(dotline.pid)
            assert {"http", "log", "tls-worker-0"} <= set(named)
            seen = [status for group in named.values() for status in group]
            for status in seen:
                assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1"), status
                may_have = permitted if status["Pid"] == status["Tgid"] else NO_RIGHTS
                rights = [status[kind] for kind in ("CapEff", "CapInh", "CapAmb", "CapBnd", "CapPrm")]
                assert rights == [NO_RIGHTS] * 4 + [may_have], status
                filters = int(status["Seccomp_filters"])
                assert filters == 1 if status["Pid"] == status["Tgid"] else filters == 2, status
