"""Network namespaces of one run: client ── forwarder ── resolver, joined by veth pairs.

Every run has its own names, so runs do not disturb each other. A run holds a lock on its directory for as long as its
process lives; whatever is found without a lock and not marked as kept belongs to a killed run and is removed.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import time

RUNS = pathlib.Path("/run/dotline-rig")
KEPT = "kept"
ROLES = ("client", "forwarder", "resolver")

# RFC 2544's range for testing and RFC 3849's for documentation: nothing real is ever reached or hidden.
CLIENT = "198.18.1.2"
CLIENT6 = "2001:db8:1::2"
OUTSIDER = "198.19.0.9"  # Other addresses of the client's, outside of the access list.
OUTSIDER6 = "2001:db8:9::9"
FORWARDER = "198.18.1.1"
FORWARDER6 = "2001:db8:1::1"
FORWARDER_BACK = ("198.18.2.1/24", "2001:db8:2::1/64")  # Towards the resolvers.
RESOLVER = "198.18.2.53"
RESOLVER_B = "198.18.2.54"
RESOLVER_C = "198.18.2.55"
RESOLVER6 = "2001:db8:2::53"

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(namespace):
    """Sockets opened in here stay in `namespace`; the thread itself comes back."""
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{namespace}") as away:
        _enter(away)
        try:
            yield
        finally:
            _enter(home)


def _enter(namespace_file):
    if _libc.setns(namespace_file.fileno(), _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def run(*command, check=True, timeout=60):
    """Runs a command to its end and gives what it printed; its error text is in the exception."""
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
    if check and result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result


class Topology:
    """The namespaces and addresses of one run, and the directory for its files."""

    def __init__(self):
        remove_leftovers()
        self.id = secrets.token_hex(3)
        self.directory = RUNS / self.id
        with _registry():
            self.directory.mkdir()
            self._lock = open(self.directory / "lock", "w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.client, self.forwarder, self.resolver = (_namespace_name(self.id, role) for role in ROLES)
        try:
            self._build()
        except BaseException:
            self.remove()
            raise

    def _build(self):
        for namespace in (self.client, self.forwarder, self.resolver):
            run("ip", "netns", "add", namespace)
            # Duplicate address detection would keep IPv6 addresses unusable for the first second.
            self.execute(namespace, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0",
                         "net.ipv6.conf.all.accept_dad=0", "net.ipv4.ping_group_range=0 65535")
            self.execute(namespace, "ip", "link", "set", "lo", "up")
        self.join((self.forwarder, "front0"), (self.client, "eth0"))
        self.join((self.forwarder, "back0"), (self.resolver, "eth0"))
        for namespace, interface in ((self.client, "eth0"), (self.forwarder, "front0"), (self.resolver, "eth0")):
            self.give_addresses(namespace, interface)
        for address in FORWARDER_BACK:
            run("ip", "-n", self.forwarder, "address", "add", address, "dev", "back0")
        for outsider in (f"{OUTSIDER}/32", f"{OUTSIDER6}/128"):
            run("ip", "-n", self.forwarder, "route", "add", outsider, "dev", "front0")

    def give_addresses(self, namespace, interface):
        """All that this namespace has on the side of the clients; for the resolver, all it has. A link that was down has
        lost its IPv6 addresses, and gets them again."""
        addresses = {self.client: (f"{CLIENT}/24", f"{CLIENT6}/64", f"{OUTSIDER}/32", f"{OUTSIDER6}/128"),
                     self.forwarder: (f"{FORWARDER}/24", f"{FORWARDER6}/64"),
                     self.resolver: (f"{RESOLVER}/24", f"{RESOLVER_B}/24", f"{RESOLVER_C}/24", f"{RESOLVER6}/64")}
        for address in addresses[namespace]:
            run("ip", "-n", namespace, "address", "replace", address, "dev", interface)

    def join(self, end, other_end):
        """A veth pair between two (namespace, interface) ends. Both are up and fill in their checksums themselves:
        by default veth leaves UDP checksums half done for a NIC that is not there."""
        run("ip", "link", "add", end[1], "netns", end[0], "type", "veth", "peer", "name", other_end[1], "netns", other_end[0])
        for namespace, interface in (end, other_end):
            self.execute(namespace, "ethtool", "-K", interface, "tx", "off")
            run("ip", "-n", namespace, "link", "set", interface, "mtu", "1500", "up")

    def mac(self, namespace, interface):
        return json.loads(run("ip", "-n", namespace, "-j", "link", "show", interface).stdout)[0]["address"]

    def execute(self, namespace, *command, **options):
        return run(*self.command(namespace, *command), **options)

    @staticmethod
    def command(namespace, *command):
        """`ip netns exec` and not setns(2): it mounts the namespace's own /sys too, where interfaces are looked up."""
        return ("ip", "netns", "exec", namespace, *command)

    def keep(self):
        """Leaves everything running after this process; `remove_kept` ends it."""
        (self.directory / KEPT).touch()

    def remove(self):
        _remove_run(self.directory)
        self._lock.close()


def remove_leftovers():
    """Removes what killed runs left behind."""
    with _registry():
        for directory in _runs():
            if not (directory / KEPT).exists() and _is_unlocked(directory):
                _remove_run(directory)


def remove_kept():
    """Ends the runs that were kept. Returns their names."""
    kept = [directory for directory in _runs() if (directory / KEPT).exists()]
    for directory in kept:
        _remove_run(directory)
    return [directory.name for directory in kept]


@contextlib.contextmanager
def _registry():
    """Held while runs come and go, so that nobody takes a run that is just being made for a leftover."""
    RUNS.mkdir(parents=True, exist_ok=True)
    with open(RUNS / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _runs():
    return [entry for entry in RUNS.iterdir() if entry.is_dir()] if RUNS.is_dir() else []


def _is_unlocked(directory):
    with open(directory / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False


def _namespace_name(run_id, role):
    return f"dotline-{run_id}-{role}"


def _remove_run(directory):
    for role in ROLES:
        namespace = _namespace_name(directory.name, role)
        if not os.path.exists(f"/run/netns/{namespace}"):
            continue
        _end_processes(namespace)
        run("ip", "netns", "delete", namespace, check=False)
    shutil.rmtree(directory, ignore_errors=True)


def _end_processes(namespace):
    """Only processes inside the run's own namespace are ended; a veth lives until the last of them is gone."""
    for _ in range(50):
        pids = run("ip", "netns", "pids", namespace, check=False).stdout.split()
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.1)
