"""A real Prometheus beside dotline, in its namespace."""

import json
import socket
import subprocess
import urllib.parse

from rig.forwarder import METRICS_PORT
from rig.namespaces import inside

_PORT = 9090


class Prometheus:
    """Scrapes dotline at `target` and evaluates `rules` (a file) every second. As a context."""

    def __init__(self, topology, *, rules=None, label="prometheus", target=f"127.0.0.1:{METRICS_PORT}"):
        self._topology = topology
        self._directory = topology.directory / label
        self._directory.mkdir()
        self._settings = self._directory / "prometheus.yml"
        self._settings.write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            + (f"rule_files: ['{rules}']\n" if rules else "") +
            "scrape_configs:\n  - job_name: dotline\n    static_configs:\n"
            f"      - targets: ['{target}']\n")

    def __enter__(self):
        with open(self._directory / "log", "w") as log:
            self._process = subprocess.Popen(
                self._topology.command(self._topology.forwarder, "prometheus", f"--config.file={self._settings}",
                                       f"--storage.tsdb.path={self._directory}/data", f"--web.listen-address=127.0.0.1:{_PORT}"),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(20)

    def evaluate(self, expression):
        """The samples of an instant query; none while it is still starting."""
        data = self._ask(f"/api/v1/query?query={urllib.parse.quote(expression)}")
        return data["result"] if data else []

    def alerts(self):
        """{(alert, labels that matter): state} of those that are pending or firing."""
        data = self._ask("/api/v1/alerts") or {"alerts": []}
        return {(alert["labels"]["alertname"], alert["labels"].get("backend")): alert["state"] for alert in data["alerts"]}

    def _ask(self, path):
        with inside(self._topology.forwarder):
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        with connection:
            if connection.connect_ex(("127.0.0.1", _PORT)) != 0:
                return None
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")[2]
        try:
            return json.loads(body)["data"]
        except ValueError:  # It says in words that it is still starting.
            return None
