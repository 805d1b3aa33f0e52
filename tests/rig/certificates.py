"""A certificate authority that lives for one run, made with the `openssl` command. Nothing secret is ever kept in the tree."""

import dataclasses
import pathlib

from rig.namespaces import run

RESOLVER_NAME = "resolver.example"


@dataclasses.dataclass(frozen=True)
class Certificate:
    certificate: pathlib.Path
    key: pathlib.Path


class Authority:
    def __init__(self, directory, name="authority"):
        self._directory = pathlib.Path(directory)
        self._name = name
        self.certificate = self._directory / f"{name}.pem"
        self._key = self._directory / f"{name}.key"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", f"/CN=dotline test {name}", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            "-keyout", str(self._key), "-out", str(self.certificate))

    def issue(self, label, *, names=(), addresses=(), start="-1", end="+20"):
        """A server certificate for these names and addresses. `start` and `end` are days from now."""
        certificate = self._directory / f"{self._name}-{label}.pem"
        key = certificate.with_suffix(".key")
        request = certificate.with_suffix(".csr")
        subject_names = [f"DNS:{name}" for name in names] + [f"IP:{address}" for address in addresses]
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", "/CN=a test server", "-addext", f"subjectAltName={','.join(subject_names)}",
            "-keyout", str(key), "-out", str(request))
        self._sign(request, certificate, start, end)
        return Certificate(certificate, key)

    def _sign(self, request, certificate, start, end):
        """`openssl ca` and not `x509 -req`: only the former can date a certificate into the past."""
        database = self._directory / f"{self._name}.database"
        database.write_text("")
        settings = self._directory / f"{self._name}.conf"
        settings.write_text(_SIGNING.format(database=database, directory=self._directory))
        run("openssl", "ca", "-batch", "-notext", "-config", str(settings), "-in", str(request), "-out", str(certificate),
            "-cert", str(self.certificate), "-keyfile", str(self._key),
            "-startdate", _openssl_date(start), "-enddate", _openssl_date(end))


_SIGNING = """\
[ca]
default_ca = authority
[authority]
database = {database}
new_certs_dir = {directory}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


def _openssl_date(days):
    return run("date", "--utc", "--date", f"{days} days", "+%y%m%d%H%M%SZ").stdout.strip()
