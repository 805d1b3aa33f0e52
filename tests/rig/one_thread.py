"""Stops one thread of a process and lets the others run, which no signal can do. ptrace(2) with PTRACE_SEIZE."""

import ctypes
import os
import pathlib

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WAIT_FOR_ANY_KIND = 0x40000000  # __WALL: threads are not children.
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def named_threads(pid, name):
    """The ids of the threads of `pid` whose name has `name` in it, in the order of their names."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    names = sorted(((task / "comm").read_text().strip(), int(task.name)) for task in tasks)
    return [thread for comm, thread in names if name in comm]


class Stopped:
    """As a context, entered and left by the same thread: `thread` does not run in between, but to its end if somebody kills it."""

    def __init__(self, thread):
        self._thread = thread

    def __enter__(self):
        _ptrace(_SEIZE, self._thread)
        _ptrace(_INTERRUPT, self._thread)
        os.waitpid(self._thread, _WAIT_FOR_ANY_KIND)
        return self

    def __exit__(self, *_):
        try:
            _ptrace(_DETACH, self._thread)
        except ProcessLookupError:
            os.waitpid(self._thread, _WAIT_FOR_ANY_KIND)  # It is dead, and its process is not gone before we have heard of it.


def _ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace of thread {thread}")
