"""A virtual machine in the forwarder's place, with a network card that DPDK drives itself.

QEMU emulates everything, processor included, so that it runs wherever the tests run. The machine boots the host's own file
system, read only, and therefore the very program that was built here:

    client ══ cards under test ═╗
                                ╠═ guest ── manage0 ── the forwarder's namespace: commands, metrics
    resolver ────────── back0 ──╝
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import select
import shlex
import signal
import socket
import struct
import subprocess
import sys

from rig.forwarder import Dotline
from rig.guest_kernel import guest_kernel
from rig.namespaces import FORWARDER_BACK, Topology, inside, run
from rig.waiting import wait_until

MANAGED = "198.18.3.2"  # The guest, seen from the forwarder's namespace.
_MANAGER = "198.18.3.1"
_COMMANDS_PORT = 2300
_HUGEPAGES = 200
_NODES = 2  # NUMA nodes: half of the memory, and of the hugepages, and one processor each.
_NODE_MEGABYTES = 768


@dataclasses.dataclass(frozen=True)
class Card:
    """A network card that DPDK has a driver of its own for."""
    name: str  # Also of the client's end of its cable.
    model: str  # As QEMU 7.2 knows it.
    slot: int
    queues: int = 1

    @property
    def address(self):
        return f"0000:00:{self.slot:02x}.0"

    @property
    def mac(self):
        return f"02:00:00:00:00:{self.slot:02x}"


E1000E = Card("e1000e", "e1000e", 0x10)  # DPDK's driver has one queue.
VMXNET3 = Card("vmxnet3", "vmxnet3", 0x11)  # QEMU's puts every frame into the first queue.
VIRTIO = Card("virtio", "virtio-net-pci,disable-legacy=on,iommu_platform=on,mq=on,rss=on,vectors=6", 0x12, queues=2)

# The same as <linux/if_tun.h> has them.
_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_MULTI_QUEUE, _IFF_NO_PI = 0x0002, 0x0100, 0x1000


class Guest:
    """Use as a context: the machine runs inside of it and is switched off at its end.

    It takes the place of both veth pairs of `topology`. Of its cards one at a time has the client on it, see `serve_on`.
    """

    def __init__(self, topology, cards, *, iommu=True):
        self.topology = topology
        self._cards = cards
        self._iommu = iommu
        self._console = topology.directory / "guest.console"
        self._control_path = topology.directory / "guest.control"
        self._process = None

    def __enter__(self):
        kernel = guest_kernel()
        self._write_service()
        with contextlib.ExitStack() as cables:
            networks = [self._plug(cables, self.topology.resolver, "eth0"),
                        self._plug(cables, self.topology.forwarder, "manage0"),
                        *(self._plug(cables, self.topology.client, card.name, card.queues) for card in self._cards)]
            self.topology.give_addresses(self.topology.resolver, "eth0")
            run("ip", "-n", self.topology.forwarder, "address", "add", f"{_MANAGER}/24", "dev", "manage0")
            self._process = self._launch(kernel, networks)
        try:
            self._wait_until_it_listens()
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def console(self):
        """What the kernel and the first process said, and why there is no machine if there is none."""
        return self._console.read_text(errors="replace")

    def execute(self, command, *, check=True, timeout=120):
        """Runs a shell command in the guest to its end; gives what it printed, errors included."""
        with self.connect(_COMMANDS_PORT, timeout) as connection:
            connection.sendall(f"{{ {command}\n}} 2>&1 </dev/null; echo; echo $?; exit\n".encode())
            said = b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")
        output, _, code = said.rstrip("\n").rpartition("\n")
        if check and code != "0":
            raise RuntimeError(f"in the guest: {command}: exit {code}\n{output}")
        return output

    def start(self, command, log):
        """A process of the guest, which looks like a `subprocess.Popen`. It prints into the file `log`."""
        return GuestProcess(self, command, log)

    def connect(self, port, timeout=60):
        with inside(self.topology.forwarder):
            return socket.create_connection((MANAGED, port), timeout=timeout)

    def give(self, card, driver):
        """To a driver of the guest's kernel: vfio-pci, or the one that has the card when the guest comes up."""
        device = f"/sys/bus/pci/devices/{card.address}"
        self.execute(f"if [ -e {device}/driver ]; then echo {card.address} >{device}/driver/unbind; fi; "
                     f"echo {driver} >{device}/driver_override && echo {card.address} >/sys/bus/pci/drivers_probe")

    def connect_client(self, card):
        """Moves the client, with all its addresses, to the cable of this card."""
        for interface in ("eth0", *(other.name for other in self._cards)):
            run("ip", "-n", self.topology.client, "address", "flush", "dev", interface, "scope", "global", check=False)
        self.topology.give_addresses(self.topology.client, card.name)

    def set_link(self, card, state):
        """Plugs the cable in ("up") or out ("down")."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(20)
            control.connect(str(self._control_path))
            answers = control.makefile()
            answers.readline()  # The greeting.
            for command, arguments in (("qmp_capabilities", {}), ("set_link", {"name": card.name, "up": state == "up"})):
                control.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
                while "return" not in (answer := json.loads(answers.readline())):
                    assert "error" not in answer, answer

    def _write_service(self):
        """What the guest does after it has booted: hears commands, each on a connection and a shell of its own."""
        (self.topology.directory / "serve").write_text(
            f"while true; do socat -t 3600 TCP-LISTEN:{_COMMANDS_PORT},bind={MANAGED},fork,reuseaddr EXEC:/bin/sh; done\n")

    def _plug(self, cables, namespace, interface, queues=1):
        """A TAP, in place of what had its name before; gives one file descriptor for each queue."""
        run("ip", "-n", namespace, "link", "delete", interface, check=False)
        flags = _IFF_TAP | _IFF_NO_PI | (_IFF_MULTI_QUEUE if queues > 1 else 0)
        files = []
        with inside(namespace):
            for _ in range(queues):
                files.append(cables.enter_context(open("/dev/net/tun", "r+b", buffering=0)).fileno())
                fcntl.ioctl(files[-1], _TUNSETIFF, struct.pack("16sH22x", interface.encode(), flags))
        run("ip", "-n", namespace, "link", "set", interface, "up")
        return files

    def _launch(self, kernel, networks):
        """QEMU runs in a namespace of the run's, so that a run that was killed can be cleaned up after."""
        with open(self._console, "w") as console:
            return subprocess.Popen(
                self.topology.command(self.topology.forwarder, *self._command(kernel, *networks)),
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT, pass_fds=sum(networks, []),
                start_new_session=True)

    def _command(self, kernel, back, manage, *cables):
        share = self.topology.directory
        settings = {"SHARE": share, "HUGEPAGES": _HUGEPAGES,
                    "MAC_back0": "02:00:00:00:00:02", "ADDRESSES_back0": ",".join(FORWARDER_BACK),
                    "MAC_manage0": "02:00:00:00:00:03", "ADDRESSES_manage0": f"{MANAGED}/24"}
        words = " ".join(f"{name}={value}" for name, value in settings.items())
        # no_timer_check: on a busy host the guest's timer is late, for which its kernel would panic.
        # The address width is that of a server's IOMMU: with less, EAL would not use virtual addresses.
        iommu = ("-device", "intel-iommu,intremap=on,caching-mode=on,aw-bits=48") if self._iommu else ()
        return ("qemu-system-x86_64", "-machine", "q35,kernel-irqchip=split", "-accel", "tcg,thread=multi",
                "-cpu", "max", "-smp", str(_NODES), "-m", f"{_NODES * _NODE_MEGABYTES}M",
                *(word for node in range(_NODES) for word in _node(node)), "-nodefaults", "-display", "none", "-no-reboot",
                "-serial", "stdio", "-qmp", f"unix:{self._control_path},server=on,wait=off", *iommu,
                "-kernel", str(kernel.image), "-initrd", str(kernel.initrd),
                "-append", f"console=ttyS0 quiet intel_iommu=on no_timer_check panic=-1 {words}",
                "-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
                "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
                "-fsdev", f"local,id=share,path={share},security_model=none",
                "-device", "virtio-9p-pci,fsdev=share,mount_tag=share",
                *_network("back", back, "virtio-net-pci", settings["MAC_back0"]),
                *_network("manage", manage, "virtio-net-pci", settings["MAC_manage0"]),
                *(word for card, files in zip(self._cards, cables)
                  for word in _network(card.name, files, f"{card.model},addr={card.slot:x}.0", card.mac)))

    def _wait_until_it_listens(self):
        def listens():
            assert self._process.poll() is None, "the virtual machine ended"
            with contextlib.suppress(OSError), self.connect(_COMMANDS_PORT, timeout=2):
                return True
        try:
            wait_until(listens, "the virtual machine up", timeout=300, interval=0.2)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.console()}") from None


def _node(number):
    """A NUMA node with the processor of the same number."""
    return ("-object", f"memory-backend-ram,id=node{number},size={_NODE_MEGABYTES}M",
            "-numa", f"node,nodeid={number},cpus={number},memdev=node{number}")


def _network(name, files, model, mac):
    """A card of QEMU's and the TAP that is its cable."""
    return ("-netdev", f"tap,id={name}-cable,fds={':'.join(map(str, files))}",
            "-device", f"{model},id={name},netdev={name}-cable,mac={mac}")


class GuestProcess:
    def __init__(self, guest, command, log):
        self._guest = guest
        self._connection = guest.connect(_COMMANDS_PORT)
        self._answers = self._connection.makefile()
        self._connection.sendall(
            f"{shlex.join(command)} >{shlex.quote(str(log))} 2>&1 </dev/null & echo $!; wait $!; echo $?; exit\n".encode())
        self.pid = int(self._answers.readline())
        self.returncode = None

    def poll(self):
        return self._ended_within(0)

    def wait(self, timeout=None):
        if self._ended_within(timeout) is None:
            raise subprocess.TimeoutExpired("a process of the guest", timeout)
        return self.returncode

    def send_signal(self, number):
        self._guest.execute(f"kill -{int(number)} {self.pid}")

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def _ended_within(self, seconds):
        if self.returncode is None and select.select([self._connection], [], [], seconds)[0]:
            self.returncode = int(self._answers.readline())
            self._connection.close()
        return self.returncode


class GuestDotline(Dotline):
    """dotline in the guest."""

    start_seconds = 240  # It takes four, and ten times that while a benchmark has both of a machine's CPUs.
    end_seconds = 120

    def __init__(self, guest, settings, **options):
        super().__init__(guest.topology, settings, **options)
        self._guest = guest

    def configure(self, settings):
        self.socket = pathlib.Path("/run/dotline.sock")  # The guest's own: the folder that it shares holds no sockets.
        super().configure(settings)

    def _spawn(self, *command):
        self._log.write_text("")  # The guest's shell does that too, but later: what an earlier dotline said is not this one's.
        sanitizers = (f"{name}={value}" for name, value in os.environ.items() if name.endswith("SAN_OPTIONS"))
        return self._guest.start(("env", *sanitizers, *command), self._log)

    def _connect(self):
        return self._guest.connect(self._metrics_address[1])

    def open_files(self):
        return int(self._guest.execute(f"ls /proc/{self.pid}/fd | wc -l"))


def main():
    """A look inside: boots a guest, and runs in it what comes on standard input, line by line."""
    topology = Topology()
    try:
        with Guest(topology, (E1000E, VMXNET3, VIRTIO)) as guest:
            print(f"The guest is up; it shares {topology.directory} with this machine. An end of file ends it.", flush=True)
            for line in sys.stdin:
                print(guest.execute(line.strip() or "true", check=False), flush=True)
    finally:
        topology.remove()


if __name__ == "__main__":
    main()
