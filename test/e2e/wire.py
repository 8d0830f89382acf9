"""Kafka's protocol by hand, as far as tests need what no client would do."""

import base64
import hashlib
import hmac
import itertools
import select
import socket
import struct


class Wire:
    """A connection that speaks the protocol by hand, from an address of its own unless one is given: logins that fail
    slow down others of their address."""

    ADDRESSES = itertools.count()

    def __init__(self, port, host=None):
        number = next(self.ADDRESSES)
        self.host = host or f"127.0.{number // 250}.{number % 250 + 2}"
        self.socket = socket.create_connection(("127.0.0.1", port), 8, (self.host, 0))
        self.number = 0

    def frame(self, body):
        self.socket.sendall(struct.pack(">i", len(body)) + body)

    def answer(self):
        """The next frame; None: the connection has ended."""
        got = b""
        try:
            while len(got) < 4 or len(got) < 4 + struct.unpack(">i", got[:4])[0]:
                piece = self.socket.recv(65536)
                if not piece:
                    return None
                got += piece
        except ConnectionError:
            return None
        return got[4:]

    def send(self, key, version, body, client=None):
        self.number += 1
        self.frame(struct.pack(">hhi", key, version, self.number) + (text(client) if client else b"\xff\xff") + body)

    def ask(self, key, version, body, client=None):
        self.send(key, version, body, client)
        answer = self.answer()
        return answer and answer[4:]

    def has_answer(self):
        return bool(select.select([self.socket], [], [], 0)[0])

    def handshake(self, mechanism, version=1):
        answer = self.ask(17, version, text(mechanism))
        return answer and struct.unpack(">h", answer[:2])[0]

    def authenticate(self, token, version=1):
        """(code, token, lifetime), or None."""
        answer = self.ask(36, version, struct.pack(">i", len(token)) + token)
        if answer is None:
            return None
        code, said = struct.unpack(">hh", answer[:4])
        rest = answer[4 + max(said, 0):]
        count = struct.unpack(">i", rest[:4])[0]
        return code, rest[4:4 + count], struct.unpack(">q", rest[4 + count:4 + count + 8])[0] if version else None

    def flexible(self, key, version, body):
        """The same with the headers that flexible versions have."""
        self.number += 1
        self.frame(struct.pack(">hhih", key, version, self.number, -1) + b"\0" + body)
        answer = self.answer()
        return answer and answer[5:]

    def lists(self):
        """Whether Metadata is answered."""
        return self.ask(3, 1, struct.pack(">i", -1)) is not None

    def login(self, name, password):
        self.handshake("PLAIN")
        return self.authenticate(f"\0{name}\0{password}".encode())

    def scram(self, name, password):
        """Log in; the code of the last answer."""
        self.handshake("SCRAM-SHA-256")
        _, challenge, _ = self.authenticate(f"n,,n={name},r=abc".encode())
        return self.authenticate(proof(name, password, "abc", challenge)[0])[0]


def text(words):
    return struct.pack(">h", len(words)) + words.encode()


def proof(name, password, nonce, challenge, kind="sha256"):
    """The last message of SCRAM, worked out with Python's own library."""
    parts = dict(part.split("=", 1) for part in challenge.decode().split(","))
    salted = hashlib.pbkdf2_hmac(kind, password.encode(), base64.b64decode(parts["s"]), int(parts["i"]))
    key = hmac.new(salted, b"Client Key", kind).digest()
    without = f"c=biws,r={parts['r']}"
    messages = f"n={name},r={nonce},{challenge.decode()},{without}".encode()
    signed = hmac.new(hashlib.new(kind, key).digest(), messages, kind).digest()
    wanted = hmac.new(hmac.new(salted, b"Server Key", kind).digest(), messages, kind).digest()
    shown = base64.b64encode(bytes(a ^ b for a, b in zip(key, signed))).decode()
    return f"{without},p={shown}".encode(), b"v=" + base64.b64encode(wanted)
