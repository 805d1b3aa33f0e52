"""What the end-to-end tests share: one set of namespaces for each file, and a dotline that is watched while it runs."""

import contextlib
import dataclasses
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from rig.capture import Capture  # noqa: E402
from rig.certificates import RESOLVER_NAME, Authority, Certificate  # noqa: E402
from rig.client import Client  # noqa: E402
from rig.forwarder import Dotline  # noqa: E402
from rig.namespaces import RESOLVER, RESOLVER6, RESOLVER_B, RESOLVER_C, Topology  # noqa: E402
from rig.resolver import Unbound  # noqa: E402
from rig.scripted_resolver import ScriptedResolver  # noqa: E402
from rig.waiting import wait_until  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--queries", type=int, help="how many queries test_same_answers.py compares over each transport")


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: judges how long something takes, so no other file is tested meanwhile")
    config.addinivalue_line("markers", "starves_sanitizers: leaves no memory or descriptors for what AddressSanitizer needs itself, so not run under it")


@dataclasses.dataclass
class Rig:
    """Namespaces, a certificate authority that dotline is told to trust, and clients."""
    topology: Topology
    authority: Authority
    certificate: Certificate  # For every resolver of the rig, by name and by address.
    client: Client

    def dotline(self, settings, *, secret=None, ports=None, **options):
        """Runs dotline, watched, in the forwarder's namespace. `secret` and `ports`: see Capture."""
        return self.watched(Dotline(self.topology, settings, **options), secret=secret, ports=ports)

    @contextlib.contextmanager
    def watched(self, dotline, **where):
        """Runs dotline with all of its promises watched. `where` is the end of the link to the resolvers to look at.

        At the end it must still run and have accounted for every packet, exit with 0 on SIGTERM, and never have sent anything
        but TLS to its resolvers. `dotline.traffic` says then what it did send.
        """
        capture = Capture(self.topology, **where)
        try:
            with dotline:
                yield dotline
                assert dotline.running(), f"dotline died:\n{dotline.log()}"
                wait_until(lambda: dotline.metrics().unaccounted() == 0,
                           f"received = replied + dropped + parked\n{dotline.metrics().counted()}")
                exit_code, _ = dotline.terminate()
                assert exit_code == 0, f"exit {exit_code}:\n{dotline.log()}"
        except BaseException:
            print(dotline.log())  # Shown beside the failure.
            raise
        finally:
            capture.stop()
        assert capture.lost_packets() == 0
        dotline.traffic = capture.traffic()
        assert dotline.traffic.leaks == []

    @contextlib.contextmanager
    def unbound(self, certificate=None, **options):
        resolver = Unbound(self.topology, certificate or self.certificate, **options).start()
        try:
            yield resolver
        finally:
            resolver.stop()

    @contextlib.contextmanager
    def scripted_resolver(self, certificate=None, **options):
        resolver = ScriptedResolver(self.topology, certificate or self.certificate, **options).start()
        try:
            yield resolver
        finally:
            resolver.stop()


@contextlib.contextmanager
def whole_rig():
    topology = Topology()
    try:
        authority = Authority(topology.directory)
        certificate = authority.issue("good", names=[RESOLVER_NAME], addresses=[RESOLVER, RESOLVER_B, RESOLVER_C, RESOLVER6])
        yield Rig(topology, authority, certificate, Client(topology))
    finally:
        topology.remove()


@pytest.fixture(scope="module")
def rig():
    with whole_rig() as rig:
        yield rig


@pytest.fixture(scope="module")
def other_rig():
    """For what takes its time beside the rest of a file."""
    with whole_rig() as rig:
        yield rig
