"""Zones with all that a name server can say, one of them signed, one whose signatures do not hold, and the resolver before them.

knotd serves and signs them on a loopback address of the resolver's namespace; an unbound asks it, validates, and answers over
DNS over TLS and, for whoever wants to know what it says itself, over plain DNS.
"""

import subprocess

from rig.namespaces import RESOLVER
from rig.resolver import Unbound
from rig.waiting import wait_until

PLAIN, SIGNED, BOGUS = "plain.example.", "signed.example.", "bogus.example."
HOSTS = 200
CHAIN = 9  # Aliases in a row.
TEXT_SIZES = {"small": 1, "medium": 5, "large": 30, "huge": 150}  # Records of 200 octets.
_KNOT_PORT = 5300
_LIFE = 86400  # Nothing expires in a test, so that ages can be compared.


def _records(zone):
    """A zone's text. Where the two zones differ, it is in the signatures."""
    yield f"$ORIGIN {zone}"
    yield f"$TTL {_LIFE}"
    yield f"@ SOA ns admin 1 3600 600 864000 {_LIFE}"
    yield "@ NS ns"
    yield "@ MX 10 host0"
    yield "ns A 198.18.2.53"
    for number in range(HOSTS):
        yield f"host{number} A 192.0.2.{number % 250 + 1}"
        if number % 2:
            yield f"host{number} AAAA 2001:db8::{number:x}"
    for number in range(CHAIN):
        yield f"alias{number} CNAME {f'alias{number + 1}' if number + 1 < CHAIN else 'host1'}"
    yield "dangling CNAME nowhere"
    yield f"abroad CNAME host2.{SIGNED if zone == PLAIN else PLAIN}"
    yield "*.wild A 192.0.2.251"
    yield "*.wild TXT \"wild\""
    yield "*.tame CNAME host3"
    yield "deep.empty A 192.0.2.252"
    yield f"tree DNAME branch.{zone}"
    yield "leaf.branch A 192.0.2.253"
    yield "_sip._udp SRV 10 20 5060 host4"
    yield "www HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1"
    yield "@ CAA 0 issue \"ca.example\""
    yield "_853._tcp.host0 TLSA 3 1 1 " + "ab" * 32
    yield "unknown TYPE65280 \\# 4 01020304"
    yield "many A 192.0.2.1"
    yield "many A 192.0.2.2"
    yield "many A 192.0.2.3"
    yield "a\\.dot A 192.0.2.4"
    yield "\\000\\255 A 192.0.2.5"
    yield f"{'x' * 63}.{'y' * 63}.{'z' * 40} A 192.0.2.6"
    for name, count in TEXT_SIZES.items():
        for number in range(count):
            yield f'{name} TXT "{number:03}{name[0] * 197}"'


_KNOT = """\
server:
  rundir: "{directory}"
  listen: 127.0.0.1@{port}
database:
  storage: "{directory}/knot"
policy:
  - id: one
    algorithm: ECDSAP256SHA256
    single-type-signing: on
    dnskey-ttl: {life}
template:
  - id: default
    storage: "{directory}"
    zonefile-sync: -1
    zonefile-load: whole
zone:
  - domain: {plain}
  - domain: {signed}
    dnssec-signing: on
    dnssec-policy: one
  - domain: {bogus}
    dnssec-signing: on
    dnssec-policy: one
"""

_UNBOUND = """\
server:
  directory: "{directory}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: "{log}"
  do-daemonize: no
  num-threads: 1
  interface: {address}@853
  interface: {address}@53
  access-control: 0.0.0.0/0 allow
  tls-port: 853
  tls-service-pem: "{certificate}"
  tls-service-key: "{key}"
  incoming-num-tcp: 200
  module-config: "validator iterator"
  ede: yes
  do-not-query-localhost: no
  qname-minimisation: no
  aggressive-nsec: no
  rrset-roundrobin: no
  unwanted-reply-threshold: 0
  domain-insecure: "{plain}"
  trust-anchor: "{anchor}"
  trust-anchor: "{wrong_anchor}"
  local-zone: "a.root-servers.net." static
  local-data: "a.root-servers.net. 600 IN A 198.41.0.4"
remote-control:
  control-enable: yes
  control-interface: "{control}"
  control-use-cert: no
"""


class Knot:
    def __init__(self, topology):
        self._topology = topology
        directory = topology.directory
        (directory / "knot").mkdir()
        for zone in (PLAIN, SIGNED, BOGUS):
            (directory / f"{zone}zone").write_text("\n".join(_records(zone)) + "\n")
        self._settings = directory / "knot.conf"
        self._settings.write_text(_KNOT.format(directory=directory, port=_KNOT_PORT, life=_LIFE, plain=PLAIN, signed=SIGNED,
                                               bogus=BOGUS))
        self._process = None

    def __enter__(self):
        with open(self._topology.directory / "knot.log", "w") as log:
            self._process = subprocess.Popen(
                self._topology.command(self._topology.resolver, "knotd", "-c", str(self._settings)),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        wait_until(lambda: all(self._key_of(zone) for zone in (SIGNED, BOGUS)), "knotd serving signed zones")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(20)

    def anchor(self, zone):
        """The zone's key, as a resolver is told whom to trust."""
        return f"{zone} DNSKEY {self._key_of(zone)}"

    def _key_of(self, zone):
        return self._topology.execute(self._topology.resolver, "kdig", "@127.0.0.1", "-p", str(_KNOT_PORT), "+short", "+retry=0",
                                      "+time=1", zone, "DNSKEY", check=False).stdout.strip()


class ValidatingUnbound(Unbound):
    """Before `knot`. What it trusts for BOGUS is the other zone's key."""

    def __init__(self, topology, certificate, knot):
        super().__init__(topology, certificate, address6=None, label="validating")
        stubs = "".join(f'stub-zone:\n  name: "{zone}"\n  stub-addr: 127.0.0.1@{_KNOT_PORT}\n'
                        for zone in (PLAIN, SIGNED, BOGUS))
        self._settings.write_text(_UNBOUND.format(
            directory=topology.directory, log=self._log, address=RESOLVER, certificate=certificate.certificate,
            key=certificate.key, plain=PLAIN, anchor=knot.anchor(SIGNED),
            wrong_anchor=knot.anchor(SIGNED).replace(SIGNED, BOGUS, 1), control=topology.directory / "validating.control") + stubs)
