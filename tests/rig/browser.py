"""A browser without a window: Chromium, driven over its own debugging pipe, in any namespace.

It notes every complaint of the page and every address that the page asks for.
"""

import base64
import fcntl
import json
import os
import pathlib
import select
import subprocess
import tempfile
import time

HEADLESS_SHELL = "chromium-headless-shell"
CHROMIUM = "chromium --headless=new"

_PATIENCE = 60.0
_OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe")


def _pipe():
    """A pipe whose ends are none of 3 and 4, where the browser wants to find its own."""
    ends = os.pipe()
    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return moved


class Browser:
    """One page in one browser. As a context. `names`: hosts and the addresses they have for it. `program`: HEADLESS_SHELL, which
    has no settings and resolves names as other programs do, or CHROMIUM, with all that people use. `etc`: an OwnEtc."""

    def __init__(self, topology, namespace, *, names=None, program=HEADLESS_SHELL, etc=None):
        self._topology = topology
        self._program = program
        self._command = topology.command if etc is None else etc.command
        self._namespace = namespace
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix="browser-", dir=topology.directory))
        self._rules = ", ".join(f"MAP {name} {address}" for name, address in (names or {}).items())
        self._session = None
        self._number = 0
        self._unread = b""
        self.complaints = []  # Errors in the console, exceptions, loads that failed.
        self.asked_for = []   # Addresses.

    def __enter__(self):
        to_browser, self._to_browser = _pipe()
        self._from_browser, from_browser = _pipe()
        command = f"exec {self._program} {' '.join(_OPTIONS)} --host-resolver-rules='{self._rules}'" \
                  f" --user-data-dir={self._directory} about:blank 3<&{to_browser} 4>&{from_browser}"
        with open(self._directory / "log", "w") as log:
            self._process = subprocess.Popen(
                self._command(self._namespace, "bash", "-c", command), pass_fds=(to_browser, from_browser),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        os.close(to_browser)
        os.close(from_browser)
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(20)
        os.close(self._to_browser)
        os.close(self._from_browser)

    def open(self, url):
        assert self.can_open(url), f"{url} can not be opened"

    def can_open(self, url):
        return "errorText" not in self._call("Page.navigate", url=url)

    def evaluate(self, expression):
        """The value of a JavaScript expression in the page."""
        result = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def text(self, selector):
        """What a reader sees of an element; None if there is none."""
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText")

    def resize(self, width, height, *, phone=False):
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def prefer(self, scheme):
        """`light` or `dark`."""
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, file):
        """All of the page as a PNG."""
        picture = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        file.write_bytes(base64.b64decode(picture))

    def _call(self, method, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to_browser, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _PATIENCE
        while True:
            reply = self._next_message(deadline)
            if reply.get("id") == self._number:
                assert "error" not in reply, f"{method}: {reply['error']}"
                return reply["result"]
            self._note(reply)

    def _next_message(self, deadline):
        while b"\0" not in self._unread:
            readable, _, _ = select.select([self._from_browser], [], [], max(0, deadline - time.monotonic()))
            assert readable, "the browser says nothing"
            received = os.read(self._from_browser, 1 << 16)
            assert received, "the browser has ended"
            self._unread += received
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)

    def _note(self, event):
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(parameters["exceptionDetails"])
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("warning", "error"):
            self.complaints.append(parameters["entry"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(parameters["args"])
        elif method == "Network.requestWillBeSent":
            self.asked_for.append(parameters["request"]["url"])
