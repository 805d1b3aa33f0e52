"""dotline as a process: its configuration, its start and end, and what it says about itself."""

import copy
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import yaml

from rig.namespaces import FORWARDER, FORWARDER6, inside
from rig.waiting import wait_until

_ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("DOTLINE_BINARY", _ROOT / "build" / "dotline"))
METRICS_PORT = 9153


def backend(resolver, authority, **changes):
    """The configuration's entry for a resolver of the rig."""
    return {"name": f"at-{resolver.address}", "address": f"{resolver.address}:853", "protocol": "DoT",
            "tls": {"subject_name": resolver.name, "ca_store": str(authority.certificate)}, **changes}


def configuration(backends, **changes):
    """The embedded default (af_xdp on a veth, sleeping when idle). `changes` replace whole sections."""
    last_cpu = (os.cpu_count() or 1) - 1
    return {
        "dataplane": {"cores": [last_cpu], "idle": "sleep", "memory": "256M", "hugepages": "off",
                      "ports": [{"device": "af_xdp:front0"}]},
        "binds": [{"address": f"{FORWARDER}:53"}, {"address": f"[{FORWARDER6}]:53"}],
        "acl": ["198.18.1.0/24", "2001:db8:1::/64"],
        "packet_caches": [{"name": "main", "size": 100000}],
        "tls_workers": {"threads": 1, "cpus": [0]},
        "backends": backends,
        "pools": [{"name": "", "packet_cache": "main"}],
        "metrics": {"address": f"127.0.0.1:{METRICS_PORT}"},
        **changes,
    }


def with_port(settings, **port):
    """A copy of a configuration with another port."""
    settings = copy.deepcopy(settings)
    settings["dataplane"]["ports"] = [port]
    return settings


class Dotline:
    """One dotline in the forwarder's namespace. Use as a context: leaving it ends the process."""

    start_seconds = 60
    end_seconds = 20

    def __init__(self, topology, settings, *, label="dotline", metrics_host="127.0.0.1", metrics_port=METRICS_PORT,
                 environment=None, under=()):
        self._topology = topology
        self._metrics_address = (metrics_host, metrics_port)
        self._environment = {**os.environ, **(environment or {})}
        self._under = under  # A command that runs the command which follows it.
        self.settings_file = topology.directory / f"{label}.yaml"
        self.socket = topology.directory / f"{label}.sock"
        self.configure(settings)
        self._log = topology.directory / f"{label}.log"
        self._process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    def configure(self, settings):
        """Writes the configuration, with a control socket of this run's own unless it says where that is. Whoever reads
        meanwhile finds the former one or this one, whole."""
        if not isinstance(settings, str):
            settings = yaml.safe_dump({"control": {"socket": str(self.socket)}, **settings}, sort_keys=False)
        file = self.settings_file.with_suffix(".new")
        file.write_text(settings)
        file.rename(self.settings_file)

    def start(self):
        self.launch()
        try:
            wait_until(lambda: self._is_ready() or not self.running(), "dotline ready", timeout=self.start_seconds)
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.log()}") from None
        assert self.running(), f"dotline ended with {self._process.returncode} before it was ready:\n{self.log()}"
        return self

    def launch(self):
        """Starts the process and does not wait for it to be ready."""
        self._process = self._spawn(*self._under, str(BINARY), "run", "--config", str(self.settings_file))

    def _spawn(self, *command):
        with open(self._log, "w") as log:
            return subprocess.Popen(self._topology.command(self._topology.forwarder, *command),
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                                    env=self._environment)

    def running(self):
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self):
        return self._process.pid

    def log(self):
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def wait(self, timeout=None):
        """The exit code of a process that ends by itself."""
        return self._process.wait(timeout or self.end_seconds)

    def terminate(self, timeout=None):
        """SIGTERM. Gives the exit code and how many seconds it took."""
        begin = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout or self.end_seconds), time.monotonic() - begin

    def signal(self, number):
        self._process.send_signal(number)

    def kill(self):
        if self.running():
            self._process.kill()
            self._process.wait()

    def kill_group(self):
        """The same for one that another process runs (see `under`)."""
        if self.running():
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            wait_until(lambda: not self.is_healthy(), "the end of what was killed")

    def is_healthy(self):
        """Whether it says so; not if it is not there yet or any more."""
        try:
            return self.http("/healthz")[0] == 200
        except (OSError, IndexError):
            return False

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def metrics(self):
        return Metrics(self.http("/metrics")[1])

    def http(self, path):
        """(status, body) of a GET on the metrics address."""
        with self._connect() as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            reply = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = reply.partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()

    def command(self, *words, timeout=60):
        """`dotline WORDS`, for this process."""
        return subprocess.run([str(BINARY), *words, "--socket", str(self.socket)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout)

    def status(self):
        return json.loads(self.command("status", "--json").stdout)

    def _connect(self):
        with inside(self._topology.forwarder):
            return socket.create_connection(self._metrics_address, timeout=10)

    def _is_ready(self):
        return any(line.strip() == "ready" for line in self.log().splitlines())


class Metrics:
    """One scrape. Values are found by name and any of their labels."""

    _SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)")
    _LABEL = re.compile(r'(\w+)="([^"]*)"')

    def __init__(self, text):
        self.text = text
        samples = (self._SAMPLE.match(line) for line in text.splitlines() if line and not line.startswith("#"))
        self._samples = [(sample[1], dict(self._LABEL.findall(sample[2] or "")), float(sample[3])) for sample in samples]

    def value(self, name, **labels):
        """The sum of all samples of this name with these labels. A name that is not exported at all is an error."""
        found = [value for sample, has, value in self._samples
                 if sample == name and labels.items() <= has.items()]
        assert found, f"no metric {name}{labels or ''} is exported"
        return sum(found)

    def counted(self):
        """The samples that are not 0, histograms' buckets left out: what one wants to read beside a failure."""
        return "\n".join(line for line in self.text.splitlines()
                         if not line.startswith("#") and "_bucket{" not in line and not line.endswith(" 0"))

    def unaccounted(self):
        """Packets received, and queries over streams, that neither were answered, nor dropped for a reason, nor wait, nor went
        to the kernel: 0 at any quiet moment."""
        over_streams = sum(self.value("dotline_queries_total", transport=transport) for transport in ("tcp", "dot", "doh"))
        return (self.value("dotline_packets_received_total") + over_streams - self.value("dotline_replies_total")
                - self.value("dotline_packets_dropped_total") - self.value("dotline_parked")
                - self.value("dotline_exception_frames_total", direction="to_kernel"))
