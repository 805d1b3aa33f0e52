"""A machine of its own with systemd as process 1: new namespaces of processes, mounts, cgroups and names over a copy of this one (an
overlay that goes with the run), in a network namespace of the rig. So the unit, its restarts and the package's scripts are seen at
work, not imitated.

    with Machine(topology, topology.forwarder, made_package(BUILD, folder)) as machine:
        machine.execute("systemctl", "start", "dotline")
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess

from rig.namespaces import run
from rig.waiting import wait_until

_SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "control" / "debian"

# What this machine starts at its boot is not wanted in the other one, nor is what serves its hardware and its terminals.
_MASKED = ("getty.target", "systemd-udevd.service", "systemd-logind.service", "systemd-timesyncd.service", "systemd-resolved.service",
           "systemd-networkd.service", "apt-daily.timer", "apt-daily-upgrade.timer", "systemd-journal-flush.service")

# Its disk is in memory, and goes with the process that this becomes.
_DISK = """
set -e
mount --make-rprivate /
mount -t tmpfs none {folder}
mkdir {folder}/work {folder}/root {folder}/upper
exec sleep infinity
"""

_BOOT = """
set -e
cd {folder}
mount -t overlay none -o lowerdir=/,upperdir=upper,workdir=work root
mount -t proc proc root/proc
mount -t sysfs sysfs root/sys
mount -t cgroup2 none root/sys/fs/cgroup
mount -t tmpfs none root/run
mount -t tmpfs none root/tmp
mount --rbind /dev root/dev
cd root
mkdir -p mnt/before
pivot_root . mnt/before
umount --lazy /mnt/before
export container=rig
exec /lib/systemd/systemd --system --unit=multi-user.target --log-target=journal --show-status=no
"""


def made_package(build, folder, version):
    """A package of what `meson install` installs from `build`, with the real package's scripts. What the real one does besides
    (strip, dependencies) takes a build of its own; see test_package.py."""
    root = folder / f"package-{version}"
    run("meson", "install", "-C", str(build), "--no-rebuild", "--quiet", "--destdir", str(root), timeout=120)
    (root / "DEBIAN").mkdir()
    example = root / "etc" / "dotline" / "minimal.yaml"
    example.rename(example.with_name("dotline.yaml"))
    (root / "DEBIAN" / "conffiles").write_text("/etc/dotline/dotline.yaml\n")
    (root / "DEBIAN" / "control").write_text(
        f"Package: dotline\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <nobody@dotline.invalid>\nDescription: dotline\n")
    for script in ("postinst", "prerm", "postrm"):
        shutil.copy(_SCRIPTS / script, root / "DEBIAN" / script)
        os.chmod(root / "DEBIAN" / script, 0o755)
    package = folder / f"dotline_{version}.deb"
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(root), str(package))
    shutil.rmtree(root)
    return package


class Machine:
    """Use as a context: leaving it ends everything that runs in it."""

    boot_seconds = 60

    def __init__(self, topology, namespace):
        self._topology = topology
        self._namespace = namespace
        self._folder = topology.directory / "machine"
        self._cgroup = _cgroup_mount() / f"dotline-rig-{topology.id}"
        self._disk = None  # The process that keeps it.
        self._process = None
        self._init = None  # Process 1, as it is called outside.

    def __enter__(self):
        self._folder.mkdir()
        self._disk = self._start("unshare", "--mount", "sh", "-c", _DISK.format(folder=self._folder))
        upper = pathlib.Path(f"/proc/{self._disk.pid}/root/{self._folder}/upper")
        wait_until(upper.exists, "a disk for the machine")
        units = upper / "etc" / "systemd" / "system"
        units.mkdir(parents=True)
        os.setxattr(units, "trusted.overlay.opaque", b"y")  # Nothing of this machine's folder is seen below it.
        for unit in _MASKED:
            (units / unit).symlink_to("/dev/null")
        self.boot()
        self.path("/usr/sbin/policy-rc.d").unlink(missing_ok=True)  # A container's: packages may start nothing.
        return self

    def __exit__(self, *_):
        self.switch_off()
        self._disk.kill()
        self._disk.wait()

    def boot(self):
        """Returns when all that is to be started at a boot was started, or has failed."""
        self._cgroup.mkdir(exist_ok=True)
        self._process = self._start("nsenter", "--target", str(self._disk.pid), "--mount", "unshare", "--mount", "--pid", "--cgroup",
                                    "--uts", "--ipc", "--fork", "--kill-child", "sh", "-c", _BOOT.format(folder=self._folder),
                                    cgroup=self._cgroup)
        self._init = wait_until(self._find_init, "systemd as process 1", timeout=self.boot_seconds)
        wait_until(lambda: self.execute("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"),
                   "the end of the boot", timeout=self.boot_seconds, interval=0.2)
        return self

    def switch_off(self):
        """As if the plug were pulled. What is on its disk stays for the next boot."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # `unshare` takes process 1 along, and that one all others.
        self._process.wait()
        self._process.stdout.close()
        self._process = None
        wait_until(self._remove_cgroups, "the end of all that ran in the machine")

    def execute(self, *command, check=True, timeout=60):
        return run("nsenter", "--target", str(self._init), "--mount", "--pid", "--cgroup", "--uts", "--ipc", "--net", "--root", "--wd",
                   *command, check=check, timeout=timeout)

    def path(self, name):
        """A file of the machine's, to be read and written from here."""
        return pathlib.Path(f"/proc/{self._init}/root") / name.lstrip("/")

    def show(self, unit, name):
        return self.execute("systemctl", "show", "--property", name, "--value", unit).stdout.strip()

    def state(self, unit):
        return self.show(unit, "ActiveState")

    def journal(self, unit):
        return self.execute("journalctl", "--no-pager", "--output", "cat", "--unit", unit).stdout

    def outside_pid(self, pid):
        """What a process of the machine's is called outside."""
        namespace = os.readlink(f"/proc/{self._init}/ns/pid")
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(process / "ns" / "pid") != namespace:
                    continue
                [names] = [line.split()[1:] for line in (process / "status").read_text().splitlines() if line.startswith("NSpid:")]
                if names[-1] == str(pid):
                    return int(process.name)
        raise AssertionError(f"the machine has no process {pid}")

    def _start(self, *command, cgroup=None):
        """In the network namespace, and in a cgroup, which has to be entered before: in there other ones are seen."""
        enter = ("sh", "-c", f'echo $$ >{cgroup}/cgroup.procs; exec "$@"', "sh") if cgroup else ()
        return subprocess.Popen([*enter, *self._topology.command(self._namespace, *command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def _find_init(self):
        """The one that is called 1 in there, once it is systemd."""
        assert self._process.poll() is None, f"the machine does not boot: {self._process.stdout.read()}"
        for line in _processes_in(self._cgroup):
            with contextlib.suppress(OSError):
                status = pathlib.Path(f"/proc/{line}/status").read_text()
                if "\nNSpid:" in status and status.split("\nNSpid:")[1].split("\n")[0].split()[-1] == "1" and \
                        pathlib.Path(f"/proc/{line}/comm").read_text().strip() == "systemd":
                    return int(line)
        return None

    def _remove_cgroups(self):
        folders = sorted(self._cgroup.rglob("*"), key=lambda path: len(path.parts), reverse=True)
        try:
            for folder in (path for path in folders if path.is_dir()):
                folder.rmdir()
            self._cgroup.rmdir()
        except OSError:
            return False
        return True


def _processes_in(cgroup):
    return [pid for file in cgroup.rglob("cgroup.procs") for pid in file.read_text().split()]


def _cgroup_mount():
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return pathlib.Path(where)
    raise AssertionError("no cgroup2 hierarchy is mounted")
