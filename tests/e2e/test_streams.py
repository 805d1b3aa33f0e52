"""DNS over TCP and over TLS: pipelined, out of order, cut anywhere; what clients may take of us; certificates and tickets.

One dotline serves nearly all of it; limits are set by reloads. Who does not answer as fast as it could is never judged.
"""

import contextlib
import copy
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from rig.client import Stream, query
from rig.forwarder import BINARY, backend, configuration
from rig.namespaces import FORWARDER, FORWARDER6, OUTSIDER, inside
from rig.scripted_resolver import ADDRESS, answer
from rig.waiting import wait_until

KEEPALIVE, PADDING = 11, 12
NAME = "dns.example"
LARGE = 60_000  # Octets of the answer to TXT.


def behaviour(message):
    """Nothing for what is below silent.example; much for TXT; else what a healthy resolver says."""
    name = message.question[0].name.to_text().lower()
    if name.endswith("silent.example."):
        return None
    if message.question[0].rdtype == dns.rdatatype.TXT:
        response = dns.message.make_response(message, recursion_available=True)
        texts = " ".join(f'"{"x" * 200}"' for _ in range(LARGE // 201))
        response.answer.append(dns.rrset.from_text(message.question[0].name, 300, "IN", "TXT", texts))
        return response.to_wire(max_size=65535)
    return answer(message)


class Served:
    """A dotline that listens for DNS over TLS as well, and what its clients need to know."""

    def __init__(self, rig, resolver):
        self.rig, self.resolver = rig, resolver
        self.certificate = rig.topology.directory / "shown.pem"
        self.key = rig.topology.directory / "shown.key"
        self.show(rig.authority.issue("shown-first", names=[NAME]))
        self.settings = configuration([backend(resolver, rig.authority)])
        for address in (FORWARDER, f"[{FORWARDER6}]:853"):
            pair = {"certificate": str(self.certificate), "key": str(self.key)}
            self.settings["binds"].append({"address": address, "protocol": "DoT", "tls": {"certificates": [pair]}})
        self.tls = ssl.create_default_context(cafile=rig.authority.certificate)
        self.dotline = None

    def show(self, issued):
        shutil.copy(issued.certificate, self.certificate)
        shutil.copy(issued.key, self.key)

    def reload(self, **changes):
        """With these sections changed, until the next reload."""
        self.dotline.configure({**copy.deepcopy(self.settings), **changes})
        return self.dotline.command("reload")

    def limit(self, **tcp):
        done = self.reload(tuning={"tcp": tcp})
        assert done.returncode == 0, done.stderr
        self.settings["tuning"] = {"tcp": tcp}

    def plain(self, **options):
        return self.rig.client.stream(**options)

    def encrypted(self, *, server=FORWARDER, session=None, context=None, **options):
        stream = self.rig.client.stream(server, port=853, **options)
        try:
            stream.connection = (context or self.tls).wrap_socket(stream.connection, server_hostname=NAME, session=session)
        except BaseException:
            stream.connection.close()
            raise
        return stream

    def value(self, name, **labels):
        return self.dotline.metrics().value(f"dotline_{name}", **labels)

    def closed(self, reason):
        return self.value("client_connections_closed_total", reason=reason)

    def awaits(self, what, more_than, **labels):
        wait_until(lambda: self.value(what, **labels) > more_than, f"{what} {labels} above {more_than}")


@pytest.fixture(scope="module")
def served(rig):
    with rig.scripted_resolver(behaviour=behaviour) as resolver:
        served = Served(rig, resolver)
        with rig.dotline(served.settings) as served.dotline:
            yield served


@pytest.fixture(params=["tcp", "dot"])
def connect(request, served):
    """Opens connections of one kind."""
    return served.plain if request.param == "tcp" else served.encrypted


def ask(stream, *messages):
    """All at once; the replies by id."""
    stream.send(*(message.to_wire() for message in messages))
    replies = [dns.message.from_wire(stream.receive()) for _ in messages]
    return {reply.id: reply for reply in replies}


def address_of(reply):
    assert reply.rcode() == dns.rcode.NOERROR, reply
    return reply.answer[0][0].address


def at_end(stream):
    """Whether the other side has ended the connection, be it by a reset."""
    try:
        return stream.receive() is None
    except ConnectionError:
        return True


def end_of(stream, seconds=30):
    stream.connection.settimeout(seconds)
    assert at_end(stream)


# ---------------------------------------------------------------- messages

@pytest.mark.parametrize("server", [FORWARDER, FORWARDER6], ids=["ipv4", "ipv6"])
def test_answers_over_both_families(connect, server):
    with connect(server=server) as stream:
        message = query("Both.eXample")
        reply = ask(stream, message)[message.id]
        assert address_of(reply) == ADDRESS
        assert reply.question[0].name.to_text() == "Both.eXample."
        assert reply.edns == -1


def test_kdig_is_satisfied(served):
    ca = f"+tls-ca={served.rig.authority.certificate}"
    for way in (("+tcp",), ("+tls", ca, f"+tls-hostname={NAME}"), ("+tcp", "+keepopen")):
        assert ADDRESS in served.rig.client.kdig(*way, "kdig.example", "A")


def test_asks_again_over_tcp_what_udp_truncates(served):
    said = served.rig.client.kdig("large.example", "TXT")
    assert "(TCP)" in said.splitlines()[-2] + said.splitlines()[-1]
    assert said.count("x" * 200) == LARGE // 201


def test_replies_leave_when_they_are_ready(connect):
    slow, fast = query("a.silent.example"), query("fast.example")
    with connect() as stream:
        stream.send(slow.to_wire(), fast.to_wire())
        replies = [dns.message.from_wire(stream.receive()) for _ in range(2)]
        assert [reply.id for reply in replies] == [fast.id, slow.id]
        assert [reply.rcode() for reply in replies] == [dns.rcode.NOERROR, dns.rcode.SERVFAIL]


def test_a_question_of_udp_and_tcp_goes_to_the_resolver_once(served):
    served.resolver.delay = 0.5
    try:
        over_udp = threading.Thread(target=served.rig.client.ask, args=(query("merged.example"),))
        with served.plain() as one, served.encrypted() as other:
            over_udp.start()
            for stream in (one, other):
                stream.send(query("merged.example").to_wire())
            assert all(address_of(dns.message.from_wire(stream.receive())) == ADDRESS for stream in (one, other))
            over_udp.join(30)
    finally:
        served.resolver.delay = 0
    assert served.resolver.questions()[("merged.example.", "A")] == 1


def test_ten_thousand_pipelined_queries_are_all_answered(connect):
    payloads = [query(f"pipelined{i % 500}.example", identity=i).to_wire() for i in range(10_000)]
    with connect() as stream:
        replies = []
        if isinstance(stream.connection, ssl.SSLSocket):  # Two threads may not read and write it at once.
            for begin in range(0, len(payloads), 1000):
                stream.send(*payloads[begin:begin + 1000])
                replies += [stream.receive() for _ in range(1000)]
        else:
            sender = threading.Thread(target=stream.send, args=payloads)
            sender.start()
            replies += [stream.receive() for _ in payloads]
            sender.join(30)
    assert sorted(int.from_bytes(reply[:2], "big") for reply in replies) == list(range(10_000))
    assert all(reply[3] & 15 == 0 for reply in replies)


def test_many_large_replies_at_once_all_arrive(connect):
    payloads = [query("large.example", "TXT", identity=i).to_wire() for i in range(40)]
    with connect() as stream:
        stream.send(payloads[0])
        stream.receive()  # Kept from now on, so that all the others have their replies in one turn.
        for _ in range(5):
            stream.send(*payloads)
            replies = [stream.receive() for _ in payloads]
            assert sorted(int.from_bytes(reply[:2], "big") for reply in replies) == list(range(40))
            assert min(map(len, replies)) > LARGE - 200


def test_the_same_id_twice_is_two_queries(connect):
    one, other = query("first.example", identity=7), query("second.example", identity=7)
    with connect() as stream:
        stream.send(one.to_wire(), other.to_wire(), one.to_wire())
        names = sorted(dns.message.from_wire(stream.receive()).question[0].name.to_text() for _ in range(3))
    assert names == ["first.example.", "first.example.", "second.example."]


def test_takes_queries_octet_by_octet(connect):
    message = query("octets.example")
    with connect() as stream:
        framed = len(message.to_wire()).to_bytes(2, "big") + message.to_wire()
        for octet in framed + framed:
            stream.connection.sendall(bytes([octet]))
        assert [address_of(dns.message.from_wire(stream.receive())) for _ in range(2)] == [ADDRESS] * 2


def test_a_client_that_has_closed_its_side_gets_its_answers(served):
    with served.plain() as stream:
        stream.send(query("b.silent.example").to_wire(), query("half.example").to_wire())
        stream.say_no_more()
        assert [dns.message.from_wire(stream.receive()).rcode() for _ in range(2)] == [dns.rcode.NOERROR, dns.rcode.SERVFAIL]
        assert stream.receive() is None


def test_urgent_octets_are_not_part_of_the_stream(served):
    with served.plain() as stream:
        framed = len(query("urgent.example").to_wire()).to_bytes(2, "big") + query("urgent.example").to_wire()
        stream.connection.sendall(framed[:10])
        stream.connection.send(b"!", socket.MSG_OOB)
        stream.connection.sendall(framed[10:])
        assert address_of(dns.message.from_wire(stream.receive())) == ADDRESS


@pytest.mark.parametrize("size", [0, 1, 11])
def test_a_length_below_a_header_ends_the_connection(served, connect, size):
    before = served.closed("malformed")
    with connect() as stream:
        stream.send(query("before.example").to_wire())
        stream.connection.sendall(size.to_bytes(2, "big") + bytes(20))
        assert address_of(dns.message.from_wire(stream.receive())) == ADDRESS
        end_of(stream)
    served.awaits("client_connections_closed_total", before, reason="malformed")


def test_what_is_no_query_does_not_harm_the_next(connect):
    with connect() as stream:
        good = query("next.example")
        stream.send(bytes(14), b"\x12\x34\x80\x00" + bytes(8), good.to_wire() + bytes(30), good.to_wire())
        replies = [stream.receive() for _ in range(3)]
        assert sorted(reply[3] & 15 for reply in replies) == [dns.rcode.NOERROR, dns.rcode.NOERROR, dns.rcode.FORMERR]


def test_a_connection_bears_only_so_much_garbage(served, connect):
    before = served.closed("garbage")
    with connect() as stream:
        with contextlib.suppress(ConnectionError):
            stream.send(*[bytes(12)] * 150)
        replies = []
        with contextlib.suppress(ConnectionError):
            replies += iter(stream.receive, None)
    assert len(replies) <= 100
    served.awaits("client_connections_closed_total", before, reason="garbage")


# ---------------------------------------------------------------- EDNS

def test_keepalive_tells_for_how_long(connect):
    option = dns.edns.GenericOption(KEEPALIVE, b"")
    with connect() as stream:
        message = query("keepalive.example", edns=1232, options=[option])
        options = {one.otype: one.data for one in ask(stream, message)[message.id].options}
        assert options == {KEEPALIVE: (100).to_bytes(2, "big")}
        wrong = query("keepalive.example", edns=1232, options=[dns.edns.GenericOption(KEEPALIVE, b"\0\x64")])
        assert ask(stream, wrong)[wrong.id].rcode() == dns.rcode.FORMERR
        silent = query("keepalive.example", edns=1232)
        assert ask(stream, silent)[silent.id].options == ()


def test_replies_are_padded_inside_tls_only(served):
    message = query("padded.example", edns=1232, options=[dns.edns.GenericOption(PADDING, bytes(40))])
    for stream, size in ((served.encrypted(), 468), (served.plain(), None)):
        with stream:
            stream.send(message.to_wire())
            reply = stream.receive()
            options = {one.otype for one in dns.message.from_wire(reply).options}
            assert (PADDING in options) == (size is not None)
            assert size is None or len(reply) % size == 0


def test_any_is_forwarded_and_kept_from_udp(served, connect):
    with connect() as stream:
        message = query("any.example", "ANY")
        reply = ask(stream, message)[message.id]
        assert reply.rcode() == dns.rcode.NOERROR and not reply.flags & dns.flags.TC
    for edns in (None, 1232):
        reply = served.rig.client.ask(query("any.example", "ANY", edns=edns))
        assert reply.flags & dns.flags.TC and not reply.answer, "though it is in the cache"


# ---------------------------------------------------------------- who may ask

def test_strangers_are_refused(served):
    before = {reason: served.value("client_connections_refused_total", reason=reason) for reason in ("acl",)}
    with served.plain(source=OUTSIDER) as stream:
        stream.send(query("refused.example").to_wire(), query("refused.example").to_wire())
        assert dns.message.from_wire(stream.receive()).rcode() == dns.rcode.REFUSED
        end_of(stream)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        served.encrypted(source=OUTSIDER)
    served.awaits("client_connections_refused_total", before["acl"], reason="acl")


def test_a_reload_changes_who_may_ask_on_connections_there_are(served, connect):
    with connect() as stream:
        message = query("acl.example")
        assert address_of(ask(stream, message)[message.id]) == ADDRESS
        assert served.reload(acl=["192.0.2.0/24"]).returncode == 0
        try:
            refused = ask(stream, message)[message.id]
            assert (refused.rcode(), refused.flags & dns.flags.RA) == (dns.rcode.REFUSED, 0)
        finally:
            assert served.reload().returncode == 0
        end_of(stream)


# ---------------------------------------------------------------- certificates

def shown(stream):
    return ssl.DER_cert_to_PEM_cert(stream.connection.getpeercert(binary_form=True))


def own_certificate(path):
    return re.search(r"-----BEGIN.*?END CERTIFICATE-----\n", path.read_text(), re.S)[0]


def test_a_renewed_certificate_is_shown_after_a_reload_and_nobody_is_cut_off(served):
    load = served.rig.topology.directory / "renewed-questions"
    load.write_text("renewed.example A\n")
    command = ["dnsperf", "-m", "dot", "-p", "853", "-s", FORWARDER, "-d", str(load), "-l", "4", "-c", "4", "-q", "20", "-t", "20"]
    renewed = served.rig.authority.issue("shown-second", names=[NAME])
    with served.encrypted() as before, \
         subprocess.Popen(served.rig.topology.command(served.rig.topology.client, *command), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as dnsperf:
        first = shown(before)
        queries = served.value("queries_total", transport="dot")
        served.awaits("queries_total", queries + 100, transport="dot")
        served.show(renewed)
        done = served.dotline.command("reload")
        assert done.returncode == 0 and "other certificates" in done.stdout, done
        with served.encrypted() as after:
            assert shown(after) == own_certificate(renewed.certificate) != first
        message = query("renewed.example")
        assert address_of(ask(before, message)[message.id]) == ADDRESS
        printed = dnsperf.communicate(timeout=60)[0]
    assert re.search(r"Queries lost:\s+0 ", printed) and "Queries completed:    0" not in printed, printed


def test_a_broken_pair_changes_nothing(served):
    with served.encrypted() as stream:
        before = shown(stream)
    other = served.rig.authority.issue("shown-third", names=[NAME])
    good = served.certificate.read_bytes()
    shutil.copy(other.certificate, served.certificate)
    done = served.dotline.command("reload")
    assert done.returncode != 0 and "does not belong to the certificate" in done.stderr, done
    with served.encrypted() as stream:
        assert shown(stream) == before
    served.certificate.write_bytes(good)


def test_check_names_what_is_wrong_with_a_certificate(served):
    expired = served.rig.authority.issue("expired", names=[NAME], start="-3", end="-1")
    file = served.rig.topology.directory / "wrong.yaml"
    for certificate, key, said in ((expired.certificate, expired.key, "has expired"),
                                   ("/nowhere.pem", served.key, "cannot be opened"),
                                   (served.key, served.key, "no certificate in it"),
                                   (served.certificate, served.certificate, "no private key in it")):
        file.write_text("dataplane: {ports: [{device: 'af_xdp:front0'}]}\n"
                        "binds:\n- {address: 192.0.2.1, protocol: DoT, tls: {certificates: [\n"
                        f"  {{certificate: {certificate},\n  key: {key}}}]}}}}\n"
                        "backends: [{address: 192.0.2.9, tls: {subject_name: a.example}}]\n")
        done = subprocess.run([BINARY, "check", "--config", file], capture_output=True, text=True, timeout=30)
        line = 5 if "private key" in said else 4
        assert done.returncode == 2 and said in done.stderr and f"{file}:{line}:" in done.stderr, done.stderr


def test_sessions_are_resumed_from_tickets_across_a_reload(served):
    def once(session=None, context=served.tls):
        with served.encrypted(session=session, context=context) as stream:
            message = query("ticket.example")
            assert address_of(ask(stream, message)[message.id]) == ADDRESS
            return stream.connection.session_reused, stream.connection.session
    reused, session = once()
    assert not reused
    reused, session = once(session)
    assert reused
    assert served.dotline.command("reload").returncode == 0
    assert once(session)[0]
    old = ssl.create_default_context(cafile=served.rig.authority.certificate)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    reused, session = once(context=old)
    assert not reused and once(session, old)[0]
    assert served.value("client_handshakes_total", kind="resumed") >= 3


def test_alpn_is_dot_or_nothing(served):
    for offered, selected in ((["dot"], "dot"), (["http/1.1", "dot"], "dot"), (None, None)):
        context = ssl.create_default_context(cafile=served.rig.authority.certificate)
        if offered:
            context.set_alpn_protocols(offered)
        with served.encrypted(context=context) as stream:
            assert stream.connection.selected_alpn_protocol() == selected
    context = ssl.create_default_context(cafile=served.rig.authority.certificate)
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError):
        served.encrypted(context=context)


# ---------------------------------------------------------------- limits

@pytest.fixture(scope="module")
def strict(served):
    """Short patience and little room, for all tests that follow."""
    served.limit(receive_timeout=1, send_timeout=1, idle_timeout=2, max_concurrent_connections=40,
                 max_connections_per_client=20, max_queries_per_connection=3000)
    return served


def test_who_trickles_is_cut_off(strict):
    before = strict.closed("receive_timeout")
    with strict.plain() as stream, strict.encrypted() as encrypted:
        for one in (stream, encrypted):
            one.connection.sendall(b"\0\x40" + bytes(5))
        for one in (stream, encrypted):
            end_of(one)
    strict.awaits("client_connections_closed_total", before + 1, reason="receive_timeout")


def test_who_does_not_finish_a_handshake_is_cut_off(strict):
    before = {reason: strict.closed(reason) for reason in ("tls_timeout", "tls_failed")}
    with strict.rig.client.stream(port=853) as silent, strict.rig.client.stream(port=853) as plain:
        plain.send(query("clear.example").to_wire())  # In the clear, to a port for TLS.
        end_of(silent)
        strict.awaits("client_connections_closed_total", before["tls_failed"], reason="tls_failed")
    strict.awaits("client_connections_closed_total", before["tls_timeout"], reason="tls_timeout")


def test_idle_connections_are_closed(strict, connect):
    before = strict.closed("idle")
    with connect() as stream:
        end_of(stream)
    strict.awaits("client_connections_closed_total", before, reason="idle")


def test_who_never_reads_is_cut_off(strict):
    """Its receive window is small and it never reads: first it is not read from, then it is closed."""
    before = {"send_timeout": strict.closed("send_timeout"), "paused": strict.value("client_reads_paused_total")}
    with inside(strict.rig.topology.client):
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(30)
        connection.connect((FORWARDER, 53))
        payload = query("large.example", "TXT").to_wire()
        with contextlib.suppress(ConnectionError):
            Stream(connection).send(*[payload] * 2000)
        strict.awaits("client_connections_closed_total", before["send_timeout"], reason="send_timeout")
    assert strict.value("client_reads_paused_total") > before["paused"]


def test_whoever_asks_finds_room_in_a_flood_of_idle_connections(strict):
    """20 of one client, and more than there is room for from two."""
    before = {"gave_way": strict.closed("gave_way"),
              "client_full": strict.value("client_connections_refused_total", reason="client_full")}
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(strict.plain(server=FORWARDER6))
        message = query("flood.example")
        assert address_of(ask(first, message)[message.id]) == ADDRESS
        for _ in range(30):
            stack.enter_context(strict.plain())
        strict.awaits("client_connections_refused_total", before["client_full"], reason="client_full")
    strict.limit(**{**strict.settings["tuning"]["tcp"], "max_connections_per_client": 0})
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(strict.plain())
        strict.awaits("client_connections_closed_total", before["gave_way"], reason="gave_way")
        last = stack.enter_context(strict.encrypted())
        assert address_of(ask(last, message)[message.id]) == ADDRESS
        assert address_of(strict.rig.client.ask(message)) == ADDRESS


def test_a_connection_has_so_many_queries(strict, connect):
    before = strict.closed("query_limit")
    with connect() as stream:
        for begin in range(0, 3000, 500):
            ask(stream, *[query("often.example", identity=begin + i) for i in range(500)])
        end_of(stream)
    strict.awaits("client_connections_closed_total", before, reason="query_limit")


def test_nothing_is_left_of_connections_that_ended(strict):
    gone = strict.value("packets_dropped_total", reason="client_gone")
    with strict.plain() as stream:
        asked = strict.value("queries_total", transport="tcp")
        stream.send(query("c.silent.example").to_wire())
        strict.awaits("queries_total", asked, transport="tcp")
        stream.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # Closing is a reset.
    strict.awaits("packets_dropped_total", gone, reason="client_gone")
    wait_until(lambda: sum(strict.value("client_connections", transport=name) for name in ("tcp", "dot", "doh")) == 0,
               "no connection")
    assert strict.value("parked") == 0


@pytest.mark.starves_sanitizers  # They look whether memory is there by way of a pipe.
def test_without_descriptors_udp_goes_on_and_connections_come_back(other_rig):
    """A process that may have few files open: what is there already goes on, and whoever is idle gives way."""
    client, message = other_rig.client, query("descriptors.example")
    with other_rig.scripted_resolver() as resolver, \
         other_rig.dotline(configuration([backend(resolver, other_rig.authority)]), under=("prlimit", "--nofile=80:80")) as few:
        assert address_of(client.ask(message)) == ADDRESS
        with contextlib.ExitStack() as stack:
            for _ in range(150):
                stack.enter_context(client.stream())
            assert address_of(client.ask(message)) == ADDRESS
            with client.stream() as stream:
                assert address_of(ask(stream, message)[message.id]) == ADDRESS
        wait_until(lambda: few.metrics().value("dotline_client_connections_refused_total", reason="descriptors") > 0, "refusals")
