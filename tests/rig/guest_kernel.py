"""A kernel for virtual machines: Debian's own, taken from its package without installing it, and an initrd with what such a
machine needs to reach this machine's file system and to hand a network card to DPDK.

Both are made once for each version of the kernel and kept in a cache. `python3 -m rig.guest_kernel` fills it.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from rig.namespaces import run

CACHE = pathlib.Path("/var/cache/dotline-test")
NEWEST_KERNEL = "linux-image-amd64"  # Debian's package that depends on the kernel of the day.
_INIT = pathlib.Path(__file__).with_name("guest_init")
_BUSYBOX = pathlib.Path("/bin/busybox")
# The last one is the kernel's own driver of a card under test: dotline has to say so when it has the card.
_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "virtio_net", "tun", "vfio_iommu_type1", "vfio_pci", "e1000e")


@dataclasses.dataclass(frozen=True)
class GuestKernel:
    image: pathlib.Path
    initrd: pathlib.Path


def guest_kernel():
    """From the cache if it is there. Otherwise downloads some 70 MB from the machine's Debian mirror."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _newest_cached() or _make()


def _newest_cached():
    """Made by this very recipe, by anybody. A machine without a network goes on with the kernel that it has."""
    made = sorted(CACHE.glob(f"*-{_recipe()}"), key=os.path.getmtime)
    return _kernel_in(made[-1]) if made else None


def _kernel_in(directory):
    return GuestKernel(directory / "vmlinuz", directory / "initrd")


def _recipe():
    """What the initrd is made of, but for the kernel: a change of it makes the cache useless."""
    return hashlib.sha256(_INIT.read_bytes() + " ".join(_MODULES).encode() + _BUSYBOX.read_bytes()).hexdigest()[:12]


def _make():
    with _working_directory() as directory:
        try:
            version = _download(directory)
        except RuntimeError:  # The lists of packages are missing or too old.
            run("apt-get", "update", timeout=600)
            version = _download(directory)
        archive = next(directory.glob("*.deb"))
        _unpack(archive, directory)
        made = directory / "made"
        made.mkdir()
        shutil.copy(directory / "boot" / f"vmlinuz-{version}", made / "vmlinuz")
        _pack_initrd(directory, version, made / "initrd")
        kept = CACHE / f"{archive.stem}-{_recipe()}"
        made.rename(kept)
        return _kernel_in(kept)


@contextlib.contextmanager
def _working_directory():
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="making-") as directory:
        yield pathlib.Path(directory)


def _download(directory):
    """Gives the kernel's version."""
    package = re.search(r"Depends: (linux-image-\S+)", run("apt-cache", "depends", NEWEST_KERNEL).stdout)[1]
    run("sh", "-c", f"cd {directory} && apt-get -qq -o APT::Sandbox::User=root download {package}", timeout=600)
    return package.removeprefix("linux-image-")


def _unpack(archive, directory):
    run("sh", "-c", f"dpkg-deb --fsys-tarfile {archive} | tar -x -C {directory} ./boot ./lib/modules", timeout=300)


def _pack_initrd(directory, version, initrd):
    root = directory / "initrd"
    for folder in ("bin", "dev", "proc", "sys", "root", "modules"):
        (root / folder).mkdir(parents=True)
    shutil.copy(_BUSYBOX, root / "bin" / "busybox")
    shutil.copy(_INIT, root / "init")
    (root / "init").chmod(0o755)
    modules = _in_loading_order(directory, version)
    for module in modules:
        shutil.copy(module, root / "modules")
    (root / "modules" / "order").write_text("".join(f"{module.name}\n" for module in modules))
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    with open(initrd, "wb") as output:
        subprocess.run(("cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"), input=names.encode(), cwd=root, stdout=output,
                       check=True, timeout=60)


def _in_loading_order(directory, version):
    """Each module after those that it needs. What is built into the kernel is left out by modprobe itself."""
    run("depmod", "-b", str(directory), version)
    files = {}
    for module in _MODULES:
        said = run("modprobe", "-d", str(directory), "-S", version, "--show-depends", module).stdout
        for line in said.splitlines():
            if line.startswith("insmod "):
                files[pathlib.Path(line.split()[1])] = None
    return list(files)


if __name__ == "__main__":
    print(f"The tests' virtual machines run {guest_kernel().image}")
