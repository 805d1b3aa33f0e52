"""Control groups of the tests' own, for limits that a process meets when it touches memory."""

import contextlib
import os
import pathlib
import subprocess
import tempfile


class Cgroup:
    """A folder of a controller's. `under` is a command that runs the command which follows it in there."""

    def __init__(self, folder):
        self.folder = folder
        self.under = ("sh", "-c", f'echo $$ > {folder}/cgroup.procs && exec "$0" "$@"')

    def write(self, file, value):
        (self.folder / file).write_text(f"{value}\n")

    def read(self, file):
        return int((self.folder / file).read_text())


@contextlib.contextmanager
def _folder_in(parent):
    folder = pathlib.Path(parent) / f"dotline-test-{os.getpid()}"
    folder.mkdir()
    try:
        yield Cgroup(folder)
    finally:
        folder.rmdir()


@contextlib.contextmanager
def _mounted(controller):
    """The top of a controller's hierarchy of version 1, at a place that `ip netns exec` does not hide, as it does all below /sys."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["mount", "-t", "cgroup", "-o", controller, "none", place], check=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", place], check=True)


@contextlib.contextmanager
def hugepage_limit(octets):
    """What a container may have of the machine's hugepages of 2 MB."""
    with _mounted("hugetlb") as top, _folder_in(top) as cgroup:
        cgroup.write("hugetlb.2MB.limit_in_bytes", octets)
        yield cgroup


@contextlib.contextmanager
def memory_cgroup():
    """Without a limit at first."""
    with _mounted("memory") as top, _folder_in(top) as cgroup:
        yield cgroup


@contextlib.contextmanager
def hugepages(number):
    """So many more free hugepages of 2 MB."""
    setting = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
    before = int(setting.read_text())
    setting.write_text(str(before + number))
    assert int(setting.read_text()) == before + number, "no memory for hugepages"
    try:
        yield
    finally:
        setting.write_text(str(before))
