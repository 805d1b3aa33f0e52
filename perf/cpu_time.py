"""How much CPU a process has used, thread by thread, as the scheduler counts it (in nanoseconds, where times(2) has hundredths)."""

import collections
import os
import pathlib


def of(pid):
    """{thread's name: seconds}; threads of one name are added up."""
    seconds = collections.Counter()
    for task in os.listdir(f"/proc/{pid}/task"):
        folder = pathlib.Path(f"/proc/{pid}/task/{task}")
        seconds[(folder / "comm").read_text().strip()] += int((folder / "schedstat").read_text().split()[0]) / 1e9
    return seconds


class Meter:
    """What a process uses from its making on."""

    def __init__(self, pid):
        self._pid = pid
        self._before = of(pid)

    def used(self):
        after = of(self._pid)
        return {thread: after[thread] - self._before[thread] for thread in after}

    def total(self):
        return sum(self.used().values())
