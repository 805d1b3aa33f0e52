"""Gives a benchmark's own processes the CPU whenever they want it.

A poll core that loses its CPU for one slice of the scheduler's, 3 ms or more, finds a full ring when it comes back: XDP's sockets hold 2,048
frames and a veth 256, which is 1 ms and less at the rates measured here. So what else the machine does would be measured instead of the
servers. On a server of its own the poll cores are isolated; here a process's scheduling group gets as much weight as there is. All
contenders, and the generator, get the same.
"""

import contextlib
import os
import pathlib
import subprocess


def prefer(pid):
    """`pid` leads a session of its own, which the kernel schedules as a group. A kernel without such groups goes on as it is."""
    with contextlib.suppress(FileNotFoundError):
        pathlib.Path(f"/proc/{pid}/autogroup").write_text("-20")


def make_real_time(pid, thread=None):
    """For latencies: whoever is woken runs at once, whatever else the machine does. All threads of `pid`, or those of one name; not for
    one that never sleeps."""
    for task in os.listdir(f"/proc/{pid}/task"):
        if thread in (None, pathlib.Path(f"/proc/{pid}/task/{task}/comm").read_text().strip()):
            os.sched_setscheduler(int(task), os.SCHED_FIFO, os.sched_param(1))


def output_of(command, *, timeout, urgent=True):
    """Runs a command to its end, or until the timeout; gives what it printed, and its exit code."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        if urgent:
            prefer(process.pid)
        output = process.communicate(timeout=timeout)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        output = process.communicate()[0]
    except BaseException:
        process.kill()  # A session of its own does not hear the terminal's Ctrl-C.
        raise
    return output, process.returncode
