"""The leak detector must be able to fail: here it is shown what it looks for."""

import socket

import dns.message

from rig.capture import Capture
from rig.namespaces import RESOLVER, inside
from rig.waiting import wait_until


def leaks_seen(rig, leak):
    capture = Capture(rig.topology)
    try:
        leak()
        return wait_until(lambda: capture.traffic().leaks, "the leak in the capture")
    finally:
        capture.stop()


def test_the_detector_sees_a_udp_query(rig):
    def leak():
        with inside(rig.topology.forwarder):
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with client:
            client.sendto(dns.message.make_query("www.example", "A").to_wire(), (RESOLVER, 53))
    assert any("IP protocol 17" in found for found in leaks_seen(rig, leak))


def test_the_detector_sees_tcp_to_another_port(rig):
    def leak():
        with inside(rig.topology.forwarder):
            client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        with client:
            client.connect_ex((RESOLVER, 53))
    assert any(f"to {RESOLVER}:53" in found for found in leaks_seen(rig, leak))


def test_the_detector_sees_dns_in_the_clear_on_the_dot_port(rig):
    def leak():
        message = dns.message.make_query("www.example", "A").to_wire()
        with rig.scripted_resolver(address=RESOLVER), inside(rig.topology.forwarder):
            client = socket.create_connection((RESOLVER, 853))
            client.sendall(len(message).to_bytes(2, "big") + message)
            client.close()
    found = " ".join(leaks_seen(rig, leak))
    assert "begins with 0x00" in found and "in the clear" in found


def test_the_detector_accepts_tls(rig):
    capture = Capture(rig.topology)
    with rig.unbound():
        rig.topology.execute(rig.topology.forwarder, "kdig", f"@{RESOLVER}", "+tls", "www.example", "A")
        wait_until(lambda: capture.traffic().streams == 1, "the TLS stream in the capture")
    capture.stop()
    assert capture.traffic().leaks == []
