"""Debian packages that tests use and that must not be installed, since installing them changes how this machine works: they
are downloaded, unpacked and kept in a cache. `python3 -m rig.unpacked PACKAGE...` fills it."""

import fcntl
import pathlib
import sys
import tempfile

from rig.guest_kernel import CACHE
from rig.namespaces import run

RESOLVED = "systemd-resolved"  # Installing it puts it in charge of /etc/resolv.conf.


def unpacked(package):
    """The folder that stands for / in the newest `package` that this machine's Debian mirror has."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{package}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        version = _version(package)
        kept = CACHE / f"{package}-{version.replace(':', '.')}"
        if not kept.exists():
            _download(package, version, kept)
        return kept


def _version(package):
    """The one that goes with the installed libraries: `systemd`'s own packages want them to the letter."""
    return run("dpkg-query", "-W", "-f", "${Version}", package.partition("-")[0]).stdout


def _download(package, version, kept):
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="unpacking-") as name:
        directory = pathlib.Path(name)
        fetch = f"cd {directory} && apt-get -qq -o APT::Sandbox::User=root download {package}={version}"
        try:
            run("sh", "-c", fetch, timeout=600)
        except RuntimeError:  # The lists of packages are missing or too old.
            run("apt-get", "update", timeout=600)
            run("sh", "-c", fetch, timeout=600)
        root = directory / "root"
        run("dpkg", "-x", str(next(directory.glob("*.deb"))), str(root))
        root.rename(kept)


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        print(f"Unpacked {unpacked(wanted)}")
