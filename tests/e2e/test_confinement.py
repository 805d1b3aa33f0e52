"""What the kernel keeps TLS workers from, as the kernel itself tells it."""

import pathlib

import dns.rcode

from rig.client import query
from rig.forwarder import backend, configuration

WORKERS = 3


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
