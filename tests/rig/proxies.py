"""SOCKS5 proxies of real life, beside the resolvers or beside dotline: microsocks, dante and Tor's client."""

import contextlib
import pathlib
import shutil
import subprocess

from rig.namespaces import RESOLVER_B
from rig.waiting import wait_until

PORT = 1080


class Proxy:
    """A program that listens at `address`. Use as a context."""

    def __init__(self, topology, namespace, command, *, address=RESOLVER_B, port=PORT, label="proxy"):
        self._topology = topology
        self._namespace = namespace
        self._command = command
        self._log = topology.directory / f"{label}.log"
        self._process = None
        self.address = address
        self.endpoint = f"{address}:{port}"

    def __enter__(self):
        with open(self._log, "w") as log:
            self._process = subprocess.Popen(self._topology.command(self._namespace, *self._command), stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        wait_until(self._listens, f"a proxy at {self.endpoint}\n{self.log()}")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def log(self):
        return self._log.read_text(errors="replace")

    def _listens(self):
        listening = self._topology.execute(self._namespace, "ss", "-Htln", f"src {self.endpoint}")
        return bool(listening.stdout.strip())


def microsocks(topology, *, login=None):
    user = ("-u", login[0], "-P", login[1]) if login else ()
    return Proxy(topology, topology.resolver, ("microsocks", "-i", RESOLVER_B, "-p", str(PORT), *user))


_DANTE = """\
logoutput: stdout
internal: {address} port = {port}
external: {address}
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
socks {verdict} {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
"""


def dante(topology, *, allows=True):
    settings = topology.directory / "dante.conf"
    settings.write_text(_DANTE.format(address=RESOLVER_B, port=PORT, verdict="pass" if allows else "block"))
    return Proxy(topology, topology.resolver, ("danted", "-f", str(settings), "-p", str(topology.directory / "dante.pid")))


def tor(topology):
    """In dotline's own namespace, as it is installed, and without any way to the Tor network."""
    data = topology.directory / "tor"
    data.mkdir(mode=0o700, exist_ok=True)
    settings = topology.directory / "torrc"
    settings.write_text(f"SocksPort 127.0.0.1:9050\nDataDirectory {data}\nLog notice stdout\nUser root\n")
    return Proxy(topology, topology.forwarder, ("tor", "-f", str(settings)), address="127.0.0.1", port=9050, label="tor")


@contextlib.contextmanager
def names_of(namespace, **addresses):
    """What programs in `namespace` find for these host names (dots as underscores): `ip netns exec` mounts the file."""
    directory = pathlib.Path("/etc/netns") / namespace
    directory.mkdir(parents=True)
    lines = [f"{address} {name.replace('_', '.')}\n" for name, address in addresses.items()]
    (directory / "hosts").write_text("".join(lines))
    try:
        yield
    finally:
        shutil.rmtree(directory)
