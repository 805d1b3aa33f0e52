"""A real resolver for dotline to ask: unbound, answering DNS over TLS and HTTPS from a zone of its own."""

import collections
import subprocess

from rig.certificates import RESOLVER_NAME
from rig.namespaces import RESOLVER, RESOLVER6, run
from rig.waiting import wait_until

LARGE_TEXTS = 12  # Strings of 200 octets: the answer does not fit into 1232.

# Names under `example.`: unbound answers some reserved names, such as `test.`, itself.
ZONE = f"""\
$ORIGIN example.
@        600 IN SOA  ns.example. admin.example. 1 3600 600 86400 120
@        600 IN NS   ns.example.
ns       600 IN A    198.18.2.53
www      300 IN A    192.0.2.1
www      300 IN AAAA 2001:db8::1
alias    300 IN CNAME hop.example.
hop      200 IN CNAME www.example.
text     300 IN TXT  "one text" "two texts"
mail     300 IN MX   10 www.example.
medium   300 IN TXT  "{'m' * 250}" "{'n' * 250}" "{'o' * 200}"
brief    2   IN A    192.0.2.2
*.bulk   3600 IN A    192.0.2.3
*.bulk   3600 IN AAAA 2001:db8::3
""" + "".join(f'large 300 IN TXT "{number:03}{"l" * 197}"\n' for number in range(LARGE_TEXTS))

_SETTINGS = """\
server:
  directory: "{directory}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: "{log}"
  log-queries: {log_queries}
  log-time-ascii: no
  do-daemonize: no
  num-threads: 1
  so-reuseport: no
  interface: {address}@853
  interface: {address}@443
{interface6}  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  tls-port: 853
  https-port: 443
  tls-service-pem: "{certificate}"
  tls-service-key: "{key}"
  incoming-num-tcp: 200
  module-config: "iterator"
  local-zone: "a.root-servers.net." static
  local-data: "a.root-servers.net. 600 IN A 198.41.0.4"
  local-zone: "fixed.example." redirect
  local-data: "fixed.example. 3600 IN A 192.0.2.9"
remote-control:
  control-enable: yes
  control-interface: "{control}"
  control-use-cert: no
auth-zone:
  name: "example."
  zonefile: "{zone}"
  for-downstream: yes
  for-upstream: yes
  fallback-enabled: no
"""


class Unbound:
    """`topology.resolver` is where it runs. The certificate decides whom it can convince. `questions` needs `log_queries`.
    `records`: further lines of the zone. `settings`: further clauses of its configuration. `cpu`: the only one it may use."""

    def __init__(self, topology, certificate, *, address=RESOLVER, address6=RESOLVER6, label="unbound", log_queries=True,
                 records="", settings="", cpu=None):
        self.name = RESOLVER_NAME
        self.address = address
        self._topology = topology
        directory = topology.directory
        self._log = directory / f"{label}.log"
        self._settings = directory / f"{label}.conf"
        zone = directory / f"{label}.zone"
        zone.write_text(ZONE + records)
        self._settings.write_text(_SETTINGS.format(
            directory=directory, log=self._log, log_queries="yes" if log_queries else "no", address=address, zone=zone,
            interface6=f"  interface: {address6}@853\n  interface: {address6}@443\n" if address6 else "",
            certificate=certificate.certificate, key=certificate.key, control=directory / f"{label}.control") + settings)
        self._pinned = () if cpu is None else ("taskset", "-c", str(cpu))
        self._process = None

    def start(self):
        self._process = subprocess.Popen(
            self._topology.command(self._topology.resolver, *self._pinned, "unbound", "-d", "-c", str(self._settings)),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        wait_until(self._listens, f"unbound listening\n{self._read_log()}")
        return self

    def stop(self):
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    @property
    def pid(self):
        return self._process.pid

    def kill(self):
        """SIGKILL: no goodbye on any session."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def questions(self):
        """How often each (name, type) was asked so far: {("www.example.", "A"): 2}."""
        counts = collections.Counter()
        for line in self._read_log().splitlines():
            words = line.split()
            if len(words) >= 4 and words[-1] == "IN" and "info:" in words:
                counts[(words[-3].lower(), words[-2])] += 1
        return counts

    def total_queries(self):
        """What unbound itself counts, over all names."""
        answer = run("unbound-control", "-c", str(self._settings), "stats_noreset").stdout
        return int(dict(line.split("=") for line in answer.split()) ["total.num.queries"])

    def _listens(self):
        listening = self._topology.execute(self._topology.resolver, "ss", "-Htln", f"src {self.address}:853")
        return bool(listening.stdout.strip())

    def _read_log(self):
        return self._log.read_text(errors="replace") if self._log.exists() else ""
