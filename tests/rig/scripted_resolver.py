"""A DNS-over-TLS server that says on command what a healthy resolver never does, or nothing, or takes its time.

It keeps every query as it came out of TLS, so tests can say exactly what dotline sent. It runs on a thread of this process,
on a socket opened in the resolver's namespace.
"""

import asyncio
import collections
import socket
import ssl
import struct
import threading

import dns.flags
import dns.message
import dns.rrset

from rig.certificates import RESOLVER_NAME
from rig.namespaces import RESOLVER_B, inside

ADDRESS = "192.0.2.77"


def answer(query):
    """What a healthy resolver says: an address for A, no data with the zone's SOA for everything else."""
    response = dns.message.make_response(query, recursion_available=True)
    question = query.question[0]
    if question.rdtype == dns.rdatatype.A:
        response.answer.append(dns.rrset.from_text(question.name, 300, "IN", "A", ADDRESS))
    else:
        response.authority.append(dns.rrset.from_text("example.", 300, "IN", "SOA", "ns.example. admin.example. 1 2 3 4 60"))
    return response.to_wire()


def silent(_query):
    return None


class ScriptedResolver:
    """Set `behaviour` (query message to wire bytes, or None) and `delay` (seconds) at any time."""

    def __init__(self, topology, certificate, *, address=RESOLVER_B, behaviour=answer, delay=0.0):
        self.name = RESOLVER_NAME
        self.address = address
        self.behaviour = behaviour
        self.delay = delay
        self.received = []  # Whole DNS messages, in the order in which they came.
        self.sessions = 0
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate.certificate, certificate.key)
        with inside(topology.resolver):
            self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, 853))
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scripted resolver", daemon=True)

    def start(self):
        self._thread.start()
        assert self._listening.wait(20), "the scripted resolver does not listen"
        return self

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._listener.close()

    def questions(self):
        """How often each (name, type) was asked."""
        questions = (dns.message.from_wire(wire).question[0] for wire in list(self.received))
        return collections.Counter((question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype))
                                   for question in questions)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, sock=self._listener, ssl=self._tls, backlog=512))
        self._listening.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.1))
        self._loop.close()

    async def _serve(self, reader, writer):
        self.sessions += 1
        try:
            while True:
                length = struct.unpack("!H", await reader.readexactly(2))[0]
                wire = await reader.readexactly(length)
                self.received.append(wire)
                self._loop.create_task(self._reply(wire, writer))
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass  # The other side is done with this session.
        finally:
            writer.close()

    async def _reply(self, wire, writer):
        await asyncio.sleep(self.delay)
        reply = self.behaviour(dns.message.from_wire(wire))
        if reply is not None and not writer.is_closing():
            writer.write(struct.pack("!H", len(reply)) + reply)
