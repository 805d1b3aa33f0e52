"""systemd-resolved in a client's namespace, as a laptop has it: it answers the programs there, and asks one server over TLS."""

import subprocess

from rig.own_etc import OwnEtc
from rig.unpacked import RESOLVED, unpacked
from rig.waiting import wait_until

STUB = "127.0.0.53"  # Where it answers.
_USER = 64999        # Nobody of this machine.


class Resolved:
    """As a context. `name`: what the certificate of `server` has to be for."""

    def __init__(self, topology, server, name, authority):
        self._topology = topology
        etc = self._etc = OwnEtc(topology, "resolved")
        etc.write("systemd/resolved.conf",
                  f"[Resolve]\nDNS={server}#{name}\nDNSOverTLS=yes\nDNSSEC=no\nDomains=~.\nLLMNR=no\nMulticastDNS=no\n")
        etc.write("passwd", f"root:x:0:0::/root:/bin/sh\nsystemd-resolve:x:{_USER}:{_USER}::/:/usr/sbin/nologin\n")
        etc.write("group", f"root:x:0:\nsystemd-resolve:x:{_USER}:\n")
        etc.write("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
        self._trusts = etc.write("authority.pem", authority.certificate.read_text())
        self._log = topology.directory / "resolved.log"

    def __enter__(self):
        # It never finds a bus: what it keeps in /run is not for this machine's programs either.
        command = self._etc.command(
            self._topology.client, "env", f"SSL_CERT_FILE={self._trusts}", "SYSTEMD_LOG_LEVEL=debug",
            str(unpacked(RESOLVED) / "lib" / "systemd" / "systemd-resolved"),
            before="mount -t tmpfs tmpfs /run && mkdir /run/systemd")
        with open(self._log, "w") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        wait_until(self._listens, "systemd-resolved listening")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait(20)

    def log(self):
        return self._log.read_text(errors="replace")

    def _listens(self):
        assert self._process.poll() is None, self.log()
        return bool(self._topology.execute(self._topology.client, "ss", "-Huln", f"src {STUB}:53").stdout.strip())
