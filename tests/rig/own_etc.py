"""A client's own /etc: this machine's with other files laid over it, for the processes that are started with it only."""

import shlex


class OwnEtc:
    def __init__(self, topology, label):
        self._topology = topology
        self._directory = topology.directory / f"etc-{label}"
        self._directory.mkdir()

    def write(self, path, content):
        """`path` below /etc. Before the processes that read it are started. Gives the absolute path that they see."""
        file = self._directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        return f"/etc/{path}"

    def command(self, namespace, *command, before="true"):
        """`command` as a process of `namespace`, which has mounts of its own there; `before` may make further ones."""
        script = f"mount -t overlay overlay -o lowerdir={self._directory}:/etc /etc && {before} && exec {shlex.join(command)}"
        return self._topology.command(namespace, "sh", "-c", script)


def stub_resolver(topology, label, server, options=""):
    """An /etc for glibc: `server` is the only name server, and nothing else knows names."""
    etc = OwnEtc(topology, label)
    etc.write("resolv.conf", f"nameserver {server}\n" + (f"options {options}\n" if options else ""))
    etc.write("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    etc.write("hosts", "127.0.0.1 localhost\n")
    etc.write("gai.conf", "")
    return etc
