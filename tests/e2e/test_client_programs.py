"""Programs that people have ask dotline, in every way that each of them can: kdig, curl, dnsperf, glibc, systemd-resolved, Chromium."""

import base64
import contextlib
import copy
import dataclasses
import http.server
import json
import ssl
import struct
import threading

import pytest

from rig.browser import CHROMIUM, Browser
from rig.capture import Capture
from rig.client import query
from rig.forwarder import Dotline, backend, configuration
from rig.namespaces import CLIENT, FORWARDER, FORWARDER6, inside, run
from rig.own_etc import stub_resolver
from rig.resolved import STUB, Resolved
from rig.waiting import wait_until

NAME = "dns.example"  # What dotline's own certificate is for, beside its addresses.
WWW, WWW6 = "192.0.2.1", "2001:db8::1"
MANY = 100  # Addresses of one name: more than fits into UDP.
RECORDS = f"page 300 IN A {CLIENT}\nbrowsed 300 IN A {CLIENT}\n" + "".join(
    f"many 300 IN A 10.0.0.{number + 1}\n" for number in range(MANY))
PAGE = b"<!DOCTYPE html><title>t</title><p id=p>This is the page.</p>"
PAGE_PORT = 8080


@dataclasses.dataclass
class Served:
    rig: object
    dotline: Dotline
    settings: dict

    @property
    def authority(self):
        return str(self.rig.authority.certificate)

    def queries(self, transport):
        return self.dotline.metrics().value("dotline_queries_total", transport=transport)

    @contextlib.contextmanager
    def asked_over(self, transport, others=()):
        """What happens inside asks over `transport`, and over nothing else but `others`."""
        transports = ("udp", "tcp", "dot", "doh")
        before = {name: self.queries(name) for name in transports}
        yield
        asked = {name for name in transports if self.queries(name) > before[name]}
        assert transport in asked and asked <= {transport, *others}, f"asked over {asked or 'nothing'}"

    def execute(self, *command, **options):
        return self.rig.topology.execute(self.rig.topology.client, *command, **options)


@pytest.fixture(scope="module")
def served(rig):
    own = rig.authority.issue("front", names=[NAME], addresses=[FORWARDER, FORWARDER6])

    def encrypted(address, protocol):
        return {"address": address, "protocol": protocol,
                "tls": {"certificates": [{"certificate": str(own.certificate), "key": str(own.key)}]}}

    binds = [bind for address in (FORWARDER, f"[{FORWARDER6}]") for bind in (
        {"address": f"{address}:53"}, encrypted(f"{address}:853", "DoT"), encrypted(f"{address}:443", "DoH"))]
    with rig.unbound(records=RECORDS) as resolver:
        settings = configuration([backend(resolver, rig.authority)], binds=binds)
        with rig.dotline(settings) as dotline:
            yield Served(rig, dotline, settings)


# --- kdig --------------------------------------------------------------------------------------------------------------

KDIG = {
    "udp": ("udp", ()),
    "udp_cookie": ("udp", ("+cookie",)),
    "tcp": ("tcp", ("+tcp",)),
    "tcp_cookie": ("tcp", ("+tcp", "+cookie")),
    "tls": ("dot", ("+tls-ca={authority}", f"+tls-hostname={NAME}")),
    "tls_padded": ("dot", ("+tls-ca={authority}", f"+tls-hostname={NAME}", "+padding", "+dnssec")),
    "tls_cookie": ("dot", ("+tls-ca={authority}", f"+tls-hostname={NAME}", "+cookie")),
    "https_post": ("doh", ("+https", "+tls-ca={authority}", f"+tls-hostname={NAME}")),
    "https_get": ("doh", ("+https-get", "+tls-ca={authority}", f"+tls-hostname={NAME}")),
    "https_cookie": ("doh", ("+https", "+tls-ca={authority}", f"+tls-hostname={NAME}", "+cookie")),
    "https_padded": ("doh", ("+https", "+tls-ca={authority}", f"+tls-hostname={NAME}", "+padding", "+dnssec")),
}


@pytest.mark.parametrize("server", [FORWARDER, FORWARDER6], ids=["v4", "v6"])
@pytest.mark.parametrize("way", KDIG)
def test_kdig(served, way, server):
    transport, options = KDIG[way]
    with served.asked_over(transport):
        printed = served.rig.client.kdig(*(option.format(authority=served.authority) for option in options), "www.example", "A",
                                         server=server)
    assert "status: NOERROR" in printed and WWW in printed, printed
    # Whose question is padded gets a padded answer (RFC 8467).
    assert "padded" not in way or "Received 468 B" in printed, printed


@pytest.mark.parametrize("way", ["tcp", "tls", "https_post", "https_get"])
def test_kdig_gets_a_large_answer_whole(served, way):
    options = (option.format(authority=served.authority) for option in KDIG[way][1])
    printed = served.rig.client.kdig(*options, "many.example", "A")
    assert printed.count("10.0.0.") == MANY and " tc" not in printed, printed


def test_kdig_goes_to_tcp_when_udp_is_too_small(served):
    with served.asked_over("tcp", others=["udp"]):
        printed = served.rig.client.kdig("many.example", "A")
    assert printed.count("10.0.0.") == MANY, printed


# --- curl --------------------------------------------------------------------------------------------------------------

QUERY = query("www.example", identity=0).to_wire()
URL = f"https://{NAME}/dns-query"
ENCODED = base64.urlsafe_b64encode(QUERY).rstrip(b"=").decode()
TYPED = ("-H", "content-type: application/dns-message")
POSTED = (*TYPED, "--data-binary", "@{query}")

CURL = {  # Arguments, and what is answered: HTTP version and status.
    "post": ((*POSTED, URL), "2 200"),
    "get": ((f"{URL}?dns={ENCODED}",), "2 200"),
    "get_that_names_a_type": (("-H", "accept: application/dns-message", f"{URL}?dns={ENCODED}"), "2 200"),
    "get_by_address": ((f"https://{FORWARDER}/dns-query?dns={ENCODED}",), "2 200"),
    "without_query": ((URL,), "2 400"),
    "padded_base64": ((f"{URL}?dns={ENCODED}=",), "2 400"),
    "answer_for_a_query": ((*TYPED, "--data-binary", "@{answer}", URL), "2 400"),
    "another_path": ((*POSTED, f"https://{NAME}/"), "2 404"),
    "another_method": (("-X", "PUT", *POSTED, URL), "2 405"),
    "head": (("--head", f"{URL}?dns={ENCODED}"), "2 405"),
    "too_long_a_query": ((*TYPED, "--data-binary", "@{long}", URL), "2 413"),
    "too_long_a_parameter": ((f"{URL}?dns={'A' * 6000}",), "2 414"),
    "another_type": (("-H", "content-type: text/plain", "--data-binary", "@{query}", URL), "2 415"),
    "too_long_a_header": (("-H", f"x: {'x' * 20000}", f"{URL}?dns={ENCODED}"), "2 431"),
    "http_1_without_asking": (("--http1.1", "--no-alpn", f"{URL}?dns={ENCODED}"), "1.1 505"),
}


def curl(served, *arguments):
    """What became of it: exit code, then what curl was told to write of the response; its content is in a file."""
    return served.execute("curl", "-s", "--max-time", "30", "--cacert", served.authority, "--resolve", f"{NAME}:443:{FORWARDER}",
                          "-o", str(content_file(served)), *arguments, check=False)


def content_file(served):
    return served.rig.topology.directory / "content"


def messages(served):
    """Files for curl to send."""
    answer = query("www.example")
    answer.flags |= 0x8000
    contents = {"query": QUERY, "answer": answer.to_wire(), "long": bytes(5000)}
    files = {}
    for name, octets in contents.items():
        files[name] = served.rig.topology.directory / f"{name}.message"
        files[name].write_bytes(octets)
    return files


@pytest.mark.parametrize("way", CURL)
def test_curl_by_hand(served, way):
    arguments, answered = CURL[way]
    files = messages(served)
    result = curl(served, "--http2", "-w", "%{http_version} %{http_code}", *(text.format(**files) for text in arguments))
    assert (result.returncode, result.stdout) == (0, answered)


def test_curl_is_told_how_long_an_answer_lasts(served):
    result = curl(served, "-w", "%header{content-type} %header{cache-control}", f"{URL}?dns={ENCODED}")
    media_type, _, life = result.stdout.partition(" ")
    assert media_type == "application/dns-message"
    assert 0 < int(life.removeprefix("max-age=")) <= 300
    asked = served.rig.client.ask(query("www.example"))
    content = content_file(served).read_bytes()
    assert content[:2] == b"\0\0" and len(content) == len(asked.to_wire())


def test_curl_that_only_speaks_http_1_is_refused_by_tls(served):
    assert curl(served, "--http1.1", f"{URL}?dns={ENCODED}").returncode == 35


@pytest.mark.parametrize(("reason", "arguments"), [("http_1", ("--http1.1", "--no-alpn")), ("http_1_alpn", ("--http1.1",))])
def test_clients_that_only_speak_http_1_are_counted_and_told_of(served, reason, arguments):
    def seen():
        metrics = served.dotline.metrics()
        return [metrics.value("dotline_client_connections_closed_total", reason=name)
                for name in (reason, "malformed", "tls_failed")]
    counted, *others = seen()
    curl(served, *arguments, f"{URL}?dns={ENCODED}")
    wait_until(lambda: seen() == [counted + 1, *others], "it is counted, and as nothing else")
    wait_until(lambda: "whose client speaks HTTP/1.1: DNS over HTTPS needs HTTP/2" in served.dotline.log(), "it is said")


def test_curl_resolves_with_doh(served):
    with page_server(served), served.asked_over("doh"):
        result = curl(served, "--doh-url", f"https://{FORWARDER}/dns-query", f"http://page.example:{PAGE_PORT}/")
    assert result.returncode == 0
    assert content_file(served).read_bytes() == PAGE


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def page_server(served):
    """Where the names of RECORDS lead to, on the client's own machine."""
    with inside(served.rig.topology.client):
        server = http.server.ThreadingHTTPServer((CLIENT, PAGE_PORT), _Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(20)


# --- dnsperf -----------------------------------------------------------------------------------------------------------

DNSPERF = {
    "udp": ("udp", ("-m", "udp")),
    "tcp": ("tcp", ("-m", "tcp")),
    "tcp_many_connections": ("tcp", ("-m", "tcp", "-O", "num-queries-per-conn=10")),
    "dot": ("dot", ("-m", "dot")),
    "doh_get": ("doh", ("-m", "doh", "-O", "doh-method=GET", "-O", f"doh-uri=https://{FORWARDER}/dns-query")),
    "doh_post": ("doh", ("-m", "doh", "-O", "doh-method=POST", "-O", f"doh-uri=https://{FORWARDER}/dns-query")),
}


@pytest.mark.parametrize("way", DNSPERF)
def test_dnsperf_loses_nothing(served, way):
    """Half of the names are new each time, half are in the cache."""
    questions = served.rig.topology.directory / "questions"
    questions.write_text("".join(f"{way.replace('_', '-')}-{number}.bulk.example A\nwww.example AAAA\n" for number in range(1000)))
    transport, options = DNSPERF[way]
    with served.asked_over(transport):
        load = served.rig.client.dnsperf(questions, seconds=60, clients=5, options=(*options, "-n", "1"))
    assert (load.sent, load.lost, load.response_codes) == (2000, 0, {"NOERROR": 2000}), load.output


# --- glibc -------------------------------------------------------------------------------------------------------------

GLIBC = {  # Options of resolv.conf, and how it asks then.
    "as_it_comes": ("", "udp"),
    "edns": ("edns0", "udp"),
    "trusted": ("edns0 trust-ad", "udp"),
    "one_by_one": ("single-request-reopen", "udp"),
    "over_tcp": ("use-vc", "tcp"),
    "over_tcp_with_edns": ("use-vc edns0 trust-ad", "tcp"),
}


def addresses(served, etc, name):
    """What getaddrinfo() gives to a program."""
    command = etc.command(served.rig.topology.client, "getent", "ahosts", name)
    return {line.split()[0] for line in run(*command).stdout.splitlines()}


@pytest.mark.parametrize("server", [FORWARDER, FORWARDER6], ids=["v4", "v6"])
@pytest.mark.parametrize("way", GLIBC)
def test_getaddrinfo(served, way, server):
    options, transport = GLIBC[way]
    etc = stub_resolver(served.rig.topology, f"{way}-{server.replace(':', '.')}", server, options)
    with served.asked_over(transport):
        assert addresses(served, etc, "www.example") == {WWW, WWW6}


def test_getaddrinfo_goes_to_tcp_when_udp_is_too_small(served):
    etc = stub_resolver(served.rig.topology, "many", FORWARDER)
    with served.asked_over("tcp", others=["udp"]):
        assert len(addresses(served, etc, "many.example")) == MANY


# --- systemd-resolved --------------------------------------------------------------------------------------------------

def test_systemd_resolved_asks_over_tls_only(served):
    etc = stub_resolver(served.rig.topology, "behind-resolved", STUB, "edns0 trust-ad")
    with Resolved(served.rig.topology, FORWARDER, NAME, served.rig.authority) as resolved, served.asked_over("dot"):
        assert addresses(served, etc, "www.example") == {WWW, WWW6}, resolved.log()
        assert len(addresses(served, etc, "many.example")) == MANY, resolved.log()


# --- Chromium ----------------------------------------------------------------------------------------------------------

def browser_settings(served):
    """What an operator rolls out to his users' browsers. The only name server that glibc knows there answers nobody."""
    etc = stub_resolver(served.rig.topology, "browser", "198.18.1.254")
    pem = served.rig.authority.certificate.read_text()
    etc.write("chromium/policies/managed/doh.json", json.dumps({
        "DnsOverHttpsMode": "secure", "DnsOverHttpsTemplates": f"https://{FORWARDER}/dns-query{{?dns}}",
        "CACertificates": ["".join(pem.split("-----")[2].split())]}))
    return etc


def test_chromium_resolves_over_https_only(served):
    topology = served.rig.topology
    capture = Capture(topology, namespace=topology.client, interface="eth0", secret=b"browsed", ports={443: 0x16})
    try:
        with (page_server(served), served.asked_over("doh"),
              Browser(topology, topology.client, program=CHROMIUM, etc=browser_settings(served)) as browser):
            # It reads its policies while it starts.
            wait_until(lambda: browser.can_open(f"http://browsed.example:{PAGE_PORT}/"), "the page", timeout=60)
            wait_until(lambda: browser.text("#p") == "This is the page.", "what the page says", timeout=60)
    finally:
        capture.stop()
    assert capture.traffic().leaks == []


# --- what no program does ----------------------------------------------------------------------------------------------

def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


_HEADERS, _RESET, _SETTINGS, _PING, _WINDOW_UPDATE = 1, 3, 4, 6, 8
_POST_TO_ROOT = b"\x83\x84\x87"  # Entries of HPACK's static table.

FLOODS = {
    "resets_all_it_asks": [frame(_HEADERS, 4, stream, _POST_TO_ROOT) + frame(_RESET, 0, stream, bytes(4))
                           for stream in range(1, 4001, 2)],
    "asks_for_what_is_not_there": [frame(_HEADERS, 5, stream, _POST_TO_ROOT) for stream in range(1, 4001, 2)],
    "makes_us_reset": [frame(_HEADERS, 4, stream, _POST_TO_ROOT) + frame(_WINDOW_UPDATE, 0, stream, b"\x7f\xff\xff\xff")
                       for stream in range(1, 4001, 2)],
    "pings": [frame(_PING, 0, 0, bytes(8))] * 100000,
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_on_http_2_ends_its_connection_only(served, flood):
    def closed():
        return served.dotline.metrics().value("dotline_client_connections_closed_total", reason="abusive")

    before = closed()
    context = ssl.create_default_context(cafile=served.authority)
    context.set_alpn_protocols(["h2"])
    with context.wrap_socket(served.rig.client.connected(FORWARDER, 443), server_hostname=NAME) as connection:
        with contextlib.suppress(OSError):  # It is closed in the middle.
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(_SETTINGS, 0, 0))
            for octets in FLOODS[flood]:
                connection.sendall(octets)
    wait_until(lambda: closed() == before + 1, "the end of the connection")
    assert curl(served, "-w", "%{http_code}", f"{URL}?dns={ENCODED}").stdout == "200"


def test_a_reload_changes_paths(served):
    settings = copy.deepcopy(served.settings)
    for bind in settings["binds"]:
        if bind.get("protocol") == "DoH":
            bind["doh"] = {"paths": ["/elsewhere"]}
    served.dotline.configure(settings)
    assert served.dotline.command("reload").returncode == 0
    assert curl(served, "-w", "%{http_code}", f"https://{NAME}/elsewhere?dns={ENCODED}").stdout == "200"
    assert curl(served, "-w", "%{http_code}", f"{URL}?dns={ENCODED}").stdout == "404"
    served.dotline.configure(served.settings)
    assert served.dotline.command("reload").returncode == 0
    assert curl(served, "-w", "%{http_code}", f"{URL}?dns={ENCODED}").stdout == "200"
