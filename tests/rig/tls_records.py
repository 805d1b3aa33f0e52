"""TLS 1.3 records that no library would send: empty ones, key updates and tickets by the thousand. RFC 8446 §5, §4.6.

After a handshake that Python's `ssl` has made, the server's half of the record layer is taken over with the secret from the
key log. The `ssl` object must not send anything from then on.
"""

import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

_APPLICATION_DATA, _HANDSHAKE = 23, 22
_NEW_SESSION_TICKET, _KEY_UPDATE = 4, 24
_HASHES = {"TLS_AES_256_GCM_SHA384": (hashes.SHA384(), 32), "TLS_AES_128_GCM_SHA256": (hashes.SHA256(), 16)}


class Records:
    """The records that the server of `peer` sends from now on. `key_log` is the file that its context writes.

    The server must not have sent any tickets (num_tickets = 0): records are numbered from 0.
    """

    def __init__(self, peer, key_log):
        self._hash, self._key_size = _HASHES[peer.tls.cipher()[0]]
        self._use(_server_secret(key_log, peer.client_random))

    def empty(self):
        return self._seal(b"", _APPLICATION_DATA)

    def key_update(self):
        """Asks the other side to update its own keys, too, and to say so."""
        record = self._seal(_handshake_message(_KEY_UPDATE, b"\x01"), _HANDSHAKE)
        self._use(self._expand(b"traffic upd", self._hash.digest_size))
        return record

    def ticket(self):
        ticket = struct.pack("!II", 600, 0) + b"\x08" + bytes(8) + struct.pack("!H", 200) + bytes(200) + b"\x00\x00"
        return self._seal(_handshake_message(_NEW_SESSION_TICKET, ticket), _HANDSHAKE)

    def _use(self, secret):
        self._secret = secret
        self._cipher = AESGCM(self._expand(b"key", self._key_size))
        self._nonce = int.from_bytes(self._expand(b"iv", 12), "big")
        self._number = 0

    def _seal(self, content, kind):
        inner = content + bytes([kind])
        head = struct.pack("!BHH", _APPLICATION_DATA, 0x0303, len(inner) + 16)
        nonce = (self._nonce ^ self._number).to_bytes(12, "big")
        self._number += 1
        return head + self._cipher.encrypt(nonce, inner, head)

    def _expand(self, label, size):
        """HKDF-Expand-Label with an empty context, RFC 8446 §7.1."""
        label = b"tls13 " + label
        info = struct.pack("!HB", size, len(label)) + label + b"\x00"
        return HKDFExpand(self._hash, size, info).derive(self._secret)


def _handshake_message(kind, body):
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def _server_secret(key_log, client_random):
    for line in key_log.read_text().splitlines():
        words = line.split()
        if words[0] == "SERVER_TRAFFIC_SECRET_0" and bytes.fromhex(words[1]) == client_random:
            return bytes.fromhex(words[2])
    raise AssertionError("the key log has no secret of this connection")
