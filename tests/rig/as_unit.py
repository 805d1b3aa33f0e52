"""Runs a program with what a systemd unit leaves a service: user, capabilities, system calls, families of sockets, and no memory
that is both writable and executable. systemd itself has to be process 1 for that, which it is not where tests run.

    python3 -m rig.as_unit UNIT PROGRAM ARGUMENT...
"""

import ctypes
import errno
import os
import socket
import subprocess
import sys

import seccomp

NOBODY = 65534
_CAPABILITIES = {"CAP_NET_BIND_SERVICE": 10, "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_IPC_LOCK": 14, "CAP_SYS_ADMIN": 21,
                 "CAP_BPF": 39}
_KEEP_CAPABILITIES, _DROP_FROM_BOUNDING_SET, _NO_NEW_PRIVILEGES, _AMBIENT, _RAISE = 8, 24, 38, 47, 2
_SYS_CAPSET, _CAPABILITY_VERSION_3 = 126, 0x20080522
_WRITE, _EXECUTE = 2, 4
_FAMILIES = {"AF_XDP": 44}  # Python does not know all of them.
_libc = ctypes.CDLL(None, use_errno=True)


def settings_of(unit):
    """The unit's [Service] settings; those given more than once as a list of lists of words."""
    settings = {}
    for line in open(unit):
        name, equals, value = line.strip().partition("=")
        if equals and not line.startswith("#"):
            settings.setdefault(name, []).append(value.split())
    return settings


def groups_of_calls():
    """What systemd calls @system-service and so on: the words in each, groups inside included."""
    listed = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True, text=True, check=True).stdout
    groups, group = {}, None
    for line in listed.splitlines():
        word = line.strip()
        if line.startswith("@"):
            group = groups.setdefault(word, [])
        elif word and not word.startswith("#") and group is not None:
            group.append(word)
    return groups


def calls_in(words, groups):
    calls = set()
    for word in words:
        calls |= calls_in(groups[word], groups) if word.startswith("@") else {word}
    return calls


def allowed_calls(settings):
    groups = groups_of_calls()
    allowed = set()
    for words in settings["SystemCallFilter"]:
        if words[0].startswith("~"):
            allowed -= calls_in([words[0][1:], *words[1:]], groups)
        else:
            allowed |= calls_in(words, groups)
    return allowed | calls_in(["@default"], groups)  # systemd(5): always allowed.


def filter_of(settings):
    made = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for call in sorted(allowed_calls(settings) - {"socket", "mmap", "mprotect", "pkey_mprotect"}):
        if seccomp.resolve_syscall(seccomp.Arch(), call) >= 0:
            made.add_rule(seccomp.ALLOW, call)
    for word in settings["RestrictAddressFamilies"][0]:
        family = _FAMILIES.get(word) or getattr(socket, word)
        made.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, family))
    assert settings["MemoryDenyWriteExecute"] == [["yes"]]
    for protection in (0, _WRITE, _EXECUTE):
        made.add_rule(seccomp.ALLOW, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, _WRITE | _EXECUTE, protection))
    for call in ("mprotect", "pkey_mprotect"):
        made.add_rule(seccomp.ALLOW, call, seccomp.Arg(2, seccomp.MASKED_EQ, _EXECUTE, 0))
    return made


def become_user_with(capabilities):
    numbers = [_CAPABILITIES[name] for name in capabilities]
    for number in range(64):
        if number not in numbers and _libc.prctl(_DROP_FROM_BOUNDING_SET, number, 0, 0, 0) != 0:
            break  # There are no more.
    _must(_libc.prctl(_KEEP_CAPABILITIES, 1, 0, 0, 0))
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    mask = sum(1 << number for number in numbers)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    _must(_libc.syscall(_SYS_CAPSET, (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0),
                        (ctypes.c_uint32 * 6)(low, low, low, high, high, high)))
    for number in numbers:
        _must(_libc.prctl(_AMBIENT, _RAISE, number, 0, 0))
    _must(_libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))


def _must(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def main(unit, *command):
    settings = settings_of(unit)
    made = filter_of(settings)
    [capabilities] = settings["AmbientCapabilities"]
    assert settings["CapabilityBoundingSet"] == [capabilities]
    program = os.open(command[0], os.O_RDONLY)  # Nobody may have no way to where it is, as below /root.
    become_user_with(capabilities)
    made.load()
    os.execve(program, command, os.environ)


if __name__ == "__main__":
    main(*sys.argv[1:])
